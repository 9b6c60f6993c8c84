//! Transfers between our two sides, and against a primary that lies.
#![allow(clippy::unwrap_used, reason = "a test that fails here should stop")]

mod answers;
mod bed;
mod lies;
mod requests;
mod robust;
mod roundtrip;
mod signatures;
mod signer;
mod udp;
