//! DNS over TLS and QUIC, asked over loopback by clients of the same libraries.

mod attack;
mod bed;
mod pressure;
mod quic;
mod tls;
