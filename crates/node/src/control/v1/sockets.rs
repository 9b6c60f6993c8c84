//! What is told of sockets that are handed over to another process.
//!
//! ```text
//! newer  ─ {"command":"take-over","pid":7} ─▶  older
//!        ◀─ {"kind":"sockets","pid":3,"sockets":[…]} ─
//!        ◀─ one octet for each, with the socket (SCM_RIGHTS) ─
//!          … starts, serves on the same sockets, and is well …
//!        ─ {"command":"take-over","pid":7} ─▶
//!                                              … reads no more …
//!        ◀─ {"kind":"sockets","pid":3,"sockets":[]} ─
//! ```
//!
//! A connection that ends before the second request changes nothing.

use serde::{Deserialize, Serialize};

/// The sockets of a node, in the order in which they follow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sockets {
    /// The version of the program that hands them over.
    pub version: String,
    /// Its process identifier.
    pub pid: u32,
    /// What each of them is.
    pub sockets: Vec<Socket>,
}

/// What a socket is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Socket {
    /// What for.
    pub used_for: UsedFor,
    /// Its address, or the path of a Unix socket. Several of one address are told worker by worker.
    pub at: String,
    /// Datagrams that the kernel had dropped at it when the sender counted last; the count wraps.
    #[serde(default)]
    pub dropped: u32,
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UsedFor {
    /// DNS over UDP.
    Udp,
    /// DNS over TCP, a listener.
    Tcp,
    /// DNS over TLS, a listener.
    Tls,
    /// DNS over QUIC.
    Quic,
    /// Transfers over TLS, a listener.
    TransfersTls,
    /// Metrics over HTTP, a listener.
    Metrics,
    /// Metrics over HTTP, a listener at a path.
    MetricsSocket,
    /// This control socket, a listener at a path.
    Control,
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}
