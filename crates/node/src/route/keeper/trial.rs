//! Changed settings on trial: they stay if every session that was there comes back.

use crate::route::bird::conf::Settings;
use crate::route::bird::state::{Session, State};
use imrs_fleet::anycast::Wish;
use std::time::{Duration, Instant};

/// Settings that BIRD has and undoes unless they are confirmed.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) settings: Settings,
    wish: Wish,
    mark: String,
    /// Neighbors whose sessions were established before, and that are still to be had.
    before: Vec<String>,
    until: Instant,
}

/// What a look says of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    Open,
    /// They are good.
    Good,
    /// They are not, and why.
    Bad(String),
}

impl Trial {
    /// A trial that begins now, of how BIRD is before.
    pub(super) fn new(settings: Settings, wish: &Wish, mark: &str, before: &State) -> Self {
        let neighbors = settings.anycast.neighbors.iter();
        let names = neighbors.map(|neighbor| neighbor.name.clone());
        let before = names.filter(|name| is_established(before, name)).collect();
        Trial {
            until: Instant::now() + settings.anycast.trial,
            settings,
            wish: wish.clone(),
            mark: mark.to_owned(),
            before,
        }
    }

    /// How long it may take.
    pub(super) fn time(&self) -> Duration {
        self.settings.anycast.trial
    }

    /// What is told of it.
    pub(super) fn pending(&self, now: Instant) -> String {
        let left = self.until.saturating_duration_since(now).as_secs() + 1;
        format!("new settings are on trial for {left} s more")
    }

    /// What a look says.
    pub(super) fn judge(&self, wish: &Wish, state: &State, now: Instant) -> Verdict {
        if *wish != self.wish {
            let why = "what is wished changed while they were on trial; reload once more";
            return Verdict::Bad(why.to_owned());
        }
        if state.mark.as_ref() != Some(&self.mark) {
            let why = "somebody else configured BIRD while they were on trial; reload once more";
            return Verdict::Bad(why.to_owned());
        }
        let before = self.before.iter().map(String::as_str);
        let missing: Vec<&str> = before.filter(|name| !is_established(state, name)).collect();
        match missing.is_empty() {
            true => Verdict::Good,
            false if now < self.until => Verdict::Open,
            false => Verdict::Bad(format!(
                "the session with {} did not come back in {} s",
                missing.join(", "),
                self.time().as_secs()
            )),
        }
    }
}

fn is_established(state: &State, name: &str) -> bool {
    { state.sessions.get(name) }.is_some_and(Session::is_established)
}
