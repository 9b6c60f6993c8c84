//! The transports over real sockets on loopback, with a responder of their own: what is sent
//! back, to whom and when is judged here, not what the root zone says.
#![expect(
    clippy::unwrap_used,
    reason = "in the helpers of tests too, a failure is the message"
)]

mod aside;
mod client;
mod defence;
mod engine;
mod flood;
mod limits;
mod start;
mod stop;
mod tcp;
mod udp;
