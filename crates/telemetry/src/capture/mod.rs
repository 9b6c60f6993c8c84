//! What was asked and answered, message by message, on its way to files and readers.
//!
//! Start reading at [`tap`].
//!
//! ```text
//! worker: Seen ─▶ Tap ─▶ ring ─▶ Drain ─▶ Captured ─▶ privacy ─▶ cdns or dnstap ─▶ octets
//!                 └ full: counted         one thread
//! ```
//!
//! A worker hands over copies and never waits: what finds no room is counted, and whoever writes
//! says so in what is written. This module knows no file and no socket.

pub mod cdns;
pub mod dnstap;
mod message;
pub mod privacy;
mod ring;
mod tap;

pub use tap::{Drain, Tap, tap};

use crate::counts::Flow;
use crate::limits::CAPTURE_RING_OCTETS;
use imrs_wire::Rcode;
use std::net::SocketAddr;
use std::num::NonZeroU32;

/// One message that was received, and what was sent.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// When it was received, in ns of Unix time.
    pub at_ns: u64,
    /// How it came.
    pub flow: Flow,
    /// Who sent it.
    pub client: SocketAddr,
    /// Where it was received.
    pub server: SocketAddr,
    /// The message, without framing.
    pub query: &'a [u8],
    /// What was sent, without framing; empty if nothing was.
    pub response: &'a [u8],
    /// The extended RCODE of it (RFC 6891 section 6.1.3).
    pub rcode: Rcode,
    /// Time from the receipt to the response, in µs.
    pub delay_us: u32,
}

/// One message as it left a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured<'a> {
    /// When it was received, in ns of Unix time.
    pub at_ns: u64,
    /// How it came.
    pub flow: Flow,
    /// Who sent it.
    pub client: SocketAddr,
    /// Where it was received.
    pub server: SocketAddr,
    /// The message, without framing.
    pub query: &'a [u8],
    /// What was kept of the response, as [`Responses`] says; empty if nothing was sent.
    pub response: &'a [u8],
    /// Octets of the whole response.
    pub response_octets: usize,
    /// The extended RCODE of it (RFC 6891 section 6.1.3).
    pub rcode: Rcode,
    /// Time from the receipt to the response, in µs.
    pub delay_us: u32,
}

/// What a tap takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Octets that can wait to be drained, rounded up to a power of 2.
    pub octets: usize,
    /// One of so many messages is taken, chosen by chance among each so many; 1 takes all.
    pub one_in: NonZeroU32,
    /// How much of a response is taken.
    pub responses: Responses,
    /// Where the choice of messages starts; of each tap another, or they choose alike.
    pub seed: u64,
}

/// How much of a response is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responses {
    /// The header, which is what C-DNS asks for.
    Head,
    /// All of it.
    Whole,
}

/// Messages that are missing in what is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Those that found the ring full.
    pub lost: u64,
    /// Those that sampling passed over.
    pub sampled_away: u64,
    /// Those that would have cost more octets than may be written.
    pub over_budget: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            octets: CAPTURE_RING_OCTETS,
            one_in: NonZeroU32::MIN,
            responses: Responses::Head,
            seed: 0,
        }
    }
}

impl std::ops::AddAssign for Missed {
    fn add_assign(&mut self, other: Missed) {
        self.lost = self.lost.saturating_add(other.lost);
        self.sampled_away = self.sampled_away.saturating_add(other.sampled_away);
        self.over_budget = self.over_budget.saturating_add(other.over_budget);
    }
}
