//! Checks the signatures of a zone (RFC 4035 section 5.3), on all threads that it is given.
//!
//! An RRset is proven by one good signature of any key of the DNSKEY RRset (RFC 6840 section 5.11:
//! a validator must not insist on every algorithm). Signatures by unknown keys and out of their
//! time do not count, as a conservative algorithm roll has them (RFC 6781 section 4.1.4); a
//! signature by a key of the zone that does not verify is a failure even beside a good one.

use super::failure::{SignatureFault, Unverified};
use super::keys::ZoneKey;
use crate::owners::{Owner, type_covered};
use crate::record::{Name, Record, UnixTime};
use bytes::Bytes;
use domain::base::ToName;
use domain::base::iana::Rtype;
use domain::base::rdata::ComposeRecordData;
use domain::crypto::common::AlgorithmError;
use domain::rdata::{Rrsig, ZoneRecordData};

/// An RRset and the signatures over it.
pub(super) struct RrsetCheck<'a> {
    pub(super) owner: &'a Name,
    pub(super) rtype: Rtype,
    pub(super) rrset: &'a [Record],
    pub(super) signatures: &'a [Record],
}

impl<'a> RrsetCheck<'a> {
    /// The RRset of one type at an owner, and what signs it.
    pub(super) fn new(owner: &Owner<'a>, rtype: Rtype) -> Self {
        let signatures = owner
            .rrset(Rtype::RRSIG)
            .chunk_by(|left, right| type_covered(left) == type_covered(right))
            .find(|group| group.first().and_then(type_covered) == Some(rtype));
        RrsetCheck {
            owner: owner.name,
            rtype,
            rrset: owner.rrset(rtype),
            signatures: signatures.unwrap_or_default(),
        }
    }
}

/// What is to be found at one place of the zone.
pub(super) enum Task<'a> {
    /// An RRset that is to be signed.
    Check(RrsetCheck<'a>),
    /// Something is wrong without looking at a key.
    Wrong(Unverified),
}

impl Task<'_> {
    /// Signatures that it checks.
    pub(super) fn signatures(&self) -> usize {
        match self {
            Task::Check(check) => check.signatures.len(),
            Task::Wrong(_) => 0,
        }
    }
}

/// What there is to check at an owner, in order of type.
pub(super) fn tasks<'a>(owner: &Owner<'a>, tasks: &mut Vec<Task<'a>>) {
    let mut groups = owner
        .rrset(Rtype::RRSIG)
        .chunk_by(|left, right| type_covered(left) == type_covered(right))
        .peekable();
    let covered = |group: &&[Record]| group.first().and_then(type_covered);
    let nothing = |group: &&[Record]| {
        Task::Wrong(Unverified::SignatureOfNothing {
            owner: owner.name.clone(),
            rtype: covered(group).unwrap_or(Rtype::RRSIG),
        })
    };
    for rrset in owner.rrsets() {
        let Some(rtype) = rrset.first().map(Record::rtype) else {
            continue;
        };
        while let Some(group) = groups.next_if(|group| covered(group) < Some(rtype)) {
            tasks.push(nothing(&group));
        }
        let group = groups.next_if(|group| covered(group) == Some(rtype));
        if owner.is_authoritative_for(rtype) {
            tasks.push(Task::Check(RrsetCheck {
                owner: owner.name,
                rtype,
                rrset,
                signatures: group.unwrap_or_default(),
            }));
        } else if group.is_some() {
            tasks.push(Task::Wrong(Unverified::SignedGlue {
                owner: owner.name.clone(),
                rtype,
            }));
        }
    }
    tasks.extend(groups.map(|group| nothing(&group)));
}

/// A signature that is good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Good {
    /// The index of its key.
    pub(super) key: usize,
    /// The end of its validity.
    pub(super) expires: UnixTime,
}

/// Checks signatures one after the other, with buffers that it keeps.
pub(super) struct Checker<'a> {
    apex: &'a Name,
    keys: &'a [ZoneKey],
    now: UnixTime,
    signed: Vec<u8>,
    owner: Vec<u8>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(apex: &'a Name, keys: &'a [ZoneKey], now: UnixTime) -> Self {
        Checker {
            apex,
            keys,
            now,
            signed: Vec::with_capacity(2048),
            owner: Vec::with_capacity(256),
        }
    }

    /// Checks all signatures over an RRset, and hands each good one to `take`. Returns the time
    /// at which the last of them ends.
    pub(super) fn check_rrset(
        &mut self,
        check: &RrsetCheck<'_>,
        mut take: impl FnMut(Good),
    ) -> Result<UnixTime, SignatureFault> {
        let mut expires: Option<UnixTime> = None;
        let mut furthest = SignatureFault::Absent;
        for signature in check.signatures {
            match self.check_signature(check, signature) {
                Ok(good) => {
                    expires = expires.max(Some(good.expires));
                    take(good);
                }
                Err(fault) if fault.is_wrong() => return Err(fault),
                Err(fault) => furthest = furthest.max(fault),
            }
        }
        expires.ok_or(furthest)
    }

    /// Checks one signature over an RRset.
    pub(super) fn check_signature(
        &mut self,
        check: &RrsetCheck<'_>,
        signature: &Record,
    ) -> Result<Good, SignatureFault> {
        let ZoneRecordData::Rrsig(rrsig) = signature.data() else {
            return Err(SignatureFault::Absent);
        };
        if !rrsig.signer_name().name_eq(self.apex) {
            let signer = rrsig.signer_name().fmt_with_dot().to_string();
            return Err(SignatureFault::OtherSigner(signer));
        }
        self.check_key(check, rrsig)?;
        let expires = self.check_time(rrsig)?;
        check_fields(check, signature, rrsig)?;
        self.compose_signed(check, rrsig);
        let mut outcome = SignatureFault::Unsupported {
            algorithm: rrsig.algorithm().to_int(),
        };
        // Different keys can have one tag: any of them may be the signer.
        for (at, key) in self.keys.iter().enumerate() {
            if !self.is_signer(check, rrsig, key) {
                continue;
            }
            match key.verify(&self.signed, rrsig.signature()) {
                Ok(()) => return Ok(Good { key: at, expires }),
                Err(AlgorithmError::Unsupported) => {}
                Err(_) => {
                    outcome = SignatureFault::Bad {
                        tag: rrsig.key_tag(),
                    }
                }
            }
        }
        Err(outcome)
    }

    /// Whether the key may have made the signature. A revoked key signs the DNSKEY RRset alone,
    /// to tell of its revocation.
    fn is_signer(&self, check: &RrsetCheck<'_>, rrsig: &Rrsig<Bytes, Name>, key: &ZoneKey) -> bool {
        key.tag == rrsig.key_tag()
            && key.algorithm == rrsig.algorithm().to_int()
            && (!key.is_revoked || check.rtype == Rtype::DNSKEY)
    }

    fn check_key(
        &self,
        check: &RrsetCheck<'_>,
        rrsig: &Rrsig<Bytes, Name>,
    ) -> Result<(), SignatureFault> {
        if self
            .keys
            .iter()
            .any(|key| self.is_signer(check, rrsig, key))
        {
            return Ok(());
        }
        let (tag, algorithm) = (rrsig.key_tag(), rrsig.algorithm().to_int());
        let mut same = self.keys.iter().filter(|key| key.tag == tag);
        match same.any(|key| key.algorithm == algorithm) {
            true => Err(SignatureFault::RevokedKey { tag }),
            false => Err(SignatureFault::UnknownKey { tag, algorithm }),
        }
    }

    /// Whether `now` is within the validity; both its ends are in it (RFC 4035 section 5.3.1).
    fn check_time(&self, rrsig: &Rrsig<Bytes, Name>) -> Result<UnixTime, SignatureFault> {
        let tag = rrsig.key_tag();
        let from = near(self.now, rrsig.inception().into_int());
        let until = near(self.now, rrsig.expiration().into_int());
        if until < self.now {
            Err(SignatureFault::Expired { tag, at: until })
        } else if from > self.now {
            Err(SignatureFault::NotYet { tag, from })
        } else {
            Ok(until)
        }
    }

    /// Composes what is signed (RFC 4034 section 3.1.8.1) in `self.signed`.
    fn compose_signed(&mut self, check: &RrsetCheck<'_>, rrsig: &Rrsig<Bytes, Name>) {
        let signed = &mut self.signed;
        signed.clear();
        signed.extend(rrsig.type_covered().to_int().to_be_bytes());
        signed.extend([rrsig.algorithm().to_int(), rrsig.labels()]);
        signed.extend(rrsig.original_ttl().as_secs().to_be_bytes());
        signed.extend(rrsig.expiration().into_int().to_be_bytes());
        signed.extend(rrsig.inception().into_int().to_be_bytes());
        signed.extend(rrsig.key_tag().to_be_bytes());
        let Ok(()) = rrsig.signer_name().compose_canonical(signed);

        // Owner, type, class and original TTL are the same for all records.
        let head = &mut self.owner;
        head.clear();
        let Ok(()) = check.owner.compose_canonical(head);
        head.extend(check.rtype.to_int().to_be_bytes());
        head.extend(
            check
                .rrset
                .first()
                .map_or(0, |first| first.class().to_int())
                .to_be_bytes(),
        );
        head.extend(rrsig.original_ttl().as_secs().to_be_bytes());
        for record in check.rrset {
            signed.extend_from_slice(head);
            let at = signed.len();
            signed.extend([0, 0]);
            let Ok(()) = record.data().compose_canonical_rdata(signed);
            let length = (signed.len() - at - 2) as u16;
            if let Some(field) = signed.get_mut(at..at + 2) {
                field.copy_from_slice(&length.to_be_bytes());
            }
        }
    }
}

/// Checks what a signature says of its RRset beside the octets.
fn check_fields(
    check: &RrsetCheck<'_>,
    signature: &Record,
    rrsig: &Rrsig<Bytes, Name>,
) -> Result<(), SignatureFault> {
    let tag = rrsig.key_tag();
    let labels = check.owner.rrsig_label_count();
    if rrsig.labels() != labels {
        return Err(SignatureFault::Labels {
            tag,
            found: rrsig.labels(),
            expected: labels,
        });
    }
    let signed = rrsig.original_ttl();
    let rrset = check.rrset.first().map_or(signed, Record::ttl);
    if signed != rrset || signature.ttl() != rrset {
        return Err(SignatureFault::Ttl {
            tag,
            signed: signed.as_secs(),
            rrset: rrset.as_secs(),
            own: signature.ttl().as_secs(),
        });
    }
    Ok(())
}

/// The time nearest to `now` of those whose lowest 32 bits are given: signature times wrap around
/// (RFC 4034 section 3.1.5).
fn near(now: UnixTime, low: u32) -> UnixTime {
    let ahead = low.wrapping_sub(now.0 as u32) as i32;
    UnixTime(now.0.saturating_add_signed(i64::from(ahead)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::owners::owners;
    use crate::read::read;
    use crate::record::sort_canonically;
    use domain::rdata::Dnskey;

    fn zone() -> (Name, Vec<Record>) {
        let text = include_bytes!("../../tests/signed/algorithm-13.zone");
        let mut records = read(text, None).unwrap();
        sort_canonically(&mut records);
        (Name::root_bytes(), records)
    }

    fn keys(records: &[Record]) -> Vec<Dnskey<Bytes>> {
        let keys = records.iter().filter_map(|record| match record.data() {
            ZoneRecordData::Dnskey(key) => Some(key.clone()),
            _ => None,
        });
        keys.collect()
    }

    #[test]
    fn keys_of_one_tag_are_all_tried() {
        let (apex, records) = zone();
        let zsk = keys(&records)
            .into_iter()
            .find(|key| !key.is_secure_entry_point());
        let zsk = zsk.unwrap();
        // Swapped words leave the sum that is the tag.
        let mut octets = zsk.public_key().to_vec();
        octets.rotate_left(2);
        let twin = Dnskey::new(zsk.flags(), 3, zsk.algorithm(), octets.into()).unwrap();
        let keys = [&twin, &zsk].map(|key| ZoneKey::new(key).unwrap());
        assert_eq!(keys[0].tag, keys[1].tag);

        let owner = owners(&apex, &records).next().unwrap();
        let check = RrsetCheck::new(&owner, Rtype::SOA);
        let now = UnixTime::parse("2026-08-15T00:00:00Z").unwrap();
        let mut found = Vec::new();
        let mut checker = Checker::new(&apex, &keys, now);
        checker
            .check_rrset(&check, |good| found.push(good.key))
            .unwrap();
        assert_eq!(found, [1]);
        let mut checker = Checker::new(&apex, &keys[..1], now);
        let fault = checker.check_rrset(&check, |_| ()).unwrap_err();
        assert_eq!(fault, SignatureFault::Bad { tag: keys[0].tag });
    }

    #[test]
    fn times_wrap_around_after_2106() {
        let check = |now: u64, low: u32, expected: u64| {
            assert_eq!(near(UnixTime(now), low), UnixTime(expected), "{now} {low}");
        };
        check(1_785_000_000, 1_786_000_000, 1_786_000_000);
        check(1_785_000_000, 1_784_000_000, 1_784_000_000);
        check((1 << 32) - 10, 5, (1 << 32) + 5);
        check((1 << 32) + 5, u32::MAX - 9, (1 << 32) - 10);
    }
}
