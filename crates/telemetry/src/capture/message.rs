//! A message as far as captures look into it: header, first question, OPT record.
//!
//! More lenient than what answers: whatever has a header and a readable first question is a
//! message (RFC 8618 section 10), however the rest looks.

use imrs_wire::limits::{HEADER_LEN, QUESTION_TAIL_LEN};
use imrs_wire::{Class, Cursor, Flags, Qname, Rtype};
use std::ops::Range;

/// What is read of a message. Borrows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) id: u16,
    pub(super) flags: Flags,
    /// Of questions, answers, authority and additional records, as the header has them.
    pub(super) counts: [u16; 4],
    pub(super) question: Option<Question<'a>>,
    /// The first OPT record, where the records up to it can be read.
    pub(super) opt: Option<Opt>,
    /// Octets up to the end of the last record that can be read.
    pub(super) readable: usize,
    /// All records can be read, and octets stand behind them.
    pub(super) has_trailing: bool,
}

/// The first question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question<'a> {
    /// The name in wire form, in the case in which it was sent.
    pub(super) qname: &'a [u8],
    pub(super) qtype: Rtype,
    pub(super) qclass: Class,
}

/// An OPT record (RFC 6891 section 6.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opt {
    pub(super) udp_len_max: u16,
    pub(super) ext_rcode: u8,
    pub(super) version: u8,
    pub(super) dnssec: bool,
    /// Where in the message the options are.
    pub(super) rdata: Range<usize>,
}

impl<'a> Message<'a> {
    /// Reads a message; `None` where it has no whole header or its first question cannot be read.
    #[inline]
    pub(super) fn read(octets: &'a [u8]) -> Option<Message<'a>> {
        Message::read_with(octets, |_| ())
    }

    /// The same, with a call for the options of every OPT record, as there may be several.
    #[inline]
    pub(super) fn read_with(
        octets: &'a [u8],
        mut on_options: impl FnMut(&Range<usize>),
    ) -> Option<Message<'a>> {
        let mut cursor = Cursor::new(octets);
        let [id, flags, counts @ ..] = numbers(&mut cursor)?;
        let mut message = Message {
            id,
            flags: Flags(flags),
            counts,
            question: None,
            opt: None,
            readable: HEADER_LEN,
            has_trailing: false,
        };
        if counts[0] > 0 {
            message.question = Some(Question::read(&mut cursor)?);
            message.readable = octets.len() - cursor.rest().len();
        }
        let records = message.read_records(octets.len(), &mut cursor, &mut on_options);
        message.has_trailing = records.is_some() && !cursor.is_empty();
        Some(message)
    }

    /// Reads up to the last record. `None` where one is cut short.
    #[inline]
    fn read_records(
        &mut self,
        len: usize,
        cursor: &mut Cursor<'a>,
        on_options: &mut impl FnMut(&Range<usize>),
    ) -> Option<()> {
        for _ in 1..self.counts[0] {
            skip_name(cursor)?;
            cursor.take(QUESTION_TAIL_LEN)?;
            self.readable = len - cursor.rest().len();
        }
        for _ in 0..self.counts[1..].iter().copied().map(u32::from).sum() {
            let is_of_root = cursor.rest().first() == Some(&0);
            skip_name(cursor)?;
            let rtype = Rtype(cursor.take_u16()?);
            let udp_len_max = cursor.take_u16()?;
            let [ext_rcode, version, flags, _] = *cursor.take_array()?;
            let rdata_len = usize::from(cursor.take_u16()?);
            let start = len - cursor.rest().len();
            cursor.take(rdata_len)?;
            self.readable = start + rdata_len;
            if rtype != Rtype::OPT {
                continue;
            }
            let rdata = start..self.readable;
            on_options(&rdata);
            if is_of_root && self.opt.is_none() {
                self.opt = Some(Opt {
                    udp_len_max,
                    ext_rcode,
                    version,
                    dnssec: flags & DO != 0,
                    rdata,
                });
            }
        }
        Some(())
    }
}

impl<'a> Question<'a> {
    #[inline]
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let qname = Qname::parse(cursor)?;
        Some(Question {
            qname: qname.octets(),
            qtype: Rtype(cursor.take_u16()?),
            qclass: Class(cursor.take_u16()?),
        })
    }
}

#[inline]
fn numbers(cursor: &mut Cursor<'_>) -> Option<[u16; 6]> {
    let octets: &[u8; HEADER_LEN] = cursor.take_array()?;
    let (pairs, _) = octets.as_chunks();
    Some(std::array::from_fn(|at| u16::from_be_bytes(pairs[at])))
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

/// DO among the flags of an OPT record (RFC 3225).
const DO: u8 = 0x80;
