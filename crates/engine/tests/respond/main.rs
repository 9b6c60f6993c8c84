//! Tests of the one function that answers, all in one binary.
//!
//! [`scenarios`] runs the examples of `testdata/scenarios`, [`transports`] sends the same queries
//! over both transports, [`model`] compares random small zones with a naive server, [`garbage`]
//! sends what is no query, [`cookies`] shows who asks, [`allocation`] counts. Responses are read with `domain`, never with the
//! code that wrote them.
#![expect(
    clippy::unwrap_used,
    reason = "a test may panic, and helpers of tests are not known as such"
)]

mod allocation;
mod cookies;
mod edges;
mod garbage;
mod model;
mod query;
mod reply;
mod scenario;
mod scenarios;
mod transports;
mod world;
