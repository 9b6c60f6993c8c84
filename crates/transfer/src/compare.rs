//! What independent observers serve: whether they are ahead of us for too long.
//!
//! Primaries may all be stale, and a node that asks only them would never know; other root servers
//! do. Start at [`Comparison`]. What it finds is an alarm and nothing else: no zone is fetched,
//! served or dropped for it, so that a lying observer cannot do more than cry.

use crate::limits::{OBSERVATION_AGE_MAX, OBSERVE_INTERVAL, OBSERVED_SERIALS_MAX};
use crate::time::Moment;
use imrs_wire::Serial;
use std::time::Duration;

/// Compares what is served with what observers have.
#[derive(Debug)]
pub struct Comparison {
    observers: Vec<Observer>,
    /// How long observers may be ahead.
    limit: Duration,
}

/// What is known of one observer.
#[derive(Clone, Debug)]
pub struct Observer {
    state: State,
    /// Serials that it had, and when each was first heard; the newest heard last.
    history: Vec<(Serial, Moment)>,
    /// Its last answer.
    last: Option<(Serial, Moment)>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// It is asked then.
    Waiting { due: Moment },
    /// Its answer is outstanding.
    Asked,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask this observer for the zone's SOA record.
    Ask {
        /// Whom.
        observer: usize,
    },
}

/// How what is served compares. Only observers count that were heard of lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No observer was heard of lately.
    Unknown,
    /// No observer is ahead.
    Level,
    /// Some are ahead, but too few or not for long.
    Ahead {
        /// How many.
        observers: usize,
        /// The newest that they have.
        serial: Serial,
        /// Since when the first of them is.
        since: Moment,
    },
    /// At least half of them are ahead for longer than the limit.
    Stale {
        /// How many.
        observers: usize,
        /// The newest that they have.
        serial: Serial,
        /// Since when half of them are.
        since: Moment,
    },
}

impl Comparison {
    /// So many observers, of whom the half may be ahead for `limit`. They are asked one after the
    /// other, the first of them now.
    pub fn new(observers: usize, limit: Duration, now: Moment) -> Self {
        let step = OBSERVE_INTERVAL / u32::try_from(observers.max(1)).unwrap_or(u32::MAX);
        let mut due = now;
        let observers = (0..observers).map(|_| {
            let observer = Observer {
                state: State::Waiting { due },
                history: Vec::new(),
                last: None,
            };
            due = due + step;
            observer
        });
        Comparison {
            observers: observers.collect(),
            limit,
        }
    }

    /// An observer answered: this is the serial that it has.
    pub fn handle_answer(&mut self, now: Moment, observer: usize, serial: Serial) {
        if let Some(observer) = self.answered(now, observer) {
            observer.hear(now, serial);
        }
    }

    /// An observer gave no answer of use.
    pub fn handle_unanswered(&mut self, now: Moment, observer: usize) {
        self.answered(now, observer);
    }

    /// The observer whose answer is outstanding; it is now answered.
    fn answered(&mut self, now: Moment, observer: usize) -> Option<&mut Observer> {
        let observer = self.observers.get_mut(observer)?;
        match observer.state {
            State::Waiting { .. } => None,
            State::Asked => {
                observer.state = State::Waiting {
                    due: now + OBSERVE_INTERVAL,
                };
                Some(observer)
            }
        }
    }

    /// What to do now, if there is anything. Each action is answered once, before there is another
    /// for the same observer.
    #[must_use]
    pub fn poll_action(&mut self, now: Moment) -> Option<Action> {
        let is_due = |observer: &Observer| observer.due().is_some_and(|due| due <= now);
        let observer = self.observers.iter().position(is_due)?;
        self.observers[observer].state = State::Asked;
        Some(Action::Ask { observer })
    }

    /// When to call [`Comparison::poll_action`] again.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Moment> {
        self.observers.iter().filter_map(Observer::due).min()
    }

    /// How `served` compares with what observers have.
    pub fn verdict(&self, now: Moment, served: Serial) -> Verdict {
        let heard = self.observers.iter().filter_map(|observer| {
            let (serial, at) = observer.last?;
            (now.since(at) <= OBSERVATION_AGE_MAX).then_some((observer, serial))
        });
        let heard: Vec<(&Observer, Serial)> = heard.collect();
        if heard.is_empty() {
            return Verdict::Unknown;
        }
        let mut newest = served;
        let mut since: Vec<Moment> = Vec::new();
        for (observer, serial) in &heard {
            if serial.is_newer_than(served) {
                since.push(observer.ahead_since(served).unwrap_or(now));
                if serial.is_newer_than(newest) {
                    newest = *serial;
                }
            }
        }
        since.sort();
        // One of two is enough: the other may be as stale as we are.
        let half = heard.len().div_ceil(2);
        match (since.get(half - 1), since.first()) {
            (Some(&half_since), _) if now.since(half_since) > self.limit => Verdict::Stale {
                observers: since.len(),
                serial: newest,
                since: half_since,
            },
            (_, Some(&first_since)) => Verdict::Ahead {
                observers: since.len(),
                serial: newest,
                since: first_since,
            },
            (_, None) => Verdict::Level,
        }
    }

    /// What each observer last answered, and when.
    pub fn observers(&self) -> impl Iterator<Item = Option<(Serial, Moment)>> {
        self.observers.iter().map(|observer| observer.last)
    }
}

impl Observer {
    fn due(&self) -> Option<Moment> {
        match self.state {
            State::Waiting { due } => Some(due),
            State::Asked => None,
        }
    }

    fn hear(&mut self, now: Moment, serial: Serial) {
        self.last = Some((serial, now));
        if self.history.iter().any(|(heard, _)| *heard == serial) {
            // Instances of one anycast service need not agree; the first sight of a serial counts.
            return;
        }
        if self.history.len() >= OBSERVED_SERIALS_MAX {
            self.history.remove(0);
        }
        self.history.push((serial, now));
    }

    /// When it first had something newer.
    fn ahead_since(&self, served: Serial) -> Option<Moment> {
        let newer = |(serial, _): &&(Serial, Moment)| serial.is_newer_than(served);
        self.history
            .iter()
            .filter(newer)
            .map(|(_, first)| *first)
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(3600);

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    /// Asks all observers from `from` until `until`; each has the serial given, or is silent.
    fn observe(comparison: &mut Comparison, from: u64, until: u64, serials: &[Option<u32>]) {
        let mut now = at(from);
        while now <= at(until) {
            while let Some(Action::Ask { observer }) = comparison.poll_action(now) {
                match serials[observer] {
                    Some(serial) => comparison.handle_answer(now, observer, Serial(serial)),
                    None => comparison.handle_unanswered(now, observer),
                }
            }
            let Some(next) = comparison.poll_timeout() else {
                return;
            };
            assert!(next > now);
            now = next;
        }
    }

    fn check(serials: &[Option<u32>], until: u64, expected: Verdict) {
        let mut comparison = Comparison::new(serials.len(), LIMIT, at(0));
        observe(&mut comparison, 0, until, serials);
        let verdict = comparison.verdict(at(until), Serial(5));
        assert_eq!(verdict, expected, "{serials:?} until {until}");
    }

    #[test]
    fn observers_that_have_the_same_or_less_are_level() {
        check(&[Some(5), Some(4), None], 9000, Verdict::Level);
    }

    #[test]
    fn silence_tells_nothing() {
        check(&[None, None], 9000, Verdict::Unknown);
        check(&[], 0, Verdict::Unknown);
    }

    #[test]
    fn those_that_are_ahead_for_too_long_make_us_stale() {
        let ahead = |observers, since| Verdict::Ahead {
            observers,
            serial: Serial(6),
            since: at(since),
        };
        let stale = |observers, since| Verdict::Stale {
            observers,
            serial: Serial(6),
            since: at(since),
        };
        check(&[Some(6)], 3600, ahead(1, 0));
        check(&[Some(6)], 3601, stale(1, 0));
        // One of two, since the other may be as stale as we are.
        check(&[Some(6), Some(5)], 3700, stale(1, 0));
        // One of three does not decide, two do.
        check(&[Some(6), Some(5), Some(5)], 9000, ahead(1, 0));
        check(&[Some(6), Some(6), Some(5)], 9000, stale(2, 100));
        check(&[Some(6), None, None], 9000, stale(1, 0));
    }

    #[test]
    fn what_was_heard_long_ago_does_not_count() {
        let mut comparison = Comparison::new(1, LIMIT, at(0));
        observe(&mut comparison, 0, 9000, &[Some(6)]);
        observe(&mut comparison, 9300, 10_500, &[None]);
        assert_eq!(comparison.verdict(at(10_500), Serial(5)), Verdict::Unknown);
    }

    #[test]
    fn the_first_sight_of_a_serial_counts_though_instances_differ() {
        let mut comparison = Comparison::new(1, LIMIT, at(0));
        observe(&mut comparison, 0, 0, &[Some(6)]);
        observe(&mut comparison, 300, 1800, &[Some(5)]);
        assert_eq!(comparison.verdict(at(1800), Serial(5)), Verdict::Level);
        observe(&mut comparison, 2100, 4000, &[Some(6)]);
        let stale = Verdict::Stale {
            observers: 1,
            serial: Serial(6),
            since: at(0),
        };
        assert_eq!(comparison.verdict(at(4000), Serial(5)), stale);
        // The time begins anew with what we serve.
        assert_eq!(comparison.verdict(at(4000), Serial(6)), Verdict::Level);
    }

    #[test]
    fn an_observer_that_changes_all_the_time_takes_no_memory() {
        let mut comparison = Comparison::new(1, LIMIT, at(0));
        for step in 0..1000 {
            let serial = 6 + u32::try_from(step).unwrap();
            observe(&mut comparison, step * 300, step * 300, &[Some(serial)]);
        }
        assert_eq!(comparison.observers[0].history.len(), OBSERVED_SERIALS_MAX);
    }

    #[test]
    fn answers_that_nothing_asked_for_are_let_fall() {
        let mut comparison = Comparison::new(1, LIMIT, at(0));
        comparison.handle_answer(at(0), 0, Serial(9));
        comparison.handle_answer(at(0), 4, Serial(9));
        assert_eq!(comparison.verdict(at(0), Serial(5)), Verdict::Unknown);
    }

    #[test]
    fn observers_are_asked_one_after_the_other() {
        let mut comparison = Comparison::new(3, LIMIT, at(0));
        assert_eq!(
            comparison.poll_action(at(0)),
            Some(Action::Ask { observer: 0 })
        );
        assert_eq!(comparison.poll_action(at(0)), None);
        assert_eq!(comparison.poll_timeout(), Some(at(100)));
    }
}
