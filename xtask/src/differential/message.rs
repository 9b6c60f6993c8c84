//! Reads a response strictly into a normal form in which two servers' responses can be compared.
//!
//! What is legitimately free is gone from that form: order of records, compression, letter case of
//! owners and of names in record data. This reader shares no code with the server it judges.

use super::constants::{class, flag, rtype};
use super::name::{Name, lower};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The three sections of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Answer,
    Authority,
    Additional,
}

/// What names an RRset. Signatures form one set for each type they cover.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    /// In lower case.
    pub(super) owner: Name,
    pub(super) rtype: u16,
    pub(super) class: u16,
    /// The type covered by an RRSIG, otherwise 0.
    pub(super) covered: u16,
}

/// TTL and record data, uncompressed and with names in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RrSet {
    pub(super) ttl: u32,
    pub(super) data: BTreeSet<Vec<u8>>,
}

/// One section as a set of RRsets.
pub(super) type RrSets = BTreeMap<Key, RrSet>;

/// The OPT record (RFC 6891 section 6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opt {
    pub(super) udp_size: u16,
    pub(super) version: u8,
    pub(super) flags: u16,
    pub(super) options: Vec<(u16, Vec<u8>)>,
}

/// A response in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: u16,
    /// The second 16 bits of the header, without the RCODE.
    pub(super) flags: u16,
    /// With the upper bits from OPT.
    pub(super) rcode: u16,
    /// The octets of the question section as they came.
    pub(super) question: Vec<u8>,
    pub(super) sections: [RrSets; 3],
    pub(super) opt: Option<Opt>,
}

/// Why octets are no well-formed response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    what: &'static str,
    at: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at octet {}", self.what, self.at)
    }
}

impl Message {
    /// Reads a whole message; anything left over is an error.
    pub(super) fn parse(octets: &[u8]) -> Result<Message, Malformed> {
        let mut reader = Reader { octets, at: 0 };
        let id = reader.u16()?;
        let bits = reader.u16()?;
        let mut counts = [0; 4];
        for count in &mut counts {
            *count = reader.u16()?;
        }
        for _ in 0..counts[0] {
            reader.name()?;
            reader.u16()?;
            reader.u16()?;
        }
        let mut message = Message {
            id,
            flags: bits & !15,
            rcode: bits & 15,
            question: octets[12..reader.at].to_vec(),
            sections: Default::default(),
            opt: None,
        };
        for (section, count) in counts[1..].iter().enumerate() {
            for _ in 0..*count {
                reader.record(section, &mut message)?;
            }
        }
        if reader.at != octets.len() {
            return Err(reader.error("octets after the last record"));
        }
        Ok(message)
    }

    /// The records of a section.
    pub(super) fn section(&self, section: Section) -> &RrSets {
        &self.sections[section as usize]
    }

    /// Whether all of `flags` are set.
    pub(super) fn has(&self, flags: u16) -> bool {
        self.flags & flags == flags
    }

    /// Whether TC is set.
    pub(super) fn is_truncated(&self) -> bool {
        self.has(flag::TC)
    }

    /// The value of an EDNS option.
    pub(super) fn option(&self, code: u16) -> Option<&[u8]> {
        let options = &self.opt.as_ref()?.options;
        options
            .iter()
            .find(|option| option.0 == code)
            .map(|option| option.1.as_slice())
    }
}

/// A place in a message.
struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn error(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let taken = self.octets.get(self.at..self.at + len);
        let taken = taken.ok_or_else(|| self.error("message ends early"))?;
        self.at += len;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, Malformed> {
        self.take(2)
            .map(|octets| u16::from_be_bytes([octets[0], octets[1]]))
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from(self.u16()?) << 16 | u32::from(self.u16()?))
    }

    /// A name, following pointers, which must lead backwards (RFC 1035 section 4.1.4).
    fn name(&mut self) -> Result<Name, Malformed> {
        let mut name = Vec::new();
        let mut follow: Option<Reader<'a>> = None;
        loop {
            let reader = follow.as_mut().unwrap_or(self);
            let start = reader.at;
            let len = reader.take(1)?[0];
            name.push(len);
            match len {
                0 => break,
                1..=63 => name.extend_from_slice(reader.take(usize::from(len))?),
                0xc0.. => {
                    name.pop();
                    let low = reader.take(1)?[0];
                    let target = usize::from(len & 0x3f) << 8 | usize::from(low);
                    if target >= start || target < 12 {
                        return Err(reader.error("pointer that does not lead backwards"));
                    }
                    follow = Some(Reader {
                        octets: reader.octets,
                        at: target,
                    });
                }
                _ => return Err(reader.error("label of unknown form")),
            }
            if name.len() > 255 {
                return Err(self.error("name of more than 255 octets"));
            }
        }
        Ok(name)
    }

    fn record(&mut self, section: usize, message: &mut Message) -> Result<(), Malformed> {
        let owner = self.name()?;
        let rtype = self.u16()?;
        let class = self.u16()?;
        let ttl = self.u32()?;
        let len = usize::from(self.u16()?);
        let end = self.at + len;
        if end > self.octets.len() {
            return Err(self.error("record data runs past the end"));
        }
        if rtype == rtype::OPT {
            return self.opt(&owner, section, class, ttl, end, message);
        }
        let mut covered = 0;
        let data = self.data(rtype, class, end)?;
        if self.at != end {
            return Err(self.error("record data and its length disagree"));
        }
        if rtype == rtype::RRSIG && data.len() > 2 {
            covered = u16::from_be_bytes([data[0], data[1]]);
        }
        let key = Key {
            owner: lower(&owner),
            rtype,
            class,
            covered,
        };
        let set = message.sections[section]
            .entry(key)
            .or_insert_with(|| RrSet {
                ttl,
                data: BTreeSet::new(),
            });
        if set.ttl != ttl {
            return Err(self.error("TTLs differ within an RRset"));
        }
        if !set.data.insert(data) {
            return Err(self.error("record given twice"));
        }
        Ok(())
    }

    fn opt(
        &mut self,
        owner: &[u8],
        section: usize,
        class: u16,
        ttl: u32,
        end: usize,
        message: &mut Message,
    ) -> Result<(), Malformed> {
        if owner != [0] || section != Section::Additional as usize || message.opt.is_some() {
            return Err(self.error("OPT in the wrong place"));
        }
        let mut options = Vec::new();
        while self.at < end {
            let code = self.u16()?;
            let len = usize::from(self.u16()?);
            options.push((code, self.take(len)?.to_vec()));
        }
        if self.at != end {
            return Err(self.error("option runs past the end"));
        }
        message.rcode |= (ttl >> 24 << 4) as u16;
        message.opt = Some(Opt {
            udp_size: class,
            version: (ttl >> 16) as u8,
            flags: ttl as u16,
            options,
        });
        Ok(())
    }

    /// Record data with its names expanded (RFC 3597 section 4) and in lower case
    /// (RFC 4034 section 6.2).
    fn data(&mut self, rtype: u16, class: u16, end: usize) -> Result<Vec<u8>, Malformed> {
        if class != class::IN {
            return self.take(end - self.at).map(<[u8]>::to_vec);
        }
        let mut data = Vec::new();
        match rtype {
            rtype::NS | rtype::CNAME | rtype::PTR | rtype::DNAME => {
                data.extend(lower(&self.name()?));
            }
            rtype::SOA => {
                data.extend(lower(&self.name()?));
                data.extend(lower(&self.name()?));
                data.extend_from_slice(self.take(20)?);
            }
            rtype::MX => {
                data.extend_from_slice(self.take(2)?);
                data.extend(lower(&self.name()?));
            }
            rtype::RRSIG => {
                data.extend_from_slice(self.take(18)?);
                data.extend(lower(&self.name()?));
            }
            rtype::NSEC => data.extend(lower(&self.name()?)),
            _ => {}
        }
        if matches!(rtype, rtype::RRSIG | rtype::NSEC) || data.is_empty() {
            let rest = end.checked_sub(self.at);
            data.extend_from_slice(self.take(rest.ok_or_else(|| self.error("name too long"))?)?);
        }
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::differential::name::plain;

    /// A response to `com. NS` with one NS record whose data is `target`.
    fn response(target: &[u8], tail: &[u8]) -> Vec<u8> {
        let mut octets = vec![0, 7, 0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0];
        octets.extend_from_slice(b"\x03CoM\0\0\x02\0\x01");
        octets.extend_from_slice(b"\xc0\x0c\0\x02\0\x01\0\0\0\x01");
        octets.extend_from_slice(&(target.len() as u16).to_be_bytes());
        octets.extend_from_slice(target);
        octets.extend_from_slice(tail);
        octets
    }

    fn check(octets: &[u8], expected: Result<&str, &str>) {
        match (Message::parse(octets), expected) {
            (Ok(message), Ok(target)) => {
                let (key, set) = message.sections[1].iter().next().expect("one RRset");
                assert_eq!(key.owner, plain("com"));
                assert_eq!(set.data.first(), Some(&plain(target)));
            }
            (Err(error), Err(what)) => assert_eq!(error.what, what),
            (parsed, expected) => panic!("{parsed:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn compression_and_letter_case_leave_no_trace() {
        check(&response(b"\x02NS\xc0\x0c", b""), Ok("ns.com"));
        check(&response(b"\x02ns\x03com\0", b""), Ok("ns.com"));
    }

    #[test]
    fn what_no_server_may_send_is_refused() {
        check(
            &response(b"\x02ns\xc0\x0c", b"\0"),
            Err("octets after the last record"),
        );
        check(
            &response(b"\xc0\x30", b""),
            Err("pointer that does not lead backwards"),
        );
        check(
            &response(b"\xc0\x0c\0", b""),
            Err("record data and its length disagree"),
        );
        check(&response(b"\x42ns", b""), Err("label of unknown form"));
    }
}
