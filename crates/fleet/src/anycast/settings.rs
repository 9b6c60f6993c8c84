//! What the decider of a node goes by, and what it says.

use super::{Policy, Stand};
use crate::health::Reason;
use crate::limits;
use imrs_wire::time::Moment;
use imrs_wire::{Both, Family};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;
use thiserror::Error;

/// A node that can stand in, by the name that the configuration has for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub String);

/// What a node does for a soft reason if no peers are configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Alone {
    /// It withdraws: others stand that it does not know.
    #[default]
    Withdraw,
    /// It goes on announcing.
    Announce,
}

/// What the decider goes by. [`Settings::of`] gives the defaults of [`limits`].
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Families with a prefix to announce.
    pub families: Both<bool>,
    /// Peers that must go on announcing while this node is withdrawn for a soft reason.
    pub floor: usize,
    /// What to do without any peer.
    pub alone: Alone,
    /// Who can stand in.
    pub peers: Vec<PeerId>,
    /// Time for which a promise binds.
    pub lease: Duration,
    /// Time before the end of a lease at which this node announces again.
    pub margin: Duration,
    /// Time without a lease after a start.
    pub start_patience: Duration,
    /// Time without a lease after a hard reason has gone.
    pub return_patience: Duration,
    /// Time with GRACEFUL_SHUTDOWN in a drain.
    pub leaving: Duration,
    /// Queries a second that count as quiet.
    pub quiet_rate: f64,
    /// Longest wait for quiet.
    pub quiet_patience: Duration,
}

impl Settings {
    /// The defaults: one of `peers` must stand, and without peers there are others.
    #[must_use]
    pub fn of(families: Both<bool>, peers: Vec<PeerId>) -> Settings {
        Settings {
            families,
            floor: 1,
            alone: Alone::default(),
            peers,
            lease: limits::LEASE,
            margin: limits::MARGIN,
            start_patience: limits::START_PATIENCE,
            return_patience: limits::RETURN_PATIENCE,
            leaving: limits::LEAVING,
            quiet_rate: limits::QUIET_RATE,
            quiet_patience: limits::QUIET_PATIENCE,
        }
    }
}

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// No more queries, until undrained.
    Drain {
        /// Of these families.
        families: Both<bool>,
        /// Though nobody stands in.
        force: bool,
    },
    /// The end of a drain.
    Undrain {
        /// Of these families.
        families: Both<bool>,
    },
    /// What differs for a neighbour; the default policy ends it.
    Neighbor {
        /// Its name in the configuration.
        name: String,
        /// What differs.
        policy: Policy,
    },
    /// A drain of all before the process ends; not remembered over a restart.
    Stop,
}

/// Why an order or the wish of a peer is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The order names a family without a prefix.
    #[error("no prefix of {0} is configured here")]
    NoFamily(Family),
    /// The order names no family.
    #[error("no family is named: say IPv4, IPv6 or both")]
    NothingNamed,
    /// There was an order to stop.
    #[error("this node is about to stop")]
    Stopping,
    /// A peer that is not configured asks.
    #[error("the asking node is not among the nodes of this one")]
    Stranger,
    /// This node does not announce the family.
    #[error("this node does not announce {0} itself")]
    NotAnnounced(Family),
    /// This node would rather not announce it.
    #[error("{0} of this node is not well or is being drained")]
    NotWell(Family),
}

/// A question to a peer: will you go on announcing?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Who is asked.
    pub peer: PeerId,
    /// What it announces.
    pub family: Family,
}

/// What of the orders is to outlive a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Families that are drained, and whether by force.
    pub drains: Both<Option<bool>>,
    /// What differs for neighbours.
    pub neighbors: BTreeMap<String, Policy>,
}

/// Where a drain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The routers have not been told yet.
    Begun,
    /// Routers are asked to take another way, for so long still.
    Leaving(Duration),
    /// Withdrawn, but queries still come; not waited for any longer than this.
    Quieting(Duration),
}

/// How the announcement of a family stands, for operators.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// No prefix of this family.
    Absent,
    /// Announced, and in force if the keeper says so.
    Announced {
        /// What the keeper said last.
        in_force: Option<Stand>,
    },
    /// Never yet announced, for these reasons.
    Starting {
        /// Why not yet.
        why: Vec<Reason>,
    },
    /// Withdrawn by own decision.
    Withdrawn {
        /// Why.
        why: Vec<Reason>,
        /// Time before it announces again unless a peer promises anew; `None` without such an end.
        lease_left: Option<Duration>,
    },
    /// Announced though it should not be, because nobody promised to stand in.
    HeldUp {
        /// Why it should not; without reasons it is a drain.
        why: Vec<Reason>,
        /// Time for which this node itself has promised to stand in.
        bound_for: Option<Duration>,
    },
    /// On the way to drained.
    Draining {
        /// How far.
        step: Step,
    },
    /// Withdrawn by order, and nobody asks any longer.
    Drained {
        /// As in `Withdrawn`.
        lease_left: Option<Duration>,
    },
}

/// The earlier of two times.
pub(super) fn earlier(a: Option<Moment>, b: Option<Moment>) -> Option<Moment> {
    a.into_iter().chain(b).min()
}

/// As a log has it.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |families: &Both<bool>| match (families.v4, families.v6) {
            (true, true) => "IPv4 and IPv6",
            (true, false) => "IPv4",
            (false, true) => "IPv6",
            (false, false) => "nothing",
        };
        match self {
            Order::Drain { families, force } => {
                let force = if *force {
                    ", though nobody stands in"
                } else {
                    ""
                };
                write!(f, "drain {}{force}", named(families))
            }
            Order::Undrain { families } => write!(f, "undrain {}", named(families)),
            Order::Neighbor { name, policy } if *policy == Policy::default() => {
                write!(f, "announce to {name} as configured")
            }
            Order::Neighbor { name, .. } => write!(f, "announce otherwise to {name}"),
            Order::Stop => f.write_str("drain and stop"),
        }
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
