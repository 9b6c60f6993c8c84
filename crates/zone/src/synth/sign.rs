//! Signs a zone: DNSKEY, NSEC chain, ZONEMD and signatures (RFC 4035 section 2, RFC 8976).
//!
//! What a zone has authority over is found here on purpose without the verifier's code, so that
//! the two do not share a mistake.

use super::SynthError;
use super::contents::{DAY, record};
use super::keys::{Key, Role};
use crate::record::{Name, Record, UnixTime, sort_canonically};
use crate::zonemd::{self, Hash};
use bytes::Bytes;
use domain::base::iana::{Rtype, ZonemdAlgorithm, ZonemdScheme};
use domain::base::{Serial, ToName};
use domain::rdata::dnssec::{Nsec, ProtoRrsig, RtypeBitmap, Timestamp};
use domain::rdata::{Rrsig, Zonemd};
use std::num::NonZeroUsize;
use std::thread;

/// When signatures hold. Both ends are taken modulo 2^32 seconds (RFC 4034 section 3.1.5), and lie
/// less than 68 years apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// From then on.
    pub inception: UnixTime,
    /// Until then.
    pub expiration: UnixTime,
}

/// How to sign: what is the same for all signatures of a zone.
pub(super) struct Signer<'a> {
    pub(super) apex: &'a Name,
    pub(super) serial: Serial,
    pub(super) keys: &'a [Key],
    pub(super) validity: Validity,
    pub(super) workers: NonZeroUsize,
}

/// One RRset and the key that is to sign it.
type Job<'a> = (&'a [Record], &'a Key);

impl Signer<'_> {
    /// Makes a signed zone of plain records. The result is in canonical order.
    pub(super) fn sign(&self, mut records: Vec<Record>) -> Result<Vec<Record>, SynthError> {
        records.extend(self.keys.iter().map(Key::dnskey));
        sort_canonically(&mut records);
        let nsecs = self.nsecs(&records);
        records.extend(nsecs);
        sort_canonically(&mut records);
        let signatures = self.signatures(&records)?;
        records.extend(signatures);
        sort_canonically(&mut records);

        let zonemd = digest(self.apex, self.serial, &records);
        let signatures = self.signatures(std::slice::from_ref(&zonemd))?;
        records.push(zonemd);
        records.extend(signatures);
        sort_canonically(&mut records);
        Ok(records)
    }

    /// The NSEC chain (RFC 4034 section 4), counting the ZONEMD record that is still to come.
    fn nsecs(&self, records: &[Record]) -> Vec<Record> {
        let mut owners: Vec<(&Name, RtypeBitmap<Bytes>)> = Vec::new();
        for rrsets in self.authoritative(records) {
            let owner = rrsets[0].owner();
            owners.push((owner, self.types(owner, rrsets)));
        }
        let nexts: Vec<Name> = owners
            .iter()
            .skip(1)
            .map(|(owner, _)| (*owner).clone())
            .chain([self.apex.clone()])
            .collect();
        owners
            .into_iter()
            .zip(nexts)
            .map(|((owner, types), next)| record(owner, DAY, Nsec::new(next, types)))
            .collect()
    }

    /// The types of an authoritative name: at a zone cut, those of the parent alone.
    fn types(&self, owner: &Name, records: &[Record]) -> RtypeBitmap<Bytes> {
        let is_apex = owner == self.apex;
        let present = records
            .iter()
            .map(Record::rtype)
            .filter(|rtype| is_apex || !is_cut(records) || matches!(*rtype, Rtype::NS | Rtype::DS))
            .chain([Rtype::RRSIG, Rtype::NSEC])
            .chain(is_apex.then_some(Rtype::ZONEMD));
        let mut bitmap = RtypeBitmap::<Vec<u8>>::builder();
        for rtype in present {
            bitmap.add(rtype).expect("a vector grows");
        }
        let octets = bitmap.finalize().as_octets().clone();
        RtypeBitmap::from_octets(Bytes::from(octets)).expect("the builder makes a valid bitmap")
    }

    /// The signatures over all authoritative RRsets among canonically ordered records.
    fn signatures(&self, records: &[Record]) -> Result<Vec<Record>, SynthError> {
        let mut jobs: Vec<Job<'_>> = Vec::new();
        for same_owner in self.authoritative(records) {
            let is_delegation = is_cut(same_owner) && same_owner[0].owner() != self.apex;
            for rrset in same_owner.chunk_by(|one, next| one.rtype() == next.rtype()) {
                let rtype = rrset[0].rtype();
                if is_delegation && !matches!(rtype, Rtype::DS | Rtype::NSEC) {
                    continue;
                }
                let role = match rtype {
                    Rtype::DNSKEY => Role::KeySigning,
                    _ => Role::ZoneSigning,
                };
                let keys = self.keys.iter().filter(|key| key.role == role);
                jobs.extend(keys.map(|key| (rrset, key)));
            }
        }
        self.work(&jobs)
    }

    /// Spreads the jobs over threads.
    fn work(&self, jobs: &[Job<'_>]) -> Result<Vec<Record>, SynthError> {
        let share = jobs.len().div_ceil(self.workers.get()).max(1);
        let sign = |jobs: &[Job<'_>]| -> Result<Vec<Record>, SynthError> {
            jobs.iter()
                .map(|(rrset, key)| key.sign_rrset(rrset, self.validity))
                .collect()
        };
        thread::scope(|scope| {
            let sign = &sign;
            let threads: Vec<_> = jobs
                .chunks(share)
                .map(|jobs| scope.spawn(move || sign(jobs)))
                .collect();
            let mut records = Vec::with_capacity(jobs.len());
            for thread in threads {
                records.extend(thread.join().expect("signing does not panic")?);
            }
            Ok(records)
        })
    }

    /// The names at which the zone has authority, zone cuts included, each with its records.
    fn authoritative<'r>(&self, records: &'r [Record]) -> impl Iterator<Item = &'r [Record]> {
        let mut cut: Option<&Name> = None;
        records
            .chunk_by(|one, next| one.owner() == next.owner())
            .filter(move |same_owner| {
                let owner = same_owner[0].owner();
                if cut.is_some_and(|cut| owner.ends_with(cut)) {
                    return false;
                }
                if owner != self.apex && is_cut(same_owner) {
                    cut = Some(owner);
                }
                true
            })
    }
}

impl Key {
    /// The signature over an RRset in canonical order (RFC 4034 section 3.1.8.1).
    ///
    /// # Panics
    ///
    /// If there is no record.
    pub fn sign_rrset(&self, rrset: &[Record], validity: Validity) -> Result<Record, SynthError> {
        let (owner, rtype, ttl) = (rrset[0].owner(), rrset[0].rtype(), rrset[0].ttl());
        let labels = owner.rrsig_label_count();
        let head = ProtoRrsig::new(
            rtype,
            self.dnskey.algorithm(),
            labels,
            ttl,
            timestamp(validity.expiration),
            timestamp(validity.inception),
            self.tag,
            self.apex.clone(),
        );
        let mut octets = Vec::with_capacity(1024);
        let composed = head.compose_canonical(&mut octets).and_then(|()| {
            rrset
                .iter()
                .try_for_each(|record| record.compose_canonical(&mut octets))
        });
        match composed {
            Ok(()) => {}
            Err(never) => match never {},
        }
        let failed = || SynthError::Signing {
            owner: owner.clone(),
            rtype,
        };
        let signature = self.sign(&octets).ok_or_else(failed)?;
        let rrsig: Rrsig<Bytes, Name> = head.into_rrsig(signature).map_err(|_| failed())?;
        Ok(record(owner, ttl, rrsig))
    }
}

/// A time as RRSIG has it: modulo 2^32 (RFC 4034 section 3.1.5).
fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::from(time.0 as u32)
}

/// The ZONEMD record (scheme SIMPLE, SHA-384) of a zone that is complete but for it.
pub(super) fn digest(apex: &Name, serial: Serial, records: &[Record]) -> Record {
    let digest = zonemd::digest(apex, records, Hash::Sha384);
    let data = Zonemd::new(
        serial,
        ZonemdScheme::SIMPLE,
        ZonemdAlgorithm::SHA384,
        Bytes::from(digest),
    );
    record(apex, DAY, data)
}

/// Whether the records of a name hold NS records.
fn is_cut(records: &[Record]) -> bool {
    records.iter().any(|record| record.rtype() == Rtype::NS)
}
