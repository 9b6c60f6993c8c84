//! One round: the primaries asked one after the other, and what it came to.

use super::hints::{Hint, HintEnd};
use imrs_wire::Serial;
use std::collections::VecDeque;

/// What is being done.
#[derive(Debug)]
pub(super) enum Work {
    /// Nothing.
    Idle,
    /// Asking the primaries.
    Round(Round),
}

#[derive(Debug)]
pub(super) struct Round {
    pub(super) cause: Cause,
    /// The hint that this round follows.
    pub(super) hint: Option<Hint>,
    /// Primaries that were not asked yet.
    pub(super) order: VecDeque<usize>,
    pub(super) step: Step,
    /// Whether the operator wants the whole zone, be it newer or not.
    pub(super) whole: bool,
    pub(super) tally: Tally,
}

/// Why a round began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Timer,
    Hint,
    Operator,
}

/// Where a round is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// The next primary is asked.
    Next,
    /// An answer is outstanding.
    Asking { primary: usize },
    /// A primary has something that is to be fetched.
    Offered {
        primary: usize,
        serial: Serial,
        way: Way,
    },
    /// A fetch is outstanding.
    Fetching {
        primary: usize,
        /// What was offered.
        serial: Serial,
        /// Where the differences start that were asked for.
        from: Option<Serial>,
    },
}

/// How to fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// IXFR (RFC 1995), if there is something to start from.
    Differences,
    /// AXFR (RFC 5936).
    Whole,
}

/// What a round came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Somebody answered.
    pub(super) answered: bool,
    /// Somebody had the serial that is held, or gave a newer one.
    pub(super) confirmed: bool,
    /// Somebody gave a newer one.
    pub(super) accepted: bool,
    /// The newest serial that was offered and not taken.
    pub(super) missed: Option<Serial>,
    /// One whose transfer broke, so that it is worth another try soon.
    pub(super) broken: Option<Serial>,
}

impl Step {
    /// The same offer, fetched whole.
    pub(super) fn whole(primary: usize, serial: Serial) -> Self {
        Step::Offered {
            primary,
            serial,
            way: Way::Whole,
        }
    }
}

impl Round {
    /// A newer serial was offered and not taken.
    pub(super) fn miss(&mut self, serial: Serial) {
        let missed = &mut self.tally.missed;
        if missed.is_none_or(|before| serial.is_newer_than(before)) {
            *missed = Some(serial);
        }
    }

    /// This primary has news: it goes first among those that are still to be asked.
    pub(super) fn prefer(&mut self, primary: usize) {
        if let Some(at) = self.order.iter().position(|&other| other == primary) {
            self.order.remove(at);
            self.order.push_front(primary);
        }
    }

    /// What is to be looked for again when the round is over. A transfer that broke is, as if it
    /// had been announced.
    pub(super) fn hint(&self) -> Option<Hint> {
        match self.hint {
            Some(hint) => Some(hint.or_serial(self.tally.broken)),
            None => {
                let broken = self.tally.broken?;
                Some(Hint::new(Some(broken), None))
            }
        }
    }
}

impl Tally {
    pub(super) fn hint_end(&self) -> HintEnd {
        if self.accepted {
            HintEnd::Fruitful
        } else if self.answered {
            HintEnd::Level
        } else {
            HintEnd::Unanswered
        }
    }

    /// Whether there is a newer copy than `held` that was not taken.
    pub(super) fn is_behind(&self, held: Option<Serial>) -> bool {
        self.missed
            .is_some_and(|missed| held.is_none_or(|held| missed.is_newer_than(held)))
    }
}
