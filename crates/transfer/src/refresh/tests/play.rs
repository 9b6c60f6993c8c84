//! Drives one machine in tests: the shell's loop, with answers from a list.

use crate::refresh::*;

pub(super) fn at(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

/// The root's.
pub(super) fn timers() -> Timers {
    let [refresh, retry, expire] = [1800, 900, 604_800].map(Duration::from_secs);
    Timers::new(refresh, retry, expire)
}

pub(super) fn retry() -> Duration {
    timers().retry()
}

pub(super) fn held(serial: u32) -> Held {
    Held {
        serial: Serial(serial),
        timers: timers(),
        confirmed: at(0),
    }
}

/// So many primaries, each with a priority of its own, so that their order is known.
pub(super) fn primaries(count: u16) -> Vec<Primary> {
    (0..count)
        .map(|priority| Primary {
            priority,
            weight: 1,
        })
        .collect()
}

pub(super) fn accepted(serial: u32) -> Fetched {
    Fetched::Accepted {
        serial: Serial(serial),
        timers: timers(),
    }
}

pub(super) fn refused(serial: u32, incremental: bool) -> Fetched {
    Fetched::Refused {
        serial: Serial(serial),
        reason: "ZONEMD disagrees".to_owned(),
        incremental,
    }
}

pub(super) fn fetch(primary: usize, from: u32) -> Option<Action> {
    let from = Some(Serial(from));
    Some(Action::Fetch { primary, from })
}

pub(super) fn whole(primary: usize) -> Option<Action> {
    Some(Action::Fetch {
        primary,
        from: None,
    })
}

/// A machine and its time.
pub(super) struct Play {
    pub(super) refresh: Refresh,
    pub(super) now: Moment,
    /// What comes of the next fetches.
    pub(super) fetches: Vec<Fetched>,
    /// The fetches there were.
    pub(super) fetched: Vec<Option<Action>>,
}

impl Play {
    pub(super) fn new(primaries: Vec<Primary>, held: Option<Held>) -> Self {
        Play {
            refresh: Refresh::new(primaries, held, 1, at(0)),
            now: at(0),
            fetches: Vec::new(),
            fetched: Vec::new(),
        }
    }

    pub(super) fn poll(&mut self) -> Option<Action> {
        self.refresh.poll_action(self.now)
    }

    pub(super) fn serial(&self) -> Option<u32> {
        self.refresh.held().map(|held| held.serial.0)
    }

    /// Does all that is to be done now; each primary answers as given. Gives the answers of those
    /// that were asked.
    pub(super) fn round(&mut self, answers: &[Option<u32>]) -> Vec<Option<u32>> {
        let mut asked = Vec::new();
        while let Some(action) = self.poll() {
            match action {
                Action::Ask { primary } => {
                    asked.push(answers[primary]);
                    match answers[primary] {
                        Some(serial) => {
                            self.refresh.handle_soa(self.now, primary, Serial(serial));
                        }
                        None => self.refresh.handle_unanswered(self.now, primary),
                    }
                }
                Action::Fetch { primary, .. } => {
                    self.fetched.push(Some(action));
                    let fetched = self.fetches.remove(0);
                    self.refresh.handle_fetched(self.now, primary, fetched);
                }
            }
        }
        asked
    }

    /// Goes on to the time that the machine asks for.
    pub(super) fn wait(&mut self) {
        let next = self.refresh.poll_timeout().expect("it has something to do");
        assert!(next > self.now, "{next:?} is not after {:?}", self.now);
        self.now = next;
    }

    /// The next check is at most this far off, and not much nearer.
    pub(super) fn next_check_is_within(&self, most: Duration) {
        let delay = self.refresh.next_check().unwrap().since(self.now);
        assert!(delay <= most && delay >= most.mul_f64(0.9), "{delay:?}");
    }
}
