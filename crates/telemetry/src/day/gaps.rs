//! Times in which something was not counted, or may stand under the wrong day.

use crate::limits::GAPS_MAX;
use crate::time::Day;
use std::fmt;

/// A time that is missing or uncertain, in seconds of Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Its begin.
    pub from_s: u64,
    /// Its end; the same as the begin where it has no length by the clock.
    pub to_s: u64,
    /// What happened.
    pub why: Why,
}

/// Why a time is missing or uncertain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Why {
    /// Nobody counted: the process was not running.
    Down,
    /// The clock was set back over this time, so that it was there twice.
    ClockBack,
    /// The clock was set forward over this time, so that it was not there.
    ClockForward,
    /// Counts of a worker went down and could not be told from those before.
    Unread,
    /// The sealed account of a node could not be read when many were merged.
    Missing,
}

/// The gaps of a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    told: Vec<Gap>,
    /// Those that are only counted, since there were too many.
    untold: u64,
    untold_s: u64,
}

impl Gap {
    /// How long it is.
    pub fn seconds(&self) -> u64 {
        self.to_s.saturating_sub(self.from_s)
    }

    /// What of it is within a day, if it touches it.
    pub(super) fn within(&self, day: Day) -> Option<Gap> {
        let gap = Gap {
            from_s: self.from_s.max(day.start_s()),
            to_s: self.to_s.min(day.end_s()),
            why: self.why,
        };
        let touches = gap.from_s < gap.to_s || (self.from_s == self.to_s && gap.from_s == gap.to_s);
        touches.then_some(gap)
    }
}

impl Gaps {
    /// Adds one.
    pub fn add(&mut self, gap: Gap) {
        if self.told.len() < GAPS_MAX {
            self.told.push(gap);
        } else {
            self.untold = self.untold.saturating_add(1);
            self.untold_s = self.untold_s.saturating_add(gap.seconds());
        }
    }

    /// Adds those of another node.
    pub(super) fn merge(&mut self, other: &Gaps) {
        for gap in &other.told {
            self.add(*gap);
        }
        self.untold = self.untold.saturating_add(other.untold);
        self.untold_s = self.untold_s.saturating_add(other.untold_s);
    }

    /// Those that are told each for itself, up to [`GAPS_MAX`].
    pub fn told(&self) -> &[Gap] {
        &self.told
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.untold.saturating_add(self.told.len() as u64)
    }

    /// How long they are together, over all nodes.
    pub fn seconds(&self) -> u64 {
        let told = self.told.iter().map(Gap::seconds);
        told.fold(self.untold_s, u64::saturating_add)
    }

    /// How many are not told for themselves, and how long these are together.
    pub(super) fn untold(&self) -> (u64, u64) {
        (self.untold, self.untold_s)
    }

    pub(super) fn of(told: Vec<Gap>, (untold, untold_s): (u64, u64)) -> Gaps {
        Gaps {
            told,
            untold,
            untold_s,
        }
    }
}

impl Why {
    pub(super) const ALL: [Why; 5] = [
        Why::Down,
        Why::ClockBack,
        Why::ClockForward,
        Why::Unread,
        Why::Missing,
    ];
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::Down => "not running",
            Why::ClockBack => "the clock was set back",
            Why::ClockForward => "the clock was set forward",
            Why::Unread => "counts went down",
            Why::Missing => "the account of a node is missing",
        })
    }
}
