//! Writes queries, right ones and wrong ones.

use domain::base::Name;
use domain::base::iana::{Class, Rtype};
use std::str::FromStr;

/// What a query says; what is not said is as in the plainest query.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) id: u16,
    /// All flags and the opcode; QR among them.
    pub(crate) flags: u16,
    pub(crate) qname: Name<Vec<u8>>,
    pub(crate) qtype: Rtype,
    pub(crate) qclass: Class,
    pub(crate) edns: Option<Edns>,
}

/// An OPT record.
#[derive(Clone, Debug)]
pub(crate) struct Edns {
    pub(crate) size: u16,
    pub(crate) version: u8,
    /// DO, and 15 bits that mean nothing yet.
    pub(crate) flags: u16,
    /// Codes and data.
    pub(crate) options: Vec<(u16, Vec<u8>)>,
}

impl Default for Edns {
    fn default() -> Self {
        Edns {
            size: 1232,
            version: 0,
            flags: 0,
            options: Vec::new(),
        }
    }
}

impl Ask {
    pub(crate) fn new(qname: Name<Vec<u8>>, qtype: Rtype) -> Self {
        Ask {
            id: 0x1d0c,
            flags: 0,
            qname,
            qtype,
            qclass: Class::IN,
            edns: None,
        }
    }

    /// Asks for DNSSEC records.
    pub(crate) fn dnssec(mut self, size: u16) -> Self {
        self.edns = Some(Edns {
            size,
            flags: 0x8000,
            ..Edns::default()
        });
        self
    }

    pub(crate) fn packet(&self) -> Vec<u8> {
        let mut packet = Vec::new();
        let numbers = [self.id, self.flags, 1, 0, 0, self.edns.is_some().into()];
        packet.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        packet.extend_from_slice(self.qname.as_slice());
        packet.extend(self.qtype.to_int().to_be_bytes());
        packet.extend(self.qclass.to_int().to_be_bytes());
        if let Some(edns) = &self.edns {
            packet.extend(edns.record());
        }
        packet
    }
}

impl Edns {
    pub(crate) fn record(&self) -> Vec<u8> {
        let mut options = Vec::new();
        for (code, data) in &self.options {
            options.extend(code.to_be_bytes());
            options.extend((data.len() as u16).to_be_bytes());
            options.extend_from_slice(data);
        }
        let mut record = vec![0, 0, 41];
        record.extend(self.size.to_be_bytes());
        record.extend([0, self.version]);
        record.extend(self.flags.to_be_bytes());
        record.extend((options.len() as u16).to_be_bytes());
        record.extend(options);
        record
    }
}

/// A name in text form.
pub(crate) fn name(text: &str) -> Name<Vec<u8>> {
    Name::from_str(text).unwrap_or_else(|error| panic!("`{text}`: {error}"))
}
