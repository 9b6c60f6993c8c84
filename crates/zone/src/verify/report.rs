//! Makes the checks in their order and reports what each found.

use super::failure::Unverified;
use super::keys::{self, Chain};
use super::pool::{self, Tally};
use super::signatures::{self, Task};
use super::{Demand, Effort, Policy, denial};
use crate::owners::owners;
use crate::record::{Name, Record, UnixTime};
use crate::zonemd::{self, Hash};
use domain::base::iana::Rtype;
use std::error::Error;
use std::fmt;

/// A check that a zone passes or fails, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The chain from the trust anchors to the DNSKEY RRset.
    Keys,
    /// Every RRset that is to be signed is, and no other.
    Signatures,
    /// The chain of NSEC records.
    Denial,
    /// ZONEMD.
    Digest,
}

impl Check {
    /// All checks in their order.
    pub const ALL: [Check; 4] = [Check::Keys, Check::Signatures, Check::Denial, Check::Digest];
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Check::Keys => "keys",
            Check::Signatures => "signatures",
            Check::Denial => "nsec",
            Check::Digest => "zonemd",
        })
    }
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds; the words say what.
    Passed(String),
    /// It does not hold.
    Failed(Unverified),
    /// It was not made; the words say why.
    Skipped(&'static str),
}

/// One check, how much it matters, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which check.
    pub check: Check,
    /// How much it matters.
    pub demand: Demand,
    /// What became of it.
    pub outcome: Outcome,
}

/// What all checks found.
#[derive(Clone, Debug)]
pub struct Report {
    /// One finding of each check, in the order of [`Check::ALL`].
    pub findings: Vec<Finding>,
    /// What was proven, as far as it was.
    pub proof: Proof,
}

/// What was proven, and until when it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The hash of a good ZONEMD record; none if there is none or it was not looked for.
    pub digest: Option<Hash>,
    /// The chain from the anchors, every signature and the NSEC chain hold.
    pub is_secure: bool,
    /// Signatures that were checked and good.
    pub signatures: usize,
    /// RRsets that they cover.
    pub rrsets: usize,
    /// What each key of the zone signed, the anchored ones first.
    pub keys: Vec<KeyUse>,
    /// The earliest time at which an RRset loses its last valid signature; none if unsigned.
    pub expires: Option<UnixTime>,
    /// The owner and type of that RRset, the first in canonical order of several.
    pub expires_first: Option<(Name, Rtype)>,
    /// What failed under [`Demand::Warn`], and what else an operator should know.
    pub warnings: Vec<String>,
}

/// A key and its good signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// Its tag (RFC 4034 appendix B).
    pub tag: u16,
    /// Its algorithm number.
    pub algorithm: u8,
    /// It is trusted by an anchor and signed the DNSKEY RRset.
    pub is_anchored: bool,
    /// It is revoked (RFC 5011), and proves nothing.
    pub is_revoked: bool,
    /// Good signatures by it.
    pub signatures: usize,
}

impl Report {
    /// What was proven, or the first failure of a check that is required.
    pub fn conclude(self) -> Result<Proof, Unverified> {
        let failure = self.findings.into_iter().find_map(|finding| match finding {
            Finding {
                demand: Demand::Require,
                outcome: Outcome::Failed(failure),
                ..
            } => Some(failure),
            _ => None,
        });
        match failure {
            Some(failure) => Err(failure),
            None => Ok(self.proof),
        }
    }

    fn add(&mut self, check: Check, demand: Demand, outcome: Outcome) {
        if let (Demand::Warn, Outcome::Failed(failure)) = (demand, &outcome) {
            self.proof.warnings.push(with_causes(failure));
        }
        self.findings.push(Finding {
            check,
            demand,
            outcome,
        });
    }
}

/// Makes the checks on the records of a zone, which are in canonical order.
pub(super) fn examine(
    apex: &Name,
    records: &[Record],
    policy: &Policy,
    now: UnixTime,
    effort: &Effort<'_>,
) -> Report {
    let mut report = Report {
        findings: Vec::with_capacity(Check::ALL.len()),
        proof: Proof::default(),
    };
    let outcomes = match policy.signatures {
        Demand::Off => [OFF, OFF, OFF],
        Demand::Require | Demand::Warn => {
            examine_signatures(&mut report.proof, apex, records, policy, now, effort)
        }
    };
    for (check, outcome) in Check::ALL.into_iter().zip(outcomes) {
        report.add(check, policy.signatures, outcome);
    }
    let outcome = match policy.digest {
        Demand::Off => OFF,
        Demand::Require | Demand::Warn => match zonemd::check_sorted(apex, records) {
            Ok(hash) => {
                report.proof.digest = Some(hash);
                Outcome::Passed(format!("{hash} digest of {} records", records.len()))
            }
            Err(error) => Outcome::Failed(error.into()),
        },
    };
    report.add(Check::Digest, policy.digest, outcome);
    report
}

const OFF: Outcome = Outcome::Skipped("switched off");
const NO_KEYS: Outcome = Outcome::Skipped("there are no proven keys");

/// The outcomes of the checks of keys, signatures and denial.
fn examine_signatures(
    proof: &mut Proof,
    apex: &Name,
    records: &[Record],
    policy: &Policy,
    now: UnixTime,
    effort: &Effort<'_>,
) -> [Outcome; 3] {
    let chain = match owners(apex, records).next() {
        Some(owner) => keys::chain(&owner, &policy.anchors, now),
        None => Err(Unverified::Unsigned { apex: apex.clone() }),
    };
    let chain = match chain {
        Ok(chain) => chain,
        Err(failure) => return [Outcome::Failed(failure), NO_KEYS, NO_KEYS],
    };
    let tags: Vec<String> = chain.anchored.iter().map(u16::to_string).collect();
    let keys = Outcome::Passed(format!(
        "{} keys, of which {} is anchored",
        chain.keys.len(),
        tags.join(" and ")
    ));

    let mut tasks = Vec::new();
    for owner in owners(apex, records) {
        signatures::tasks(&owner, &mut tasks);
    }
    let signatures = match pool::check_all(apex, &chain.keys, now, &tasks, effort) {
        Ok(tally) => {
            note(proof, &chain, &tally, &tasks);
            Outcome::Passed(format!(
                "{} signatures over {} RRsets",
                tally.signatures, tally.rrsets
            ))
        }
        Err(failure) => Outcome::Failed(failure),
    };
    let denial = match denial::check(apex, owners(apex, records)) {
        Ok(length) => Outcome::Passed(format!("a closed chain of {length} names")),
        Err(failure) => Outcome::Failed(failure),
    };
    let passed = |outcome: &Outcome| matches!(outcome, Outcome::Passed(_));
    proof.is_secure = passed(&signatures) && passed(&denial);
    [keys, signatures, denial]
}

/// Writes down what the signatures add up to.
fn note(proof: &mut Proof, chain: &Chain, tally: &Tally, tasks: &[Task<'_>]) {
    proof.signatures = tally.signatures;
    proof.rrsets = tally.rrsets;
    proof.keys = chain
        .keys
        .iter()
        .zip(&tally.by_key)
        .map(|(key, &signatures)| KeyUse {
            tag: key.tag,
            algorithm: key.algorithm,
            is_anchored: chain.anchored.contains(&key.tag) && !key.is_revoked,
            is_revoked: key.is_revoked,
            signatures,
        })
        .collect();
    if let Some((at, task)) = tally.expires {
        proof.expires = Some(at);
        proof.expires_first = match tasks.get(task) {
            Some(Task::Check(check)) => Some((check.owner.clone(), check.rtype)),
            _ => None,
        };
    }
    // RFC 4035 section 2.2 asks this of whoever signs, and RFC 6840 section 5.11 forbids whoever
    // validates to insist on it.
    for &(algorithm, rrsets) in tally.by_algorithm.iter().filter(|(_, n)| *n < tally.rrsets) {
        proof.warnings.push(format!(
            "algorithm {algorithm} is in the DNSKEY RRset, but signs only {rrsets} of {} RRsets",
            tally.rrsets
        ));
    }
}

/// A failure and its causes in one line.
fn with_causes(failure: &Unverified) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
