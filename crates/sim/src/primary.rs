//! A primary: what it has of what was published, and how it behaves.

use crate::lie::{Knowledge, Lie, tell};
use crate::origin::Version;
use crate::speech::{Heard, Script};
use imrs_transfer::key::Key;
use imrs_transfer::message::Asks;
use imrs_wire::{Rcode, Serial};
use imrs_zone::difference::Difference;
use imrs_zone::record::UnixTime;
use std::sync::Arc;

/// Which primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrimaryId(pub usize);

/// How a primary behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It has whatever was published, soon.
    Honest,
    /// It stays at what it has.
    Stale,
    /// It lies, and the serial that it tells is so far ahead of the newest.
    Lying(Lie, u32),
    /// It does not answer.
    Dead,
}

/// What a primary does when it is asked for differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ixfr {
    /// It gives them.
    Differences,
    /// It gives the whole zone (RFC 1995 section 4).
    Whole,
    /// It does not know the question.
    Unknown,
}

/// A primary.
#[derive(Clone, Debug)]
pub struct Primary {
    /// How it behaves.
    pub mood: Mood,
    /// The key that requests must be signed with.
    pub key: Option<Key>,
    /// What it does when it is asked for differences.
    pub ixfr: Ixfr,
    /// The versions that reached it, the oldest first.
    versions: Vec<Arc<Version>>,
}

impl Primary {
    /// One that is honest and has nothing yet.
    pub fn new(key: Option<Key>, ixfr: Ixfr) -> Self {
        Primary {
            mood: Mood::Honest,
            key,
            ixfr,
            versions: Vec::new(),
        }
    }

    /// A version reaches it. Says whether it took it.
    pub fn learn(&mut self, version: &Arc<Version>) -> bool {
        let newer = self
            .versions
            .last()
            .is_none_or(|last| version.serial().is_newer_than(last.serial()));
        let takes = newer && self.mood == Mood::Honest;
        if takes {
            self.versions.push(Arc::clone(version));
        }
        takes
    }

    /// The newest version that it has.
    pub fn newest(&self) -> Option<&Arc<Version>> {
        self.versions.last()
    }

    /// What it sends in answer to a request; nothing at all if it is dead.
    pub(crate) fn answer(&self, request: Vec<u8>, now: UnixTime) -> Option<Script> {
        if self.mood == Mood::Dead {
            return None;
        }
        let heard = match Heard::take(request, self.key.as_ref(), now) {
            Ok(heard) => heard,
            Err(script) => return Some(script),
        };
        let Some(newest) = self.versions.last() else {
            return Some(heard.refuse(Rcode::SERVFAIL, now));
        };
        if let Mood::Lying(lie, ahead) = self.mood {
            let versions = &self.versions;
            return Some(tell(lie, &heard, &Knowledge { versions, ahead }, now));
        }
        if self.ixfr == Ixfr::Unknown && matches!(heard.request().asks, Asks::Ixfr { .. }) {
            return Some(heard.refuse(Rcode::NOTIMP, now));
        }
        let differences = |from| self.differences(from);
        Some(heard.give_version(&newest.packed, &newest.soa, differences, now))
    }

    fn differences(&self, from: Serial) -> Option<Vec<Arc<Difference>>> {
        if self.ixfr == Ixfr::Whole {
            return None;
        }
        let at = self
            .versions
            .iter()
            .position(|version| version.serial() == from)?;
        let steps = self.versions[at..].windows(2);
        let difference = |step: &[Arc<Version>]| {
            Arc::new(Difference::between(&step[0].records, &step[1].records))
        };
        Some(steps.map(difference).collect())
    }
}
