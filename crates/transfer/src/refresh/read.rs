//! What can be read of a [`Refresh`], for those who watch.

use super::copy::Held;
use super::round::{Step, Work};
use super::{Action, Came, Refresh, Refusal, Standing};
use crate::time::Moment;

/// The last that was heard of a primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// When.
    pub at: Moment,
    /// Of whom.
    pub primary: usize,
    /// What.
    pub came: Came,
}

impl Refresh {
    /// The copy that is held, be it expired or not.
    pub fn held(&self) -> Option<&Held> {
        self.copy.held()
    }

    /// When a primary last had the serial that is held.
    pub fn confirmed(&self) -> Option<Moment> {
        self.held().map(|held| held.confirmed)
    }

    /// When the copy may no longer be served, unless a primary confirms it before.
    pub fn expires(&self) -> Option<Moment> {
        self.held().map(Held::expires)
    }

    /// Whether there is a copy that may no longer be served. Whoever never held one serves none
    /// either, but that is no expiry.
    pub fn is_expired(&self, now: Moment) -> bool {
        self.expires().is_some_and(|expires| expires <= now)
    }

    /// When the next round begins; none during a round, and without primaries.
    pub fn next_check(&self) -> Option<Moment> {
        if self.primaries.is_empty() || matches!(self.work, Work::Round(_)) {
            return None;
        }
        Some(match self.hints.due() {
            Some(hint) => hint.min(self.due),
            None => self.due,
        })
    }

    /// The last that was heard of any primary.
    pub fn last_check(&self) -> Option<Check> {
        let checks = self.primaries.iter().enumerate();
        checks
            .filter_map(|(primary, standing)| {
                let (at, came) = standing.last?;
                Some(Check { at, primary, came })
            })
            .max_by_key(|check| check.at)
    }

    /// What is known of each primary, in the order of their numbers.
    pub fn primaries(&self) -> &[Standing] {
        &self.primaries
    }

    /// The serials that were refused and may still be offered.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.refusals.iter()
    }

    /// The action that is outstanding.
    pub fn outstanding(&self) -> Option<Action> {
        let Work::Round(round) = &self.work else {
            return None;
        };
        match round.step {
            Step::Asking { primary } => Some(Action::Ask { primary }),
            Step::Fetching { primary, from, .. } => Some(Action::Fetch { primary, from }),
            Step::Next | Step::Offered { .. } => None,
        }
    }
}
