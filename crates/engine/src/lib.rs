//! Packet in, packet out: parse, look up, compose, outcome.
//!
//! Start reading at [`respond`]. This crate does not know transports beyond a size limit,
//! counters, configuration files, sockets or clocks.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic,
        reason = "a test that overflows or is out of bounds fails, as it should"
    )
)]

mod chaos;
mod client;
mod compose;
pub mod cookie;
pub mod gate;
mod identity;
mod outcome;
mod prefixes;
mod respond;

pub use client::{Client, Peer, Pressure};
pub use cookie::Claim;
pub use gate::{Defence, Gate, Rates, Verdict};
pub use identity::Identity;
pub use outcome::{Fate, Kind, Outcome};
pub use prefixes::Prefixes;
pub use respond::{Service, Transport, respond, slip};
