//! Load on the service addresses from one catchment, with a log of every query: when it was sent,
//! when it was answered, and by whom.
//!
//! Start reading at [`Load::start`]. A flow is a source port and a family: routers spread flows,
//! not queries. What the kernel of the clients drops is counted apart, so that it is not taken for
//! a loss of the service. This file does not know what happens meanwhile.

use super::network::Network;
use super::plan::{DNS, Place, SERVICE};
use super::query::{By, Question, by, identifier};
use anyhow::{Context, Result};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Load that runs. Ends when dropped.
#[derive(Debug)]
pub(super) struct Load {
    /// Where it comes from.
    pub(super) from: Place,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    dropped_before: u64,
}

/// One query. Times count from the start of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// By which flow of which catchment.
    pub(super) flow: u16,
    /// To which service address, by its place in the list.
    pub(super) family: u8,
    /// When it was sent.
    pub(super) sent: Duration,
    /// When the response came, if it did, and who made it.
    pub(super) answered: Option<(Duration, By)>,
    /// Whether the response was what it ought to be.
    pub(super) is_right: bool,
}

/// What came of a load.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// All its queries, in the order of sending.
    pub(super) asked: Vec<Asked>,
    /// Responses that came, and that the kernel of the clients had no room for.
    pub(super) dropped_here: u64,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    kinds: [Question; 3],
    flows: Vec<Flow>,
    rate: AtomicU32,
    ends: AtomicBool,
}

#[derive(Debug)]
struct Flow {
    socket: UdpSocket,
    family: usize,
    asked: Mutex<Vec<Asked>>,
}

impl Load {
    /// Asks so often a second from so many flows, half of each family, until it is ended.
    pub(super) fn start(
        network: &Network,
        from: Place,
        (rate, flows): (u32, usize),
        start: Instant,
    ) -> Result<Load> {
        let (flows, dropped_before) = network.at(from).enter(|| {
            let flows = (0..flows).map(|number| Flow::open(number % SERVICE.len()));
            Ok((flows.collect::<Result<Vec<_>>>()?, dropped()?))
        })?;
        let shared = Arc::new(Shared {
            start,
            kinds: Question::kinds(),
            flows,
            rate: AtomicU32::new(rate),
            ends: AtomicBool::new(false),
        });
        let mut threads = Vec::new();
        for flow in 0..shared.flows.len() {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().stack_size(STACK);
            threads.push(thread.spawn(move || shared.receive(flow))?);
        }
        let sending = Arc::clone(&shared);
        threads.push(thread::spawn(move || sending.send()));
        Ok(Load {
            from,
            shared,
            threads,
            dropped_before,
        })
    }

    /// From now on, so many queries a second.
    pub(super) fn set_rate(&self, rate: u32) {
        self.shared.rate.store(rate, Relaxed);
    }

    /// All queries that were sent since a time, so far.
    pub(super) fn since(&self, since: Duration) -> Vec<Asked> {
        let mut all = Vec::new();
        for flow in &self.shared.flows {
            let asked = flow.asked();
            let first = asked.partition_point(|one| one.sent < since);
            all.extend_from_slice(&asked[first..]);
        }
        all.sort_by_key(|one| one.sent);
        all
    }

    /// Sends no more, and waits for what is still to come.
    pub(super) fn finish(mut self, network: &Network) -> Result<Log> {
        self.set_rate(0);
        thread::sleep(PATIENCE);
        let dropped = network.at(self.from).enter(dropped)?;
        self.stop();
        Ok(Log {
            asked: self.since(Duration::ZERO),
            dropped_here: dropped - self.dropped_before,
        })
    }

    fn stop(&mut self) {
        self.shared.ends.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has stopped as well.
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Flow {
    fn open(family: usize) -> Result<Flow> {
        let socket = open(family)?;
        socket.set_read_timeout(Some(TURN))?;
        Ok(Flow {
            socket,
            family,
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket for one flow. It is not connected, so that no error of the network shows on it: what
/// is refused is a loss like any other.
pub(super) fn open(family: usize) -> Result<UdpSocket> {
    let (domain, any): (_, IpAddr) = match SERVICE[family] {
        IpAddr::V4(_) => (Domain::IPV4, Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => (Domain::IPV6, Ipv6Addr::UNSPECIFIED.into()),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind(&SockAddr::from(SocketAddr::new(any, 0)))?;
    Ok(socket.into())
}

/// Where a family is asked.
pub(super) fn service(family: usize) -> SocketAddr {
    SocketAddr::new(SERVICE[family], DNS)
}

impl Shared {
    fn send(&self) {
        let mut due = Instant::now();
        let mut number = 0_usize;
        while !self.ends.load(Relaxed) {
            let rate = self.rate.load(Relaxed);
            let now = Instant::now();
            if rate == 0 {
                thread::sleep(TURN);
                due = Instant::now();
                continue;
            }
            // Who is late sends what is due at once, but never more than a moment's worth.
            due = due.max(now.checked_sub(BURST).unwrap_or(now));
            thread::sleep(due.saturating_duration_since(now));
            due += Duration::from_secs(1) / rate;
            self.send_one(number);
            number += 1;
        }
    }

    fn send_one(&self, number: usize) {
        let flow = &self.flows[number % self.flows.len()];
        let turn = number / self.flows.len();
        let kind = &self.kinds[(number + turn) % self.kinds.len()];
        let mut asked = flow.asked();
        let query = kind.with(asked.len() as u16);
        asked.push(Asked {
            flow: (number % self.flows.len()) as u16,
            family: flow.family as u8,
            sent: self.start.elapsed(),
            answered: None,
            is_right: false,
        });
        drop(asked);
        // Without a route nothing is sent, and the query is lost.
        let _ = flow.socket.send_to(&query, service(flow.family));
    }

    fn receive(&self, index: usize) {
        let flow = &self.flows[index];
        let mut response = [0; 4096];
        while !self.ends.load(Relaxed) {
            let Ok((length, from)) = flow.socket.recv_from(&mut response) else {
                continue;
            };
            let at = self.start.elapsed();
            let response = &response[..length];
            let Some(id) = identifier(response).filter(|_| from == service(flow.family)) else {
                continue;
            };
            let mut asked = flow.asked();
            let Some(number) = newest(asked.len(), id) else {
                continue;
            };
            // Whoever asked has given up by then.
            if at.saturating_sub(asked[number].sent) > PATIENCE {
                continue;
            }
            let (turn, flows) = (number, self.flows.len());
            let kind = &self.kinds[(turn * flows + index + turn) % self.kinds.len()];
            let one = &mut asked[number];
            if one.answered.is_none() {
                one.answered = Some((at, by(response)));
                one.is_right = kind.is_met(response);
            }
        }
    }
}

/// Identifiers are the numbers of queries, and come again after 65536 of them: the newest query
/// with an identifier, of so many.
fn newest(queries: usize, id: u16) -> Option<usize> {
    let last = queries.checked_sub(1)?;
    let back = (last as u16).wrapping_sub(id);
    last.checked_sub(usize::from(back))
}

/// Datagrams that the kernel of this namespace had no room for, in sockets of both families.
pub(super) fn dropped() -> Result<u64> {
    let read = |name: &str| {
        let path = format!("/proc/thread-self/net/{name}");
        fs::read_to_string(&path).with_context(|| path)
    };
    let ipv4 = columns(&read("snmp")?, "Udp:", "RcvbufErrors");
    let ipv6 = row(&read("snmp6")?, "Udp6RcvbufErrors");
    Ok(ipv4.unwrap_or(0) + ipv6.unwrap_or(0))
}

/// A field of `/proc/net/snmp`: names in one line, values in the next.
fn columns(text: &str, line: &str, field: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|one| one.starts_with(line));
    let (names, values) = (lines.next()?, lines.next()?);
    let mut pairs = names.split_whitespace().zip(values.split_whitespace());
    pairs.find(|(name, _)| *name == field)?.1.parse().ok()
}

/// A field of `/proc/net/snmp6`: a line each.
fn row(text: &str, field: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| {
        let (name, value) = line.split_once(char::is_whitespace)?;
        (name == field).then_some(value.trim())
    });
    lines.next()?.parse().ok()
}

/// A query without a response for so long is lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Of each flow: a second of all answers fits in.
const RECEIVE_BUFFER: usize = 1 << 20;

/// How long a thread waits before it looks whether all is over.
const TURN: Duration = Duration::from_millis(500);

/// A sender that was kept from sending makes up for this much at most.
const BURST: Duration = Duration::from_millis(20);

/// Of a thread that waits for responses.
const STACK: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_query_with_an_identifier_is_meant() {
        let check = |queries, id, expected| {
            assert_eq!(newest(queries, id), expected, "{queries} {id}");
        };
        check(0, 0, None);
        check(1, 0, Some(0));
        check(10, 9, Some(9));
        check(10, 10, None);
        check(65_537, 0, Some(65_536));
        check(65_537, 1, Some(1));
    }

    #[test]
    fn counts_of_the_kernel_are_read() {
        let text = "Udp: InDatagrams RcvbufErrors\nUdp: 7 3\n";
        assert_eq!(columns(text, "Udp:", "RcvbufErrors"), Some(3));
        let text = "Udp6InDatagrams                 \t5\nUdp6RcvbufErrors                \t4\n";
        assert_eq!(row(text, "Udp6RcvbufErrors"), Some(4));
    }
}
