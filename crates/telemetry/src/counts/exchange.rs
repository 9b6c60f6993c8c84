//! One query and what became of it, and the cells that this adds to.

use super::Qtype;
use super::layout::{self, Fate};
use imrs_wire::{Edns, Malformed, OptionCode, Query, Question, Rcode, Rtype};

/// One query and what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Octets of the query, without framing.
    pub request_octets: usize,
    /// What the query says.
    pub asked: Asked,
    /// The response that was sent, if any.
    pub sent: Option<Sent>,
}

/// What is counted of a query's content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Its type, where one could be read.
    pub qtype: Option<Rtype>,
    /// RD was set.
    pub recursion_desired: bool,
    /// CD was set.
    pub checking_disabled: bool,
    /// Its OPT record, where one could be read.
    pub edns: Option<AskedEdns>,
}

/// What is counted of an OPT record (RFC 6891).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedEdns {
    /// The largest UDP response that the client says it can take, in octets.
    pub udp_len_max: u16,
    /// DO was set (RFC 3225).
    pub dnssec: bool,
    /// It asks for NSID (RFC 5001).
    pub nsid: bool,
    /// It has a COOKIE option (RFC 7873), good or not.
    pub cookie: bool,
}

/// What is counted of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Octets, without framing.
    pub octets: usize,
    /// The extended RCODE (RFC 6891 section 6.1.3).
    pub rcode: Rcode,
    /// TC was set.
    pub truncated: bool,
}

/// What queries say of themselves, as far as it is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// RD was set.
    pub recursion_desired: bool,
    /// CD was set.
    pub checking_disabled: bool,
    /// DO was set.
    pub dnssec: bool,
    /// NSID was asked for.
    pub nsid: bool,
    /// A COOKIE option was there.
    pub cookie: bool,
    /// What response they can take; [`Buffer::NoEdns`] where there was no OPT record.
    pub buffer: Buffer,
}

/// Classes of the largest UDP response that a client can take. They begin where implementations
/// have their defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Buffer {
    /// No EDNS.
    NoEdns,
    /// Up to 512 octets.
    UpTo512,
    /// 513 to 1231.
    UpTo1231,
    /// 1232, the default since the DNS flag day of 2020.
    Exactly1232,
    /// 1233 to 1452.
    UpTo1452,
    /// 1453 to 4095.
    UpTo4095,
    /// 4096, the default before.
    Exactly4096,
    /// More.
    Over4096,
}

impl Exchange {
    /// Calls `add` with each cell, within those of a flow, that this adds one to.
    #[inline]
    pub(super) fn each_cell(&self, mut add: impl FnMut(usize)) {
        add(layout::request_size(self.request_octets));
        add(layout::PROFILES + Profile::of(&self.asked).index());
        let row = layout::row(self.asked.qtype.map_or(Qtype::Absent, Qtype::Type));
        let Some(sent) = self.sent else {
            return add(layout::question(row, Fate::Unanswered));
        };
        add(layout::response_size(sent.octets));
        match sent.rcode {
            Rcode::NOERROR => add(layout::question(row, Fate::NoError)),
            Rcode::NXDOMAIN => add(layout::question(row, Fate::NxDomain)),
            rcode => {
                add(layout::question(row, Fate::Other));
                add(layout::rcode(rcode.0));
            }
        }
        if sent.truncated {
            add(layout::TRUNCATED);
        }
    }
}

/// Calls `add` with each cell, within those of a flow, that one more message of a transfer adds one
/// to.
pub(super) fn each_cell_of_continued(octets: usize, mut add: impl FnMut(usize)) {
    add(layout::response_size(octets));
    add(layout::CONTINUED);
}

impl Asked {
    /// What is to be counted of a packet and of what it was read as; nothing of what is no query,
    /// since it is too short or a response.
    #[inline]
    pub fn of(packet: &[u8], read: &Result<Query<'_>, Malformed<'_>>) -> Option<Asked> {
        match read {
            Ok(query) => Some(Asked::new(packet, Some(query.question), query.edns)),
            Err(Malformed::Error { query, .. }) => {
                Some(Asked::new(packet, query.question(), query.edns()))
            }
            Err(Malformed::Silent) => None,
        }
    }

    /// Reads a packet that nobody has read yet, as [`Asked::of`].
    #[inline]
    pub fn read(packet: &[u8]) -> Option<Asked> {
        Asked::of(packet, &Query::parse(packet))
    }

    #[inline]
    fn new(packet: &[u8], question: Option<Question<'_>>, edns: Option<Edns>) -> Asked {
        let (high, low) = match packet {
            [_, _, high, low, ..] => (*high, *low),
            _ => (0, 0),
        };
        Asked {
            qtype: question.map(|question| question.qtype),
            recursion_desired: high & RD != 0,
            checking_disabled: low & CD != 0,
            edns: edns.map(|edns| AskedEdns {
                udp_len_max: edns.udp_len_max,
                dnssec: edns.dnssec,
                nsid: edns.asks(OptionCode::Nsid),
                cookie: edns.cookie.is_some() || edns.has_bad_cookie,
            }),
        }
    }
}

impl Profile {
    /// What a query says of itself.
    #[inline]
    pub fn of(asked: &Asked) -> Profile {
        let edns = asked.edns.unwrap_or_default();
        Profile {
            recursion_desired: asked.recursion_desired,
            checking_disabled: asked.checking_disabled,
            dnssec: edns.dnssec,
            nsid: edns.nsid,
            cookie: edns.cookie,
            buffer: match asked.edns {
                None => Buffer::NoEdns,
                Some(edns) => Buffer::of(edns.udp_len_max),
            },
        }
    }

    /// Its cell among those of profiles: the class of buffers first, so that what often comes
    /// together shares a cache line.
    #[inline]
    pub(super) fn index(self) -> usize {
        let bits = [
            self.dnssec,
            self.cookie,
            self.checking_disabled,
            self.nsid,
            self.recursion_desired,
        ];
        let flags = bits
            .iter()
            .enumerate()
            .fold(0, |flags, (at, bit)| flags | usize::from(*bit) << at);
        (self.buffer as usize) << FLAG_BITS | flags
    }

    pub(super) fn from_index(index: usize) -> Profile {
        let bit = |at: usize| index >> at & 1 != 0;
        Profile {
            dnssec: bit(0),
            cookie: bit(1),
            checking_disabled: bit(2),
            nsid: bit(3),
            recursion_desired: bit(4),
            buffer: Buffer::ALL
                .get(index >> FLAG_BITS)
                .copied()
                .unwrap_or(Buffer::Over4096),
        }
    }
}

impl Buffer {
    /// All classes in order.
    pub const ALL: [Buffer; 8] = [
        Buffer::NoEdns,
        Buffer::UpTo512,
        Buffer::UpTo1231,
        Buffer::Exactly1232,
        Buffer::UpTo1452,
        Buffer::UpTo4095,
        Buffer::Exactly4096,
        Buffer::Over4096,
    ];

    /// The class of a size in octets.
    #[inline]
    pub fn of(udp_len_max: u16) -> Buffer {
        match udp_len_max {
            0..=512 => Buffer::UpTo512,
            513..=1231 => Buffer::UpTo1231,
            1232 => Buffer::Exactly1232,
            1233..=1452 => Buffer::UpTo1452,
            1453..=4095 => Buffer::UpTo4095,
            4096 => Buffer::Exactly4096,
            4097.. => Buffer::Over4096,
        }
    }
}

const FLAG_BITS: usize = 5;

/// RD in the third octet of a header, CD in the fourth (RFC 1035 section 4.1.1, RFC 4035
/// section 3.2.2).
const RD: u8 = 0x01;
const CD: u8 = 0x10;
