//! Who publishes the zone, and what it published: the truth that nodes are measured by.
//!
//! Versions are made and signed once and shared by all worlds of a process: the same recipe gives
//! the same octets, so that no world can tell.

use crate::limits::PUBLISH_INTERVAL;
use crate::time::{BEGIN, unix};
use domain::base::iana::Rtype;
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use imrs_zone::Anchors;
use imrs_zone::packed::Packed;
use imrs_zone::record::{Name, Record, UnixTime};
use imrs_zone::synth::{self, Algorithm, Plan};
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// What a version is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recipe {
    /// Its serial.
    pub serial: Serial,
    /// When it was made, in seconds of Unix time.
    pub made_at: u64,
    /// How many delegations it has.
    pub delegations: usize,
    /// How long its signatures hold.
    pub lifetime: Duration,
    /// Which keys it is signed with.
    pub keys: Keys,
}

/// Keys to sign with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keys {
    /// Those that nodes trust.
    Trusted,
    /// Those of somebody else.
    Foreign,
}

/// One version of the zone.
#[derive(Debug)]
pub struct Version {
    /// What it is made of.
    pub recipe: Recipe,
    /// Its records, in canonical order.
    pub records: Vec<Record>,
    /// The same as one run of octets.
    pub packed: Packed,
    /// Its SOA record.
    pub soa: Record,
    /// DS records of its KSK.
    anchors_ds: String,
}

/// Publishes versions.
#[derive(Debug)]
pub struct Origin {
    versions: Vec<Arc<Version>>,
    first: Serial,
    lifetime: Duration,
}

static MADE: LazyLock<Mutex<HashMap<Recipe, Arc<Version>>>> = LazyLock::new(Mutex::default);

impl Recipe {
    /// Makes the version, or finds it made.
    pub fn make(self) -> Arc<Version> {
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let version = made.entry(self).or_insert_with(|| Arc::new(self.sign()));
        Arc::clone(version)
    }

    fn sign(self) -> Version {
        let plan = Plan {
            tlds: self.delegations,
            algorithms: vec![Algorithm::Ed25519],
            seed: match self.keys {
                Keys::Trusted => 1,
                Keys::Foreign => 2,
            },
            made_at: UnixTime(self.made_at),
            lifetime: self.lifetime,
            serial: self.serial,
            workers: NonZeroUsize::MIN,
        };
        let root = synth::make(&plan).expect("recipes are within the bounds of a test root");
        Version {
            recipe: self,
            packed: Packed::new(&root.records).expect("a signed zone has one SOA record"),
            soa: soa(&root.records),
            records: root.records,
            anchors_ds: root.anchors_ds,
        }
    }
}

impl Version {
    /// Its serial.
    pub fn serial(&self) -> Serial {
        self.recipe.serial
    }

    /// Whether its signatures hold then.
    pub fn is_valid_at(&self, time: UnixTime) -> bool {
        let made = self.recipe.made_at;
        let end = made + self.recipe.lifetime.as_secs();
        // Signatures begin an hour before (`imrs_zone::synth`).
        (made - 3600..end).contains(&time.0)
    }

    /// Whether nobody meant it.
    pub fn is_mishap(&self) -> bool {
        self.recipe.delegations == MISHAP
    }

    /// Who trusts it.
    pub fn anchors(&self) -> Anchors {
        Anchors::read(self.anchors_ds.as_bytes()).expect("a test root gives its anchors as DS")
    }
}

impl Origin {
    /// Begins with a first version, made at the beginning of the world.
    pub fn new(first: Serial, lifetime: Duration) -> Self {
        let mut origin = Origin {
            versions: Vec::new(),
            first,
            lifetime,
        };
        origin.publish(BEGIN, Size::Usual);
        origin
    }

    /// Publishes the next version.
    pub fn publish(&mut self, now: Moment, size: Size) -> Arc<Version> {
        let number = self.versions.len();
        let step = u32::try_from(number).expect("no world lasts for so long");
        let recipe = Recipe {
            serial: Serial(self.first.0.wrapping_add(step)),
            made_at: unix(now).0,
            delegations: match size {
                Size::Usual => USUAL + number % 3,
                Size::Mishap => MISHAP,
            },
            lifetime: self.lifetime,
            keys: Keys::Trusted,
        };
        let version = recipe.make();
        self.versions.push(Arc::clone(&version));
        version
    }

    /// All versions, the oldest first.
    pub fn versions(&self) -> &[Arc<Version>] {
        &self.versions
    }

    /// The newest version.
    pub fn newest(&self) -> &Arc<Version> {
        self.versions.last().expect("there is one from the start")
    }

    /// The version with this serial, if it was published.
    pub fn version(&self, serial: Serial) -> Option<&Arc<Version>> {
        let mut versions = self.versions.iter();
        versions.find(|version| version.serial() == serial)
    }

    /// The newest version that was published by then.
    pub fn newest_at(&self, then: Moment) -> Option<&Arc<Version>> {
        let then = unix(then).0;
        let mut versions = self.versions.iter().rev();
        versions.find(|version| version.recipe.made_at <= then)
    }

    /// When the next version is due.
    pub fn next_at(&self) -> Moment {
        let number = u32::try_from(self.versions.len()).unwrap_or(u32::MAX);
        BEGIN + PUBLISH_INTERVAL * number
    }
}

/// How large a version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As all others.
    Usual,
    /// Several times as large, which nobody meant.
    Mishap,
}

/// Delegations of a usual version, at least.
const USUAL: usize = 2;

/// Delegations of a mishap.
const MISHAP: usize = 16;

/// The SOA record among records.
pub(crate) fn soa(records: &[Record]) -> Record {
    let mut records = records.iter();
    let soa = records.find(|record| record.rtype() == Rtype::SOA);
    soa.expect("a version of a zone has one").clone()
}

/// The zone that all of this is about.
pub fn zone() -> Name {
    Name::root_bytes()
}
