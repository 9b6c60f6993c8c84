//! The keeper, BIRD and its sessions: which end is wrong.

use crate::doctor::Finding;
use crate::doctor::evidence::{Evidence, Meant};
use crate::route::v1::{Bird, FamilyName, Neighbor, Report, Stand};

/// The keeper, BIRD, and each neighbor.
pub(super) fn keeper(evidence: &Evidence) -> Vec<Finding> {
    let report = match &evidence.keeper {
        Ok(report) => report,
        Err(why) => {
            let remedy = "systemctl status imrs-route; journalctl -u imrs-route";
            return vec![Finding::wrong("keeper", why, remedy)];
        }
    };
    let mut findings = vec![state(report)];
    for neighbor in &report.neighbors {
        findings.push(session(neighbor, &evidence.meant));
        if is_established(neighbor) {
            findings.push(told(neighbor));
        }
    }
    findings
}

fn state(report: &Report) -> Finding {
    let remedy = "systemctl status imrs-bird; journalctl -u imrs-bird -u imrs-route";
    match (report.bird, &report.trouble, &report.pending) {
        (Bird::Down, trouble, _) => {
            let why = trouble.as_deref().unwrap_or("BIRD does not answer");
            Finding::wrong("keeper", why, remedy)
        }
        (Bird::Up, Some(trouble), _) => Finding::wrong("keeper", trouble, remedy),
        (Bird::Up, None, Some(pending)) => Finding::unsure(
            "keeper",
            pending,
            "wait until that is decided and ask again",
        ),
        (Bird::Up, None, None) => Finding::well("keeper", "it and BIRD answer"),
    }
}

pub(super) fn is_established(neighbor: &Neighbor) -> bool {
    neighbor.state.eq_ignore_ascii_case("established")
}

/// A neighbor as one talks about it.
pub(super) fn named(neighbor: &Neighbor) -> String {
    format!(
        "{} (AS {}, {})",
        neighbor.name, neighbor.asn, neighbor.address
    )
}

/// A family as one talks about it.
pub(super) fn family(name: FamilyName) -> &'static str {
    match name {
        FamilyName::Ipv4 => "IPv4",
        FamilyName::Ipv6 => "IPv6",
    }
}

fn session(neighbor: &Neighbor, meant: &Meant) -> Finding {
    let check = "session";
    let name = named(neighbor);
    if is_established(neighbor) {
        return Finding::well(check, format!("{name} is established"));
    }
    let trouble = neighbor.trouble.as_deref().unwrap_or_default();
    let seen = match trouble {
        "" => format!("{name} is in state {}", neighbor.state),
        _ => format!("{name} is in state {}: {trouble}", neighbor.state),
    };
    let lower = trouble.to_lowercase();
    let known = CAUSES.iter().find(|(part, _)| lower.contains(part));
    let silent = match meant.passwords.contains(&neighbor.name) {
        true => SILENT_WITH_PASSWORD,
        false => SILENT,
    };
    let remedy = match known {
        Some((_, remedy)) => remedy,
        None if trouble.is_empty() || lower.contains("timed out") => silent,
        None => "compare address, AS numbers and password with what the host has for this session",
    };
    let remedy = remedy
        .replace("{address}", &neighbor.address.to_string())
        .replace("{their-asn}", &neighbor.asn.to_string())
        .replace("{our-asn}", &meant.asn.to_string());
    Finding::wrong(check, seen, remedy)
}

/// What the neighbor is told of.
fn told(neighbor: &Neighbor) -> Finding {
    let check = "told";
    let (name, family) = (named(neighbor), family(neighbor.family));
    match (neighbor.stand, neighbor.exported) {
        (Stand::Withdrawn, 0) => Finding::unsure(
            check,
            format!("{name} is told of no {family} prefix: it is withdrawn"),
            "imrs ctl route says why",
        ),
        (Stand::Withdrawn, count) => Finding::wrong(
            check,
            format!("{name} is told of {count} {family} prefixes though they are withdrawn"),
            "journalctl -u imrs-route; if it stays so: systemctl stop imrs-route",
        ),
        (_, 0) => Finding::wrong(
            check,
            format!("{name} is told of no {family} prefix though it is to be announced"),
            "name a prefix of this family in `prefixes` of [anycast]; journalctl -u imrs-route",
        ),
        (Stand::Leaving, count) => Finding::unsure(
            check,
            format!("{name} is told of {count} {family} prefixes, and that we leave"),
            "after a drain: imrs ctl undrain",
        ),
        (Stand::Announced, count) => Finding::well(
            check,
            format!("{name} is told of {count} {family} prefixes"),
        ),
    }
}

/// Nothing comes back, without a password: what is not signed as agreed is dropped in silence
/// (RFC 2385 section 2.0).
const SILENT: &str = "nothing comes back from {address}: check `address`; if the host wants a \
    password for this session, name it by `password-file`; else ask the host whether a filter stops \
    port 179";

/// Nothing comes back, with a password.
const SILENT_WITH_PASSWORD: &str = "nothing comes back from {address}: compare the password of this \
    session, letter by letter, with the one that the host has, as a wrong one is dropped in silence; \
    then check `address`, and ask the host whether a filter stops port 179";

/// Parts of what BIRD says last of a session, in lower case, and what that means. The first that
/// is found counts.
const CAUSES: &[(&str, &str)] = &[
    (
        "bad peer as",
        "the AS numbers differ: the host has to expect AS {our-asn}, and `asn` of this neighbor, \
         now {their-asn}, has to be the one that the host speaks with; ask the host for both",
    ),
    (
        "no route",
        "this machine has no way to {address}: check `address` of the neighbor and the addresses \
         of this machine",
    ),
    (
        "unreachable",
        "this machine has no way to {address}: check `address` of the neighbor and the addresses \
         of this machine",
    ),
    (
        "refused",
        "{address} answers and has no BGP there for us: check `address`, and ask the host whether \
         the session with our address is set up on its side",
    ),
    (
        "hold timer",
        "{address} fell silent: ask the host whether packets to port 179 are lost or filtered",
    ),
    (
        "administrative",
        "the host has shut the session down on its side; ask why",
    ),
    (
        "prefixes",
        "the host found too many prefixes in this session; ask for its limit",
    ),
    ("cease", "the host ended the session on its side; ask why"),
];
