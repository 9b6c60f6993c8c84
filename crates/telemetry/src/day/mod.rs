//! A UTC day's account: what was counted in it, and when it was not.
//!
//! Start reading at [`Days`], which opens and closes days, then at [`Account`]. What is closed is
//! [`Sealed`] and does not change any more: other accounts of the same day can be merged with it
//! into another one. This module knows no files; [`v1`] says what is in them.

mod curve;
mod days;
mod gaps;
mod loads;
mod lost;
pub mod v1;

pub use curve::{Curve, RcodeClass, Slot};
pub use days::{Days, Settings};
pub use gaps::{Gap, Gaps, Why};
pub use loads::Loads;
pub use lost::Lost;

use crate::counts::Counts;
use crate::sources::Sources;
use crate::time::Day;

/// What is known of one day, of one node or of many.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// The day.
    pub day: Day,
    /// The second up to which it is known (Unix time).
    pub until_s: u64,
    /// Nodes that it is the sum of.
    pub nodes: u32,
    /// Messages.
    pub counts: Counts,
    /// The same over the course of the day, in less detail.
    pub curve: Curve,
    /// Datagrams that are not among them, since the kernel dropped them.
    pub lost: Lost,
    /// Sources.
    pub sources: Sources,
    /// Serials of the root zone that came.
    pub loads: Loads,
    /// Times that are missing, or of which it is not certain that they belong here.
    pub gaps: Gaps,
}

/// A closed account.
#[derive(Clone, Debug, PartialEq)]
pub struct Sealed(Account);

/// Two accounts are not of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an account of {other} does not belong to {day}")]
pub struct OtherDay {
    /// The day that it was to be merged into.
    pub day: Day,
    /// The day that it is of.
    pub other: Day,
}

impl Account {
    /// Of one node, with nothing counted.
    pub fn new(day: Day, sources_octets: usize) -> Account {
        Account {
            day,
            until_s: day.start_s(),
            nodes: 1,
            counts: Counts::new(),
            curve: Curve::new(),
            lost: Lost::default(),
            sources: Sources::new(sources_octets),
            loads: Loads::default(),
            gaps: Gaps::default(),
        }
    }

    /// Adds what another node counted on the same day. The merged account is known as far as the
    /// least known of both.
    pub fn merge(&mut self, other: &Account) -> Result<(), OtherDay> {
        if other.day != self.day {
            return Err(OtherDay {
                day: self.day,
                other: other.day,
            });
        }
        self.absorb(other);
        self.until_s = self.until_s.min(other.until_s);
        self.nodes = self.nodes.saturating_add(other.nodes);
        Ok(())
    }

    /// Adds what was counted, whatever day it was counted for.
    fn absorb(&mut self, other: &Account) {
        self.counts.add(&other.counts);
        self.curve.merge(&other.curve);
        self.lost.add(other.lost);
        self.sources.merge(&other.sources);
        self.loads.merge(&other.loads);
        self.gaps.merge(&other.gaps);
    }
}

impl Sealed {
    /// What is in it.
    pub fn account(&self) -> &Account {
        &self.0
    }

    /// Notes that the account of a node could not be read and is not in this one: a gap of the
    /// whole day.
    #[must_use]
    pub fn without_a_node(mut self) -> Sealed {
        let day = self.0.day;
        self.0.gaps.add(Gap {
            from_s: day.start_s(),
            to_s: day.end_s(),
            why: Why::Missing,
        });
        self
    }

    /// Both together, as a sealed account of its own. IPv6 sources have the budget of `self`.
    pub fn merge(self, other: &Sealed) -> Result<Sealed, OtherDay> {
        let mut account = self.0;
        account.merge(&other.0)?;
        Ok(Sealed(account))
    }
}

#[cfg(test)]
mod tests;
