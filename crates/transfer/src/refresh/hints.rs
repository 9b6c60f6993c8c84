//! What NOTIFY said (RFC 1996): remembered once, chased a few times, spaced.
//!
//! A NOTIFY is a hint that anybody may have forged. Nothing of it is believed; it brings forward a
//! question that would be asked anyway, and the more of them find nothing, the less they do.

use super::timers::doubled;
use crate::limits::{CHASES_MAX, NOTIFY_QUIET, NOTIFY_SPACING, NOTIFY_SPACING_MAX};
use crate::time::Moment;
use imrs_wire::Serial;
use std::time::Duration;

/// That there may be something newer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hint {
    /// What there is said to be; unknown when NOTIFY came without an SOA record.
    pub(super) serial: Option<Serial>,
    /// Whom to ask first.
    pub(super) from: Option<usize>,
    chases_left: u32,
}

/// The hint that waits for a round, and how long rounds for hints must wait.
#[derive(Debug, Default)]
pub(super) struct Hints {
    waiting: Option<Hint>,
    /// Rounds for hints in a row that found nothing.
    fruitless: u32,
    /// End of the last round for a hint.
    ended: Option<Moment>,
}

impl Hint {
    pub(super) fn new(serial: Option<Serial>, from: Option<usize>) -> Self {
        Hint {
            serial,
            from,
            chases_left: CHASES_MAX,
        }
    }

    /// Names a serial if it named none.
    pub(super) fn or_serial(self, serial: Option<Serial>) -> Self {
        Hint {
            serial: self.serial.or(serial),
            ..self
        }
    }

    /// Two hints are one: the newer serial, and whoever spoke last is asked first.
    fn joined(self, later: Hint) -> Hint {
        let serial = match (self.serial, later.serial) {
            (Some(old), Some(new)) if old.is_newer_than(new) => Some(old),
            (old, new) => new.or(old),
        };
        Hint {
            serial,
            from: later.from.or(self.from),
            chases_left: later.chases_left.max(self.chases_left),
        }
    }

    fn is_met_by(&self, held: Option<Serial>) -> bool {
        match (self.serial, held) {
            (Some(announced), Some(held)) => !announced.is_newer_than(held),
            _ => false,
        }
    }
}

impl Hints {
    pub(super) fn add(&mut self, hint: Hint) {
        self.waiting = Some(match self.waiting.take() {
            Some(before) => before.joined(hint),
            None => hint,
        });
    }

    /// Drops the hint that waits if what is held now is what it told of.
    pub(super) fn settle(&mut self, held: Option<Serial>) {
        self.waiting.take_if(|hint| hint.is_met_by(held));
    }

    /// When a round for the hint that waits may begin, if one waits.
    pub(super) fn due(&self) -> Option<Moment> {
        self.waiting.as_ref()?;
        Some(match self.ended {
            Some(ended) => ended + self.spacing(),
            None => Moment(Duration::ZERO),
        })
    }

    fn spacing(&self) -> Duration {
        // The first that finds nothing costs no more than one that does.
        doubled(
            NOTIFY_SPACING,
            self.fruitless.saturating_sub(1),
            NOTIFY_SPACING_MAX,
        )
    }

    /// Takes the hint for a round that begins now, whatever caused the round.
    pub(super) fn take(&mut self, now: Moment) -> Option<Hint> {
        if self.ended.is_none_or(|at| now.since(at) >= NOTIFY_QUIET) {
            self.fruitless = 0;
        }
        self.waiting.take()
    }

    /// A round for `hint` ended. What it did not find is looked for again, a few times.
    pub(super) fn give_back(&mut self, now: Moment, hint: Hint, end: HintEnd) {
        self.ended = Some(now);
        self.fruitless = match end {
            HintEnd::Fruitful => 0,
            HintEnd::Level | HintEnd::Unanswered => self.fruitless.saturating_add(1),
        };
        let is_answered = hint.serial.is_none() && !matches!(end, HintEnd::Unanswered);
        if is_answered || hint.chases_left <= 1 {
            return;
        }
        let hint = Hint {
            chases_left: hint.chases_left - 1,
            ..hint
        };
        // One that came meanwhile has the later word.
        self.waiting = Some(match self.waiting.take() {
            Some(later) => hint.joined(later),
            None => hint,
        });
    }
}

/// How a round for a hint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HintEnd {
    /// With a newer zone.
    Fruitful,
    /// Primaries answered, and nothing was taken.
    Level,
    /// Nobody answered.
    Unanswered,
}
