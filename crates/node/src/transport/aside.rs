//! What zones alone do not answer: NOTIFY, signed queries, transfers.
//!
//! A worker answers these in place by an [`Aside`], if it has one. A connection that asks for a
//! transfer leaves its worker whole, since a transfer takes longer than a worker may.

use imrs_engine::{Outcome, Service, Transport};
use std::net::{IpAddr, SocketAddr, TcpStream};

/// Answers what zones alone do not answer. Called by all workers, so it neither waits nor takes
/// long: what does, it does elsewhere.
pub trait Aside: Send + Sync {
    /// Answers one message, of which `composed` is what was composed from the zones alone.
    ///
    /// A response is written to the start of `out`.
    fn answer(&self, asked: Asked<'_>, composed: Outcome, out: &mut [u8]) -> Answered;

    /// Takes a connection over, whose first unanswered message was answered by
    /// [`Answered::HandOver`].
    fn take(&self, connection: Handed);
}

/// One message and its circumstances.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The zones of this moment.
    pub service: &'a Service,
    /// How the message came.
    pub transport: Transport,
    /// Who sent it.
    pub peer: IpAddr,
    /// The message without framing.
    pub message: &'a [u8],
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// It was answered, or is to be passed over.
    Here(Outcome),
    /// The connection is to be handed over. Never said of a datagram.
    HandOver,
}

/// A connection that left its worker.
#[derive(Debug)]
pub struct Handed {
    /// The connection, not blocking.
    pub stream: TcpStream,
    /// Who is at the other end.
    pub peer: SocketAddr,
    /// Octets received and not answered, framed; the message that led here is the first.
    pub input: Vec<u8>,
    /// Octets of responses that the peer has not taken yet.
    pub output: Vec<u8>,
}
