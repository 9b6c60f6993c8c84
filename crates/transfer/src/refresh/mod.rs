//! When to ask which primary, and what for (RFC 1035 section 3.3.13, RFC 1982, RFC 1996).
//!
//! Start at [`Refresh`]. It looks for a newer copy in *rounds*: a round asks the primaries for
//! their SOA record one after the other, and fetches from whoever has a newer one. It goes on
//! after one that failed and after one that has nothing newer, so that a stale first primary hides
//! nothing.
//!
//! ```text
//!  Idle ──▶ Next ──▶ Asking ──▶ Offered ──▶ Fetching
//!   ▲       │  ▲       │           ▲          │  │
//!   └───────┘  └───────┴───────────│──────────┘  │
//!   all asked     nothing to fetch └─────────────┘ no use of differences: the whole zone
//! ```
//!
//! `copy` is what is held and how long it is good, `round` where a round is, `primaries` whom it
//! asks, `refusals` what it does not fetch again yet, `hints` when NOTIFY may begin one, `timers`
//! the times of the zone. All this knows no socket, no clock and nothing of proof.

mod copy;
mod hints;
mod primaries;
mod read;
mod refusals;
mod round;
#[cfg(test)]
mod tests;
mod timers;

pub use copy::Held;
pub use primaries::{Came, Delay, Primary, Standing};
pub use read::Check;
pub use refusals::Refusal;
pub use timers::Timers;

use crate::limits::{JITTER_PART, PRIMARIES_MAX};
use crate::time::Moment;
use copy::Copy;
use hints::{Hint, Hints};
use imrs_wire::Serial;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use refusals::Refusals;
use round::{Cause, Round, Step, Tally, Way, Work};
use std::mem;
use std::time::Duration;

/// Keeps one zone current. Owns no socket and reads no clock.
///
/// Whoever drives it calls `handle_*` with what happened, then [`Refresh::poll_action`] until it
/// gives none, and comes back at [`Refresh::poll_timeout`] at the latest. One action is
/// outstanding at most: each is answered exactly once, an [`Action::Ask`] by
/// [`Refresh::handle_soa`] or [`Refresh::handle_unanswered`], an [`Action::Fetch`] by
/// [`Refresh::handle_fetched`]; there is none before that. Answers that nothing asked for are let
/// fall.
#[derive(Debug)]
pub struct Refresh {
    primaries: Vec<Standing>,
    copy: Copy,
    work: Work,
    hints: Hints,
    refusals: Refusals,
    /// What the operator wants from the next round.
    wanted: Option<Force>,
    /// Serial that the operator lets pass in the next round.
    passing: Option<Serial>,
    /// When to look for a newer copy without being told.
    due: Moment,
    rng: ChaCha8Rng,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask this primary for the zone's SOA record.
    Ask {
        /// Whom.
        primary: usize,
    },
    /// Fetch the zone from this primary, prove it, and serve it.
    Fetch {
        /// From whom.
        primary: usize,
        /// The serial that differences start from (IXFR), or none for the whole zone (AXFR).
        from: Option<Serial>,
    },
}

/// What became of an [`Action::Fetch`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The zone is proven and in service.
    Accepted {
        /// Its serial.
        serial: Serial,
        /// The times of its SOA record.
        timers: Timers,
    },
    /// The primary said that it has nothing newer.
    Current,
    /// The transfer broke: connection, time, limits, key.
    Failed,
    /// The primary does no IXFR (RFC 1995 section 4), or its differences do not apply to what is
    /// held.
    NoDifferences,
    /// What came is not served.
    Refused {
        /// The serial that came.
        serial: Serial,
        /// Why.
        reason: String,
        /// Whether it was made of differences; then the whole zone may be in order.
        incremental: bool,
    },
}

/// What an operator can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Force {
    /// Look for a newer copy now, and let no primary be passed over for its past.
    Refresh,
    /// Besides, forget refusals, and fetch the whole zone even if its serial is the one held.
    Retransfer,
}

impl Refresh {
    /// Begins with what is held. The first round is due at once: a copy from before the start is
    /// looked at before anything else. Of the primaries, [`PRIMARIES_MAX`] are used.
    pub fn new(primaries: Vec<Primary>, held: Option<Held>, seed: u64, now: Moment) -> Self {
        let mut primaries = primaries::standings(primaries);
        primaries.truncate(PRIMARIES_MAX);
        Refresh {
            primaries,
            copy: Copy::new(held),
            work: Work::Idle,
            hints: Hints::default(),
            refusals: Refusals::default(),
            wanted: None,
            passing: None,
            due: now,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// A NOTIFY came from a source that may send it; `from` says which primary that is, `serial`
    /// what its SOA record had, if there was one (RFC 1996 section 3.7).
    pub fn handle_notify(&mut self, now: Moment, from: Option<usize>, serial: Option<Serial>) {
        self.expire(now);
        let from = from.filter(|&primary| primary < self.primaries.len());
        self.hints.add(Hint::new(serial, from));
        self.hints.settle(self.held_serial());
        if let (Work::Round(round), Some(from)) = (&mut self.work, from) {
            round.prefer(from);
        }
    }

    /// A primary answered: this is the serial that it has.
    pub fn handle_soa(&mut self, now: Moment, primary: usize, serial: Serial) {
        self.expire(now);
        let held = self.held_serial();
        let Some((round, standing)) = self.asked(primary) else {
            return;
        };
        standing.silence = Delay::Open;
        round.tally.answered = true;
        let is_level = held == Some(serial);
        let is_newer = held.is_none_or(|held| serial.is_newer_than(held));
        if is_newer || (is_level && round.whole) {
            self.weigh_offer(now, primary, serial);
        } else if is_level {
            standing.last = Some((now, Came::Level));
        } else {
            standing.last = Some((now, Came::Older(serial)));
        }
        if is_level {
            self.confirm(now);
        }
    }

    /// A primary gave no answer of use.
    pub fn handle_unanswered(&mut self, now: Moment, primary: usize) {
        self.expire(now);
        let most = self.copy.delay_after_failure_max();
        if let Some((_, standing)) = self.asked(primary) {
            standing.stay_silent(now, most);
        }
    }

    /// A fetch ended.
    pub fn handle_fetched(&mut self, now: Moment, primary: usize, fetched: Fetched) {
        self.expire(now);
        let before = self.held_serial();
        if let Fetched::Accepted { serial, timers } = fetched {
            // True even if nobody asked for it: this is what is served.
            self.hold(now, serial, timers);
        }
        let Work::Round(round) = &mut self.work else {
            return;
        };
        let (offered, was_incremental) = match round.step {
            Step::Fetching {
                primary: asked,
                serial,
                from,
            } if asked == primary => (serial, from.is_some()),
            _ => return,
        };
        round.step = Step::Next;
        let standing = &mut self.primaries[primary];
        match fetched {
            Fetched::Accepted { serial, .. } => {
                round.tally.confirmed = true;
                if before == Some(serial) && !round.whole {
                    // It told of a newer serial and sent the one that is held: a fetch for
                    // nothing, which must not clear the way for the next.
                    standing.fail_fetch(now, Came::Withdrawn(offered));
                } else {
                    standing.fetch = Delay::Open;
                    standing.last = Some((now, Came::Accepted(serial)));
                    round.whole = false;
                    round.tally.accepted = true;
                }
            }
            Fetched::Current => standing.fail_fetch(now, Came::Withdrawn(offered)),
            Fetched::NoDifferences if was_incremental => {
                standing.last = Some((now, Came::NoDifferences(offered)));
                round.step = Step::whole(primary, offered);
            }
            Fetched::Failed | Fetched::NoDifferences => {
                standing.fail_fetch(now, Came::Broken(offered));
                round.tally.broken = Some(offered);
                round.miss(offered);
            }
            Fetched::Refused { incremental, .. } if incremental && was_incremental => {
                standing.last = Some((now, Came::Refused(offered)));
                round.step = Step::whole(primary, offered);
            }
            Fetched::Refused { serial, reason, .. } => {
                standing.fail_fetch(now, Came::Refused(serial));
                round.miss(offered);
                self.refuse(now, primary, [offered, serial], &reason);
            }
        }
    }

    /// The zone came by another way, such as a file, and is in service.
    pub fn handle_held(&mut self, now: Moment, serial: Serial, timers: Timers) {
        self.expire(now);
        self.hold(now, serial, timers);
    }

    /// The operator wants a round now. It begins when the present one ends.
    pub fn force(&mut self, now: Moment, force: Force) {
        self.expire(now);
        self.wanted = self.wanted.max(Some(force));
    }

    /// The operator lets one serial pass: its refusals are forgotten, and it is fetched now.
    pub fn accept(&mut self, now: Moment, serial: Serial) {
        self.refusals.forget(serial);
        self.passing = Some(serial);
        self.force(now, Force::Refresh);
    }

    /// What to do now, if there is anything.
    #[must_use]
    pub fn poll_action(&mut self, now: Moment) -> Option<Action> {
        self.expire(now);
        loop {
            let held = self.held_serial();
            let Work::Round(round) = &mut self.work else {
                let cause = self.cause(now)?;
                self.begin(now, cause);
                continue;
            };
            match round.step {
                Step::Asking { .. } | Step::Fetching { .. } => return None,
                Step::Next => match round.order.pop_front() {
                    Some(primary) => {
                        round.step = Step::Asking { primary };
                        return Some(Action::Ask { primary });
                    }
                    None => self.end(now),
                },
                // The zone may have come by another way meanwhile.
                Step::Offered { serial, .. }
                    if !round.whole && held.is_some_and(|held| !serial.is_newer_than(held)) =>
                {
                    round.step = Step::Next;
                }
                Step::Offered {
                    primary,
                    serial,
                    way,
                } => {
                    let from = held.filter(|_| way == Way::Differences);
                    round.step = Step::Fetching {
                        primary,
                        serial,
                        from,
                    };
                    return Some(Action::Fetch { primary, from });
                }
            }
        }
    }

    /// When to call [`Refresh::poll_action`] again, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Moment> {
        let timeouts = [self.copy.expires(), self.next_check()];
        timeouts.into_iter().flatten().min()
    }

    /// The round and the primary whose answer is outstanding; it is now answered.
    fn asked(&mut self, primary: usize) -> Option<(&mut Round, &mut Standing)> {
        let Work::Round(round) = &mut self.work else {
            return None;
        };
        match round.step {
            Step::Asking { primary: asked } if asked == primary => {
                round.step = Step::Next;
                Some((round, self.primaries.get_mut(primary)?))
            }
            _ => None,
        }
    }

    /// A primary offers something to fetch: fetches it unless that would be too soon again.
    fn weigh_offer(&mut self, now: Moment, primary: usize, serial: Serial) {
        let Work::Round(round) = &mut self.work else {
            return;
        };
        let standing = &mut self.primaries[primary];
        let refused = self.refusals.again_at(primary, serial);
        let until = standing.fetch.until().max(refused);
        if let Some(until) = until.filter(|&until| now < until) {
            standing.last = Some((now, Came::HeldBack { serial, until }));
            round.miss(serial);
            return;
        }
        standing.last = Some((now, Came::Newer(serial)));
        round.step = Step::Offered {
            primary,
            serial,
            way: match round.whole {
                true => Way::Whole,
                false => Way::Differences,
            },
        };
    }

    /// Remembers what was refused: what was told, and what came.
    fn refuse(&mut self, now: Moment, primary: usize, serials: [Serial; 2], reason: &str) {
        let [offered, came] = serials;
        self.refusals.add(now, primary, offered, reason);
        if came != offered {
            self.refusals.add(now, primary, came, reason);
        }
        if let Some(held) = self.copy.held() {
            self.refusals.keep_newer_than(held.serial);
        }
    }

    /// Why a round should begin now, if it should.
    fn cause(&self, now: Moment) -> Option<Cause> {
        if self.primaries.is_empty() {
            None
        } else if self.wanted.is_some() {
            Some(Cause::Operator)
        } else if self.due <= now {
            Some(Cause::Timer)
        } else {
            let is_due = self.hints.due().is_some_and(|due| due <= now);
            is_due.then_some(Cause::Hint)
        }
    }

    fn begin(&mut self, now: Moment, cause: Cause) {
        let wanted = self.wanted.take();
        let whole = wanted == Some(Force::Retransfer);
        if whole {
            self.refusals.clear();
        }
        if let Some(serial) = self.passing.take() {
            self.refusals.forget(serial);
        }
        if wanted.is_some() {
            for standing in &mut self.primaries {
                standing.silence = Delay::Open;
                standing.fetch = Delay::Open;
            }
        }
        let hint = self.hints.take(now);
        let notifier = hint.and_then(|hint| hint.from);
        self.work = Work::Round(Round {
            cause,
            hint,
            order: primaries::order(now, &self.primaries, notifier, &mut self.rng),
            step: Step::Next,
            whole,
            tally: Tally::default(),
        });
    }

    /// All primaries were asked: sets the time of the next check.
    fn end(&mut self, now: Moment) {
        let Work::Round(round) = mem::replace(&mut self.work, Work::Idle) else {
            return;
        };
        let tally = round.tally;
        let held = self.held_serial();
        if let Some(hint) = round.hint() {
            self.hints.give_back(now, hint, tally.hint_end());
        }
        self.hints.settle(held);
        let delay = match self.copy {
            Copy::Current(held) if tally.confirmed && !tally.is_behind(Some(held.serial)) => {
                held.timers.refresh()
            }
            _ => self.copy.delay_after_failure(),
        };
        let next = now + self.jitter(delay);
        self.due = match round.cause {
            // It passed silent primaries over, so that it stands for the round of the timer only
            // if it found what that looks for.
            Cause::Hint if !tally.confirmed => self.due.min(next),
            Cause::Hint | Cause::Timer | Cause::Operator => next,
        };
    }

    fn jitter(&mut self, delay: Duration) -> Duration {
        let share: f64 = self.rng.random_range(0.0..1.0);
        delay - (delay / JITTER_PART).mul_f64(share)
    }

    /// A primary has the serial that is held.
    fn confirm(&mut self, now: Moment) {
        self.copy.confirm(now);
        if let Work::Round(round) = &mut self.work {
            round.tally.confirmed = true;
        }
    }

    /// This is what is served now.
    fn hold(&mut self, now: Moment, serial: Serial, timers: Timers) {
        self.copy = Copy::Current(Held {
            serial,
            timers,
            confirmed: now,
        });
        self.refusals.keep_newer_than(serial);
        self.hints.settle(Some(serial));
        self.due = now + timers.refresh();
    }

    /// Notices that the copy has expired, and looks for another at once.
    fn expire(&mut self, now: Moment) {
        if self.copy.expire(now) {
            self.due = self.due.min(now);
        }
    }

    fn held_serial(&self) -> Option<Serial> {
        self.held().map(|held| held.serial)
    }
}
