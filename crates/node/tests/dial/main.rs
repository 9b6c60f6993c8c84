//! Peers over loopback, well-behaved and not: what a dialler takes from them, and what it says of
//! those that it does not.
#![expect(
    clippy::unwrap_used,
    reason = "in the helpers of tests too, a failure is the message"
)]

mod certificates;
mod datagrams;
mod files;
mod peer;
mod secure;
mod server;
mod sessions;
