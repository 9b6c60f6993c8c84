//! What clients wish and what they are told: between their threads and the one that speaks to BIRD.

use crate::route::bird::conf::Settings;
use crate::route::leases::Leases;
use crate::route::limits::REPORT_PATIENCE;
use crate::route::v1::Report;
use imrs_fleet::anycast::Wish;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where wishes come together, and the report of what became of them.
#[derive(Debug)]
pub(super) struct Desk {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    leases: Leases,
    /// What the report is about: what all wish together, and what was done about it.
    settled: Option<Wish>,
    report: Report,
    proposed: Option<Proposed>,
    is_ending: bool,
    has_ended: bool,
    /// When the thread that speaks to BIRD came by last.
    sign: Instant,
}

/// Settings that were read again, or why they could not be.
pub(super) type Proposed = Result<Settings, String>;

/// What the thread that speaks to BIRD is to do.
#[derive(Debug)]
pub(super) struct Task {
    /// What is to be announced.
    pub(super) wish: Wish,
    /// What was read again.
    pub(super) proposed: Option<Proposed>,
    /// Whether it is the last.
    pub(super) is_last: bool,
}

impl Desk {
    pub(super) fn new() -> Self {
        Desk {
            state: Mutex::new(State {
                leases: Leases::default(),
                settled: None,
                report: Report::default(),
                proposed: None,
                is_ending: false,
                has_ended: false,
                sign: Instant::now(),
            }),
            changed: Condvar::new(),
        }
    }

    /// Takes a wish, and reports once all is done that can be done about it, or after
    /// [`REPORT_PATIENCE`] how things are then.
    pub(super) fn say(&self, client: u64, wish: Wish, ttl: Duration) -> Report {
        let mut state = self.lock();
        let now = Instant::now();
        state.leases.say(client, wish, now + ttl);
        let wished = state.leases.merged(now);
        if state.settled.as_ref() == Some(&wished) {
            return state.report.clone();
        }
        self.changed.notify_all();
        let is_open = |state: &mut State| state.settled.as_ref() != Some(&wished);
        let waited = self
            .changed
            .wait_timeout_while(state, REPORT_PATIENCE, is_open);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.report.clone()
    }

    /// The report of now.
    pub(super) fn report(&self) -> Report {
        self.lock().report.clone()
    }

    /// A client is gone, and its wish with it.
    pub(super) fn gone(&self, client: u64) {
        self.lock().leases.gone(client);
        self.changed.notify_all();
    }

    /// Has settings tried, or reports why there are none.
    pub(super) fn propose(&self, proposed: Proposed) {
        self.lock().proposed = Some(proposed);
        self.changed.notify_all();
    }

    /// Has everything withdrawn, whoever wishes what, and waits until it is, for so long at most.
    pub(super) fn end(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        state.is_ending = true;
        self.changed.notify_all();
        let waited = self
            .changed
            .wait_timeout_while(state, patience, |state| !state.has_ended);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.has_ended
    }

    /// When the thread that speaks to BIRD came by last.
    pub(super) fn last_sign(&self) -> Instant {
        self.lock().sign
    }

    /// Waits until there is something to do, until `due` at most.
    pub(super) fn next(&self, due: Instant) -> Task {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            state.sign = now;
            let wish = match state.is_ending {
                true => Wish::default(),
                false => state.leases.merged(now),
            };
            let is_new = state.settled.as_ref() != Some(&wish);
            if is_new || state.is_ending || state.proposed.is_some() || now >= due {
                return Task {
                    wish,
                    proposed: state.proposed.take(),
                    is_last: state.is_ending,
                };
            }
            let until = state.leases.next_end().map_or(due, |end| end.min(due));
            let waited = self
                .changed
                .wait_timeout(state, until.saturating_duration_since(now));
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells what became of a wish.
    pub(super) fn settle(&self, task: Task, report: Report) {
        let mut state = self.lock();
        state.settled = Some(task.wish);
        state.report = report;
        state.sign = Instant::now();
        state.has_ended |= task.is_last;
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What is in it is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
