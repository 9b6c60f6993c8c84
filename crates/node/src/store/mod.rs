//! Keeps proven zones on disk: versions, differences, verdicts.
//!
//! A [`Store`] has one folder for one zone. In it stand *copies*, each a version of the zone with
//! what was known of it when it was proven; *differences* from one copy to the next, for secondaries
//! that ask for them; and the time at which a primary last confirmed the zone.
//!
//! Whatever interrupts it, the copies that were safe stay so: a file is written under a name of its
//! own aside, brought to the medium, given its name, and the name is brought to the medium before
//! anything older goes. What is read is believed only if its digest matches, and is still to be
//! proven before it is served: the store says what was kept, not what is true.
//!
//! Start reading at [`Store::open`] and [`Store::save`]. Nothing here but `real` touches files;
//! all else goes through [`Disk`].

mod disk;
mod error;
mod files;
pub mod limits;
mod name;
mod real;
mod retention;
mod v1;

pub use disk::Disk;
pub use error::{Dropped, Reason, StoreError};
pub use name::folder;
pub use real::RealDisk;

use bytes::Bytes;
use error::Step;
use imrs_wire::Serial;
use imrs_zone::Name;
use imrs_zone::difference::Difference;
use imrs_zone::packed::Packed;
use imrs_zone::record::UnixTime;
use name::FileName;
use std::fmt;
use std::sync::Arc;

/// Which copy: later ones have higher numbers, and no number is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known of a version of a zone beside its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Where it came from, such as the address of a primary.
    pub source: String,
    /// When it was received.
    pub fetched_at: UnixTime,
    /// When its proof was done.
    pub proven_at: UnixTime,
    /// When its first signature ends, if it is signed.
    pub expires: Option<UnixTime>,
    /// What the proof found, in words.
    pub verdicts: Vec<String>,
}

/// A copy without its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which copy.
    pub generation: Generation,
    /// The serial of the zone.
    pub serial: Serial,
    /// What else is known of it.
    pub facts: Facts,
    /// Octets of the records.
    pub zone_octets: u64,
    /// Octets of the file.
    pub file_octets: u64,
}

/// A copy with its records.
#[derive(Clone, Debug)]
pub struct ZoneCopy {
    /// What is known of it.
    pub header: Header,
    /// The records.
    pub zone: Packed,
}

/// When a zone was last confirmed by a primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// The serial that the primary confirmed.
    pub serial: Serial,
    /// When.
    pub at: UnixTime,
}

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Copies; the newest and the one in service stay in any case.
    pub versions: usize,
    /// Octets of all copies and differences of the zone.
    pub octets: u64,
}

impl Default for Keep {
    fn default() -> Self {
        Keep {
            versions: limits::VERSIONS,
            octets: limits::STORE_OCTETS_MAX,
        }
    }
}

/// What came of saving a copy that is now safe.
#[derive(Debug)]
pub struct Saved {
    /// The copy.
    pub header: Header,
    /// What went wrong beside: the difference that was not kept, old files that could not go.
    pub troubles: Vec<StoreError>,
}

/// A difference as it is kept in memory: packed, since all together are as large as the zone.
#[derive(Clone, Debug)]
struct Link {
    generation: Generation,
    /// The copy that it starts from.
    base: Generation,
    from: Serial,
    to: Serial,
    removed: Bytes,
    added: Bytes,
    file_octets: u64,
}

/// The copies of one zone.
#[derive(Debug)]
pub struct Store<D> {
    disk: D,
    zone: Name,
    keep: Keep,
    /// Newest first.
    copies: Vec<Header>,
    links: Vec<Link>,
    confirmed: Option<Confirmed>,
    in_service: Option<Generation>,
    next: Generation,
    /// Files of ours that are of no use, and go once a newer copy is safe.
    worthless: Vec<String>,
}

impl<D: Disk> Store<D> {
    /// Looks at all that is there, and removes what was not finished.
    ///
    /// Takes whatever is whole; the second result says what was not taken and why. Reads and
    /// digests each file: 5 ms for a copy of the root.
    pub fn open(disk: D, zone: Name, keep: Keep) -> Result<(Self, Vec<Dropped>), StoreError> {
        let mut store = Store {
            disk,
            zone,
            keep,
            copies: Vec::new(),
            links: Vec::new(),
            confirmed: None,
            in_service: None,
            next: Generation(1),
            worthless: Vec::new(),
        };
        let dropped = store.look()?;
        Ok((store, dropped))
    }

    /// Looks again at all that is there: another process has written to it meanwhile. The copy in
    /// service stays marked.
    pub fn look_again(&mut self) -> Result<Vec<Dropped>, StoreError> {
        self.copies.clear();
        self.links.clear();
        self.worthless.clear();
        self.confirmed = None;
        self.look()
    }

    /// The disk.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    fn look(&mut self) -> Result<Vec<Dropped>, StoreError> {
        let mut names = self
            .disk
            .list()
            .map_err(|cause| self.failed(Step::List, "the files", cause))?;
        names.sort();
        let mut dropped = Vec::new();
        for name in names {
            if let Err(reason) = self.take(&name) {
                if reason.is_worthless() {
                    self.worthless.push(name.clone());
                }
                dropped.push(Dropped { name, reason });
            }
        }
        self.copies
            .sort_by_key(|copy| std::cmp::Reverse(copy.generation));
        dropped.extend(self.drop_unchained());
        Ok(dropped)
    }

    /// The copies, newest first.
    pub fn copies(&self) -> &[Header] {
        &self.copies
    }

    /// The last confirmation that was stored.
    pub fn confirmed(&self) -> Option<Confirmed> {
        self.confirmed
    }

    /// When a copy was last known to be current: when it was received, or when a primary confirmed
    /// its serial after that.
    pub fn current_at(&self, copy: &Header) -> UnixTime {
        let confirmed = self
            .confirmed
            .filter(|confirmed| confirmed.serial == copy.serial);
        confirmed.map_or(copy.facts.fetched_at, |confirmed| {
            confirmed.at.max(copy.facts.fetched_at)
        })
    }

    /// Says which copy is served, which is kept then however old it is.
    pub fn mark_in_service(&mut self, generation: Option<Generation>) {
        self.in_service = generation;
    }

    /// Reads a copy. Its digest is compared again; it is still to be proven.
    pub fn load(&self, generation: Generation) -> Result<ZoneCopy, StoreError> {
        let copy = self
            .copies
            .iter()
            .find(|copy| copy.generation == generation);
        let copy = copy.ok_or(StoreError::NoSuchCopy { generation })?;
        let file = FileName::Copy(copy.generation, copy.serial);
        let name = file.to_string();
        let octets = self
            .disk
            .read(&name, limits::FILE_OCTETS_MAX)
            .map_err(|cause| self.failed(Step::Read, &name, cause))?;
        let unusable = |reason| StoreError::Unusable {
            name: name.clone(),
            reason,
        };
        let (header, payload) = self.copy(file, &octets.into()).map_err(unusable)?;
        let unfit = |what: String| unusable(Reason::Unfit { what });
        let zone = Packed::from_octets(payload).map_err(|damaged| unfit(damaged.to_string()))?;
        if zone.apex() != &self.zone || zone.serial() != header.serial {
            return Err(unfit("its records are of another zone or serial".into()));
        }
        Ok(ZoneCopy { header, zone })
    }

    /// Stores a version of the zone, and what it differs by from one that is kept.
    ///
    /// When this returns well, the copy survives a crash; an error leaves all that was there, and
    /// nothing of the new. Then what is beyond the number of versions and the budget goes.
    pub fn save(
        &mut self,
        zone: &Packed,
        facts: &Facts,
        difference: Option<&Difference>,
    ) -> Result<Saved, StoreError> {
        if zone.apex() != &self.zone {
            return Err(StoreError::OtherZone {
                offered: zone.apex().clone(),
                zone: self.zone.clone(),
            });
        }
        // A number is given once, whatever becomes of its files.
        let generation = self.next;
        self.next = Generation(generation.0 + 1);
        let file = FileName::Copy(generation, zone.serial());
        let octets = v1::write_copy(generation, zone, facts);
        self.write_aside(file, &octets)?;

        let mut troubles = Vec::new();
        let link = difference.and_then(|difference| {
            let written = self.write_link(generation, zone, difference);
            written.map_err(|error| troubles.push(error)).ok()
        });
        if let Err(error) = self.name(file).and_then(|()| self.sync()) {
            // It may be there or not after a crash, and is whole if it is. Now it is not.
            self.forget_files(generation, zone.serial(), link.as_ref());
            return Err(error);
        }
        let header = Header {
            generation,
            serial: zone.serial(),
            facts: facts.clone(),
            zone_octets: zone.octets().len() as u64,
            file_octets: octets.len() as u64,
        };
        self.copies.insert(0, header.clone());
        self.links.extend(link);
        self.prune(&mut troubles);
        Ok(Saved { header, troubles })
    }

    /// Stores that a primary confirmed the zone.
    pub fn confirm(&mut self, serial: Serial, at: UnixTime) -> Result<(), StoreError> {
        let confirmed = Confirmed { serial, at };
        let file = FileName::Confirmed;
        self.write_aside(file, &v1::write_confirmed(confirmed))?;
        self.name(file)?;
        self.sync()?;
        self.confirmed = Some(confirmed);
        Ok(())
    }

    /// What leads from one version to another, in the order to apply, if all of it is kept.
    pub fn differences(&self, from: Serial, to: Serial) -> Option<Vec<Arc<Difference>>> {
        let newest = self.copies.first()?.generation;
        let mut chain = Vec::new();
        let mut links = retention::chain(&self.links, newest).into_iter();
        let mut link = links.find(|link| link.to == to)?;
        loop {
            chain.push(link.difference()?);
            if link.from == from {
                chain.reverse();
                return Some(chain);
            }
            link = links.next()?;
        }
    }
}

#[cfg(test)]
mod tests;
