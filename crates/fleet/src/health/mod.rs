//! How well a node is, from evidence that it has itself.
//!
//! A family is *fit* while every path of it answers right and nothing about zone, clock and workers
//! speaks against it. It becomes unfit after a few wrong probes in a row, and fit again after
//! unbroken good evidence for a probation time, in which one wrong probe is one too many.

mod cause;
mod evidence;
mod settings;
mod track;

#[cfg(test)]
mod tests;

pub use cause::{Cause, Effect, Reason};
pub use evidence::{ClockState, Load, Others, Path, Probed, Transport, Workers, ZoneState};
pub use settings::Settings;

use imrs_wire::time::Moment;
use imrs_wire::{Both, Family};
use std::collections::BTreeMap;
use std::time::Duration;
use track::{Past, Phase, Track};

/// How heavy it is that a family is unfit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// It withdraws while enough others announce.
    Soft,
    /// It withdraws whoever else stands.
    Hard,
}

/// How well a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// All is well.
    Serving,
    /// Announced, and operators are told.
    Degraded,
    /// Not to be announced.
    Unfit(Weight),
}

/// The verdict on a family.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// How well it is.
    pub state: State,
    /// Why, the gravest first; none if it is serving.
    pub reasons: Vec<Reason>,
    /// Since when `state` holds.
    pub since: Moment,
    /// The last probe of one of its paths was not right: too few to be unfit, enough to promise
    /// nothing.
    pub is_doubted: bool,
}

/// How well a node is.
#[derive(Clone, Debug)]
pub struct Health {
    settings: Settings,
    /// When evidence was last weighed.
    now: Moment,
    tracks: BTreeMap<Path, Track>,
    pasts: Both<Past>,
    states: Both<(State, Moment)>,
    /// And when it was so.
    zone: (Moment, ZoneState),
    clock: ClockState,
    workers: Workers,
    load: Load,
    others: Others,
}

impl Health {
    /// Of a node that starts now and knows nothing of itself: unfit, without a zone.
    #[must_use]
    pub fn new(settings: Settings, now: Moment) -> Health {
        let tracks = settings.paths().map(|path| (path, Track::new(now)));
        let unfit = (State::Unfit(Weight::Hard), now);
        Health {
            tracks: tracks.collect(),
            settings,
            now,
            pasts: Both {
                v4: Past::new(),
                v6: Past::new(),
            },
            states: Both {
                v4: unfit,
                v6: unfit,
            },
            zone: (now, ZoneState::default()),
            clock: ClockState::default(),
            workers: Workers::default(),
            load: Load::default(),
            others: Others::default(),
        }
    }

    /// A round of probes of a path ended. One of a path that does not exist is passed over.
    pub fn handle_probe(&mut self, now: Moment, path: Path, probed: Probed) {
        // What was silent too long until now is weighed before it is forgotten.
        self.weigh(now);
        if let Some(track) = self.tracks.get_mut(&path) {
            track.add(now, probed);
        }
        self.weigh(now);
    }

    /// How the zone stands.
    pub fn handle_zone(&mut self, now: Moment, zone: ZoneState) {
        self.zone = (now, zone);
        self.weigh(now);
    }

    /// How the clock stands.
    pub fn handle_clock(&mut self, now: Moment, clock: ClockState) {
        self.clock = clock;
        self.weigh(now);
    }

    /// How the workers stand.
    pub fn handle_workers(&mut self, now: Moment, workers: Workers) {
        self.workers = workers;
        self.weigh(now);
    }

    /// How much is asked.
    pub fn handle_load(&mut self, now: Moment, load: Load) {
        self.load = load;
        self.weigh(now);
    }

    /// How others stand.
    pub fn handle_others(&mut self, now: Moment, others: Others) {
        self.others = others;
        self.weigh(now);
    }

    /// The verdict on a family.
    pub fn verdict(&mut self, now: Moment, family: Family) -> Verdict {
        self.weigh(now);
        let (state, since) = *self.states.of(family);
        Verdict {
            state,
            reasons: self.reasons(family),
            since,
            is_doubted: self.paths_of(family).any(Track::is_wrong),
        }
    }

    /// When verdicts may change without new evidence.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Moment> {
        let tick = Duration::from_millis(1);
        let silent = self.tracks.values();
        let silent = silent.map(|track| track.last_at + self.settings.probes_max_age + tick);
        let (at, zone) = self.zone;
        let ends = [zone.expires_in, zone.signatures_end_in];
        let ends = ends.into_iter().flatten().map(|left| at + left);
        let probations = Family::ALL.into_iter().filter_map(|family| {
            let past = self.pasts.of(family);
            match past.phase {
                Phase::Probation(since) => Some(since + past.probation(&self.settings)),
                _ => None,
            }
        });
        let all = silent.chain(ends).chain(probations);
        all.filter(|moment| *moment > self.now).min()
    }

    /// Brings every family up to `now`.
    fn weigh(&mut self, now: Moment) {
        self.now = self.now.max(now);
        for family in Family::ALL {
            // A family without an address stays as it began.
            if !*self.settings.families.of(family) {
                continue;
            }
            let evidence = self.evidence(family);
            let gravest = evidence.iter().map(|reason| reason.effect).min();
            let is_good = matches!(gravest, None | Some(Effect::Told));
            let is_ready = self.rounds(family) >= self.settings.rounds_at_start;
            let past = self.pasts.of_mut(family);
            past.advance(self.now, is_good, is_ready, &self.settings);
            let life = self.life(family).map(|_| Effect::Soft);
            let state = match gravest.into_iter().chain(life).min() {
                Some(Effect::Hard) => State::Unfit(Weight::Hard),
                Some(Effect::Soft) => State::Unfit(Weight::Soft),
                Some(Effect::Told) => State::Degraded,
                None => State::Serving,
            };
            let held = self.states.of_mut(family);
            if held.0 != state {
                *held = (state, self.now);
            }
        }
    }

    /// Right rounds in a row of the path of a family that has fewest.
    fn rounds(&self, family: Family) -> u32 {
        let rounds = self.paths_of(family).map(|track| track.right);
        rounds.min().unwrap_or(0)
    }

    fn paths_of(&self, family: Family) -> impl Iterator<Item = &Track> {
        let tracks = self.tracks.iter();
        tracks.filter_map(move |(path, track)| (path.family == family).then_some(track))
    }

    /// All that speaks against a family, the gravest first.
    fn reasons(&self, family: Family) -> Vec<Reason> {
        let mut reasons = self.evidence(family);
        let effect = Effect::Soft;
        reasons.extend(self.life(family).map(|cause| Reason { effect, cause }));
        reasons.sort_by_key(|reason| reason.effect);
        reasons
    }

    /// What a family has yet to live through before it is fit.
    fn life(&self, family: Family) -> Option<Cause> {
        let past = self.pasts.of(family);
        let needed = self.settings.rounds_at_start;
        match past.phase {
            Phase::Starting => Some(Cause::Starting {
                rounds: self.rounds(family).min(needed),
                needed,
            }),
            Phase::Probation(since) => {
                let whole = past.probation(&self.settings);
                let left = whole.saturating_sub(self.now.since(since));
                Some(Cause::Probation { left, whole })
            }
            Phase::Fit | Phase::Unfit => None,
        }
    }

    /// All that is known against a family.
    fn evidence(&self, family: Family) -> Vec<Reason> {
        if !*self.settings.families.of(family) {
            return vec![Reason {
                effect: Effect::Hard,
                cause: Cause::NoAddress,
            }];
        }
        let mut found = Vec::new();
        self.of_zone(&mut found);
        self.of_paths(family, &mut found);
        self.of_machine(&mut found);
        self.of_others(&mut found);
        let reason = |(effect, cause)| Reason { effect, cause };
        found.into_iter().map(reason).collect()
    }

    fn of_paths(&self, family: Family, found: &mut Vec<(Effect, Cause)>) {
        let Settings {
            wrong_in_a_row,
            probes_max_age,
            ..
        } = self.settings;
        // Who was unfit or never fit must not err once.
        let most = match self.pasts.of(family).phase {
            Phase::Fit => wrong_in_a_row,
            _ => 1,
        };
        for (path, track) in self.tracks.iter().filter(|(path, _)| path.family == family) {
            let cause = track.cause(self.now, *path, most, probes_max_age);
            found.extend(cause.map(|cause| (Effect::Soft, cause)));
        }
    }

    fn of_zone(&self, found: &mut Vec<(Effect, Cause)>) {
        let (at, zone) = self.zone;
        let settings = &self.settings;
        let passed = self.now.since(at);
        if !zone.is_proven {
            // Nothing more is to be said of a zone that is not there.
            found.push((Effect::Hard, Cause::NoZone));
            return;
        }
        match zone.expires_in.map(|left| left.saturating_sub(passed)) {
            Some(Duration::ZERO) => found.push((Effect::Hard, Cause::ZoneExpired)),
            Some(left) if left < settings.ends_soon => {
                found.push((Effect::Told, Cause::ZoneExpires { left }));
            }
            _ => {}
        }
        match zone
            .signatures_end_in
            .map(|left| left.saturating_sub(passed))
        {
            Some(Duration::ZERO) => found.push((Effect::Hard, Cause::SignaturesEnded)),
            Some(left) if left < settings.signatures_left_min => {
                found.push((Effect::Soft, Cause::SignaturesEnd { left }));
            }
            Some(left) if left < settings.ends_soon => {
                found.push((Effect::Told, Cause::SignaturesEnd { left }));
            }
            _ => {}
        }
        if !zone.signatures_begun {
            found.push((Effect::Soft, Cause::SignaturesNotBegun));
        }
        let max = settings.zone_age_max;
        match zone.age.map(|age| age.saturating_add(passed)) {
            Some(age) if age > max => found.push((Effect::Soft, Cause::ZoneStale { age, max })),
            Some(age) if age > max / 2 => found.push((Effect::Told, Cause::ZoneAging { age, max })),
            _ => {}
        }
    }

    fn of_machine(&self, found: &mut Vec<(Effect, Cause)>) {
        let settings = &self.settings;
        if self.clock.behind_zone {
            found.push((Effect::Soft, Cause::ClockBehindZone));
        }
        match self.clock.error {
            Some(error) if error > settings.clock_error_max => {
                found.push((Effect::Soft, Cause::ClockError { error }));
            }
            Some(error) if error > settings.clock_error_told => {
                found.push((Effect::Told, Cause::ClockError { error }));
            }
            _ => {}
        }
        if self.clock.synchronised == Some(false) {
            found.push((Effect::Told, Cause::ClockUnkept));
        }
        if let Some(by) = self.clock.stepped {
            found.push((Effect::Told, Cause::ClockStepped { by }));
        }
        let stalled_for = self.workers.stalled_for;
        if stalled_for > settings.stall_max {
            found.push((Effect::Soft, Cause::WorkerStalled { stalled_for }));
        }
        let dropped = self.load.dropped;
        if settings.dropped_max.is_some_and(|max| dropped > max) {
            found.push((Effect::Soft, Cause::Overload { dropped }));
        } else if dropped > settings.dropped_told {
            found.push((Effect::Told, Cause::Overload { dropped }));
        }
    }

    fn of_others(&self, found: &mut Vec<(Effect, Cause)>) {
        let others = &self.others;
        let primaries = others
            .primaries_unreached
            .filter(|(unreached, _)| *unreached > 0);
        let causes = [
            primaries.map(|(unreached, of)| Cause::PrimariesUnreached { unreached, of }),
            others
                .centre_unreached
                .map(|lasting| Cause::CentreUnreached { lasting }),
            others
                .statistics_unreached
                .map(|lasting| Cause::StatisticsUnreached { lasting }),
        ];
        found.extend(
            causes
                .into_iter()
                .flatten()
                .map(|cause| (Effect::Told, cause)),
        );
    }
}
