//! Transfers between our two sides, and against a primary that lies.

mod answers;
mod bed;
mod lies;
mod requests;
mod roundtrip;
mod signatures;
mod signer;
mod udp;
