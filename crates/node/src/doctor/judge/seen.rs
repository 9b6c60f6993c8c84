//! Whether anybody reaches the service addresses: what no router of ours can tell.
//!
//! A session that is established and a prefix that is told say nothing about the filter at its
//! other end. A mistyped prefix there lets one family through and drops the other, in silence.

use super::session::{is_established, named};
use crate::doctor::Finding;
use crate::doctor::evidence::{Evidence, Sight};
use crate::route::v1::{FamilyName, Neighbor, Stand};
use imrs_fleet::{Both, Family};

/// How a family is seen from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    /// Somebody reaches this node.
    Us(String),
    /// Somebody reaches other nodes, nobody this one.
    Others(String),
    /// Whoever was asked reaches nobody.
    Nobody(usize),
    /// Nobody elsewhere could be asked; queries that came in, if that is known.
    Unknown(Option<u64>),
}

/// One finding for each family that is announced.
pub(super) fn seen(evidence: &Evidence) -> Vec<Finding> {
    let looks = Both {
        v4: look(evidence, Family::V4),
        v6: look(evidence, Family::V6),
    };
    let mut findings: Vec<Finding> = { evidence.sights.iter() }
        .filter_map(|sight| Some((sight, sight.reached.as_ref().err()?)))
        .map(|(Sight { witness, .. }, why)| {
            let remedy = "check its address and the key of [site] on both sides";
            Finding::unsure(
                "witness",
                format!("{witness} cannot be asked: {why}"),
                remedy,
            )
        })
        .collect();
    for family in Family::ALL {
        let told = told(evidence, family);
        if !told.is_empty() {
            findings.push(judge(evidence, family, &looks, &told));
        }
    }
    findings
}

/// The neighbors that are told of a family.
fn told(evidence: &Evidence, family: Family) -> Vec<&Neighbor> {
    let neighbors = evidence
        .keeper
        .as_ref()
        .map(|report| report.neighbors.as_slice());
    let is_told = |neighbor: &&Neighbor| {
        neighbor.family == FamilyName::from(family)
            && is_established(neighbor)
            && neighbor.exported > 0
            && neighbor.stand != Stand::Withdrawn
    };
    neighbors
        .unwrap_or_default()
        .iter()
        .filter(is_told)
        .collect()
}

fn look(evidence: &Evidence, family: Family) -> Look {
    let reached: Vec<(&str, Option<&String>)> = { evidence.sights.iter() }
        .filter_map(|sight| {
            let whom = sight.reached.as_ref().ok()?.of(family).as_ref();
            Some((sight.witness.as_str(), whom))
        })
        .collect();
    let ours = evidence.meant.identity.as_ref();
    if let Some((witness, _)) = { reached.iter() }.find(|(_, whom)| whom.is_some() && *whom == ours)
    {
        return Look::Us((*witness).to_owned());
    }
    let others = { reached.iter() }.find_map(|(witness, whom)| Some((witness, (*whom)?)));
    match (others, reached.len()) {
        (Some((witness, whom)), _) => Look::Others(format!("{witness} reaches {whom}")),
        (None, 0) => Look::Unknown(evidence.queries.as_ref().map(|queries| *queries.of(family))),
        (None, count) => Look::Nobody(count),
    }
}

fn judge(evidence: &Evidence, family: Family, looks: &Both<Look>, told: &[&Neighbor]) -> Finding {
    let check = "seen";
    let (look, other) = match family {
        Family::V4 => (&looks.v4, &looks.v6),
        Family::V6 => (&looks.v6, &looks.v4),
    };
    let names: Vec<String> = told.iter().map(|neighbor| named(neighbor)).collect();
    let names = names.join(" and ");
    let ask = || remedy(evidence, family, other, &names);
    match (look, other) {
        (Look::Us(witness), _) => {
            Finding::well(check, format!("{family}: {witness} reaches this node"))
        }
        (Look::Nobody(count), _) => Finding::wrong(
            check,
            format!(
                "{family} is told to {names}, and reaches nobody: of {count} witnesses none has \
                 an answer"
            ),
            ask(),
        ),
        (Look::Others(sight), Look::Us(witness)) => Finding::unsure(
            check,
            format!("{family}: {sight}, while over the other family {witness} reaches this node"),
            ask(),
        ),
        (Look::Others(sight), _) => Finding::unsure(
            check,
            format!("{family}: {sight}; nobody that was asked reaches this node"),
            "name a witness near this site in [site]",
        ),
        (Look::Unknown(Some(0)), Look::Unknown(Some(count))) if *count >= QUERIES_MIN => {
            Finding::wrong(
                check,
                format!(
                    "{family} is told to {names}, and reaches nobody: no query came, while {count} \
                     came over the other family"
                ),
                ask(),
            )
        }
        (Look::Unknown(Some(0)), _) => Finding::unsure(
            check,
            format!("{family} is told to {names}, and no query came"),
            ask(),
        ),
        (Look::Unknown(Some(count)), _) => {
            Finding::well(check, format!("{family}: {count} queries came"))
        }
        (Look::Unknown(None), _) => Finding::unsure(
            check,
            format!("{family}: no witness is named, and no counts are at hand"),
            "name nodes elsewhere as `witnesses` in [site]",
        ),
    }
}

/// What to tell the host of a family that reaches nobody.
fn remedy(evidence: &Evidence, family: Family, other: &Look, names: &str) -> String {
    let prefixes = evidence.meant.prefixes.of(family).join(", ");
    let asn = evidence.meant.asn;
    let passes = match other {
        Look::Us(_) => true,
        Look::Unknown(Some(count)) => *count > 0,
        _ => false,
    };
    if passes {
        return format!(
            "the other family passes, so the filter for {family} is wrong at one end: compare \
             {prefixes} in [anycast], digit by digit, with your registration, then ask {names} \
             which {family} prefixes its filter accepts from AS {asn}; it has to be {prefixes}"
        );
    }
    format!(
        "ask {names} whether it has accepted {prefixes} of origin AS {asn} and announces that \
         onward to its upstreams and peers: it seems to keep it to itself; then compare \
         {prefixes} in [anycast] with your registration and its ROA"
    )
}

/// Queries over one family after which none over the other is no accident.
const QUERIES_MIN: u64 = 100;
