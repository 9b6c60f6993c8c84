//! The keeper against the real BIRD 2, with a second one as the router of the host: what counts is
//! what that router has heard.
//!
//! Each test has two network namespaces of its own, joined by a pair of interfaces. Where none can
//! be made, or there is no BIRD, a test says so and ends.
#![expect(
    clippy::unwrap_used,
    reason = "in the helpers of tests too, a failure is the message"
)]

mod bed;
mod deaths;
mod hands;
mod namespace;
mod node;
mod routers;
mod service;
mod settings;
mod wishes;
