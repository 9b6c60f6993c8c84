//! One family of one node: what is announced, why, and what comes next.

use super::lease::Leases;
use super::settings::earlier;
use super::{Alone, Settings, Stand, Standing, Step};
use crate::health::{Reason, State, Verdict, Weight};
use imrs_wire::time::Moment;

/// A drain that was ordered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drain {
    pub(super) force: bool,
}

/// One family.
#[derive(Clone, Debug)]
pub(super) struct Local {
    exists: bool,
    verdict: Option<Verdict>,
    /// It was announced since the process started.
    has_started: bool,
    pub(super) drain: Option<Drain>,
    pub(super) leases: Leases,
    /// It may not withdraw for a soft reason before.
    bound_until: Moment,
    /// It may stay withdrawn without a lease until then.
    patience_until: Moment,
    /// What is wished.
    pub(super) stand: Stand,
    /// What the keeper says is in force.
    in_force: Option<Stand>,
    /// Since when what is wished is in force.
    in_force_since: Option<Moment>,
    /// Nobody asks any longer, or was waited for long enough.
    is_quiet: bool,
}

impl Local {
    pub(super) fn new(settings: &Settings, exists: bool, now: Moment) -> Local {
        Local {
            exists,
            verdict: None,
            has_started: false,
            drain: None,
            leases: Leases::new(settings),
            bound_until: now,
            patience_until: now + settings.start_patience,
            stand: Stand::Withdrawn,
            in_force: None,
            in_force_since: None,
            is_quiet: false,
        }
    }

    pub(super) fn exists(&self) -> bool {
        self.exists
    }

    pub(super) fn handle_verdict(&mut self, now: Moment, verdict: Verdict, settings: &Settings) {
        let was_hard = self.verdict.is_some() && self.is_hard();
        self.verdict = Some(verdict);
        if was_hard && !self.is_hard() {
            let patience = now + settings.return_patience;
            self.patience_until = self.patience_until.max(patience);
        }
    }

    /// There is nothing to announce, or nothing is known.
    fn is_hard(&self) -> bool {
        let state = self.verdict.as_ref().map(|verdict| verdict.state);
        matches!(state, None | Some(State::Unfit(Weight::Hard)))
    }

    fn is_fit(&self) -> bool {
        let state = self.verdict.as_ref().map(|verdict| verdict.state);
        matches!(state, Some(State::Serving | State::Degraded))
    }

    /// It would rather not be announced, but could be.
    pub(super) fn is_soft(&self) -> bool {
        !self.is_hard() && (!self.is_fit() || self.drain.is_some())
    }

    fn is_forced(&self) -> bool {
        self.drain.is_some_and(|drain| drain.force)
    }

    pub(super) fn is_bound(&self, now: Moment) -> bool {
        now < self.bound_until
    }

    /// It asks peers to stand in.
    pub(super) fn wants_lease(&self, now: Moment) -> bool {
        self.exists && self.is_soft() && !self.is_forced() && !self.is_bound(now)
    }

    /// Until when others stand in.
    fn usable_until(&self, now: Moment, settings: &Settings) -> Option<Moment> {
        match (self.leases.is_alone(), settings.alone) {
            (true, Alone::Withdraw) => Some(now + settings.lease),
            (true, Alone::Announce) => None,
            (false, _) => self.leases.usable_until(now),
        }
    }

    /// It may promise to stand in: it is announced, and nothing speaks against that.
    pub(super) fn is_announced(&self) -> bool {
        self.stand == Stand::Announced && self.in_force == Some(Stand::Announced)
    }

    pub(super) fn is_willing(&self) -> bool {
        let is_doubted = self.verdict.as_ref().is_some_and(|it| it.is_doubted);
        self.is_fit() && !is_doubted && self.drain.is_none()
    }

    pub(super) fn bind(&mut self, until: Moment) {
        self.bound_until = self.bound_until.max(until);
    }

    pub(super) fn handle_report(&mut self, now: Moment, in_force: Option<Stand>) {
        self.in_force = in_force;
        if in_force != Some(self.stand) {
            self.in_force_since = None;
        } else if self.in_force_since.is_none() {
            self.in_force_since = Some(now);
        }
    }

    pub(super) fn handle_rate(&mut self, rate: f64, settings: &Settings) {
        let is_withdrawn = self.stand == Stand::Withdrawn && self.in_force_since.is_some();
        self.is_quiet |= is_withdrawn && rate <= settings.quiet_rate;
    }

    /// Decides anew.
    pub(super) fn settle(&mut self, now: Moment, settings: &Settings) {
        if !self.exists {
            return;
        }
        let next = self.next(now, settings);
        if next != self.stand {
            self.stand = next;
            // What was in force is not so any longer: nobody may be promised anything by it.
            self.in_force = None;
            self.in_force_since = None;
            self.is_quiet = false;
        }
        if self.stand == Stand::Announced {
            self.has_started = true;
            // Patience is for coming up; what follows needs a lease.
            self.patience_until = now;
        }
        let waited = self
            .withdrawn_for(now)
            .is_some_and(|time| time >= settings.quiet_patience);
        self.is_quiet |= waited;
    }

    fn next(&self, now: Moment, settings: &Settings) -> Stand {
        if self.is_hard() {
            return Stand::Withdrawn;
        }
        if !self.is_soft() {
            return Stand::Announced;
        }
        let is_out = self.stand == Stand::Withdrawn;
        let may = self.is_forced()
            || match self.usable_until(now, settings) {
                Some(_) => is_out || !self.is_bound(now),
                None => is_out && now < self.patience_until,
            };
        if !may {
            return Stand::Announced;
        }
        // Only a drain of what answers well has time to leave.
        match (self.stand, self.drain.is_some() && self.is_fit()) {
            (Stand::Announced, true) => Stand::Leaving,
            (Stand::Leaving, true) if !self.has_left(now, settings) => Stand::Leaving,
            _ => Stand::Withdrawn,
        }
    }

    fn has_left(&self, now: Moment, settings: &Settings) -> bool {
        let since = self.in_force_since;
        since.is_some_and(|since| now.since(since) >= settings.leaving)
    }

    fn withdrawn_for(&self, now: Moment) -> Option<std::time::Duration> {
        let since = self
            .in_force_since
            .filter(|_| self.stand == Stand::Withdrawn);
        since.map(|since| now.since(since))
    }

    /// It is withdrawn in force, and nobody asks.
    pub(super) fn is_done(&self) -> bool {
        !self.exists || self.stand == Stand::Withdrawn && self.is_quiet
    }

    pub(super) fn poll_timeout(&self, now: Moment, settings: &Settings) -> Option<Moment> {
        if !self.exists {
            return None;
        }
        let soft = self.is_soft().then(|| {
            let lease = self
                .usable_until(now, settings)
                .filter(|_| !self.leases.is_alone());
            let asks = self.leases.poll_timeout(now);
            let own = [self.bound_until, self.patience_until];
            own.into_iter()
                .chain(lease)
                .chain(asks)
                .filter(|time| *time > now)
                .min()
        });
        let step = self.in_force_since.and_then(|since| match self.stand {
            Stand::Leaving => Some(since + settings.leaving),
            Stand::Withdrawn if !self.is_quiet => Some(since + settings.quiet_patience),
            _ => None,
        });
        earlier(soft.flatten(), step)
    }

    pub(super) fn standing(&self, now: Moment, settings: &Settings) -> Standing {
        if !self.exists {
            return Standing::Absent;
        }
        let why = || -> Vec<Reason> {
            let verdict = self.verdict.iter();
            verdict
                .flat_map(|verdict| verdict.reasons.clone())
                .collect()
        };
        let lease_left = || {
            let until = self
                .usable_until(now, settings)
                .unwrap_or(self.patience_until);
            let has_end = self.is_soft() && !self.is_forced() && !self.leases.is_alone();
            has_end.then(|| until.since(now))
        };
        let since = self.in_force_since.unwrap_or(now);
        match self.stand {
            Stand::Leaving => Standing::Draining {
                step: match self.in_force_since {
                    None => Step::Begun,
                    Some(_) => Step::Leaving((since + settings.leaving).since(now)),
                },
            },
            Stand::Announced if self.is_soft() => Standing::HeldUp {
                why: why(),
                bound_for: self.is_bound(now).then(|| self.bound_until.since(now)),
            },
            Stand::Announced => Standing::Announced {
                in_force: self.in_force,
            },
            Stand::Withdrawn if self.drain.is_some() && self.is_quiet => Standing::Drained {
                lease_left: lease_left(),
            },
            Stand::Withdrawn if self.drain.is_some() => Standing::Draining {
                step: Step::Quieting((since + settings.quiet_patience).since(now)),
            },
            Stand::Withdrawn if !self.has_started => Standing::Starting { why: why() },
            Stand::Withdrawn => Standing::Withdrawn {
                why: why(),
                lease_left: lease_left(),
            },
        }
    }
}
