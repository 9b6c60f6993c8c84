//! The zones of a node: what is served of each, what it rests on, and what became of the last
//! attempt to load it.
//!
//! [`load`] does the work on a thread of its own; [`Hosting`] takes what came of it, says which
//! images are served at a time, and knows no socket, signal or clock.

mod error;
pub mod load;
mod source;
pub mod trust;

pub use error::LoadError;
pub use source::{Origin, Source};

use crate::limits;
use imrs_engine::{Identity, Service};
use imrs_zone::record::UnixTime;
use imrs_zone::verify::Proof;
use imrs_zone::{Image, Limits, Name, Zones};
use load::{Held, Job, LoadResult, Loaded, Outcome};
use std::hash::RandomState;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The zones of a node.
#[derive(Debug)]
pub struct Hosting {
    sources: Vec<Source>,
    zones: Vec<Hosted>,
    anchors: Vec<PathBuf>,
    limits: Limits,
    hasher: RandomState,
}

/// A zone that was loaded once at least.
#[derive(Debug)]
pub struct Hosted {
    /// Where it comes from.
    pub origin: Origin,
    /// Its records.
    pub records: usize,
    /// What was proven of it.
    pub proof: Proof,
    /// When it was loaded, by the system's clock.
    pub loaded_at: UnixTime,
    /// The last attempt to load it.
    pub attempt: Attempt,
    /// Whether its signatures hold; as of the last look.
    pub standing: Standing,
    held: Held,
    image: Arc<Image>,
}

/// An attempt to load a zone.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it ended, by the system's clock.
    pub at: UnixTime,
    /// What came of it.
    pub result: AttemptResult,
}

/// What came of an attempt to load a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// It was proven, compiled and put into service.
    Loaded,
    /// It is the zone in service already.
    Unchanged,
    /// It was refused for this reason; the zone in service stayed.
    Refused(String),
}

/// Whether the signatures of a zone hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They hold, and not for the last hours.
    Holds,
    /// The first of them runs out soon.
    EndsSoon,
    /// The first of them ran out: the zone is withdrawn.
    Ended,
}

/// Whether a zone whose first signature runs out at `expires` counts as degraded at `now`.
pub(crate) fn ends_soon(expires: Option<UnixTime>, now: UnixTime) -> bool {
    standing(expires, now) != Standing::Holds
}

/// A signature holds up to and including its time of expiration (RFC 4035 section 5.3.1).
fn standing(expires: Option<UnixTime>, now: UnixTime) -> Standing {
    match expires.map(|UnixTime(expires)| expires.checked_sub(now.0)) {
        None => Standing::Holds,
        Some(None) => Standing::Ended,
        Some(Some(left)) if left < limits::EXPIRY_ALARM.as_secs() => Standing::EndsSoon,
        Some(Some(_)) => Standing::Holds,
    }
}

impl Hosting {
    /// Takes what came of the first load: all zones, or the first error. `at` is the system's time.
    pub fn new(job: Job, results: Vec<LoadResult>, at: UnixTime) -> Result<Self, LoadError> {
        let mut zones = Vec::with_capacity(job.sources.len());
        for (source, result) in job.sources.iter().zip(results) {
            // Nothing was held before, so nothing is unchanged.
            if let Outcome::Loaded(loaded) = result? {
                zones.push(Hosted::new(source.origin.clone(), *loaded, at, job.now));
            }
        }
        Ok(Hosting {
            sources: job.sources,
            zones,
            anchors: job.anchors,
            limits: job.limits,
            hasher: job.hasher,
        })
    }

    /// The zones, in the order of the configuration.
    pub fn zones(&self) -> &[Hosted] {
        &self.zones
    }

    /// What a reload has to do.
    pub fn job(&self, now: UnixTime, threads: NonZeroUsize) -> Job {
        Job {
            sources: self.sources.clone(),
            held: self
                .zones
                .iter()
                .map(|zone| Some(zone.held.clone()))
                .collect(),
            anchors: self.anchors.clone(),
            limits: self.limits,
            now,
            threads,
            hasher: self.hasher.clone(),
        }
    }

    /// Takes what came of a job. `at` is the system's time, `now` that of verification.
    pub fn take(&mut self, results: Vec<LoadResult>, at: UnixTime, now: UnixTime) {
        for (zone, result) in self.zones.iter_mut().zip(results) {
            let result = match result {
                Ok(Outcome::Unchanged) => AttemptResult::Unchanged,
                Ok(Outcome::Loaded(loaded)) => {
                    *zone = Hosted::new(zone.origin.clone(), *loaded, at, now);
                    AttemptResult::Loaded
                }
                Err(error) => AttemptResult::Refused(crate::chain(&error)),
            };
            zone.attempt = Attempt { at, result };
        }
    }

    /// Looks at the time: says whether the standing of any zone changed.
    pub fn look(&mut self, now: UnixTime) -> bool {
        let mut changed = false;
        for zone in &mut self.zones {
            let standing = standing(zone.held.expires, now);
            changed |= standing != zone.standing;
            zone.standing = standing;
        }
        changed
    }

    /// How long it is until the next zone is to be withdrawn.
    pub fn ends_in(&self, now: UnixTime) -> Option<Duration> {
        let served = self.zones.iter().filter(|zone| zone.is_served());
        let ends = served.filter_map(|zone| zone.held.expires);
        // The second that is named is still good.
        let left = |UnixTime(end): UnixTime| end.saturating_add(1).saturating_sub(now.0);
        ends.map(left).min().map(Duration::from_secs)
    }

    /// What is served as things stand: a zone whose signatures ran out is known without an image.
    pub fn service(&self, identity: &Identity) -> Service {
        let zones = self.zones.iter().map(|zone| {
            let image = zone.is_served().then(|| Arc::clone(&zone.image));
            (zone.name().clone(), image)
        });
        Service {
            zones: Zones::new(zones),
            identity: identity.clone(),
        }
    }
}

impl Hosted {
    fn new(origin: Origin, loaded: Loaded, at: UnixTime, now: UnixTime) -> Self {
        let Loaded {
            held,
            image,
            records,
            proof,
        } = loaded;
        Hosted {
            origin,
            records,
            proof,
            loaded_at: at,
            attempt: Attempt {
                at,
                result: AttemptResult::Loaded,
            },
            standing: standing(held.expires, now),
            held,
            image,
        }
    }

    /// The name of the zone.
    pub fn name(&self) -> &Name {
        &self.held.name
    }

    /// The compiled zone.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// Whether it is served.
    pub fn is_served(&self) -> bool {
        self.standing != Standing::Ended
    }

    /// Whether it needs an operator: refused at the last attempt, or at its end.
    pub fn is_degraded(&self) -> bool {
        self.standing != Standing::Holds || matches!(self.attempt.result, AttemptResult::Refused(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_stands_until_its_first_signature_runs_out() {
        let check = |expires: Option<u64>, now, expected| {
            assert_eq!(
                standing(expires.map(UnixTime), UnixTime(now)),
                expected,
                "{expires:?}"
            );
        };
        let alarm = limits::EXPIRY_ALARM.as_secs();
        check(None, u64::MAX, Standing::Holds);
        check(Some(1_000_000), 1_000_000 - alarm, Standing::Holds);
        check(Some(1_000_000), 1_000_001 - alarm, Standing::EndsSoon);
        check(Some(1_000_000), 1_000_000, Standing::EndsSoon);
        check(Some(1_000_000), 1_000_001, Standing::Ended);
    }

    #[test]
    fn the_next_end_is_that_of_a_zone_in_service() {
        let now = UnixTime(1_790_000_000);
        let mut hosting = test_root(now);
        let end = hosting.zones[0].held.expires.unwrap();
        let in_seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(hosting.ends_in(now), in_seconds(end.0 + 1 - now.0));
        assert_eq!(hosting.ends_in(end), in_seconds(1));
        hosting.look(UnixTime(end.0 + 1));
        assert_eq!(hosting.ends_in(UnixTime(end.0 + 1)), None);
    }

    fn test_root(now: UnixTime) -> Hosting {
        let sources = Source::test_root();
        let job = Job {
            held: vec![None; sources.len()],
            sources,
            anchors: Vec::new(),
            limits: Limits::default(),
            now,
            threads: NonZeroUsize::MIN,
            hasher: RandomState::new(),
        };
        let results = load::load(&job, &|_, _, _| {});
        Hosting::new(job, results, now).unwrap()
    }

    fn served(hosting: &Hosting) -> Vec<(String, bool)> {
        let service = hosting.service(&Identity::default());
        let zones = service.zones.iter();
        let mut served: Vec<_> = zones
            .map(|(name, image)| (name.to_string(), image.is_some()))
            .collect();
        served.sort();
        served
    }

    #[test]
    fn a_zone_is_withdrawn_when_it_ends_and_back_when_the_clock_is_set_back() {
        let made = UnixTime(1_800_000_000);
        let mut hosting = test_root(made);
        let all = |signed: bool| {
            let names = [(".", signed), ("arpa", signed), ("root-servers.net", true)];
            names
                .map(|(name, is_served)| (name.to_owned(), is_served))
                .to_vec()
        };
        assert_eq!(served(&hosting), all(true));
        assert!(!hosting.look(made));
        let end = hosting.zones()[0].proof.expires.unwrap();
        assert!(hosting.look(end));
        assert!(hosting.zones()[0].is_degraded());
        assert_eq!(served(&hosting), all(true));
        assert!(hosting.look(UnixTime(end.0 + 1)));
        assert_eq!(served(&hosting), all(false));
        assert!(hosting.look(made));
        assert_eq!(served(&hosting), all(true));
    }

    #[test]
    fn a_test_root_near_its_end_is_made_anew_as_a_whole() {
        let made = UnixTime(1_800_000_000);
        let mut hosting = test_root(made);
        let mut reload = |now: UnixTime| {
            let results = load::load(&hosting.job(now, NonZeroUsize::MIN), &|_, _, _| {});
            hosting.take(results, now, now);
            hosting
                .zones()
                .iter()
                .map(|zone| zone.attempt.result.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(reload(made), vec![AttemptResult::Unchanged; 3]);
        let later = UnixTime(made.0 + 13 * 86_400);
        assert_eq!(reload(later), vec![AttemptResult::Loaded; 3]);
        assert_eq!(reload(later), vec![AttemptResult::Unchanged; 3]);
    }
}
