//! The past of one path, and of one family.

use super::{Cause, Path, Probed, Settings};
use crate::limits::{FLAPS_FORGOTTEN_AFTER, FLAPS_MAX};
use imrs_wire::time::Moment;
use std::collections::VecDeque;
use std::time::Duration;

/// What the probes of one path found.
#[derive(Clone, Debug)]
pub(super) struct Track {
    /// When the last one ended, or when waiting for the first began.
    pub(super) last_at: Moment,
    last: Probed,
    /// Right ones in a row.
    pub(super) right: u32,
    /// Others in a row.
    wrong: u32,
}

impl Track {
    pub(super) fn new(now: Moment) -> Track {
        Track {
            last_at: now,
            last: Probed::Right,
            right: 0,
            wrong: 0,
        }
    }

    pub(super) fn add(&mut self, now: Moment, probed: Probed) {
        self.last_at = now;
        if probed == Probed::Void {
            return;
        }
        let is_right = probed == Probed::Right;
        self.right = if is_right {
            self.right.saturating_add(1)
        } else {
            0
        };
        self.wrong = if is_right {
            0
        } else {
            self.wrong.saturating_add(1)
        };
        self.last = probed;
    }

    /// The last one was not right.
    pub(super) fn is_wrong(&self) -> bool {
        self.wrong > 0
    }

    /// What is wrong with the path if so many in a row are too many.
    pub(super) fn cause(&self, now: Moment, path: Path, most: u32, age: Duration) -> Option<Cause> {
        let silent_for = now.since(self.last_at);
        if silent_for > age {
            return Some(Cause::Unprobed { path, silent_for });
        }
        let times = self.wrong;
        match self.last.clone() {
            _ if times < most => None,
            Probed::Right | Probed::Void => None,
            Probed::Wrong { question, fault } => Some(Cause::Wrong {
                path,
                question,
                fault,
                times,
            }),
            Probed::Silent { question } => Some(Cause::Silent {
                path,
                question,
                times,
            }),
        }
    }
}

/// Where a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It was never fit.
    Starting,
    Fit,
    Unfit,
    /// Its evidence is good since then.
    Probation(Moment),
}

/// The past of one family.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) phase: Phase,
    /// When it last became unfit, the latest at the back.
    flaps: VecDeque<Moment>,
}

impl Past {
    pub(super) fn new() -> Past {
        Past {
            phase: Phase::Starting,
            flaps: VecDeque::new(),
        }
    }

    /// What the evidence makes of it.
    pub(super) fn advance(
        &mut self,
        now: Moment,
        is_good: bool,
        is_ready: bool,
        settings: &Settings,
    ) {
        let over = |since: Moment| now.since(since) >= self.probation(settings);
        self.phase = match self.phase {
            Phase::Starting if is_good && is_ready => Phase::Fit,
            Phase::Fit if !is_good => {
                self.flaps
                    .retain(|flap| now.since(*flap) < FLAPS_FORGOTTEN_AFTER);
                if self.flaps.len() == FLAPS_MAX {
                    self.flaps.pop_front();
                }
                self.flaps.push_back(now);
                Phase::Unfit
            }
            Phase::Unfit if is_good => Phase::Probation(now),
            Phase::Probation(_) if !is_good => Phase::Unfit,
            Phase::Probation(since) if over(since) => Phase::Fit,
            same => same,
        };
    }

    /// How long good evidence is to last: doubles with each flap.
    pub(super) fn probation(&self, settings: &Settings) -> Duration {
        let doublings = self.flaps.len().saturating_sub(1).min(FLAPS_MAX);
        settings
            .probation
            .saturating_mul(1 << doublings)
            .min(settings.probation_max)
    }
}
