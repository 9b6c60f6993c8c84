//! A set of records that has the shape of a zone which this server can serve.
//!
//! Shape is what can be seen without keys, time and policy. What a root server's zones never have
//! (wildcards, aliases, NSEC3) is refused here, so that no later stage needs a case for it.

mod unfit;

pub use unfit::Unfit;

use crate::limits::{Limits, RRSET_OCTETS_MAX, TTL_SECONDS_MAX};
use crate::owners::{Owner, Standing, owners};
use crate::record::{Name, Record, canonical_cmp, deduplicate, is_at_or_below, same_owner};
use crate::zonemd;
use domain::base::ToName;
use domain::base::iana::{Class, Rtype};
use domain::base::name::{Label, ToLabelIter};
use domain::base::rdata::ComposeRecordData;
use domain::rdata::ZoneRecordData;
use imrs_wire::Serial;

/// Records as received, sorted canonically and without duplicates; nothing about them is trusted.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub(crate) apex: Name,
    pub(crate) serial: Serial,
    pub(crate) records: Vec<Record>,
}

impl Candidate {
    /// Takes records that have the shape of a zone, in any order and with duplicates.
    ///
    /// The apex is the owner of the SOA record. The checks run from the outside in: size, SOA,
    /// then every record by itself, every RRset, every owner. The first failure is told.
    pub fn new(mut records: Vec<Record>, limits: &Limits) -> Result<Self, Unfit> {
        check_size(&records, limits)?;
        records.sort_by(canonical_cmp);
        let (apex, serial) = find_soa(&records)?;
        for record in &records {
            check_record(record, &apex)?;
        }
        check_ttls(&records)?;
        deduplicate(&mut records);
        check_rrset_sizes(&records)?;
        check_owners(&apex, &records)?;
        records.shrink_to_fit();
        Ok(Candidate {
            apex,
            serial,
            records,
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

    /// Its records in canonical order (RFC 4034 section 6), without duplicates.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Whether it has a digest that can be verified, be it right or wrong.
    pub fn has_digest(&self) -> bool {
        zonemd::is_verifiable(&self.apex, &self.records)
    }
}

fn check_size(records: &[Record], limits: &Limits) -> Result<(), Unfit> {
    if records.len() > limits.records {
        return Err(Unfit::TooManyRecords {
            count: records.len(),
            limit: limits.records,
        });
    }
    let octets = records.iter().map(wire_octets).sum();
    if octets > limits.octets {
        return Err(Unfit::TooManyOctets {
            octets,
            limit: limits.octets,
        });
    }
    Ok(())
}

fn check_rrset_sizes(records: &[Record]) -> Result<(), Unfit> {
    let same = |a: &Record, b: &Record| a.rtype() == b.rtype() && a.owner() == b.owner();
    for rrset in records.chunk_by(same) {
        let octets = rrset.iter().map(wire_octets).sum();
        if let Some(first) = rrset.first().filter(|_| octets > RRSET_OCTETS_MAX) {
            return Err(Unfit::RrsetTooLarge {
                owner: first.owner().clone(),
                rtype: first.rtype(),
                octets,
            });
        }
    }
    Ok(())
}

/// The octets of a record in uncompressed wire form.
pub(crate) fn wire_octets(record: &Record) -> usize {
    // Type, class, TTL and the length of the data.
    const FIXED: usize = 2 + 2 + 4 + 2;
    let data = record.data().rdlen(false).unwrap_or_default();
    record.owner().len() + FIXED + usize::from(data)
}

/// The apex and its serial. A parent sorts before its children, so the first SOA is the apex's.
fn find_soa(records: &[Record]) -> Result<(Name, Serial), Unfit> {
    let mut soas = records.iter().filter_map(|record| match record.data() {
        ZoneRecordData::Soa(soa) => Some((record, Serial(soa.serial().into_int()))),
        _ => None,
    });
    let (apex_soa, serial) = soas.next().ok_or(Unfit::NoSoa)?;
    let apex = apex_soa.owner();
    for (other, other_serial) in soas {
        if !other.owner().name_eq(apex) {
            return Err(Unfit::SoaBelowApex {
                owner: other.owner().clone(),
                apex: apex.clone(),
            });
        }
        if canonical_cmp(apex_soa, other).is_ne() {
            return Err(Unfit::SoaTwice {
                apex: apex.clone(),
                serials: (serial, other_serial),
            });
        }
    }
    Ok((apex.clone(), serial))
}

/// What can be wrong with a record by itself.
fn check_record(record: &Record, apex: &Name) -> Result<(), Unfit> {
    let (owner, rtype) = (|| record.owner().clone(), record.rtype());
    if record.class() != Class::IN {
        return Err(Unfit::OtherClass {
            owner: owner(),
            rtype,
            class: record.class(),
        });
    }
    if !is_at_or_below(record.owner(), apex) {
        return Err(Unfit::OutOfZone {
            owner: owner(),
            rtype,
            apex: apex.clone(),
        });
    }
    if record.owner().iter_labels().any(Label::is_wildcard) {
        return Err(Unfit::Wildcard { owner: owner() });
    }
    if record.ttl().as_secs() > TTL_SECONDS_MAX {
        return Err(Unfit::LongTtl {
            owner: owner(),
            rtype,
            ttl: record.ttl().as_secs(),
        });
    }
    match rtype {
        Rtype::CNAME | Rtype::DNAME => Err(Unfit::Alias {
            owner: owner(),
            rtype,
        }),
        Rtype::NSEC3 | Rtype::NSEC3PARAM => Err(Unfit::Nsec3 {
            owner: owner(),
            rtype,
        }),
        // OPT, and the range of types for queries and transport.
        _ if rtype == Rtype::OPT
            || (128..=255).contains(&rtype.to_int())
            || rtype.to_int() == 0 =>
        {
            Err(Unfit::MetaType {
                owner: owner(),
                rtype,
            })
        }
        _ => Ok(()),
    }
}

/// All records of an RRset have one TTL. Signatures are no RRset (RFC 2181 section 5.2 was written
/// before them): each has the TTL of what it covers.
fn check_ttls(sorted: &[Record]) -> Result<(), Unfit> {
    for (left, right) in sorted.iter().zip(sorted.iter().skip(1)) {
        let is_rrset = left.rtype() == right.rtype()
            && left.rtype() != Rtype::RRSIG
            && same_owner(left, right);
        if is_rrset && left.ttl() != right.ttl() {
            return Err(Unfit::TtlsDiffer {
                owner: left.owner().clone(),
                rtype: left.rtype(),
                ttls: (left.ttl().as_secs(), right.ttl().as_secs()),
            });
        }
    }
    Ok(())
}

fn check_owners(apex: &Name, records: &[Record]) -> Result<(), Unfit> {
    let mut cut = apex;
    for owner in owners(apex, records) {
        match owner.standing {
            Standing::Apex if owner.rrset(Rtype::NS).is_empty() => {
                return Err(Unfit::NoApexNs { apex: apex.clone() });
            }
            Standing::Apex | Standing::Authoritative => check_no_ds(&owner)?,
            Standing::Delegation => {
                cut = owner.name;
                check_glue(&owner, cut)?;
            }
            Standing::Occluded => check_glue(&owner, cut)?,
        }
    }
    Ok(())
}

fn check_no_ds(owner: &Owner<'_>) -> Result<(), Unfit> {
    match owner.rrset(Rtype::DS) {
        [] => Ok(()),
        _ => Err(Unfit::MisplacedDs {
            owner: owner.name.clone(),
        }),
    }
}

/// At a cut stand NS, DS and addresses, below it addresses. Signatures and NSEC records are left
/// to [`crate::verify`], which knows whether the zone is to be signed.
fn check_glue(owner: &Owner<'_>, cut: &Name) -> Result<(), Unfit> {
    let stray = owner.records.iter().find(|record| match record.rtype() {
        Rtype::A | Rtype::AAAA | Rtype::RRSIG | Rtype::NSEC => false,
        Rtype::NS | Rtype::DS => owner.standing != Standing::Delegation,
        _ => true,
    });
    match stray {
        None => Ok(()),
        Some(record) => Err(Unfit::Occluded {
            owner: record.owner().clone(),
            rtype: record.rtype(),
            cut: cut.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::read;

    const ZONE: &str = "\
        $ORIGIN example.\n\
        @ 60 SOA ns host 7 1 2 3 4\n\
        @ 60 NS ns\n\
        ns 60 A 192.0.2.1\n\
        child 60 NS ns.child\n\
        child 60 DS 1 8 2 00\n\
        ns.child 60 A 192.0.2.2\n";

    fn candidate(text: &str, limits: &Limits) -> Result<Candidate, Unfit> {
        let records = read(text.as_bytes(), None).unwrap_or_else(|error| panic!("{error}"));
        Candidate::new(records, limits)
    }

    fn check(more: &str, expected: &str) {
        let found = match candidate(&format!("{ZONE}{more}"), &Limits::default()) {
            Ok(zone) => format!("{} {}", zone.apex().fmt_with_dot(), zone.serial()),
            Err(unfit) => unfit.to_string(),
        };
        assert_eq!(found, expected, "{more}");
    }

    #[test]
    fn each_misshape_is_refused_by_name() {
        check("", "example. 7");
        check("@ 60 SOA NS HOST 7 1 2 3 4", "example. 7");
        check(
            "@ 60 SOA ns host 8 1 2 3 4",
            "example. has SOA records of serial 7 and 8; leave one",
        );
        check(
            "a 60 SOA ns host 8 1 2 3 4",
            "a.example. has a SOA record below the apex example.; a file holds one zone",
        );
        check(
            "a 60 CH TXT x",
            "a.example. TXT is of class CH; only IN is served",
        );
        check(
            "a.test. 60 TXT x",
            "a.test. TXT is out of zone example.; take it out",
        );
        check(
            "*.a 60 TXT x",
            "*.a.example. is or implies a wildcard; the zones of a root server have none, and none is served",
        );
        check(
            "a.*.b 60 TXT x",
            "a.*.b.example. is or implies a wildcard; the zones of a root server have none, and none is served",
        );
        check(
            "a 60 CNAME b",
            "a.example. has a CNAME; the zones of a root server have none, and none is served",
        );
        check(
            "a 60 DNAME b",
            "a.example. has a DNAME; the zones of a root server have none, and none is served",
        );
        check(
            "a 60 NSEC3PARAM 1 0 0 -",
            "a.example. has an NSEC3PARAM; only NSEC is supported, sign the zone with it",
        );
        check(
            r"a 60 TYPE252 \# 0",
            "a.example. AXFR: records of this type do not stand in zones",
        );
        check(
            "ns 61 A 192.0.2.9",
            "ns.example. A has TTLs 60 and 61; give all records of an RRset the same (RFC 2181 \
             section 5.2)",
        );
        check(
            "child 60 TXT x",
            "child.example. TXT is occluded by the delegation of child.example.; only glue stands \
             there",
        );
        check(
            "a.child 60 NS x",
            "a.child.example. NS is occluded by the delegation of child.example.; only glue \
             stands there",
        );
        check(
            "ns 60 DS 1 8 2 00",
            "ns.example. has a DS but is not delegated; add its NS or remove the DS",
        );
    }

    #[test]
    fn a_zone_needs_a_soa_and_servers() {
        let found = candidate("example. 60 NS ns.example.", &Limits::default());
        assert_eq!(found.unwrap_err(), Unfit::NoSoa);
        let found = candidate("example. 60 SOA a. b. 1 2 3 4 5", &Limits::default());
        let apex = "example.".parse().unwrap();
        assert_eq!(found.unwrap_err(), Unfit::NoApexNs { apex });
    }

    #[test]
    fn an_rrset_fits_a_message() {
        let keys = |count: usize| {
            let key = "A".repeat(1360);
            (0..count)
                .map(|at| format!("@ 60 DNSKEY 256 3 8 {at:04}{key}\n"))
                .collect::<String>()
        };
        let zone = |count| candidate(&format!("{ZONE}{}", keys(count)), &Limits::default());
        zone(60).unwrap();
        let refused = zone(64).unwrap_err().to_string();
        assert!(refused.starts_with("example. DNSKEY has 6"), "{refused}");
    }

    #[test]
    fn limits_hold_to_the_record_and_the_octet() {
        let records = read(ZONE.as_bytes(), None).unwrap();
        let octets = records.iter().map(wire_octets).sum();
        let mut limits = Limits {
            records: records.len(),
            octets,
        };
        assert!(candidate(ZONE, &limits).is_ok());
        limits.octets -= 1;
        let found = candidate(ZONE, &limits).unwrap_err();
        let limit = limits.octets;
        assert_eq!(found, Unfit::TooManyOctets { octets, limit });
        limits.records -= 1;
        let found = candidate(ZONE, &limits).unwrap_err();
        let limit = limits.records;
        assert_eq!(
            found,
            Unfit::TooManyRecords {
                count: limit + 1,
                limit
            }
        );
    }
}
