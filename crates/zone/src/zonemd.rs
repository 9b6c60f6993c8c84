//! Message digests for zones (RFC 8976).
//!
//! This module knows digests alone; whether a zone without one may be served is a policy, which
//! [`crate::verify`] applies.

use crate::record::{Name, Record, canonical_cmp, is_at_or_below};
use bytes::Bytes;
use domain::base::ToName;
use domain::base::iana::Rtype;
use domain::rdata::{ZoneRecordData, Zonemd};
use imrs_wire::Serial;
use ring::digest;
use std::fmt;

/// The hash algorithms of ZONEMD (RFC 8976 section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// Number 1.
    Sha384,
    /// Number 2.
    Sha512,
}

impl Hash {
    /// The hash with this number, if it is supported.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Hash::Sha384),
            2 => Some(Hash::Sha512),
            _ => None,
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hash::Sha384 => "SHA-384",
            Hash::Sha512 => "SHA-512",
        })
    }
}

/// Why no digest of a zone could be found good (RFC 8976 section 4).
///
/// One good ZONEMD record is enough. If there is none, the error is of the record that came
/// furthest: a disagreement before a wrong serial before a repetition before what is unsupported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Nothing to check: no SOA record, so no apex.
    #[error("no SOA record, so there is no zone to digest")]
    NoSoa,
    /// No ZONEMD record at the apex.
    #[error("serial {serial} carries no ZONEMD; ask the publisher for a zone with a digest")]
    Absent {
        /// Of the zone.
        serial: Serial,
    },
    /// Only schemes or hash algorithms that are not supported: not verifiable, and not known bad.
    #[error(
        "serial {serial} carries ZONEMD of scheme {scheme} and hash algorithm {hash} only; \
         verifiable is scheme 1 with 1 (SHA-384) or 2 (SHA-512)"
    )]
    Unsupported {
        /// Of the zone.
        serial: Serial,
        /// The scheme of the first ZONEMD record.
        scheme: u8,
        /// The hash algorithm of the first ZONEMD record.
        hash: u8,
    },
    /// Two ZONEMD records with one scheme and hash: neither may be used (section 2.2.3).
    #[error("serial {serial} carries more than one ZONEMD of scheme 1 and {hash}; none counts")]
    Repeated {
        /// Of the zone.
        serial: Serial,
        /// Their hash.
        hash: Hash,
    },
    /// The ZONEMD was made for another serial.
    #[error(
        "the ZONEMD is for serial {found}, the zone has {serial}; it was changed after signing"
    )]
    OtherSerial {
        /// Of the zone.
        serial: Serial,
        /// Of the ZONEMD record.
        found: Serial,
    },
    /// The digest is not that of the records.
    #[error(
        "the {hash} ZONEMD of serial {serial} disagrees with the records; some were changed, lost \
         or added on the way: fetch the zone again"
    )]
    Mismatch {
        /// Of the zone.
        serial: Serial,
        /// The hash that was computed.
        hash: Hash,
    },
}

/// Checks the digest of records that need not have the shape of a zone.
///
/// The apex is that of the first SOA record. Records out of its zone are not covered, as they are
/// not in the zone (section 3.4.1), nor are duplicates; records of all classes are. Says which hash
/// is good.
pub fn check(records: &[Record]) -> Result<Hash, DigestError> {
    let soa = records.iter().find(|record| record.rtype() == Rtype::SOA);
    let soa = soa.ok_or(DigestError::NoSoa)?;
    let apex = soa.owner();
    let mut covered: Vec<&Record> = records
        .iter()
        .filter(|record| is_at_or_below(record.owner(), apex))
        .collect();
    covered.sort_by(|left, right| canonical_cmp(left, right));
    covered.dedup_by(|later, earlier| canonical_cmp(earlier, later).is_eq());
    check_each(apex, || covered.iter().copied())
}

/// Checks the digest of the records of a zone, in canonical order and without duplicates.
pub(crate) fn check_sorted(apex: &Name, records: &[Record]) -> Result<Hash, DigestError> {
    check_each(apex, || records.iter())
}

/// Whether there is a ZONEMD record at the apex whose scheme and hash algorithm are supported.
pub(crate) fn is_verifiable(apex: &Name, records: &[Record]) -> bool {
    let at_apex = records.iter().filter(|record| record.owner().name_eq(apex));
    at_apex.into_iter().any(|record| match record.data() {
        ZoneRecordData::Zonemd(zonemd) => {
            u8::from(zonemd.scheme()) == SIMPLE
                && Hash::from_number(zonemd.algorithm().into()).is_some()
        }
        _ => false,
    })
}

/// Checks the digest of the records that `records` iterates over.
fn check_each<'a, I: Iterator<Item = &'a Record>>(
    apex: &Name,
    records: impl Fn() -> I,
) -> Result<Hash, DigestError> {
    // Nothing sorts before the apex.
    let at_apex = || records().take_while(|record| record.owner().name_eq(apex));
    let serial = at_apex()
        .find_map(|record| match record.data() {
            ZoneRecordData::Soa(soa) => Some(Serial(soa.serial().into_int())),
            _ => None,
        })
        .ok_or(DigestError::NoSoa)?;
    let zonemds: Vec<&Zonemd<Bytes>> = at_apex()
        .filter_map(|record| match record.data() {
            ZoneRecordData::Zonemd(zonemd) => Some(zonemd),
            _ => None,
        })
        .collect();
    let mut worst = match zonemds.first() {
        None => return Err(DigestError::Absent { serial }),
        Some(first) => DigestError::Unsupported {
            serial,
            scheme: first.scheme().into(),
            hash: first.algorithm().into(),
        },
    };
    for hash in [Hash::Sha384, Hash::Sha512] {
        let mut usable = zonemds.iter().filter(|zonemd| {
            u8::from(zonemd.scheme()) == SIMPLE
                && Hash::from_number(zonemd.algorithm().into()) == Some(hash)
        });
        let found = match (usable.next(), usable.next()) {
            (None, _) => continue,
            (Some(_), Some(_)) => DigestError::Repeated { serial, hash },
            (Some(only), None) if only.serial().into_int() != serial.0 => {
                DigestError::OtherSerial {
                    serial,
                    found: Serial(only.serial().into_int()),
                }
            }
            (Some(only), None) if digest_each(apex, records(), hash) == only.digest().as_ref() => {
                return Ok(hash);
            }
            (Some(_), None) => DigestError::Mismatch { serial, hash },
        };
        if found.progress() > worst.progress() {
            worst = found;
        }
    }
    Err(worst)
}

/// The scheme of section 5.2 that is supported.
const SIMPLE: u8 = 1;

impl DigestError {
    /// How far the steps of section 4 came.
    fn progress(&self) -> u8 {
        match self {
            DigestError::NoSoa | DigestError::Absent { .. } => 0,
            DigestError::Unsupported { .. } => 1,
            DigestError::Repeated { .. } => 2,
            DigestError::OtherSerial { .. } => 3,
            DigestError::Mismatch { .. } => 4,
        }
    }
}

/// The digest of a zone by the SIMPLE scheme (RFC 8976 section 3.3.1).
///
/// `records` are in canonical order and without duplicates, all in the zone
/// ([`crate::record::sort_canonically`]). The apex ZONEMD RRset and the signatures over it are
/// passed over (section 3.4.1); glue and occluded records are covered.
pub fn digest(apex: &Name, records: &[Record], hash: Hash) -> Vec<u8> {
    digest_each(apex, records.iter(), hash)
}

fn digest_each<'a>(apex: &Name, records: impl Iterator<Item = &'a Record>, hash: Hash) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    let mut context = digest::Context::new(algorithm);
    let mut octets = Vec::with_capacity(1024);
    let covered = records.filter(|record| !(is_digest(record) && record.owner().name_eq(apex)));
    for record in covered {
        octets.clear();
        match record.compose_canonical(&mut octets) {
            Ok(()) => context.update(&octets),
            Err(never) => match never {},
        }
    }
    context.finish().as_ref().to_vec()
}

/// Whether a record is a ZONEMD or a signature over one.
fn is_digest(record: &Record) -> bool {
    match record.data() {
        ZoneRecordData::Rrsig(rrsig) => rrsig.type_covered() == Rtype::ZONEMD,
        _ => record.rtype() == Rtype::ZONEMD,
    }
}
