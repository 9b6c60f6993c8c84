//! Talks to peers: SOA queries, NOTIFY and transfers, over UDP, TCP and TLS (RFC 9103).
//!
//! Everything here blocks, and nothing for ever: it is for threads that have one thing to do.
//! Start reading at [`ask`], one question and one answer, and [`Session`], a connection over which
//! many messages come. [`tls`] says who a peer is; [`tls::Server`] is the other side of it, for
//! secondaries that come to us.
//!
//! It does not know what the messages mean.

mod ask;
mod error;
mod limits;
mod session;
mod stream;
pub mod tls;

pub use ask::{Question, ask};
pub use error::DialError;
pub(crate) use limits::UDP_ATTEMPTS;
pub use session::Session;
pub use stream::Stream;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A server to talk to.
#[derive(Clone, Debug)]
pub struct Target {
    address: SocketAddr,
    tls: Option<Arc<tls::Client>>,
}

impl Target {
    /// A server at an address; with `tls` it is talked to in no other way.
    pub fn new(address: SocketAddr, tls: Option<Arc<tls::Client>>) -> Self {
        Target { address, tls }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tls {
            None => self.address.fmt(f),
            Some(_) => write!(f, "{} over TLS", self.address),
        }
    }
}

/// How long a peer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// To connect, TLS handshake included.
    pub connect: Duration,
    /// From one whole message to the next.
    pub idle: Duration,
    /// Altogether.
    pub wall: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: limits::CONNECT,
            idle: limits::IDLE,
            wall: limits::WALL,
        }
    }
}
