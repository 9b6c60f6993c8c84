//! Transfers between our two sides, and against a primary that lies.

mod bed;
mod roundtrip;
