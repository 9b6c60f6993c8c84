//! One machine: sockets, threads, disk, control.
//!
//! Start reading at [`serve`], which wires the parts: [`hosting`] has the zones, [`transport`] the
//! workers that answer, [`encrypted`] those that do it over TLS and QUIC, [`control`] the socket
//! that operators talk to, [`metrics`] what a monitoring system fetches, [`capture`] what is written message by message. [`cli`] is the command line, [`config`] the configuration file,
//! [`sandbox`] what the process may no longer do. This crate knows no other node, and nothing that
//! answers
//! depends on what is counted or reported.

pub mod accounting;
mod bell;
pub mod capture;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod dial;
pub mod doctor;
pub mod encrypted;
pub mod files;
pub mod guard;
mod hand_over;
pub mod hosting;
mod keeping;
pub mod limits;
pub mod log;
pub mod metrics;
mod outbound;
mod progress;
pub mod route;
pub mod sandbox;
pub mod serve;
mod site;
pub mod store;
mod system;
pub mod transport;
mod watching;

/// An error and its causes on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
