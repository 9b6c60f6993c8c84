//! Compares a section of a response with what it must and may hold, record by record.

use super::expected::Wanted;
use super::fault::{Fault, Place, Section};
use crate::{Data, Record};
use domain::base::ToName;
use domain::base::iana::{Class, Rtype};
use domain::base::name::ParsedName;
use domain::base::rdata::ComposeRecordData;
use domain::rdata::ZoneRecordData;

/// A record of a response; its names may be compressed.
pub(super) type Found<'m> =
    domain::base::Record<ParsedName<&'m [u8]>, ZoneRecordData<&'m [u8], ParsedName<&'m [u8]>>>;

/// One section under comparison.
pub(super) struct Comparison<'e, 'z> {
    section: Section,
    wanted: &'e [Wanted<'z>],
    /// For each RRset wanted, which of its records have come, and which signatures over it.
    seen: Vec<[Vec<bool>; 2]>,
}

impl<'e, 'z> Comparison<'e, 'z> {
    /// Nothing has come yet.
    pub(super) fn new(section: Section, wanted: &'e [Wanted<'z>]) -> Self {
        let none = |wanted: &Wanted<'_>| {
            [wanted.rrset.records, wanted.rrset.signatures].map(|places| vec![false; places.len()])
        };
        Comparison {
            section,
            wanted,
            seen: wanted.iter().map(none).collect(),
        }
    }

    /// Takes the next record of the section.
    pub(super) fn take(&mut self, record: &Found<'_>) -> Result<(), Fault> {
        let (rtype, is_signature) = match record.data() {
            ZoneRecordData::Rrsig(rrsig) => (rrsig.type_covered(), true),
            _ => (record.rtype(), false),
        };
        let place = || place(self.section, record.owner(), rtype);
        let is_of = |wanted: &Wanted<'_>| {
            wanted.rrset.rtype == rtype && wanted.rrset.owner.name_eq(record.owner())
        };
        let Some(index) = self.wanted.iter().position(is_of) else {
            return Err(self.stray(record));
        };
        if record.class() != Class::IN {
            let found = record.class();
            return Err(Fault::OtherClass {
                place: place(),
                found,
            });
        }
        if is_compressed(record) {
            return Err(Fault::Compressed(place()));
        }
        let Wanted { rrset, ttl_max, .. } = self.wanted[index];
        let places = [rrset.records, rrset.signatures][usize::from(is_signature)];
        let Some(at) = places
            .iter()
            .position(|place| has_data(rrset.at(*place), record))
        else {
            let (place, found) = (place(), record.data().to_string());
            return Err(match is_signature {
                true => Fault::SignatureNotOfZone { place, found },
                false => Fault::NotOfZone { place, found },
            });
        };
        let expected = rrset.at(places[at]).ttl().min(ttl_max);
        if record.ttl() != expected {
            return Err(Fault::OtherTtl {
                place: place(),
                expected: expected.as_secs(),
                found: record.ttl().as_secs(),
            });
        }
        let seen = &mut self.seen[index][usize::from(is_signature)][at];
        if std::mem::replace(seen, true) {
            return Err(Fault::Repeated(place()));
        }
        Ok(())
    }

    /// Ends the section: what must be there is there, and all of it. Returns how many RRsets are.
    pub(super) fn finish(self) -> Result<usize, Fault> {
        let mut present = 0;
        for (wanted, seen) in self.wanted.iter().zip(&self.seen) {
            let place = || place(self.section, wanted.rrset.owner, wanted.rrset.rtype);
            let [(found, expected), (signatures, all_signatures)] =
                seen.each_ref().map(|seen| (count(seen), seen.len()));
            if found == 0 && (wanted.required || signatures > 0) {
                return Err(Fault::Missing(place()));
            }
            if found == 0 {
                continue;
            }
            if found < expected {
                return Err(Fault::Incomplete {
                    place: place(),
                    expected,
                    found,
                });
            }
            if wanted.signed && signatures == 0 {
                return Err(Fault::Unsigned(place()));
            }
            if wanted.signed && signatures < all_signatures {
                return Err(Fault::SignaturesIncomplete {
                    place: place(),
                    expected: all_signatures,
                    found: signatures,
                });
            }
            present += 1;
        }
        Ok(present)
    }

    /// The fault of a record that belongs to nothing that is wanted.
    fn stray(&self, record: &Found<'_>) -> Fault {
        let place = place(self.section, record.owner(), record.rtype());
        match self.wanted {
            [] => Fault::NotEmpty(place),
            _ => Fault::Unexpected(place),
        }
    }
}

fn place(section: Section, owner: &impl ToName, rtype: Rtype) -> Place {
    Place {
        section,
        owner: owner.to_bytes(),
        rtype,
    }
}

fn count(seen: &[bool]) -> usize {
    seen.iter().filter(|seen| **seen).count()
}

/// Whether a record of the zone has the data of a record of the response. Names in it are compared
/// ignoring case.
fn has_data(own: &Record, found: &Found<'_>) -> bool {
    match own.data() {
        // Written in the form of RFC 3597, perhaps of a type that the response has in full.
        Data::Unknown(own) => {
            let mut octets = Vec::new();
            let composed = found.data().compose_rdata(&mut octets);
            composed.is_ok() && own.data().as_ref() == octets
        }
        own => found.data() == own,
    }
}

/// Whether data in which compression is forbidden has a compressed name.
fn is_compressed(record: &Found<'_>) -> bool {
    match record.data() {
        ZoneRecordData::Rrsig(rrsig) => rrsig.signer_name().is_compressed(),
        ZoneRecordData::Nsec(nsec) => nsec.next_name().is_compressed(),
        _ => false,
    }
}
