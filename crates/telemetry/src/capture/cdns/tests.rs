//! Octets of small files, and what blocks count.

use super::*;
use crate::counts::{Flow, Transport};
use imrs_wire::Family;
use imrs_wire::Rcode;

pub(super) fn captured<'a>(query: &'a [u8], response: &'a [u8]) -> Captured<'a> {
    Captured {
        at_ns: 1_760_000_000_000_001_999,
        flow: Flow::new(Transport::Udp, Family::V4),
        client: "192.0.2.1:4321".parse().unwrap(),
        server: "198.51.100.53:53".parse().unwrap(),
        query,
        response,
        response_octets: 0,
        rcode: Rcode::NOERROR,
        delay_us: 0,
    }
}

#[test]
fn a_block_without_messages_declares_what_is_missing() {
    let mut writer = Writer::new(Parameters::default(), 1);
    let missed = Missed {
        lost: 23,
        sampled_away: 24,
        over_budget: 256,
    };
    assert!(writer.is_empty());
    let mut out = Vec::new();
    writer.finish_block(missed, &mut out);
    let expected: &[u8] = &[
        0xa2, 0, 0xa0, 1, 0xa9, 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 0x20, 23, 0x21, 0x18, 24, 0x22,
        0x19, 1, 0,
    ];
    assert_eq!(out, expected);
}

#[test]
fn a_block_is_full_at_its_limits() {
    let mut writer = Writer::new(Parameters::default(), 1);
    let query = b"\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\x01\0\x01";
    for _ in 0..CDNS_BLOCK_ITEMS {
        assert!(!writer.is_full());
        writer.add(&captured(query, b""));
    }
    assert!(writer.is_full());
    let mut out = Vec::new();
    writer.finish_block(Missed::default(), &mut out);
    assert!(!writer.is_full() && writer.is_empty());
}

#[test]
fn what_is_no_query_is_counted_and_not_kept() {
    let mut writer = Writer::new(Parameters::default(), 1);
    writer.add(&captured(b"short", b""));
    writer.add(&captured(b"\0\x01\0\0\0\x01\0\0\0\0\0\0\xc0", b""));
    writer.add(&captured(b"\0\x01\x80\0\0\0\0\0\0\0\0\0", b""));
    let mut out = Vec::new();
    writer.finish_block(Missed::default(), &mut out);
    let expected: &[u8] = &[
        0xa2, 0, 0xa0, 1, 0xa9, 0, 1, 1, 0, 2, 0, 3, 1, 4, 0, 5, 2, 0x20, 0, 0x21, 0, 0x22, 0,
    ];
    assert_eq!(out, expected);
}
