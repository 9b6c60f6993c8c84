//! Where messages begin and end in what TLS and QUIC have decrypted.
//!
//! ```text
//! TLS     length | message | length | message | …     any number, answered in order (RFC 7858 section 3.3)
//! QUIC    length | message | FIN                      one a stream (RFC 9250 section 4.2)
//! ```
//!
//! Knows no connection and answers nothing.

use super::limits::QUERY_OCTETS_MAX;
use imrs_wire::{OptionCode, Query};

/// A message is announced that is longer than any query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a query of {octets} octets is announced; {QUERY_OCTETS_MAX} are taken")]
pub struct TooLong {
    /// Octets announced.
    pub octets: usize,
}

/// What a stream of TLS has brought and has not been taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    held: Vec<u8>,
    /// Octets at the start of `held` that were taken.
    taken: usize,
}

impl Inbox {
    /// Adds what was read.
    pub fn add(&mut self, octets: &[u8]) {
        self.held.drain(..self.taken);
        self.taken = 0;
        self.held.extend_from_slice(octets);
    }

    /// Takes the next message, if it is whole. After [`TooLong`] nothing more can be found.
    pub fn take_next(&mut self) -> Result<Option<&[u8]>, TooLong> {
        let left = self.held.get(self.taken..).unwrap_or_default();
        let Some((length, rest)) = left.split_first_chunk::<2>() else {
            return Ok(None);
        };
        let octets = usize::from(u16::from_be_bytes(*length));
        if octets > QUERY_OCTETS_MAX {
            return Err(TooLong { octets });
        }
        let message = rest.get(..octets);
        if message.is_some() {
            self.taken += 2 + octets;
        }
        Ok(message)
    }

    /// Whether nothing is left, and gives the memory back if so.
    pub fn is_empty(&mut self) -> bool {
        let is_empty = self.taken == self.held.len();
        if is_empty {
            *self = Inbox::default();
        }
        is_empty
    }

    /// Octets of memory in use.
    pub fn held_octets(&self) -> usize {
        self.held.capacity()
    }
}

/// How a stream of QUIC breaks the rules, which ends its connection with DOQ_PROTOCOL_ERROR
/// (RFC 9250 section 4.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// The stream ended before the message that was announced.
    #[error("the stream ended within a message")]
    Unfinished,
    /// Something follows the message, such as another.
    #[error("a stream has one query")]
    Several,
    /// The message ID is not 0 (section 4.2.1).
    #[error("the message ID is not 0")]
    Identified,
    /// The query has the option edns-tcp-keepalive (section 5.5.2).
    #[error("the query asks how long TCP stays open")]
    Keepalive,
}

/// The query of a stream of QUIC that has ended. A stream without an octet has none.
pub fn only_message(stream: &[u8]) -> Result<&[u8], Breach> {
    let (length, rest) = stream.split_first_chunk::<2>().ok_or(Breach::Unfinished)?;
    let octets = usize::from(u16::from_be_bytes(*length));
    let (message, beyond) = rest.split_at_checked(octets).ok_or(Breach::Unfinished)?;
    if !beyond.is_empty() {
        return Err(Breach::Several);
    }
    if message.first_chunk::<2>().is_some_and(|id| *id != [0, 0]) {
        return Err(Breach::Identified);
    }
    let edns = Query::parse(message).ok().and_then(|query| query.edns);
    if edns.is_some_and(|edns| edns.asks(OptionCode::Keepalive)) {
        return Err(Breach::Keepalive);
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::{Breach, Inbox, QUERY_OCTETS_MAX, TooLong, only_message};

    fn check(reads: &[&[u8]], expected: &[&[u8]], end: Result<(), TooLong>) {
        let mut inbox = Inbox::default();
        let mut found = Vec::new();
        let mut over = Ok(());
        for read in reads {
            inbox.add(read);
            loop {
                match inbox.take_next() {
                    Ok(Some(message)) => found.push(message.to_vec()),
                    Ok(None) => break,
                    Err(error) => {
                        over = Err(error);
                        break;
                    }
                }
            }
        }
        assert_eq!(found, expected, "{reads:?}");
        assert_eq!(over, end, "{reads:?}");
    }

    #[test]
    fn messages_are_found_however_they_are_cut() {
        check(&[b"\0\x03abc\0\x01d"], &[b"abc", b"d"], Ok(()));
        check(
            &[b"\0", b"\x03ab", b"c\0", b"\x01d\0"],
            &[b"abc", b"d"],
            Ok(()),
        );
        check(&[b"\0\0\0\0"], &[b"", b""], Ok(()));
        check(&[b"\0\x03ab"], &[], Ok(()));
        check(&[], &[], Ok(()));
    }

    #[test]
    fn a_length_beyond_any_query_is_noticed_before_its_octets_come() {
        let octets = QUERY_OCTETS_MAX + 1;
        check(&[b"\0\x01a\x10\x01"], &[b"a"], Err(TooLong { octets }));
        check(&[b"\xff\xff"], &[], Err(TooLong { octets: 65_535 }));
        let mut whole = vec![0x10, 0];
        whole.resize(2 + QUERY_OCTETS_MAX, 7);
        check(&[&whole], &[&whole[2..]], Ok(()));
    }

    #[test]
    fn an_inbox_with_nothing_left_holds_no_memory() {
        let mut inbox = Inbox::default();
        inbox.add(b"\0\x01a");
        assert!(!inbox.is_empty());
        assert_eq!(inbox.take_next(), Ok(Some(&b"a"[..])));
        assert!(inbox.is_empty());
        assert_eq!(inbox.held_octets(), 0);
    }

    const QUERY: &[u8] = b"\0\0\0\0\0\x01\0\0\0\0\0\x01\0\0\x02\0\x01\
        \0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x0b\0\0";

    fn check_stream(stream: &[u8], expected: Result<&[u8], Breach>) {
        assert_eq!(only_message(stream), expected, "{stream:?}");
    }

    #[test]
    fn a_stream_of_quic_has_one_query_that_is_nothing_of_tcp() {
        let framed = |message: &[u8]| [&[0, message.len() as u8], message].concat();
        let plain = &QUERY[..17];
        let counted = [&plain[..10], &[0, 0], &plain[12..]].concat();
        check_stream(&framed(&counted), Ok(&counted));
        check_stream(b"\0\x01\0", Ok(b"\0"));
        check_stream(b"\0\0", Ok(b""));
        check_stream(b"", Err(Breach::Unfinished));
        check_stream(b"\0", Err(Breach::Unfinished));
        check_stream(b"\0\x02\0", Err(Breach::Unfinished));
        check_stream(b"\0\x02\0\0\0", Err(Breach::Several));
        check_stream(b"\0\x02\0\x01", Err(Breach::Identified));
        check_stream(&framed(QUERY), Err(Breach::Keepalive));
    }
}
