//! The parser of queries: every octet string gives a query or says what to send instead.
#![no_main]

use imrs_wire::{Malformed, Query};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    match Query::parse(packet) {
        Ok(query) => {
            assert!(packet.len() >= 12 + query.question.octets().len());
            assert!(packet[12..].starts_with(query.question.octets()));
        }
        Err(Malformed::Silent) => {
            assert!(
                packet.len() < 12 || packet[2] & 0x80 != 0,
                "a query was dropped"
            );
        }
        Err(Malformed::Error { query, .. }) => {
            if let Some(question) = query.question() {
                assert!(packet[12..].starts_with(question.octets()));
            }
        }
    }
});
