//! The load generators. One keeps a fixed number of queries outstanding, so that it keeps a server
//! busy and never overruns it; the other asks at a fixed rate and takes the time of each response.
//!
//! Start reading at [`Session::open`] and [`paced()`]. This module does not know what the server is,
//! nor what its CPU time costs.

mod arrivals;
mod paced;
mod tcp;
mod udp;

pub(crate) use paced::{Sample, paced, since_1970};

use anyhow::Result;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

/// How queries travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Transport {
    /// Datagrams from many ports.
    Udp,
    /// Connections that stay open, each with one query outstanding.
    TcpPersistent,
    /// A connection for each query.
    TcpSingle,
}

impl Transport {
    /// The name in tables and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::TcpPersistent => "tcp-persistent",
            Transport::TcpSingle => "tcp-single",
        }
    }

    /// The queries outstanding at any time, where `wanted` are wanted.
    pub(crate) fn window(self, wanted: usize) -> usize {
        match self {
            Transport::Udp => wanted,
            Transport::TcpPersistent => wanted.min(CONNECTIONS),
            Transport::TcpSingle => wanted.min(BACKLOG),
        }
    }
}

/// Open sockets to one server.
pub(crate) enum Session {
    /// See [`Transport::Udp`].
    Udp(udp::Flows),
    /// See [`Transport::TcpPersistent`].
    TcpPersistent(tcp::Persistent),
    /// See [`Transport::TcpSingle`].
    TcpSingle(tcp::Single),
}

impl Session {
    /// Opens the sockets for `window` outstanding queries.
    pub(crate) fn open(transport: Transport, server: SocketAddr, window: usize) -> Result<Session> {
        let window = transport.window(window);
        Ok(match transport {
            Transport::Udp => Session::Udp(udp::Flows::open(server, window)?),
            Transport::TcpPersistent => {
                Session::TcpPersistent(tcp::Persistent::open(server, window)?)
            }
            Transport::TcpSingle => Session::TcpSingle(tcp::Single { server, window }),
        })
    }

    /// Opens sockets whose queries come from these addresses in turns, which must be local; in each
    /// burst from the first on.
    pub(crate) fn open_from(
        sources: Vec<Ipv4Addr>,
        server: SocketAddrV4,
        window: usize,
    ) -> Result<Session> {
        let flows = udp::Flows::open_from(sources, server, window)?;
        Ok(Session::Udp(flows))
    }

    /// Asks `queries`, over and over, for `duration`, then waits for what is outstanding.
    pub(crate) fn burst(&mut self, queries: &[Vec<u8>], duration: Duration) -> Result<Tally> {
        let mut asked = queries.iter().cycle().map(Vec::as_slice);
        let deadline = Instant::now() + duration;
        match self {
            Session::Udp(flows) => Ok(flows.burst(&mut asked, deadline)),
            Session::TcpPersistent(connections) => connections.burst(&mut asked, deadline),
            Session::TcpSingle(single) => single.burst(&mut asked, deadline),
        }
    }
}

/// What came of a burst.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Queries sent.
    pub(crate) asked: u64,
    /// Responses received.
    pub(crate) answered: u64,
    /// Responses with an RCODE other than NOERROR and NXDOMAIN.
    pub(crate) refused: u64,
    /// Octets of the responses.
    pub(crate) octets: u64,
    /// The longest time without any response.
    pub(crate) longest_silence: Duration,
}

impl Tally {
    /// Queries without a response.
    pub(crate) fn lost(&self) -> u64 {
        self.asked.saturating_sub(self.answered)
    }

    /// Counts one response of which the first octets are at hand.
    fn count(&mut self, start: &[u8], length: usize) {
        self.answered += 1;
        self.octets += length as u64;
        let rcode = start.get(3).map_or(u8::MAX, |flags| flags & 0x0f);
        self.refused += u64::from(!matches!(rcode, 0 | 3));
    }
}

/// Connections at once that stay open: enough to keep a server busy.
const CONNECTIONS: usize = 64;

/// Connections at once that are new. The backlog of Knot 3.2 and BIND 9.18 is 10 (`ss -ltn` shows
/// it as Send-Q); NSD 4.6 has 256, imrs 4096.
const BACKLOG: usize = 8;
