//! Checks the chain of NSEC records (RFC 4034 section 4, RFC 4035 section 2.3): complete, closed,
//! and with the right types at each name.

use super::failure::Unverified;
use crate::owners::{Owner, Standing};
use crate::record::{Name, Record};
use bytes::Bytes;
use domain::base::ToName;
use domain::base::iana::Rtype;
use domain::rdata::{Nsec, ZoneRecordData};

/// Checks the chain of a zone, whose owners come in canonical order. Returns its length.
pub(super) fn check<'a>(
    apex: &'a Name,
    owners: impl Iterator<Item = Owner<'a>>,
) -> Result<usize, Unverified> {
    let mut last: Option<(&Name, &Nsec<Bytes, Name>)> = None;
    let mut length = 0;
    for owner in owners {
        let Some(nsec) = nsec_of(&owner)? else {
            continue;
        };
        if let Some((before, leads)) = last {
            check_next(before, leads, owner.name)?;
        }
        check_types(&owner, nsec)?;
        last = Some((owner.name, nsec));
        length += 1;
    }
    if let Some((before, leads)) = last {
        check_next(before, leads, apex)?;
    }
    Ok(length)
}

/// The NSEC record of an owner that is to have one.
fn nsec_of<'a>(owner: &Owner<'a>) -> Result<Option<&'a Nsec<Bytes, Name>>, Unverified> {
    let name = || owner.name.clone();
    match (owner.standing, owner.rrset(Rtype::NSEC)) {
        (Standing::Occluded, []) => Ok(None),
        (Standing::Occluded, _) => Err(Unverified::NsecMisplaced { owner: name() }),
        (_, [only]) => match only.data() {
            ZoneRecordData::Nsec(nsec) => Ok(Some(nsec)),
            _ => Err(Unverified::NsecMissing { owner: name() }),
        },
        (_, []) => Err(Unverified::NsecMissing { owner: name() }),
        (_, _) => Err(Unverified::NsecTwice { owner: name() }),
    }
}

fn check_next(owner: &Name, nsec: &Nsec<Bytes, Name>, expected: &Name) -> Result<(), Unverified> {
    if nsec.next_name().name_eq(expected) {
        return Ok(());
    }
    Err(Unverified::NsecChain {
        owner: owner.clone(),
        found: nsec.next_name().clone(),
        expected: expected.clone(),
    })
}

/// The types of an NSEC record are all that its owner has. At a delegation those are NS and what
/// is the zone's own, but not glue (RFC 4034 section 4.1.2).
fn check_types(owner: &Owner<'_>, nsec: &Nsec<Bytes, Name>) -> Result<(), Unverified> {
    let is_told = |rtype: Rtype| match owner.standing {
        Standing::Delegation => {
            matches!(rtype, Rtype::NS | Rtype::DS | Rtype::NSEC | Rtype::RRSIG)
        }
        _ => true,
    };
    let has = || {
        owner
            .records
            .chunk_by(|left, right| left.rtype() == right.rtype())
            .filter_map(|rrset| rrset.first().map(Record::rtype))
            .filter(|&rtype| is_told(rtype))
    };
    let told = || nsec.types().iter();
    if has().eq(told()) {
        return Ok(());
    }
    Err(Unverified::NsecTypes {
        owner: owner.name.clone(),
        lacks: has()
            .filter(|&rtype| told().all(|other| other != rtype))
            .collect(),
        extra: told()
            .filter(|&rtype| has().all(|other| other != rtype))
            .collect(),
    })
}
