//! Message digests for zones (RFC 8976).
//!
//! This module knows digests alone; whether a zone without one may be served is a policy, which
//! [`crate::verify`] applies.

use crate::record::{Name, Record};
use domain::base::ToName;
use domain::base::iana::Rtype;
use domain::rdata::ZoneRecordData;
use ring::digest;

/// The hash algorithms of ZONEMD (RFC 8976 section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// Number 1.
    Sha384,
    /// Number 2.
    Sha512,
}

/// The digest of a zone by the SIMPLE scheme (RFC 8976 section 3.3.1).
///
/// `records` are in canonical order and without duplicates, all in the zone and of its class
/// ([`crate::record::sort_canonically`]). The apex ZONEMD RRset and the signatures over it are
/// passed over (section 3.4.1); glue and occluded records are covered.
pub fn digest(apex: &Name, records: &[Record], hash: Hash) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    let mut context = digest::Context::new(algorithm);
    let mut octets = Vec::with_capacity(1024);
    let covered = records
        .iter()
        .filter(|record| !(is_digest(record) && record.owner().name_eq(apex)));
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
