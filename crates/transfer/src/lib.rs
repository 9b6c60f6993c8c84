//! State machines that keep a zone current: NOTIFY, SOA refresh, AXFR, IXFR, TSIG.
//!
//! Events go in by `handle_*`, what to do comes out by `poll_*`; time and seeds are arguments.
//!
//! ```text
//! refresh    when to ask which primary, and what for          (RFC 1035, 1982, 1996)
//! incoming   one transfer from a primary: AXFR, IXFR          (RFC 5936, 1995)
//! outgoing   one transfer to a secondary                      (RFC 5936, 1995)
//! notify     who is told of a new serial, and how often       (RFC 1996)
//! compare    what independent observers serve
//! message    the messages of all of these
//! tsig, key  who says so                                      (RFC 8945)
//! access     who may ask
//! ```
//!
//! This crate offers candidates and never serves. It does not know sockets, disks, clocks or the
//! engine.
#![forbid(unsafe_code)]

pub mod access;
pub mod compare;
pub mod incoming;
pub mod key;
pub mod limits;
pub mod message;
pub mod notify;
pub mod outgoing;
pub mod refresh;
pub mod tsig;

pub use imrs_wire::time;
