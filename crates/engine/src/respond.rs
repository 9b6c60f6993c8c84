//! The one function that answers, for every transport.

use crate::identity::Identity;
use crate::outcome::Outcome;
use imrs_zone::Zones;

/// All that a response depends on besides the query. Immutable; a reload makes a new one.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// The zones and their images.
    pub zones: Zones,
    /// What the server says about itself.
    pub identity: Identity,
}

/// What a response needs to know of the way it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP: the smaller of `out.len()` and the client's buffer size (at least 512) is the limit.
    Udp,
    /// TCP: `out.len()` is the limit. `keepalive` is the idle timeout to tell a client that asks,
    /// in units of 100 ms (RFC 7828).
    Tcp {
        /// Idle timeout in units of 100 ms.
        keepalive: u16,
    },
}

/// Answers one query: parse, look up, compose.
///
/// `packet` is one DNS message without transport framing. `out.len()` is the size limit for this
/// transport. The clock, the counters and the socket belong to the caller.
pub fn respond(service: &Service, transport: Transport, packet: &[u8], out: &mut [u8]) -> Outcome {
    let _ = (service, transport, packet, out);
    Outcome::DROPPED
}
