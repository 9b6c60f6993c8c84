//! DNS over TLS and QUIC, asked over loopback by clients of the same libraries.
#![expect(
    clippy::unwrap_used,
    reason = "in the helpers of tests too, a failure is the message"
)]

mod attack;
mod bed;
mod defence;
mod leave;
mod pressure;
mod quic;
mod tls;
