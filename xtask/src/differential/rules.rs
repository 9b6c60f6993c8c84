//! The differences that have a reason.
//!
//! One table: [`RULES`]. A difference is explained when every aspect of it is covered by a rule.
//! `docs/differences.md` is written from here.

use super::compare::{Aspect, Said};
use super::exchange::Via;
use super::facts::Facts;
use super::query::Query;

/// Why two servers may say different things.
pub(super) struct Rule {
    /// Name of the class of differences.
    pub(super) class: &'static str,
    /// The peers that differ from imrs in this way.
    pub(super) peers: &'static [&'static str],
    /// The aspects that the rule explains.
    pub(super) aspects: &'static [Aspect],
    /// When the rule holds.
    pub(super) when: fn(&Case<'_>) -> bool,
    /// Whether imrs may differ so from all peers at once although they agree.
    pub(super) may_stand_alone: bool,
    /// What imrs does, what the peer does, and why.
    pub(super) reason: &'static str,
    /// Where it is written.
    pub(super) rfc: &'static str,
}

/// One query and what imrs and a peer said to it.
pub(super) struct Case<'a> {
    pub(super) query: &'a Query,
    pub(super) via: Via,
    pub(super) peer: &'static str,
    pub(super) ours: &'a Said,
    pub(super) theirs: &'a Said,
    pub(super) zones: &'a [Facts],
}

/// The rules; the first that covers an aspect names it.
pub(super) const RULES: &[Rule] = &[];

/// The rule for one aspect of a difference, if there is one.
pub(super) fn explain(case: &Case<'_>, aspect: Aspect, alone: bool) -> Option<&'static Rule> {
    RULES.iter().find(|rule| {
        rule.peers.contains(&case.peer)
            && rule.aspects.contains(&aspect)
            && (rule.may_stand_alone || !alone)
            && (rule.when)(case)
    })
}
