//! Encodes dnstap (dnstap.info): each message as Protocol Buffers, in a frame of
//! [`frames`].
//!
//! ```text
//! Dnstap    identity 1 | version 2 | extra 3 | type 15 | message 14
//! Message   type 1 | family 2 | protocol 3 | addresses 4, 5 | ports 6, 7
//!           query: seconds 8, ns 9, octets 10 | response: seconds 12, ns 13, octets 14
//! ```
//!
//! A query and its response are two messages, `AUTH_QUERY` and `AUTH_RESPONSE`. What is missing
//! stands as text in the `extra` of the next message.

pub mod frames;
mod protobuf;

use super::{Captured, Missed};
use crate::counts::Transport;
use std::fmt::Write;
use std::net::IpAddr;

/// Encodes messages of one server.
#[derive(Clone, Debug)]
pub struct Encoder {
    /// The fields `identity` and `version`.
    server: Vec<u8>,
    /// Memory for one message, used again and again.
    message: Vec<u8>,
    /// The text of `extra`, where something is missing.
    extra: String,
}

impl Encoder {
    /// Says who the server is: the identity as in NSID, the program and its version.
    pub fn new(identity: &[u8], version: &str) -> Encoder {
        let mut server = Vec::new();
        protobuf::octets(&mut server, 1, identity);
        protobuf::octets(&mut server, 2, version.as_bytes());
        Encoder {
            server,
            message: Vec::new(),
            extra: String::new(),
        }
    }

    /// Declares in the next message what is missing ahead of it.
    pub fn declare(&mut self, missed: Missed) {
        if missed == Missed::default() {
            return;
        }
        self.extra.clear();
        write!(
            self.extra,
            "missing: lost={} sampled-away={} over-budget={}",
            missed.lost, missed.sampled_away, missed.over_budget
        )
        .expect("a string takes all that is written to it");
    }

    /// Appends the frame of a query, and that of its response if one was sent, which has to be
    /// there [whole](super::Responses::Whole).
    pub fn encode(&mut self, captured: &Captured<'_>, out: &mut Vec<u8>) {
        let [sec, nsec] = time(captured.at_ns);
        self.start(captured, TYPE_AUTH_QUERY);
        protobuf::number(&mut self.message, 8, sec);
        protobuf::fixed32(&mut self.message, 9, nsec as u32);
        protobuf::octets(&mut self.message, 10, captured.query);
        self.finish(out);
        if captured.response.is_empty() {
            return;
        }
        let sent_ns = captured.at_ns + u64::from(captured.delay_us) * 1000;
        let [sent_sec, sent_nsec] = time(sent_ns);
        self.start(captured, TYPE_AUTH_RESPONSE);
        protobuf::number(&mut self.message, 8, sec);
        protobuf::fixed32(&mut self.message, 9, nsec as u32);
        protobuf::number(&mut self.message, 12, sent_sec);
        protobuf::fixed32(&mut self.message, 13, sent_nsec as u32);
        protobuf::octets(&mut self.message, 14, captured.response);
        self.finish(out);
    }

    /// The fields that query and response share.
    fn start(&mut self, captured: &Captured<'_>, kind: u64) {
        let message = &mut self.message;
        message.clear();
        protobuf::number(message, 1, kind);
        let [client, server] = [captured.client.ip(), captured.server.ip()];
        protobuf::number(message, 2, if client.is_ipv4() { 1 } else { 2 });
        let protocol = match captured.flow.transport {
            Transport::Udp => 1,
            Transport::Tcp => 2,
            Transport::Tls => 3,
            Transport::Quic => 7,
        };
        protobuf::number(message, 3, protocol);
        for (field, address) in [(4, client), (5, server)] {
            match address {
                IpAddr::V4(address) => protobuf::octets(message, field, &address.octets()),
                IpAddr::V6(address) => protobuf::octets(message, field, &address.octets()),
            }
        }
        protobuf::number(message, 6, captured.client.port().into());
        protobuf::number(message, 7, captured.server.port().into());
    }

    /// Puts the message into its envelope and a frame.
    fn finish(&mut self, out: &mut Vec<u8>) {
        let start = frames::open(out);
        out.extend_from_slice(&self.server);
        if !self.extra.is_empty() {
            protobuf::octets(out, 3, self.extra.as_bytes());
            self.extra.clear();
        }
        protobuf::octets(out, 14, &self.message);
        protobuf::number(out, 15, TYPE_MESSAGE);
        frames::close(out, start);
    }
}

/// Seconds and ns of a time in ns.
fn time(ns: u64) -> [u64; 2] {
    [ns / NS_PER_S, ns % NS_PER_S]
}

const NS_PER_S: u64 = 1_000_000_000;

/// `Message.Type`.
const TYPE_AUTH_QUERY: u64 = 1;
const TYPE_AUTH_RESPONSE: u64 = 2;

/// `Dnstap.Type`.
const TYPE_MESSAGE: u64 = 1;
