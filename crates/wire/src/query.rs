//! One query, parsed.

use crate::cursor::Cursor;
use crate::edns::Edns;
use crate::header::{Counts, Flags, Opcode, encode};
use crate::limits::{HEADER_LEN, QUESTION_TAIL_LEN};
use crate::name::Qname;
use crate::rcode::Rcode;
use crate::rtype::{Class, Rtype};

/// A query that can be answered. Borrows the packet.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    id: [u8; 2],
    flags: Flags,
    /// What is asked.
    pub question: Question<'a>,
    /// Its OPT record, if it has one.
    pub edns: Option<Edns>,
    /// Whether it carries a TSIG record (RFC 8945), which is not looked into here.
    pub is_signed: bool,
}

/// What a query asks: name, type, class.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The name, in the case in which it was sent.
    pub qname: Qname<'a>,
    /// The type.
    pub qtype: Rtype,
    /// The class.
    pub qclass: Class,
    /// All three as octets, to be echoed.
    octets: &'a [u8],
}

/// A packet that is not a query which can be answered.
#[derive(Clone, Copy, Debug)]
pub enum Malformed<'a> {
    /// Nothing may be sent: too short for a header, or itself a response.
    Silent,
    /// An error is to be sent.
    Error {
        /// What to say.
        rcode: Rcode,
        /// As much of the packet as was understood, for [`Query::header`] and the echo.
        query: Partial<'a>,
    },
}

/// As much as was understood of a query that cannot be answered.
#[derive(Clone, Copy, Debug)]
pub struct Partial<'a> {
    id: [u8; 2],
    flags: Flags,
    question: Option<Question<'a>>,
    edns: Option<Edns>,
}

impl<'a> Query<'a> {
    /// Parses one message without transport framing.
    ///
    /// Total: every octet string gives a query or says what to send instead. One question is
    /// demanded (RFC 9619), the answer and authority sections are to be empty, and of OPT records
    /// there is one at most (RFC 6891 section 6.1.1). Other additional records are passed over;
    /// octets behind the last one are an error.
    #[inline]
    pub fn parse(packet: &'a [u8]) -> Result<Self, Malformed<'a>> {
        let mut cursor = Cursor::new(packet);
        let Some(&[i0, i1, f0, f1, q0, q1, a0, a1, n0, n1, r0, r1]) =
            cursor.take_array::<HEADER_LEN>()
        else {
            return Err(Malformed::Silent);
        };
        let flags = Flags(u16::from_be_bytes([f0, f1]));
        if flags.is_response() {
            return Err(Malformed::Silent);
        }
        let mut partial = Partial {
            id: [i0, i1],
            flags,
            question: None,
            edns: None,
        };
        if flags.opcode() != Opcode::QUERY {
            return Err(partial.error(Rcode::NOTIMP));
        }
        if [q0, q1] != [0, 1] {
            if [q0, q1, a0, a1, n0, n1] == [0; 6] {
                // Its OPT record can be read, so it is answered by one (RFC 6891 section 6.1.1).
                partial.edns = additional(&mut cursor, u16::from_be_bytes([r0, r1]))
                    .and_then(|additional| additional.edns);
            }
            return Err(partial.error(Rcode::FORMERR));
        }
        let Some(question) = Question::parse(&mut cursor) else {
            return Err(partial.error(Rcode::FORMERR));
        };
        partial.question = Some(question);
        if [a0, a1, n0, n1] != [0; 4] {
            return Err(partial.error(Rcode::FORMERR));
        }
        let Some(Additional { edns, is_signed }) =
            additional(&mut cursor, u16::from_be_bytes([r0, r1]))
        else {
            return Err(partial.error(Rcode::FORMERR));
        };
        if edns.is_some_and(|edns| edns.version != 0) {
            partial.edns = edns;
            return Err(partial.error(Rcode::BADVERS));
        }
        Ok(Query {
            id: partial.id,
            flags,
            question,
            edns,
            is_signed,
        })
    }

    /// The same query as it is where an error is to be sent.
    pub fn partial(&self) -> Partial<'a> {
        Partial {
            id: self.id,
            flags: self.flags,
            question: Some(self.question),
            edns: self.edns,
        }
    }

    /// Whether DNSSEC records are wanted.
    #[inline]
    pub fn wants_dnssec(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec)
    }

    /// The header of a response to this query; `counts` are those of the sections behind the
    /// question, which is always echoed.
    #[inline]
    pub fn header(&self, bits: u16, rcode: Rcode, counts: Counts) -> [u8; HEADER_LEN] {
        encode(
            self.id,
            self.flags.respond().with(bits).with_rcode(rcode),
            counts,
        )
    }
}

impl<'a> Partial<'a> {
    fn error(self, rcode: Rcode) -> Malformed<'a> {
        Malformed::Error { rcode, query: self }
    }

    /// The question to echo, where one was understood.
    pub fn question(&self) -> Option<Question<'a>> {
        self.question
    }

    /// The OPT record, where one was understood.
    pub fn edns(&self) -> Option<Edns> {
        self.edns
    }

    /// The kind of query.
    pub fn opcode(&self) -> Opcode {
        self.flags.opcode()
    }

    /// The header of an error response; the question is counted where it is there.
    pub fn header(&self, rcode: Rcode, additional: u16) -> [u8; HEADER_LEN] {
        let question = u16::from(self.question.is_some());
        let counts = Counts {
            question,
            additional,
            ..Counts::default()
        };
        encode(self.id, self.flags.respond().with_rcode(rcode), counts)
    }
}

impl<'a> Question<'a> {
    #[inline]
    fn parse(cursor: &mut Cursor<'a>) -> Option<Self> {
        let from = cursor.rest();
        let qname = Qname::parse(cursor)?;
        let [t0, t1, c0, c1] = *cursor.take_array::<QUESTION_TAIL_LEN>()?;
        let octets = from.get(..qname.len().wrapping_add(QUESTION_TAIL_LEN))?;
        let qtype = Rtype(u16::from_be_bytes([t0, t1]));
        let qclass = Class(u16::from_be_bytes([c0, c1]));
        Some(Question {
            qname,
            qtype,
            qclass,
            octets,
        })
    }

    /// The question as it was sent, octet for octet.
    #[inline]
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }
}

/// What counts of the additional section of a query.
struct Additional {
    edns: Option<Edns>,
    is_signed: bool,
}

/// Reads `count` additional records to the end of the packet.
#[inline]
fn additional(cursor: &mut Cursor<'_>, count: u16) -> Option<Additional> {
    let mut edns = None;
    let mut is_signed = false;
    for _ in 0..count {
        // OPT is owned by the root (RFC 6891 section 6.1.2).
        let root = cursor.rest().first() == Some(&0);
        skip_name(cursor)?;
        let rtype = Rtype(cursor.take_u16()?);
        if rtype != Rtype::OPT {
            // Class, TTL.
            cursor.take(6)?;
            let len = cursor.take_u16()?;
            cursor.take(usize::from(len))?;
            is_signed |= rtype == Rtype::TSIG;
        } else if root && edns.is_none() {
            edns = Some(Edns::parse(cursor)?);
        } else {
            return None;
        }
    }
    cursor.is_empty().then_some(Additional { edns, is_signed })
}

/// Passes over a name, which may end in a compression pointer.
#[inline]
fn skip_name(cursor: &mut Cursor<'_>) -> Option<()> {
    loop {
        match cursor.take_u8()? {
            0 => return Some(()),
            len @ 1..=63 => cursor.take(usize::from(len)).map(drop)?,
            0xc0..=0xff => return cursor.take_u8().map(drop),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Header with the given flags and counts, `com. A IN`, then `rest`.
    fn message(flags: u16, counts: [u16; 4], rest: &[u8]) -> Vec<u8> {
        let mut packet = std::vec![0xab, 0xcd];
        packet.extend_from_slice(&flags.to_be_bytes());
        packet.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        packet.extend_from_slice(b"\x03cOm\0\0\x01\0\x01");
        packet.extend_from_slice(rest);
        packet
    }

    const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0";
    const TSIG: &[u8] = b"\x01k\0\0\xfa\0\xff\0\0\0\0\0\x02hi";

    /// What becomes of a packet: `Ok(DO)` or the code of the error, or none when silent.
    #[track_caller]
    fn check(packet: &[u8], expected: Result<bool, Option<Rcode>>) {
        let found = match Query::parse(packet) {
            Ok(query) => Ok(query.wants_dnssec()),
            Err(Malformed::Silent) => Err(None),
            Err(Malformed::Error { rcode, .. }) => Err(Some(rcode)),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn plain_and_extended_queries_parse() {
        check(&message(0, [1, 0, 0, 0], b""), Ok(false));
        check(&message(0, [1, 0, 0, 1], OPT), Ok(true));
        check(&message(0, [1, 0, 0, 1], TSIG), Ok(false));
        check(&message(0, [1, 0, 0, 2], &[OPT, TSIG].concat()), Ok(true));
    }

    #[test]
    fn what_is_no_query_gets_no_response() {
        check(b"", Err(None));
        check(&message(0, [1, 0, 0, 0], b"")[..11], Err(None));
        check(&message(Flags::QR, [1, 0, 0, 0], b""), Err(None));
    }

    #[test]
    fn what_cannot_be_answered_gets_its_code() {
        let formerr = Err(Some(Rcode::FORMERR));
        check(&message(0, [1, 0, 0, 0], b"")[..12], formerr);
        check(&message(0, [0, 0, 0, 0], b""), formerr);
        check(&message(0, [2, 0, 0, 0], b""), formerr);
        check(&message(0, [1, 1, 0, 0], b""), formerr);
        check(&message(0, [1, 0, 1, 0], b""), formerr);
        check(&message(0, [1, 0, 0, 0], b"x"), formerr);
        check(&message(0, [1, 0, 0, 1], b""), formerr);
        check(&message(0, [1, 0, 0, 2], &[OPT, OPT].concat()), formerr);
        check(
            &message(0, [1, 0, 0, 1], &[b"\x01a", OPT].concat()),
            formerr,
        );
        check(
            &message(
                0,
                [1, 0, 0, 1],
                b"\0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x03\0\x01",
            ),
            formerr,
        );
        check(
            &message(0, [1, 0, 0, 1], b"\0\0\x29\x04\xd0\0\x01\0\0\0\0"),
            Err(Some(Rcode::BADVERS)),
        );
        check(
            &message(0x2800, [1, 0, 0, 0], b""),
            Err(Some(Rcode::NOTIMP)),
        );
    }

    #[test]
    fn without_a_question_the_opt_record_is_still_read() {
        let whole = message(0, [0, 0, 0, 1], b"");
        let packet = [&whole[..12], OPT].concat();
        let Err(Malformed::Error { rcode, query }) = Query::parse(&packet) else {
            panic!("a message without a question is no query");
        };
        assert_eq!(rcode, Rcode::FORMERR);
        assert!(query.edns().is_some_and(|edns| edns.dnssec));
    }

    #[test]
    fn a_cut_packet_is_never_a_query() {
        let whole = message(0x0110, [1, 0, 0, 2], &[OPT, TSIG].concat());
        for len in 0..whole.len() {
            assert!(Query::parse(&whole[..len]).is_err(), "{len} octets");
        }
    }

    #[test]
    fn responses_copy_what_the_rfcs_say() {
        let packet = message(0x07f0, [1, 0, 0, 0], b"");
        let counts = Counts {
            question: 1,
            ..Counts::default()
        };
        let header = Query::parse(&packet)
            .unwrap()
            .header(Flags::AA, Rcode::NXDOMAIN, counts);
        assert_eq!(header, [0xab, 0xcd, 0x85, 0x13, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
}
