//! The primaries of a zone: whom to ask first, whom to pass over for a while, what came of it.

use super::timers::doubled;
use crate::limits::{FETCH_DELAY, FETCH_DELAY_MAX, SILENCE_DELAY, SILENCE_DELAY_MAX};
use crate::time::Moment;
use imrs_wire::Serial;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use std::time::Duration;

/// One of the servers that a zone is fetched from; its place in the list is its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Primary {
    /// Those with a lower number are asked first, as in RFC 2782.
    pub priority: u16,
    /// Share of being asked first among those of one priority, as in RFC 2782.
    pub weight: u16,
}

/// What is known of a primary.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whom it is about.
    pub primary: Primary,
    /// What came of it the last time, if it was asked.
    pub last: Option<(Moment, Came)>,
    /// Whether it is passed over because it did not answer.
    pub silence: Delay,
    /// Whether it is not fetched from because fetches brought nothing.
    pub fetch: Delay,
}

/// What came of asking a primary or of fetching from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It has the serial that we have.
    Level,
    /// It is behind us.
    Older(Serial),
    /// It offers a newer serial, which is fetched.
    Newer(Serial),
    /// It offers a newer serial that is not fetched again yet.
    HeldBack {
        /// What it offers.
        serial: Serial,
        /// When that may be fetched.
        until: Moment,
    },
    /// No answer of use.
    Unanswered,
    /// This serial was fetched from it and is held now.
    Accepted(Serial),
    /// It offered a newer serial and then said that there is none.
    Withdrawn(Serial),
    /// The transfer of this serial broke.
    Broken(Serial),
    /// It gives no differences to this serial; the whole zone is fetched.
    NoDifferences(Serial),
    /// What it sent for this serial was refused.
    Refused(Serial),
}

/// A delay that doubles with each failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// Nothing failed lately.
    Open,
    /// Failed so many times in a row.
    Shut {
        /// How often.
        failures: u32,
        /// When the next try may be.
        until: Moment,
    },
}

impl Delay {
    /// Whether it is not over yet.
    pub fn is_shut(&self, now: Moment) -> bool {
        self.until().is_some_and(|until| now < until)
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        match self {
            Delay::Open => 0,
            Delay::Shut { failures, .. } => *failures,
        }
    }

    /// When it is over, if there is one.
    pub fn until(&self) -> Option<Moment> {
        match self {
            Delay::Open => None,
            Delay::Shut { until, .. } => Some(*until),
        }
    }

    fn lengthen(&mut self, now: Moment, first: Duration, most: Duration) {
        let failures = self.failures();
        *self = Delay::Shut {
            failures: failures.saturating_add(1),
            until: now + doubled(first, failures, most),
        };
    }
}

impl Standing {
    fn new(primary: Primary) -> Self {
        Standing {
            primary,
            last: None,
            silence: Delay::Open,
            fetch: Delay::Open,
        }
    }

    /// It did not answer; `retry` is the zone's.
    pub(super) fn stay_silent(&mut self, now: Moment, retry: Duration) {
        let most = SILENCE_DELAY_MAX.min(retry);
        self.silence.lengthen(now, SILENCE_DELAY, most);
        self.last = Some((now, Came::Unanswered));
    }

    /// A fetch brought nothing.
    pub(super) fn fail_fetch(&mut self, now: Moment, came: Came) {
        self.fetch.lengthen(now, FETCH_DELAY, FETCH_DELAY_MAX);
        self.last = Some((now, came));
    }
}

/// Makes the list of what is known.
pub(super) fn standings(primaries: Vec<Primary>) -> Vec<Standing> {
    primaries.into_iter().map(Standing::new).collect()
}

/// The primaries to ask, one after the other: the notifier, then by priority and weight.
///
/// Those that were silent lately are left out, but for the notifier, who just spoke; if that leaves
/// none, all are asked.
pub(super) fn order(
    now: Moment,
    standings: &[Standing],
    notifier: Option<usize>,
    rng: &mut ChaCha8Rng,
) -> VecDeque<usize> {
    let mut order: VecDeque<usize> = by_weight(standings, rng).into();
    order.retain(|&primary| Some(primary) == notifier || !standings[primary].silence.is_shut(now));
    if order.is_empty() {
        order = by_weight(standings, rng).into();
    }
    if let Some(at) = order.iter().position(|&primary| Some(primary) == notifier)
        && let Some(first) = order.remove(at)
    {
        order.push_front(first);
    }
    order
}

/// All primaries by priority, those of one priority by chance in proportion to weight (RFC 2782).
fn by_weight(standings: &[Standing], rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut left: Vec<usize> = (0..standings.len()).collect();
    let key = |primary: &usize| {
        let Primary { priority, weight } = standings[*primary].primary;
        // Those without weight come first, so that they have the small chance of the RFC.
        (priority, weight != 0)
    };
    left.sort_by_key(key);
    let mut order = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let priority = standings[*first].primary.priority;
        let same = left
            .iter()
            .take_while(|&&primary| standings[primary].primary.priority == priority);
        let weights: Vec<u64> = same
            .map(|&primary| u64::from(standings[primary].primary.weight))
            .collect();
        let mark = rng.random_range(0..=weights.iter().sum());
        let mut sum = 0;
        let chosen = weights.iter().position(|weight| {
            sum += weight;
            sum >= mark
        });
        order.push(left.remove(chosen.unwrap_or_default()));
    }
    order
}
