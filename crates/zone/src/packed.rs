//! The records of a zone as one run of octets, to be kept and sent.
//!
//! Start at [`Packed`]. Each record stands as in a message without compression (RFC 1035 section
//! 3.2.1: owner, type, class, TTL, length, data), one after the other, in the order and letter
//! case that they came in. There is one form only: octets that are read write themselves again, so
//! that nothing can hide in a copy. What is read is not trusted for that: octets of a disk make a
//! candidate like any other.

use crate::candidate::wire_octets;
use crate::difference::of_soa;
use crate::record::{Data, Name, Record};
use bytes::Bytes;
use domain::base::iana::{Class, Rtype};
use domain::base::name::FlattenInto;
use domain::base::rdata::{ComposeRecordData, ParseRecordData};
use domain::base::{ParsedName, Ttl};
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;
use imrs_wire::Serial;

/// One version of a zone, in uncompressed wire form. Cheap to clone.
///
/// A quarter of what the same version takes as records: 1.62 MB for the root.
#[derive(Clone, Debug)]
pub struct Packed {
    apex: Name,
    serial: Serial,
    count: usize,
    octets: Bytes,
}

/// Why octets are no records, or records no version of a zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    /// The end comes too early.
    #[error("the octets end within the record at octet {at}")]
    Short {
        /// Octets before the record.
        at: usize,
    },
    /// There is no uncompressed name at the beginning of a record.
    #[error("the record at octet {at} has no owner that can be read")]
    Owner {
        /// Octets before the record.
        at: usize,
    },
    /// The data are not of the type, or not as they would be written.
    #[error(
        "the record at octet {at}, {} {rtype}, has data that cannot be read",
        owner.fmt_with_dot()
    )]
    Data {
        /// Octets before the record.
        at: usize,
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
    },
    /// There is no SOA record, so there is no zone.
    #[error("the records have no SOA among them")]
    NoSoa,
    /// There is a second SOA record, so the serial is unknown.
    #[error("the record at octet {at} is a second SOA")]
    TwoSoas {
        /// Octets before the record.
        at: usize,
    },
}

impl Packed {
    /// Packs records, of which one is the SOA.
    ///
    /// Reads what it wrote, so that what is kept is known to be readable; all that comes of octets
    /// is. Fails where it is not, as with data in the form for unknown types that are not of their
    /// type.
    pub fn new(records: &[Record]) -> Result<Self, Damaged> {
        Packed::from_octets(pack(records).into())
    }

    /// Takes octets that [`Packed::octets`] gave, and reads every record of them.
    pub fn from_octets(octets: Bytes) -> Result<Self, Damaged> {
        let mut found: Option<(Name, Serial)> = None;
        let mut count = 0;
        let mut reader = Reader::new(&octets);
        loop {
            let at = reader.position();
            let Some(record) = reader.next() else {
                break;
            };
            count += 1;
            if let Some((owner, serial)) = of_soa(&record?) {
                if found.is_some() {
                    return Err(Damaged::TwoSoas { at });
                }
                // A copy, so that who keeps the name does not keep the zone.
                let owner = Name::from_octets(Bytes::copy_from_slice(owner.as_slice()));
                found = Some((owner.expect("it was a name before"), serial));
            }
        }
        let (apex, serial) = found.ok_or(Damaged::NoSoa)?;
        Ok(Packed {
            apex,
            serial,
            count,
            octets,
        })
    }

    /// The name of the zone.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The serial of its SOA record.
    pub fn serial(&self) -> Serial {
        self.serial
    }

    /// Its records.
    pub fn count(&self) -> usize {
        self.count
    }

    /// All records, one after the other: owner, type, class, TTL, length, data.
    pub fn octets(&self) -> &Bytes {
        &self.octets
    }

    /// All its records, in the order in which they were packed. They share the octets of this.
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::with_capacity(self.count);
        let reader = Reader::new(&self.octets);
        records.extend(reader.map(|record| record.expect("each was read when this was made")));
        records
    }
}

/// Writes records one after the other.
pub fn pack(records: &[Record]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(records.iter().map(wire_octets).sum());
    for record in records {
        match record.compose(&mut octets) {
            Ok(()) => {}
            Err(never) => match never {},
        }
    }
    octets
}

/// Reads all records of a run of octets, whose octets they share.
///
/// Time and memory are in proportion to the octets: a record takes a few hundred octets of memory,
/// and at least 11 of the run. Where that is too much, [`Reader`] lets the caller stop.
pub fn unpack(octets: &Bytes) -> Result<Vec<Record>, Damaged> {
    let mut records = Reader::new(octets).collect::<Result<Vec<Record>, Damaged>>()?;
    records.shrink_to_fit();
    Ok(records)
}

/// Reads the records of a run of octets one by one; the first error is the end.
pub struct Reader<'a> {
    parser: Parser<'a, Bytes>,
    /// What the data of the present record are as they would be written.
    written: Vec<u8>,
    has_failed: bool,
}

impl<'a> Reader<'a> {
    /// Reads these.
    pub fn new(octets: &'a Bytes) -> Self {
        Reader {
            parser: Parser::from_ref(octets),
            written: Vec::new(),
            has_failed: false,
        }
    }

    /// Octets before the next record.
    pub fn position(&self) -> usize {
        self.parser.pos()
    }

    fn read(&mut self) -> Result<Record, Damaged> {
        let at = self.parser.pos();
        let short = |_| Damaged::Short { at };
        // A label cut short is told as such by nothing else than that there is no name.
        let owner = Name::parse(&mut self.parser).map_err(|_| Damaged::Owner { at })?;
        let rtype = Rtype::from_int(self.parser.parse_u16_be().map_err(short)?);
        let class = Class::from_int(self.parser.parse_u16_be().map_err(short)?);
        let ttl = Ttl::from_secs(self.parser.parse_u32_be().map_err(short)?);
        let length = self.parser.parse_u16_be().map_err(short)?;
        let octets = self.parser.parse_octets(length.into()).map_err(short)?;
        match self.read_data(rtype, &octets) {
            Some(data) => Ok(Record::new(owner, class, ttl, data)),
            None => Err(Damaged::Data { at, owner, rtype }),
        }
    }

    /// Data of a type, if they are as they would be written. That leaves out compression pointers,
    /// with which few octets could make large names.
    fn read_data(&mut self, rtype: Rtype, octets: &Bytes) -> Option<Data> {
        let mut parser = Parser::from_ref(octets);
        let data: Option<ZoneRecordData<Bytes, ParsedName<Bytes>>> =
            ParseRecordData::parse_rdata(rtype, &mut parser).ok()?;
        let data = data?.flatten_into();
        self.written.clear();
        match data.compose_rdata(&mut self.written) {
            Ok(()) => {}
            Err(never) => match never {},
        }
        (parser.remaining() == 0 && self.written == *octets).then_some(data)
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Record, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_failed || self.parser.remaining() == 0 {
            return None;
        }
        let record = self.read();
        self.has_failed = record.is_err();
        Some(record)
    }
}

#[cfg(test)]
mod tests;
