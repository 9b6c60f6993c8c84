//! One query of the corpus: its octets, how it came about, and what can be seen in it.

use super::constants::{DO, class, flag, opcode, rtype};
use super::name::{Name, lower};

/// What a query was made to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A name of the zone, by many types.
    ZoneName,
    /// A name below a delegation.
    Below,
    /// Names of servers and their addresses.
    Server,
    /// A name between two owners of NSEC records.
    Between,
    /// Odd octets, lengths and numbers of labels.
    OddName,
    /// Flags of the header.
    Flags,
    /// Opcodes other than QUERY.
    Opcode,
    /// Classes other than IN.
    Class,
    /// Counts and sections that a query does not have.
    Sections,
    /// Forms of EDNS.
    Edns,
    /// Octets that are no well-formed message.
    Malformed,
}

/// One query. Its ID is 0 until it is sent.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) kind: Kind,
    pub(super) octets: Vec<u8>,
    pub(super) seen: Seen,
}

/// What can be seen in the octets of a query, as far as they go. It serves to name differences, and
/// so forgives everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The second 16 bits of the header.
    pub(super) flags: u16,
    /// Question, answer, authority, additional.
    pub(super) counts: [u16; 4],
    /// The first question, when there is a whole one; the name in lower case.
    pub(super) question: Option<Question>,
    /// OPT as the first record after one question and nothing else.
    pub(super) edns: Option<Edns>,
    /// Octets are left after all that the counts promise.
    pub(super) trailing: bool,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) name: Name,
    pub(super) rtype: u16,
    pub(super) class: u16,
}

/// What an OPT record in a query says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edns {
    pub(super) udp_size: u16,
    pub(super) version: u8,
    pub(super) flags: u16,
    /// Codes and values of the options; `None` when they are not well-formed.
    pub(super) options: Option<Vec<(u16, Vec<u8>)>>,
}

impl Query {
    /// A query of these octets.
    pub(super) fn new(kind: Kind, octets: Vec<u8>) -> Query {
        let seen = Seen::of(&octets);
        Query { kind, octets, seen }
    }

    /// The octets with the ID that tells this query from others.
    pub(super) fn with_id(&self, id: u16) -> Vec<u8> {
        let mut octets = self.octets.clone();
        if let Some(place) = octets.get_mut(..2) {
            place.copy_from_slice(&id.to_be_bytes());
        }
        octets
    }
}

impl Seen {
    fn of(octets: &[u8]) -> Seen {
        let u16_at = |at: usize| Some(u16::from_be_bytes([*octets.get(at)?, *octets.get(at + 1)?]));
        let mut seen = Seen {
            flags: u16_at(2).unwrap_or(0),
            ..Seen::default()
        };
        for (section, count) in seen.counts.iter_mut().enumerate() {
            *count = u16_at(4 + 2 * section).unwrap_or(0);
        }
        if octets.len() < 12 || seen.counts[0] != 1 {
            seen.trailing = octets.len() > 12 && seen.counts == [0; 4];
            return seen;
        }
        let Some(name) = name_at(octets, 12) else {
            return seen;
        };
        let end = 12 + name.len() + 4;
        let (Some(rtype), Some(class)) = (u16_at(end - 4), u16_at(end - 2)) else {
            return seen;
        };
        seen.question = Some(Question {
            name: lower(&name),
            rtype,
            class,
        });
        match seen.counts {
            [1, 0, 0, 0] => seen.trailing = octets.len() > end,
            [1, 0, 0, 1] => {
                if let Some((edns, len)) = Edns::of(&octets[end..]) {
                    seen.trailing = octets.len() > end + len;
                    seen.edns = Some(edns);
                }
            }
            _ => {}
        }
        seen
    }

    /// The opcode.
    pub(super) fn opcode(&self) -> u16 {
        opcode(self.flags)
    }

    /// Whether the DO bit is set.
    pub(super) fn dnssec_ok(&self) -> bool {
        self.edns.as_ref().is_some_and(|edns| edns.flags & DO != 0)
    }

    /// Whether this is one whole question of opcode QUERY, and at most an OPT beside it.
    pub(super) fn is_plain(&self) -> bool {
        self.flags & flag::QR == 0
            && self.opcode() == 0
            && self.question.is_some()
            && !self.trailing
            && (self.counts == [1, 0, 0, 0] || self.edns.is_some())
    }

    /// The type asked for, or 0.
    pub(super) fn rtype(&self) -> u16 {
        self.question.as_ref().map_or(0, |question| question.rtype)
    }

    /// The class asked for, or IN.
    pub(super) fn class(&self) -> u16 {
        self.question
            .as_ref()
            .map_or(class::IN, |question| question.class)
    }

    /// The values of an EDNS option.
    pub(super) fn option(&self, code: u16) -> Option<&[u8]> {
        let options = self.edns.as_ref()?.options.as_ref()?;
        options
            .iter()
            .find(|option| option.0 == code)
            .map(|option| option.1.as_slice())
    }
}

impl Edns {
    /// Reads an OPT record; gives its length too.
    fn of(octets: &[u8]) -> Option<(Edns, usize)> {
        let head = octets.get(..11)?;
        if head[0] != 0 || u16::from_be_bytes([head[1], head[2]]) != rtype::OPT {
            return None;
        }
        let len = usize::from(u16::from_be_bytes([head[9], head[10]]));
        let data = octets.get(11..11 + len)?;
        let edns = Edns {
            udp_size: u16::from_be_bytes([head[3], head[4]]),
            version: head[6],
            flags: u16::from_be_bytes([head[7], head[8]]),
            options: options(data),
        };
        Some((edns, 11 + len))
    }
}

fn options(mut data: &[u8]) -> Option<Vec<(u16, Vec<u8>)>> {
    let mut options = Vec::new();
    while !data.is_empty() {
        let head = data.get(..4)?;
        let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = data.get(4..4 + len)?;
        options.push((u16::from_be_bytes([head[0], head[1]]), value.to_vec()));
        data = &data[4 + len..];
    }
    Some(options)
}

fn name_at(octets: &[u8], at: usize) -> Option<Name> {
    let mut end = at;
    loop {
        let len = usize::from(*octets.get(end)?);
        match len {
            0 => return (end + 1 - at <= 255).then(|| octets[at..=end].to_vec()),
            1..=63 => end += 1 + len,
            _ => return None,
        }
    }
}

/// Builds the octets of a query piece by piece. The result may be as wrong as the caller wishes.
#[derive(Clone, Debug)]
pub(super) struct Builder {
    flags: u16,
    counts: [u16; 4],
    body: Vec<u8>,
}

impl Builder {
    /// A header with opcode QUERY and no flag set.
    pub(super) fn new() -> Builder {
        Builder {
            flags: 0,
            counts: [0; 4],
            body: Vec::new(),
        }
    }

    /// A query with one question of class IN.
    pub(super) fn ask(name: &[u8], rtype: u16) -> Builder {
        Builder::new().question(name, rtype, class::IN)
    }

    /// Sets bits of the second 16 bits of the header.
    pub(super) fn flags(mut self, flags: u16) -> Builder {
        self.flags |= flags;
        self
    }

    /// Adds a question.
    pub(super) fn question(mut self, name: &[u8], rtype: u16, class: u16) -> Builder {
        self.counts[0] += 1;
        self.body.extend_from_slice(name);
        self.body.extend_from_slice(&rtype.to_be_bytes());
        self.body.extend_from_slice(&class.to_be_bytes());
        self
    }

    /// Adds a record to the answer (1), authority (2) or additional section (3).
    pub(super) fn record(
        mut self,
        section: usize,
        owner: &[u8],
        [rtype, class]: [u16; 2],
        ttl: u32,
        data: &[u8],
    ) -> Builder {
        self.counts[section] += 1;
        self.body.extend_from_slice(owner);
        self.body.extend_from_slice(&rtype.to_be_bytes());
        self.body.extend_from_slice(&class.to_be_bytes());
        self.body.extend_from_slice(&ttl.to_be_bytes());
        self.body
            .extend_from_slice(&(data.len() as u16).to_be_bytes());
        self.body.extend_from_slice(data);
        self
    }

    /// Adds an OPT record of version 0 without options.
    pub(super) fn edns(self, udp_size: u16, flags: u16) -> Builder {
        self.opt(udp_size, 0, flags, &[])
    }

    /// Adds an OPT record.
    pub(super) fn opt(self, udp_size: u16, version: u8, flags: u16, options: &[u8]) -> Builder {
        let ttl = u32::from(version) << 16 | u32::from(flags);
        self.record(3, &[0], [rtype::OPT, udp_size], ttl, options)
    }

    /// Adds to a count what is not there.
    pub(super) fn miscount(mut self, section: usize, by: u16) -> Builder {
        self.counts[section] += by;
        self
    }

    /// Appends octets as they are.
    pub(super) fn tail(mut self, octets: &[u8]) -> Builder {
        self.body.extend_from_slice(octets);
        self
    }

    /// The octets.
    pub(super) fn octets(&self) -> Vec<u8> {
        let mut octets = vec![0, 0];
        octets.extend_from_slice(&self.flags.to_be_bytes());
        for count in self.counts {
            octets.extend_from_slice(&count.to_be_bytes());
        }
        octets.extend_from_slice(&self.body);
        octets
    }

    /// The query.
    pub(super) fn build(&self, kind: Kind) -> Query {
        Query::new(kind, self.octets())
    }
}

/// One EDNS option in wire form.
pub(super) fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let mut octets = code.to_be_bytes().to_vec();
    octets.extend_from_slice(&(value.len() as u16).to_be_bytes());
    octets.extend_from_slice(value);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::name::plain;

    #[test]
    fn what_was_built_is_seen() {
        let seen = Builder::ask(&plain("Com"), rtype::NS)
            .flags(flag::RD)
            .opt(1220, 0, DO, &option(3, b""))
            .build(Kind::Edns)
            .seen;
        assert!(seen.is_plain() && seen.dnssec_ok());
        assert_eq!(
            seen.question.as_ref().map(|question| &question.name),
            Some(&plain("com"))
        );
        assert_eq!(seen.option(3), Some(&b""[..]));
        assert!(
            !Builder::ask(&plain("com"), 1)
                .tail(b"x")
                .build(Kind::Malformed)
                .seen
                .is_plain()
        );
    }
}
