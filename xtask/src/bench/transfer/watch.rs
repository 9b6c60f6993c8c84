//! Sees when a server answers with a serial, on every worker.
//!
//! The kernel spreads datagrams over workers by their addresses and ports, so that a server is
//! asked from many ports: a worker of two is missed by all of 32 once in two thousand million times.

use super::message::{serial, soa_query};
use anyhow::{Result, bail};
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// Sockets that ask one server.
pub(super) struct Watch {
    sockets: Vec<UdpSocket>,
}

/// When a serial was answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// On the first socket.
    pub(super) first: Instant,
    /// On all of them.
    pub(super) last: Instant,
}

impl Watch {
    /// Opens so many sockets.
    pub(super) fn open(server: SocketAddr, ports: usize) -> Result<Watch> {
        let sockets = (0..ports).map(|_| {
            let socket = UdpSocket::bind((server.ip(), 0))?;
            socket.connect(server)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        Ok(Watch {
            sockets: sockets.collect::<Result<_>>()?,
        })
    }

    /// Waits until `wanted` is answered on all sockets.
    pub(super) fn until(&self, wanted: u32) -> Result<Seen> {
        let start = Instant::now();
        let mut first = None;
        let mut left: Vec<&UdpSocket> = self.sockets.iter().collect();
        while start.elapsed() < LIMIT {
            for socket in &left {
                // What is lost is asked for again in the next round.
                let _ = socket.send(&soa_query(1));
            }
            thread::sleep(ROUND);
            left.retain(|socket| !answers(socket, wanted));
            let now = Instant::now();
            if left.len() < self.sockets.len() {
                first.get_or_insert(now);
            }
            if left.is_empty() {
                let first = first.unwrap_or(now);
                return Ok(Seen { first, last: now });
            }
        }
        bail!("serial {wanted} is not answered after {LIMIT:?}")
    }
}

/// Whether one of the responses that have come has the serial.
fn answers(socket: &UdpSocket, wanted: u32) -> bool {
    let mut response = [0; 4096];
    let mut found = false;
    while let Ok(length) = socket.recv(&mut response) {
        found |= serial(&response[..length]) == Some(wanted);
    }
    found
}

/// Between two rounds of questions, which is how exact the times are.
const ROUND: Duration = Duration::from_millis(1);

/// A serial that has not come by then does not come.
const LIMIT: Duration = Duration::from_secs(60);
