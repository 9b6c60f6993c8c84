//! How the store reads and writes its single files.

use super::error::{Reason, Step};
use super::name::FileName;
use super::{Disk, Dropped, Generation, Header, Link, Store, StoreError, limits, retention, v1};
use bytes::Bytes;
use imrs_wire::Serial;
use imrs_zone::difference::Difference;
use imrs_zone::packed::{Packed, unpack};
use std::io;
use std::sync::Arc;

impl<D: Disk> Store<D> {
    /// Takes one file of the folder, if it is one of the store's.
    pub(super) fn take(&mut self, name: &str) -> Result<(), Reason> {
        if FileName::is_aside(name) {
            // If it cannot go, it is in the way of nothing.
            let _ = self.disk.remove(name);
            return Err(Reason::Unfinished);
        }
        let Some(file) = FileName::parse(name) else {
            return Ok(());
        };
        if let Some(generation) = file.generation() {
            self.next = self.next.max(Generation(generation.0.saturating_add(1)));
        }
        let octets_max = match file {
            FileName::Confirmed => limits::CONFIRMED_OCTETS_MAX,
            FileName::Copy(..) | FileName::Difference(..) => limits::FILE_OCTETS_MAX,
        };
        let octets = self
            .disk
            .read(name, octets_max)
            .map_err(|cause| Reason::Unreadable { cause })?;
        let octets = Bytes::from(octets);
        match file {
            FileName::Copy(..) => self.copies.push(self.copy(file, &octets)?.0),
            FileName::Difference(..) => self.links.push(self.link(file, &octets)?),
            FileName::Confirmed => self.confirmed = Some(v1::read_confirmed(&octets)?),
        }
        Ok(())
    }

    /// A copy of this zone under the name that it must have.
    pub(super) fn copy(&self, file: FileName, octets: &Bytes) -> Result<(Header, Bytes), Reason> {
        let (header, zone, payload) = v1::read_copy(octets)?;
        self.belongs(&zone)?;
        named(file, FileName::Copy(header.generation, header.serial))?;
        Ok((header, payload))
    }

    fn link(&self, file: FileName, octets: &Bytes) -> Result<Link, Reason> {
        let (link, zone) = v1::read_difference(octets)?;
        self.belongs(&zone)?;
        named(file, link.file())?;
        if link.difference().is_none() {
            let what = "its records cannot be read".into();
            return Err(Reason::Unfit { what });
        }
        Ok(link)
    }

    fn belongs(&self, zone: &str) -> Result<(), Reason> {
        match zone.parse::<imrs_zone::Name>() {
            Ok(zone) if zone == self.zone => Ok(()),
            _ => Err(Reason::OtherZone { found: zone.into() }),
        }
    }

    /// Takes out the differences that no chain to the newest copy needs.
    pub(super) fn drop_unchained(&mut self) -> Vec<Dropped> {
        let chained: Vec<Generation> = match self.copies.first() {
            Some(newest) => retention::chain(&self.links, newest.generation)
                .iter()
                .map(|link| link.generation)
                .collect(),
            None => Vec::new(),
        };
        let (kept, gone) = std::mem::take(&mut self.links)
            .into_iter()
            .partition(|link| chained.contains(&link.generation));
        self.links = kept;
        let gone: Vec<Link> = gone;
        let names = gone.iter().map(|link| link.file().to_string());
        self.worthless.extend(names.clone());
        names
            .map(|name| Dropped {
                name,
                reason: Reason::Unchained,
            })
            .collect()
    }

    /// Writes a file under its name aside and brings it to the medium.
    pub(super) fn write_aside(&self, file: FileName, octets: &[u8]) -> Result<(), StoreError> {
        let (name, aside) = (file.to_string(), file.aside());
        let (octets_max, length) = (limits::FILE_OCTETS_MAX, octets.len() as u64);
        if length > octets_max {
            return Err(StoreError::TooLarge {
                name,
                octets: length,
                limit: octets_max,
            });
        }
        let mut written = self.disk.write(&aside, octets);
        if written.as_ref().is_err_and(is_in_the_way) {
            // Left of an attempt that could not clean up after itself.
            written = self
                .disk
                .remove(&aside)
                .and_then(|()| self.disk.write(&aside, octets));
        }
        written.map_err(|cause| {
            // The error that matters is the first.
            let _ = self.disk.remove(&aside);
            self.failed(Step::Write, &name, cause)
        })
    }

    /// Gives a file that was written aside its name.
    pub(super) fn name(&self, file: FileName) -> Result<(), StoreError> {
        let (name, aside) = (file.to_string(), file.aside());
        self.disk.rename(&aside, &name).map_err(|cause| {
            let _ = self.disk.remove(&aside);
            self.failed(Step::Rename, &name, cause)
        })
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.disk
            .sync_folder()
            .map_err(|cause| self.failed(Step::Sync, "the folder", cause))
    }

    /// Writes the difference that leads to a new copy and gives it its name.
    pub(super) fn write_link(
        &self,
        generation: Generation,
        zone: &Packed,
        difference: &Difference,
    ) -> Result<Link, StoreError> {
        let base = self
            .copies
            .iter()
            .find(|copy| copy.serial == difference.from)
            .filter(|_| difference.to == zone.serial());
        let base = base.ok_or(StoreError::Unchained {
            from: difference.from,
            to: difference.to,
            new: zone.serial(),
        })?;
        let (octets, link) = v1::write_difference(generation, base.generation, zone, difference);
        self.write_aside(link.file(), &octets)?;
        self.name(link.file())?;
        Ok(link)
    }

    /// Removes what was written of a copy that could not be saved.
    pub(super) fn forget_files(&self, generation: Generation, serial: Serial, link: Option<&Link>) {
        let copy = FileName::Copy(generation, serial);
        for file in link.map(Link::file).into_iter().chain([copy]) {
            let _ = self.disk.remove(&file.to_string());
        }
    }

    /// Removes what is of no use any more. The newest copy is safe when this is called.
    pub(super) fn prune(&mut self, troubles: &mut Vec<StoreError>) {
        let surplus = retention::surplus(&self.copies, &self.links, &self.keep, self.in_service);
        let worthless = std::mem::take(&mut self.worthless);
        for name in worthless {
            if !self.removed(&name, troubles) {
                self.worthless.push(name);
            }
        }
        let copies = std::mem::take(&mut self.copies);
        for copy in copies {
            let name = FileName::Copy(copy.generation, copy.serial).to_string();
            let goes = surplus.copies.contains(&copy.generation);
            if !(goes && self.removed(&name, troubles)) {
                self.copies.push(copy);
            }
        }
        let links = std::mem::take(&mut self.links);
        for link in links {
            let name = link.file().to_string();
            let goes = surplus.links.contains(&link.generation);
            if !(goes && self.removed(&name, troubles)) {
                self.links.push(link);
            }
        }
    }

    fn removed(&self, name: &str, troubles: &mut Vec<StoreError>) -> bool {
        match self.disk.remove(name) {
            Ok(()) => true,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => true,
            Err(cause) => {
                troubles.push(self.failed(Step::Remove, name, cause));
                false
            }
        }
    }

    pub(super) fn failed(&self, step: Step, name: &str, cause: io::Error) -> StoreError {
        StoreError::from_system(step, name, self.disk.place(), cause)
    }
}

impl Link {
    fn file(&self) -> FileName {
        FileName::Difference(self.generation, self.from, self.to)
    }

    /// The difference with its records.
    pub(super) fn difference(&self) -> Option<Arc<Difference>> {
        Some(Arc::new(Difference {
            from: self.from,
            to: self.to,
            removed: unpack(&self.removed).ok()?,
            added: unpack(&self.added).ok()?,
        }))
    }
}

fn is_in_the_way(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

fn named(is: FileName, should: FileName) -> Result<(), Reason> {
    if is == should {
        return Ok(());
    }
    Err(Reason::Unfit {
        what: format!("it should have the name {should}"),
    })
}
