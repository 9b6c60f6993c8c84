//! Reads queries and writes responses: header, name, question, EDNS, serial arithmetic and the
//! unit types, address families among them.
//!
//! Start reading at [`Query::parse`]. This crate knows no zone, socket, policy or clock, and
//! allocates nothing.
#![no_std]
#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable
)]

#[cfg(test)]
extern crate std;

mod cursor;
mod edns;
mod family;
mod header;
pub mod limits;
mod name;
mod query;
mod rcode;
mod rtype;
mod serial;
pub mod time;
mod writer;

pub use cursor::Cursor;
pub use edns::{Cookie, Ede, Edns, OptionCode, ServerCookie};
pub use family::{Both, Family};
pub use header::{Counts, Flags, Opcode};
pub use name::{LabelEnds, Qname};
pub use query::{Malformed, Partial, Query, Question};
pub use rcode::Rcode;
pub use rtype::{Class, Rtype};
pub use serial::Serial;
pub use writer::Writer;
