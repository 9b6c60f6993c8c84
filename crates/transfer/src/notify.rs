//! Who is told of a new serial, and how often (RFC 1996).
//!
//! Start at [`Notifier`]. It sends nothing itself and knows no message; a secondary is its place
//! in the configuration's list.

use crate::limits::NOTIFY_INTERVALS;
use crate::time::Moment;
use domain::base::iana::Rcode;
use imrs_wire::Serial;

/// Tells the secondaries of one zone about each new serial.
///
/// Whoever drives it calls [`Notifier::poll_action`] until it gives none, and comes back at
/// [`Notifier::poll_timeout`].
#[derive(Debug)]
pub struct Notifier {
    secondaries: Vec<News>,
}

/// What a secondary was told last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing yet.
    Untold,
    /// This serial, until it answers.
    Telling {
        /// The serial.
        serial: Serial,
        /// How often it was sent.
        sent: usize,
        /// When it is sent again, or given up.
        due: Moment,
    },
    /// This serial, and it answered. Whatever the answer, it is not told again
    /// (RFC 1996 section 3.6, and 3.12 for one that knows no NOTIFY).
    Told {
        /// The serial.
        serial: Serial,
        /// When it answered.
        at: Moment,
        /// What it answered.
        rcode: Rcode,
    },
    /// This serial, and it never answered.
    GaveUp {
        /// The serial.
        serial: Serial,
        /// Since when it is left alone.
        at: Moment,
    },
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send NOTIFY to this secondary.
    Send {
        /// Whom to tell.
        secondary: usize,
        /// Of what.
        serial: Serial,
    },
}

impl Notifier {
    /// So many secondaries, none of which was told anything.
    pub fn new(secondaries: usize) -> Self {
        Notifier {
            secondaries: vec![News::Untold; secondaries],
        }
    }

    /// This serial is served from now on: all are told, and no longer of any other.
    pub fn handle_serial(&mut self, now: Moment, serial: Serial) {
        for news in &mut self.secondaries {
            if news.serial() != Some(serial) {
                *news = News::Telling {
                    serial,
                    sent: 0,
                    due: now,
                };
            }
        }
    }

    /// A secondary answered the NOTIFY of this serial.
    pub fn handle_answer(&mut self, now: Moment, secondary: usize, serial: Serial, rcode: Rcode) {
        let Some(news) = self.secondaries.get_mut(secondary) else {
            return;
        };
        let is_awaited = match news {
            News::Untold | News::Told { .. } => false,
            // Before it was sent there is nothing to answer.
            News::Telling {
                serial: told, sent, ..
            } => *told == serial && *sent > 0,
            News::GaveUp { serial: told, .. } => *told == serial,
        };
        if is_awaited {
            *news = News::Told {
                serial,
                at: now,
                rcode,
            };
        }
    }

    /// What to do now, if there is anything.
    #[must_use]
    pub fn poll_action(&mut self, now: Moment) -> Option<Action> {
        for (secondary, news) in self.secondaries.iter_mut().enumerate() {
            let News::Telling { serial, sent, due } = *news else {
                continue;
            };
            if due > now {
                continue;
            }
            *news = match NOTIFY_INTERVALS.get(sent).or(NOTIFY_INTERVALS.last()) {
                // After the last sending there is as much time for an answer as before it.
                Some(&interval) if sent <= NOTIFY_INTERVALS.len() => News::Telling {
                    serial,
                    sent: sent + 1,
                    due: now + interval,
                },
                _ => News::GaveUp { serial, at: now },
            };
            if let News::Telling { .. } = news {
                return Some(Action::Send { secondary, serial });
            }
        }
        None
    }

    /// When to call [`Notifier::poll_action`] again.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Moment> {
        let due = |news: &News| match news {
            News::Telling { due, .. } => Some(*due),
            News::Untold | News::Told { .. } | News::GaveUp { .. } => None,
        };
        self.secondaries.iter().filter_map(due).min()
    }

    /// What each secondary was told last.
    pub fn secondaries(&self) -> &[News] {
        &self.secondaries
    }
}

impl News {
    /// The serial that it is about.
    pub fn serial(&self) -> Option<Serial> {
        match self {
            News::Untold => None,
            News::Telling { serial, .. }
            | News::Told { serial, .. }
            | News::GaveUp { serial, .. } => Some(*serial),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    /// Drives a notifier through time: when it sends what to whom.
    fn sendings(notifier: &mut Notifier) -> Vec<(u64, usize, u32)> {
        let mut sent = Vec::new();
        while let Some(now) = notifier.poll_timeout() {
            while let Some(Action::Send { secondary, serial }) = notifier.poll_action(now) {
                sent.push((now.0.as_secs(), secondary, serial.0));
            }
        }
        sent
    }

    #[test]
    fn a_silent_secondary_is_told_six_times_and_then_left_alone() {
        let mut notifier = Notifier::new(1);
        notifier.handle_serial(at(10), Serial(7));
        let expected = [10, 11, 13, 17, 25, 40].map(|time| (time, 0, 7));
        assert_eq!(sendings(&mut notifier), expected);
        let gave_up = News::GaveUp {
            serial: Serial(7),
            at: at(55),
        };
        assert_eq!(notifier.secondaries(), [gave_up]);
        notifier.handle_serial(at(60), Serial(7));
        assert_eq!(sendings(&mut notifier), [], "it is still the same serial");
        notifier.handle_serial(at(70), Serial(8));
        assert_eq!(sendings(&mut notifier).len(), 6, "the next serial is news");
    }

    #[test]
    fn any_answer_ends_it() {
        for rcode in [Rcode::NOERROR, Rcode::NOTIMP, Rcode::NOTAUTH] {
            let mut notifier = Notifier::new(2);
            notifier.handle_serial(at(0), Serial(7));
            let first = notifier.poll_action(at(0));
            assert_eq!(
                first,
                Some(Action::Send {
                    secondary: 0,
                    serial: Serial(7)
                })
            );
            notifier.handle_answer(at(0), 0, Serial(7), rcode);
            let to: Vec<usize> = sendings(&mut notifier).iter().map(|sent| sent.1).collect();
            assert_eq!(to, [1; 6]);
            assert!(matches!(notifier.secondaries()[0], News::Told { .. }));
        }
    }

    #[test]
    fn an_answer_to_an_older_notify_does_not_end_the_newer() {
        let mut notifier = Notifier::new(1);
        notifier.handle_serial(at(0), Serial(7));
        assert!(notifier.poll_action(at(0)).is_some());
        notifier.handle_serial(at(1), Serial(8));
        notifier.handle_answer(at(1), 0, Serial(8), Rcode::NOERROR);
        notifier.handle_answer(at(1), 0, Serial(7), Rcode::NOERROR);
        notifier.handle_answer(at(1), 9, Serial(8), Rcode::NOERROR);
        let sent = sendings(&mut notifier);
        assert_eq!(sent.len(), 6);
        assert!(sent.iter().all(|sent| sent.2 == 8));
    }

    #[test]
    fn a_late_answer_is_noted() {
        let mut notifier = Notifier::new(1);
        notifier.handle_serial(at(0), Serial(7));
        sendings(&mut notifier);
        notifier.handle_answer(at(100), 0, Serial(7), Rcode::NOERROR);
        assert!(matches!(notifier.secondaries()[0], News::Told { .. }));
    }
}
