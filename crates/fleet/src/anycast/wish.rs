//! What is to be announced: the one thing that whoever speaks to the routers is told.

use imrs_wire::{Both, Family};
use std::collections::BTreeMap;

/// How the prefix of a family stands. What is greater attracts more queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stand {
    /// Not announced.
    #[default]
    Withdrawn,
    /// Announced with the community GRACEFUL_SHUTDOWN (RFC 8326), so that routers which have
    /// another way take that.
    Leaving,
    /// Announced.
    Announced,
}

/// What is to be announced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// How each family stands.
    pub stands: Both<Stand>,
    /// What differs for single neighbours, by their names in the configuration.
    pub neighbors: BTreeMap<String, Policy>,
}

/// What differs for one neighbour, by order of an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How often our AS number is put ahead of the path once more.
    pub prepend: Option<u8>,
    /// How far the prefix may travel.
    pub scope: Option<Scope>,
    /// Families that are not announced to it, whatever the wish is.
    pub withdrawn: Both<bool>,
}

/// How far a prefix may travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// As far as others take it.
    #[default]
    Global,
    /// Within the AS of the neighbour: community NO_EXPORT (RFC 1997).
    NoExport,
    /// No further than the neighbour itself: community NO_ADVERTISE (RFC 1997).
    NoAdvertise,
}

impl Wish {
    /// How the prefix of a family stands towards a neighbour.
    #[must_use]
    pub fn towards(&self, neighbor: &str, family: Family) -> Stand {
        let policy = self.neighbors.get(neighbor);
        match policy.is_some_and(|policy| *policy.withdrawn.of(family)) {
            true => Stand::Withdrawn,
            false => *self.stands.of(family),
        }
    }
}
