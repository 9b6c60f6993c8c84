//! The records of a zone as one run of octets, to be kept and sent.

use crate::record::{Name, Record};
use bytes::Bytes;
use imrs_wire::Serial;

/// One version of a zone in canonical order, in uncompressed wire form. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Packed {
    apex: Name,
    serial: Serial,
    count: usize,
    octets: Bytes,
}

/// Why octets are no records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    /// No record can be read there.
    #[error("no record can be read at octet {at}")]
    Record {
        /// Octets before it.
        at: usize,
    },
    /// There is no SOA record.
    #[error("the records have no SOA among them")]
    NoSoa,
}

impl Packed {
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
}

/// Reads all records of a run of octets.
pub fn unpack(octets: &Bytes) -> Result<Vec<Record>, Damaged> {
    use domain::base::{ParsedRecord, name::FlattenInto};
    use domain::dep::octseq::Parser;
    use domain::rdata::ZoneRecordData;
    let mut parser = Parser::from_ref(octets);
    let mut records = Vec::new();
    while parser.remaining() > 0 {
        let at = parser.pos();
        let damaged = Damaged::Record { at };
        let record = ParsedRecord::parse(&mut parser)
            .ok()
            .and_then(|record| record.into_record::<ZoneRecordData<_, _>>().ok().flatten())
            .ok_or(damaged)?;
        records.push(record.flatten_into());
    }
    Ok(records)
}

/// Writes records one after the other.
pub fn pack(records: &[Record]) -> Vec<u8> {
    let mut octets = Vec::new();
    for record in records {
        let Ok(()) = record.compose(&mut octets);
    }
    octets
}

impl Packed {
    /// Packs records in canonical order, of which one is the SOA.
    ///
    /// Takes the apex and serial from the first SOA record; without one there is no zone.
    pub fn new(records: &[Record]) -> Result<Self, Damaged> {
        Packed::with(records, pack(records).into())
    }

    /// Takes octets that [`Packed::octets`] gave.
    pub fn from_octets(octets: Bytes) -> Result<Self, Damaged> {
        let records = unpack(&octets)?;
        Packed::with(&records, octets)
    }

    fn with(records: &[Record], octets: Bytes) -> Result<Self, Damaged> {
        use domain::rdata::ZoneRecordData;
        let soa = records.iter().find_map(|record| match record.data() {
            ZoneRecordData::Soa(soa) => Some((record.owner().clone(), soa.serial().into_int())),
            _ => None,
        });
        let (apex, serial) = soa.ok_or(Damaged::NoSoa)?;
        Ok(Packed {
            apex,
            serial: Serial(serial),
            count: records.len(),
            octets,
        })
    }

    /// All its records.
    pub fn records(&self) -> Vec<Record> {
        unpack(&self.octets).expect("read when this was made")
    }
}
