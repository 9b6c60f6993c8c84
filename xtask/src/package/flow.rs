//! Queries that go on while the program under them is exchanged, and how many were not answered.

use crate::lab::namespace::Namespace;
use anyhow::{Result, ensure};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Flows over UDP and TCP. They end when dropped.
#[derive(Debug)]
pub(super) struct Flow {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    ends: AtomicBool,
    udp: AtomicU64,
    tcp: AtomicU64,
    lost: AtomicU64,
}

/// What became of the queries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    /// Asked over UDP.
    pub(super) udp: u64,
    /// Asked over TCP, each on a connection of its own.
    pub(super) tcp: u64,
    /// Not answered, of both.
    pub(super) lost: u64,
}

impl Flow {
    /// Asks a server from a namespace, until told to end.
    pub(super) fn start(network: &Namespace, server: SocketAddr) -> Result<Flow> {
        let shared = Arc::<Shared>::default();
        let mut threads = Vec::new();
        for number in 0..FLOWS {
            let (shared, door) = (Arc::clone(&shared), network.door()?);
            threads.push(thread::spawn(move || {
                let entered = door.enter_here();
                let any: IpAddr = match server {
                    SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
                    SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
                };
                while entered.is_ok() && !shared.ends.load(Relaxed) {
                    let (count, answered) = match number {
                        0 => (&shared.tcp, over_tcp(server)),
                        _ => (&shared.udp, over_udp(any, server)),
                    };
                    count.fetch_add(1, Relaxed);
                    shared.lost.fetch_add(u64::from(answered.is_err()), Relaxed);
                    thread::sleep(PACE);
                }
            }));
        }
        Ok(Flow { shared, threads })
    }

    /// Waits until so much more was asked over each.
    pub(super) fn go_on(&self) -> Result<()> {
        let start = Instant::now();
        let before = self.account();
        loop {
            let now = self.account();
            if now.udp >= before.udp + MORE && now.tcp >= before.tcp + MORE / 10 {
                return Ok(());
            }
            ensure!(
                start.elapsed() < PATIENCE * 15,
                "the flow of queries stands: {now:?}"
            );
            thread::sleep(PACE);
        }
    }

    fn account(&self) -> Account {
        let Shared { udp, tcp, lost, .. } = &*self.shared;
        Account {
            udp: udp.load(Relaxed),
            tcp: tcp.load(Relaxed),
            lost: lost.load(Relaxed),
        }
    }

    /// Ends, and gives the account.
    pub(super) fn end(mut self) -> Account {
        self.stop();
        self.account()
    }

    fn stop(&mut self) {
        self.shared.ends.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has stopped as well.
            let _ = thread.join();
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Asks for the SOA of the root over UDP, from an address.
pub(super) fn over_udp(source: IpAddr, server: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind((source, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(server)?;
    socket.send(&QUERY)?;
    let mut response = [0; 4096];
    let length = socket.recv(&mut response)?;
    is_answer(&response[..length])
}

/// Asks on a connection.
fn over_tcp(server: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut message = vec![0, QUERY.len() as u8];
    message.extend_from_slice(&QUERY);
    stream.write_all(&message)?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut response = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut response)?;
    is_answer(&response)
}

/// Whether it answers the query: its identifier, NOERROR, one answer (RFC 1035 section 4.1.1).
fn is_answer(response: &[u8]) -> io::Result<()> {
    let is_one = response.get(..2) == Some(&QUERY[..2])
        && response.get(3).is_some_and(|flags| flags & 15 == 0)
        && response.get(6..8) == Some(&[0, 1]);
    match is_one {
        true => Ok(()),
        false => Err(io::Error::other("a response that is no answer")),
    }
}

/// A query for the SOA of the root.
const QUERY: [u8; 17] = [0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1];

/// One over TCP, the others over UDP.
const FLOWS: usize = 5;

/// Queries over UDP after which a change has had its effect on all workers.
const MORE: u64 = 400;

/// Between two queries of a flow: what is tried is not speed.
const PACE: Duration = Duration::from_millis(2);

/// Who waits this long for an answer on this machine has lost the query.
const PATIENCE: Duration = Duration::from_secs(2);
