//! Whether anybody reaches the service addresses: what no router of ours can tell.
//!
//! A session that is established and a prefix that is told say nothing about the filter at its
//! other end. A mistyped prefix there lets one family through and drops the other, in silence. What
//! tells is who asks.

use super::session::{is_established, named};
use crate::clock::{At, span};
use crate::doctor::Finding;
use crate::doctor::evidence::Evidence;
use crate::route::v1::{FamilyName, Neighbor, Stand};
use imrs_wire::{Both, Family};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// One finding for each family that is announced.
pub(super) fn seen(evidence: &Evidence) -> Vec<Finding> {
    let callers = Both {
        v4: callers(evidence, Family::V4),
        v6: callers(evidence, Family::V6),
    };
    Family::ALL
        .into_iter()
        .filter_map(|family| {
            let told = told(evidence, family);
            (!told.is_empty()).then(|| judge(evidence, family, &callers, &told))
        })
        .collect()
}

/// The neighbors that are told of a family.
fn told(evidence: &Evidence, family: Family) -> Vec<&Neighbor> {
    let neighbors = { evidence.keeper.as_ref() }.map_or(&[][..], |report| &report.neighbors);
    let is_told = |neighbor: &&Neighbor| {
        neighbor.family == FamilyName::from(family)
            && is_established(neighbor)
            && neighbor.exported > 0
            && neighbor.stand != Stand::Withdrawn
    };
    neighbors.iter().filter(is_told).collect()
}

/// Addresses that asked today and cannot be this machine's: it may have asked from each of its own,
/// but for the service addresses, from which it asks itself without being counted.
fn callers(evidence: &Evidence, family: Family) -> Option<u64> {
    let callers = *evidence.callers.as_ref()?.of(family);
    let interfaces = evidence.interfaces.as_ref().ok()?.iter();
    let is_own = |address: &&IpAddr| {
        Family::of(**address) == family && !evidence.meant.addresses.contains(address)
    };
    let own: BTreeSet<&IpAddr> = interfaces
        .flat_map(|interface| &interface.addresses)
        .filter(is_own)
        .collect();
    Some(callers.saturating_sub(own.len() as u64))
}

/// Seconds for which somebody might have asked today: none is counted from the day before.
fn told_for(evidence: &Evidence, told: &[&Neighbor]) -> u64 {
    let now = evidence.now.0;
    let since = |neighbor: &&Neighbor| neighbor.since.as_ref()?.parse::<At>().ok();
    let longest = { told.iter().filter_map(since) }
        .map(|At(since)| now.saturating_sub(since.0))
        .max();
    longest.unwrap_or(0).min(now % DAY)
}

fn judge(
    evidence: &Evidence,
    family: Family,
    callers: &Both<Option<u64>>,
    told: &[&Neighbor],
) -> Finding {
    let check = "seen";
    let (own, other) = match family {
        Family::V4 => (callers.v4, callers.v6),
        Family::V6 => (callers.v6, callers.v4),
    };
    let names: Vec<String> = told.iter().map(|neighbor| named(neighbor)).collect();
    let names = names.join(" and ");
    let ask = |passes| remedy(evidence, family, passes, &names);
    let seconds = told_for(evidence, told);
    match (own, other) {
        (None, _) => Finding::unsure(
            check,
            format!("{family}: it is not counted who asks"),
            "ask again once the server can be asked for its counts: imrs ctl stats",
        ),
        (Some(0), Some(count)) if count >= CALLERS_MIN => Finding::wrong(
            check,
            format!(
                "{family} is told to {names}, and reaches nobody: no other machine asked today, \
                 while {count} did over the other family"
            ),
            ask(Other::Passes),
        ),
        (Some(0), _) if seconds >= QUIET_MAX => Finding::wrong(
            check,
            format!(
                "{family} is told to {names} for {}, and reaches nobody: no other machine asked \
                 today",
                span(seconds)
            ),
            ask(Other::IsSilentToo),
        ),
        (Some(0), _) => Finding::unsure(
            check,
            format!("{family} is told to {names}, and no other machine asked yet"),
            format!(
                "ask again in {}; should nobody have asked by then: {}",
                span(QUIET_MAX),
                ask(Other::IsSilentToo)
            ),
        ),
        (Some(count), _) => Finding::well(
            check,
            format!("{family}: at least {count} other machines asked today"),
        ),
    }
}

/// What is known of the other family.
#[derive(Clone, Copy)]
enum Other {
    Passes,
    IsSilentToo,
}

/// What to tell the host of a family that reaches nobody.
fn remedy(evidence: &Evidence, family: Family, other: Other, names: &str) -> String {
    let prefixes = evidence.meant.prefixes.of(family).join(", ");
    let asn = evidence.meant.asn;
    match other {
        Other::Passes => format!(
            "the other family passes, so the filter for {family} is wrong at one end: compare \
             {prefixes} in [anycast], digit by digit, with your registration, then ask {names} \
             which {family} prefixes its filter accepts from AS {asn}; it has to be {prefixes}"
        ),
        Other::IsSilentToo => format!(
            "ask {names} whether it has accepted {prefixes} of origin AS {asn} and announces that \
             onward to its upstreams and peers: it seems to keep it to itself; then compare \
             {prefixes} in [anycast] with your registration and its ROA"
        ),
    }
}

/// Machines that ask over one family beside which none over the other is no accident.
const CALLERS_MIN: u64 = 10;

/// Time in seconds after which a name server of the root that nobody asks is reached by nobody: a
/// route is everywhere within minutes, and resolvers and scanners try each address of the root.
const QUIET_MAX: u64 = 15 * 60;

/// A day in seconds.
const DAY: u64 = 86_400;
