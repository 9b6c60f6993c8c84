//! Reads queries and writes responses: header, name, question, EDNS, serial arithmetic and the
//! unit types. Knows no zone, socket, policy or clock, and allocates nothing.
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable
)]

mod rcode;
mod serial;

pub use rcode::Rcode;
pub use serial::Serial;
