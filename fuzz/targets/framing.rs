//! What comes out of TLS and QUIC: messages behind their lengths, cut anywhere.
#![no_main]

use imrs_node::encrypted::framing::{Breach, Inbox, TooLong, only_message};
use imrs_node::encrypted::{INBOX_OCTETS_MAX, QUERY_OCTETS_MAX};
use libfuzzer_sys::fuzz_target;

/// Octets of one read at most.
const READ: usize = INBOX_OCTETS_MAX - 2 - QUERY_OCTETS_MAX;

fuzz_target!(|octets: &[u8]| {
    judge_stream(octets);
    // The first octet says how the rest is cut.
    if let Some((cut, octets)) = octets.split_first() {
        let (whole, end) = taken(octets.chunks(READ));
        let (cut, same_end) = taken(octets.chunks(usize::from(*cut) + 1));
        assert_eq!(whole, cut, "cuts matter");
        assert_eq!(end, same_end, "cuts matter to the end");
        let framed: usize = whole.iter().map(|message| 2 + message.len()).sum();
        let rest = &octets[framed..];
        match (end, rest.first_chunk::<2>()) {
            (Some(TooLong { octets }), Some(length)) => {
                assert_eq!(usize::from(u16::from_be_bytes(*length)), octets);
                assert!(octets > QUERY_OCTETS_MAX);
            }
            (Some(_), None) => panic!("a length that did not come is too long"),
            (None, Some(length)) => {
                let announced = usize::from(u16::from_be_bytes(*length));
                assert!(announced <= QUERY_OCTETS_MAX && announced + 2 > rest.len());
            }
            (None, None) => {}
        }
    }
});

/// The messages of a stream that is read in pieces, and why it was given up.
fn taken<'a>(reads: impl Iterator<Item = &'a [u8]>) -> (Vec<Vec<u8>>, Option<TooLong>) {
    let mut inbox = Inbox::default();
    let mut messages = Vec::new();
    for read in reads {
        inbox.add(read);
        loop {
            match inbox.take_next() {
                Ok(Some(message)) => messages.push(message.to_vec()),
                Ok(None) => break,
                Err(too_long) => return (messages, Some(too_long)),
            }
        }
        // A growing vector may have twice what it needs.
        assert!(inbox.held_octets() <= 2 * INBOX_OCTETS_MAX);
        if inbox.is_empty() {
            assert_eq!(inbox.held_octets(), 0);
        }
    }
    (messages, None)
}

/// One message a stream: what is taken is the whole of it.
fn judge_stream(stream: &[u8]) {
    let announced = stream.first_chunk::<2>();
    let announced = announced.map(|length| usize::from(u16::from_be_bytes(*length)));
    match only_message(stream) {
        Ok(message) => {
            assert_eq!(announced, Some(message.len()));
            assert_eq!(&stream[2..], message);
            assert!(message.iter().take(2).all(|octet| *octet == 0) || message.len() < 2);
        }
        Err(Breach::Unfinished) => {
            assert!(announced.is_none_or(|announced| announced > stream.len() - 2));
        }
        Err(Breach::Several) => {
            assert!(announced.is_some_and(|announced| announced < stream.len() - 2));
        }
        Err(Breach::Identified) => assert_ne!(stream[2..4], [0, 0]),
        Err(Breach::Keepalive) => assert!(stream.len() > 2 + 12 + 11),
    }
}
