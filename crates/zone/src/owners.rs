//! Walks the records of a zone owner by owner and tells where each stands to the zone cuts.

use crate::record::{Name, Record, same_owner};
use domain::base::ToName;
use domain::base::iana::Rtype;
use domain::rdata::ZoneRecordData;

/// Where an owner stands in its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The top of the zone.
    Apex,
    /// Below the apex and above any zone cut: its data is the zone's own.
    Authoritative,
    /// At a zone cut: of its data only DS and NSEC are the zone's own (RFC 4035 section 2).
    Delegation,
    /// Below a zone cut: glue at best.
    Occluded,
}

/// The records of one owner.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// Its name, in the case of its first record.
    pub name: &'a Name,
    /// Where it stands.
    pub standing: Standing,
    /// All its records, by type.
    pub records: &'a [Record],
}

/// The owners of a zone in canonical order; `records` are in that order as well.
pub fn owners<'a>(apex: &'a Name, records: &'a [Record]) -> impl Iterator<Item = Owner<'a>> {
    let mut cut: Option<&Name> = None;
    records.chunk_by(same_owner).filter_map(move |records| {
        let name = records.first()?.owner();
        let standing = if name.name_eq(apex) {
            Standing::Apex
        } else if cut.is_some_and(|cut| name.ends_with(cut)) {
            Standing::Occluded
        } else if records.iter().any(|record| record.rtype() == Rtype::NS) {
            cut = Some(name);
            Standing::Delegation
        } else {
            Standing::Authoritative
        };
        Some(Owner {
            name,
            standing,
            records,
        })
    })
}

impl<'a> Owner<'a> {
    /// The RRsets of the owner by ascending type, signatures apart.
    pub fn rrsets(&self) -> impl Iterator<Item = &'a [Record]> {
        self.records
            .chunk_by(|left, right| left.rtype() == right.rtype())
            .filter(|rrset| {
                rrset
                    .first()
                    .is_some_and(|first| first.rtype() != Rtype::RRSIG)
            })
    }

    /// The RRset of one type; empty if there is none.
    pub fn rrset(&self, rtype: Rtype) -> &'a [Record] {
        self.records
            .chunk_by(|left, right| left.rtype() == right.rtype())
            .find(|rrset| rrset.first().is_some_and(|first| first.rtype() == rtype))
            .unwrap_or_default()
    }

    /// Whether an RRset of this type is the zone's own data here, and so is to be signed.
    pub fn is_authoritative_for(&self, rtype: Rtype) -> bool {
        match self.standing {
            Standing::Apex | Standing::Authoritative => true,
            Standing::Delegation => matches!(rtype, Rtype::DS | Rtype::NSEC),
            Standing::Occluded => false,
        }
    }
}

/// The type that a signature covers; none for other records.
pub(crate) fn type_covered(record: &Record) -> Option<Rtype> {
    match record.data() {
        ZoneRecordData::Rrsig(rrsig) => Some(rrsig.type_covered()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::read;
    use crate::record::sort_canonically;

    #[test]
    fn owners_below_a_cut_are_occluded() {
        let text = "\
            example. 1 SOA a. b. 1 2 3 4 5\n\
            example. 1 NS ns.cut.example.\n\
            cut.example. 1 NS ns.cut.example.\n\
            cut.example. 1 DS 1 8 2 00\n\
            ns.cut.example. 1 A 192.0.2.1\n\
            deep.ns.cut.example. 1 A 192.0.2.1\n\
            cutter.example. 1 A 192.0.2.1";
        let mut records = read(text.as_bytes(), None).unwrap();
        sort_canonically(&mut records);
        let apex: Name = "EXAMPLE.".parse().unwrap();
        let found: Vec<(String, Standing)> = owners(&apex, &records)
            .map(|owner| (owner.name.to_string(), owner.standing))
            .collect();
        let expected = [
            ("example", Standing::Apex),
            ("cut.example", Standing::Delegation),
            ("ns.cut.example", Standing::Occluded),
            ("deep.ns.cut.example", Standing::Occluded),
            ("cutter.example", Standing::Authoritative),
        ];
        assert_eq!(
            found,
            expected.map(|(name, standing)| (name.to_owned(), standing))
        );
    }
}
