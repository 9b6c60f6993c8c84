//! Load over TCP: connections with one query outstanding each, kept or used once.

use super::Tally;
use anyhow::{Context, Result, ensure};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Connections that stay open.
pub(crate) struct Persistent {
    connections: Vec<Connection>,
}

impl Persistent {
    pub(super) fn open(server: SocketAddr, count: usize) -> Result<Self> {
        let connections = (0..count).map(|_| {
            let connection = Connection::open(server)?;
            connection.stream.set_nonblocking(true)?;
            Ok(connection)
        });
        let connections = connections.collect::<Result<_>>()?;
        // The server shall have accepted them before its time is measured.
        std::thread::sleep(SETTLE);
        Ok(Persistent { connections })
    }

    pub(super) fn burst<'a>(
        &mut self,
        queries: &mut impl Iterator<Item = &'a [u8]>,
        deadline: Instant,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        let mut outstanding = 0;
        for connection in &mut self.connections {
            connection.ask(queries, &mut tally)?;
            outstanding += 1;
        }
        let mut last = Instant::now();
        while outstanding > 0 && last.elapsed() < PATIENCE {
            let asking = Instant::now() < deadline;
            for connection in &mut self.connections {
                if !connection.poll(&mut tally)? {
                    continue;
                }
                let now = Instant::now();
                tally.longest_silence = tally.longest_silence.max(now - last);
                last = now;
                if asking {
                    connection.ask(queries, &mut tally)?;
                } else {
                    outstanding -= 1;
                }
            }
        }
        Ok(tally)
    }
}

/// A connection for each query; always `window` of them are open.
pub(crate) struct Single {
    pub(super) server: SocketAddr,
    pub(super) window: usize,
}

impl Single {
    pub(super) fn burst<'a>(
        &mut self,
        queries: &mut impl Iterator<Item = &'a [u8]>,
        deadline: Instant,
    ) -> Result<Tally> {
        let mut tally = Tally::default();
        let mut open = VecDeque::with_capacity(self.window);
        let mut last = Instant::now();
        loop {
            let asking = Instant::now() < deadline;
            if asking && open.len() < self.window {
                let mut connection = Connection::open(self.server)?;
                connection.ask(queries, &mut tally)?;
                open.push_back(connection);
                continue;
            }
            let Some(mut oldest) = open.pop_front() else {
                return Ok(tally);
            };
            oldest.stream.set_read_timeout(Some(PATIENCE))?;
            oldest.poll(&mut tally)?;
            let now = Instant::now();
            tally.longest_silence = tally.longest_silence.max(now - last);
            last = now;
        }
    }
}

/// One connection with at most one query outstanding.
struct Connection {
    stream: TcpStream,
    message: Vec<u8>,
    /// Octets of the response received so far, its length field included.
    received: usize,
}

impl Connection {
    fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).with_context(|| format!("TCP to {server}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            message: vec![0; LARGEST],
            received: 0,
        })
    }

    fn ask<'a>(
        &mut self,
        queries: &mut impl Iterator<Item = &'a [u8]>,
        tally: &mut Tally,
    ) -> Result<()> {
        let query = queries.next().unwrap_or_default();
        let length = u16::try_from(query.len())?.to_be_bytes();
        self.stream.write_all(&[&length[..], query].concat())?;
        self.received = 0;
        tally.asked += 1;
        Ok(())
    }

    /// Reads what has come; whether the response is whole and counted.
    fn poll(&mut self, tally: &mut Tally) -> Result<bool> {
        loop {
            match self.stream.read(&mut self.message[self.received..]) {
                Ok(0) => ensure!(
                    false,
                    "the server closed a connection with a query outstanding"
                ),
                Ok(more) => self.received += more,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
            let whole = 2 + usize::from(u16::from_be_bytes([self.message[0], self.message[1]]));
            if self.received > 2 && self.received >= whole {
                tally.count(&self.message[2..whole], whole - 2);
                return Ok(true);
            }
        }
    }
}

/// Longer than any response of a root zone over TCP.
const LARGEST: usize = 8192;

/// A response that has not come by then is lost. On a crowded machine a server may not run for
/// a few hundred milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time for a server to accept what is in its backlog.
const SETTLE: Duration = Duration::from_millis(30);
