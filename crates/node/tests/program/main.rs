//! The real program: what it serves, what it says, what it refuses, and its exit codes.
#![expect(
    clippy::unwrap_used,
    reason = "the lint spares only functions marked as tests, not what they call"
)]

mod accounts;
mod defence;
mod desk;
mod encrypted;
mod fetch;
mod metrics;
mod refusals;
mod sandbox;
mod serve;
mod stats;
mod support;
mod take_over;
mod zones;
