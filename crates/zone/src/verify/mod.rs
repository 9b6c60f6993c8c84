//! Proves a candidate: signatures (RFC 4035) under a trust anchor, and digest (RFC 8976).
//!
//! Start at [`Candidate::verify`], or at [`Candidate::examine`] for a report of every check. The
//! checks are [`Check`]: each is a file here or [`crate::zonemd`], and knows nothing of the others.

mod denial;
mod failure;
mod keys;
mod pool;
mod report;
mod signatures;

pub use failure::{SignatureFault, Unverified};
pub use report::{Check, Finding, KeyUse, Outcome, Proof, Report};

use crate::anchors::Anchors;
use crate::candidate::Candidate;
use crate::image::{Image, TooLarge};
use crate::owners::{Owner, Standing, owners};
use crate::record::{Name, Record, UnixTime};
use domain::base::ToName;
use domain::base::iana::Rtype;
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
    /// The chain from the anchors, every signature and the NSEC chain (RFC 4035).
    pub signatures: Demand,
    /// What is trusted.
    pub anchors: Anchors,
}

/// How to go about it.
pub struct Effort<'a> {
    /// Threads to use.
    pub workers: NonZeroUsize,
    /// Called now and then, by any thread, with the signatures checked so far and those to check
    /// in all.
    pub progress: &'a (dyn Fn(usize, usize) + Sync),
}

impl Effort<'_> {
    /// So many threads, and nobody who watches.
    pub fn silent(workers: NonZeroUsize) -> Self {
        Effort {
            workers,
            progress: &|_, _| {},
        }
    }
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

/// What a zone proves of the zone that it delegates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delegation {
    /// The child is signed: these are its keys.
    Secure(Anchors),
    /// The child is proven to be unsigned, or to be signed in ways that cannot be checked.
    Insecure,
    /// Nothing: the name is not delegated here, or this zone is not itself proven.
    Unproven,
}

impl Candidate {
    /// Proves the zone under `policy` at the time `now`.
    ///
    /// Fails with the first failure of a check that the policy requires, in the order of
    /// [`Check`], as the checks of signatures tell the place, and the digest does not.
    pub fn verify(
        self,
        policy: &Policy,
        now: UnixTime,
        effort: &Effort<'_>,
    ) -> Result<Verified, Unverified> {
        let proof = self.examine(policy, now, effort).conclude()?;
        Ok(Verified {
            apex: self.apex,
            serial: self.serial,
            records: self.records,
            proof,
        })
    }

    /// Makes every check that the policy does not switch off, and reports each.
    pub fn examine(&self, policy: &Policy, now: UnixTime, effort: &Effort<'_>) -> Report {
        report::examine(&self.apex, &self.records, policy, now, effort)
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

    /// Makes the checks again at another time, such as before signatures run out.
    pub fn examine_again(&self, policy: &Policy, now: UnixTime, effort: &Effort<'_>) -> Report {
        report::examine(&self.apex, &self.records, policy, now, effort)
    }

    /// What this zone proves of `child`. It proves nothing of a name that it does not delegate
    /// itself, such as one that is delegated further down.
    pub fn delegation(&self, child: &Name) -> Delegation {
        if !self.proof.is_secure {
            return Delegation::Unproven;
        }
        match self.owner(child) {
            Some(owner) if owner.standing == Standing::Delegation => {
                let anchors = Anchors::of_child(child, owner.rrset(Rtype::DS));
                match anchors.is_empty() {
                    false => Delegation::Secure(anchors),
                    true => Delegation::Insecure,
                }
            }
            _ => Delegation::Unproven,
        }
    }

    /// The owner of this name.
    fn owner(&self, name: &Name) -> Option<Owner<'_>> {
        // An owner below a cut is only known as such after the cut.
        owners(&self.apex, &self.records).find(|owner| owner.name.name_eq(name))
    }

    /// Renders every response body once, into a flat image.
    pub fn compile(&self) -> Result<Image, TooLarge> {
        Image::compile(self)
    }
}
