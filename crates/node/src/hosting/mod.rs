//! The zones of a node: what is served of each, what it rests on, and what became of the last
//! attempt to load it.
//!
//! [`load`] does the work on a thread of its own; [`Hosting`] takes what came of it, says which
//! images are served at a time, and knows no socket, signal or clock.

mod error;
pub mod load;
mod offer;
mod reading;
mod selftest;
mod source;
pub mod trust;

pub use error::LoadError;
pub use offer::{Offer, Offered};
pub use source::{Origin, Source};

use crate::limits;
use imrs_engine::Service;
use imrs_wire::Serial;
use imrs_zone::difference::Difference;
use imrs_zone::record::UnixTime;
use imrs_zone::verify::Proof;
use imrs_zone::{Image, Limits, Name, Zones};
use load::{Held, Job, LoadResult, Loaded, Outcome, Scope};
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

/// A zone that is hosted.
#[derive(Debug)]
pub struct Hosted {
    /// Where it comes from.
    pub origin: Origin,
    /// What is held of it; nothing until the first version was proven.
    pub version: Option<Version>,
    /// The last attempt to load it.
    pub attempt: Option<Attempt>,
    /// Whether it is known to be current.
    pub freshness: Freshness,
    name: Name,
}

/// A version of a zone that was proven and compiled.
#[derive(Debug)]
pub struct Version {
    /// What was proven of it.
    pub proof: Proof,
    /// When it was loaded, by the system's clock.
    pub loaded_at: UnixTime,
    /// Whether its signatures hold; as of the last look.
    pub standing: Standing,
    held: Held,
    image: Arc<Image>,
    /// What leads to it from versions before, the oldest first.
    differences: Vec<Arc<Difference>>,
}

/// That another version of a zone was put into service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The number of the zone.
    pub zone: usize,
    /// The serial before; none for the first.
    pub from: Option<Serial>,
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

/// Whether a zone is known to be current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is not refreshed from primaries, or was so in good time.
    Fresh,
    /// No primary confirmed it for long; it expires before long.
    Ageing,
    /// Others have served a newer one for too long, whatever the primaries say.
    Stale,
    /// No primary confirmed it for as long as its SOA record allows: it is withdrawn.
    Expired,
    /// It comes from the disk and is too old to be served before a primary confirms it.
    Unconfirmed,
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
    /// Takes what came of the first load of the zone files: all of them, or the first error. `at`
    /// is the system's time.
    pub fn new(job: Job, results: Vec<LoadResult>, at: UnixTime) -> Result<Self, LoadError> {
        let mut zones = Vec::with_capacity(job.sources.len());
        for (source, result) in job.sources.iter().zip(results) {
            zones.push(Hosted::new(source, result?, at, job.now));
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

    /// What a load has to do.
    pub fn job(&self, scope: Scope, now: UnixTime, threads: NonZeroUsize) -> Job {
        let held = self.zones.iter().map(|zone| zone.held().cloned());
        Job {
            sources: self.sources.clone(),
            held: held.collect(),
            scope,
            anchors: self.anchors.clone(),
            limits: self.limits,
            now,
            threads,
            hasher: self.hasher.clone(),
        }
    }

    /// Takes what came of a job. `at` is the system's time, `now` that of verification. Says which
    /// zones have another version now.
    pub fn take(&mut self, results: Vec<LoadResult>, at: UnixTime, now: UnixTime) -> Vec<Swap> {
        let mut swaps = Vec::new();
        for (number, result) in results.into_iter().enumerate() {
            let Some(zone) = self.zones.get_mut(number) else {
                continue;
            };
            let result = match result {
                Ok(Outcome::Unread) => continue,
                Ok(Outcome::Unchanged) => AttemptResult::Unchanged,
                Ok(Outcome::Loaded(loaded)) => {
                    swaps.push(Swap {
                        zone: number,
                        from: zone.serial(),
                    });
                    zone.replace(*loaded, at, now);
                    AttemptResult::Loaded
                }
                Err(error) => AttemptResult::Refused(crate::chain(&error)),
            };
            zone.attempt = Some(Attempt { at, result });
        }
        swaps
    }

    /// Gives a zone what leads to its version from those before, as the disk had it.
    pub fn remember(&mut self, number: usize, differences: Vec<Arc<Difference>>) {
        let zone = self.zones.get_mut(number);
        if let Some(version) = zone.and_then(|zone| zone.version.as_mut()) {
            version.differences = differences;
            version.forget_old_differences();
        }
    }

    /// Notes how fresh a zone is: says whether that is another state than before.
    pub fn refreshed(&mut self, number: usize, freshness: Freshness) -> bool {
        let Some(zone) = self.zones.get_mut(number) else {
            return false;
        };
        std::mem::replace(&mut zone.freshness, freshness) != freshness
    }

    /// The refusal of a zone concerns nobody any more: no primary offers what was refused.
    pub fn forget_refusal(&mut self, number: usize) {
        let attempt = self
            .zones
            .get_mut(number)
            .and_then(|zone| zone.attempt.as_mut());
        if let Some(attempt) = attempt
            && let AttemptResult::Refused(_) = attempt.result
        {
            attempt.result = AttemptResult::Unchanged;
        }
    }

    /// Looks at the time: says whether the standing of any zone changed.
    pub fn look(&mut self, now: UnixTime) -> bool {
        let mut changed = false;
        for version in self.zones.iter_mut().flat_map(|zone| &mut zone.version) {
            let standing = standing(version.held.expires, now);
            changed |= standing != version.standing;
            version.standing = standing;
        }
        changed
    }

    /// How long it is until the next zone is to be withdrawn.
    pub fn ends_in(&self, now: UnixTime) -> Option<Duration> {
        let served = self.zones.iter().filter(|zone| zone.is_served());
        let ends = served.filter_map(|zone| zone.held()?.expires);
        // The second that is named is still good.
        let left = |UnixTime(end): UnixTime| end.saturating_add(1).saturating_sub(now.0);
        ends.map(left).min().map(Duration::from_secs)
    }

    /// What is served as things stand, beside what `base` has: a zone that is withdrawn is known
    /// without an image.
    pub fn service(&self, base: Service) -> Service {
        let zones = self.zones.iter().map(|zone| {
            let version = zone.version.as_ref().filter(|_| zone.is_served());
            let image = version.map(|version| Arc::clone(&version.image));
            (zone.name().clone(), image)
        });
        Service {
            zones: Zones::new(zones),
            ..base
        }
    }
}

impl Hosted {
    fn new(source: &Source, outcome: Outcome, at: UnixTime, now: UnixTime) -> Self {
        let (version, attempt) = match outcome {
            // Nothing was held before, so nothing is unchanged.
            Outcome::Unchanged | Outcome::Unread => (None, None),
            Outcome::Loaded(loaded) => {
                let result = AttemptResult::Loaded;
                (
                    Some(Version::new(*loaded, at, now)),
                    Some(Attempt { at, result }),
                )
            }
        };
        let loaded = version.as_ref().map(|version| &version.held.name);
        let name = loaded.or(source.name.as_ref()).cloned();
        Hosted {
            origin: source.origin.clone(),
            version,
            attempt,
            freshness: Freshness::Fresh,
            // Without a name in the configuration there is a file, which was loaded.
            name: name.unwrap_or_else(Name::root_bytes),
        }
    }

    /// Puts another version into the place of the one that is held, and keeps what leads to it.
    fn replace(&mut self, loaded: Loaded, at: UnixTime, now: UnixTime) {
        let difference = loaded.difference.clone();
        let mut version = Version::new(loaded, at, now);
        if let Some(before) = self.version.take() {
            let is_same = before.held.serial == version.held.serial;
            if is_same || difference.is_some() {
                version.differences = before.differences;
                version.differences.extend(difference);
                version.forget_old_differences();
            }
        }
        self.version = Some(version);
    }

    /// The name of the zone.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// What is held of it.
    pub fn held(&self) -> Option<&Held> {
        self.version.as_ref().map(|version| &version.held)
    }

    /// The serial of what is held.
    pub fn serial(&self) -> Option<Serial> {
        self.held().map(|held| held.serial)
    }

    /// Whether it is served.
    pub fn is_served(&self) -> bool {
        let holds = |version: &Version| version.standing != Standing::Ended;
        self.version.as_ref().is_some_and(holds)
            && !matches!(self.freshness, Freshness::Expired | Freshness::Unconfirmed)
    }

    /// Whether it needs an operator: not served, near its end, or refused at the last attempt.
    pub fn is_degraded(&self) -> bool {
        let holds = |version: &Version| version.standing == Standing::Holds;
        let refused = |attempt: &Attempt| matches!(attempt.result, AttemptResult::Refused(_));
        !self.version.as_ref().is_some_and(holds)
            || self.freshness != Freshness::Fresh
            || self.attempt.as_ref().is_some_and(refused)
    }
}

impl Version {
    fn new(loaded: Loaded, at: UnixTime, now: UnixTime) -> Self {
        let Loaded {
            held, image, proof, ..
        } = loaded;
        Version {
            proof,
            loaded_at: at,
            standing: standing(held.expires, now),
            held,
            image,
            differences: Vec::new(),
        }
    }

    /// What leads to it from versions before, the oldest first, each from where the last ended.
    pub fn differences(&self) -> &[Arc<Difference>] {
        &self.differences
    }

    /// Differences that are together as long as the zone are of no use to anybody.
    fn forget_old_differences(&mut self) {
        let mut octets = 0;
        let kept = self.differences.iter().rev().take_while(|difference| {
            octets += difference.octets();
            octets <= self.held.packed.octets().len()
        });
        let kept = kept.count().min(limits::DIFFERENCES_MAX);
        self.differences.drain(..self.differences.len() - kept);
    }

    /// What a later load needs to know of it.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// The compiled zone.
    pub fn image(&self) -> &Image {
        &self.image
    }
}

#[cfg(test)]
mod tests;
