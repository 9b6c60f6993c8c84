//! A disk that loses what was not brought to the medium, tears, fails and fills up.
//!
//! It keeps two states, as an operating system does: what a process sees, and what is on the
//! medium. A crash chooses what becomes of the difference between them. Faults are set for single
//! operations, by number, so that a test can try each; chance comes from a seed.

use imrs_node::store::Disk;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A folder on a simulated disk. Clones are the same folder: one is for the store, another for
/// who sets the faults.
#[derive(Clone, Debug)]
pub struct FaultyDisk(Arc<Mutex<State>>);

/// What happens to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no space: a write stops anywhere, other operations change nothing.
    NoSpace,
    /// The medium fails (EIO): a write stops anywhere, other operations change nothing.
    Failure,
    /// The machine or the process stops in the middle of it.
    Crash(Survival),
}

/// What of that which was not brought to the medium is there after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// All of it: only the process was killed.
    All,
    /// None of it.
    None,
    /// Chance decides for each change of a name, and where the content of a file ends or becomes
    /// zeros.
    Chance,
}

#[derive(Debug)]
struct State {
    /// Files, by a number that is given once.
    files: BTreeMap<u64, File>,
    next_file: u64,
    /// What the process sees.
    names: BTreeMap<String, u64>,
    /// What is on the medium.
    safe_names: BTreeMap<String, u64>,
    /// What leads from the one to the other, in order.
    changes: Vec<Change>,
    operations: u64,
    faults: BTreeMap<u64, Fault>,
    is_full: bool,
    /// How the machine stopped.
    stopped: Option<Survival>,
    chance: ChaCha8Rng,
}

#[derive(Clone, Debug)]
struct File {
    octets: Vec<u8>,
    /// Whether the content is on the medium.
    is_safe: bool,
}

#[derive(Clone, Debug)]
enum Change {
    Made(String, u64),
    Renamed(String, String, u64),
    Removed(String),
}

impl FaultyDisk {
    /// An empty folder.
    pub fn seeded(seed: u64) -> Self {
        FaultyDisk(Arc::new(Mutex::new(State {
            files: BTreeMap::new(),
            next_file: 0,
            names: BTreeMap::new(),
            safe_names: BTreeMap::new(),
            changes: Vec::new(),
            operations: 0,
            faults: BTreeMap::new(),
            is_full: false,
            stopped: None,
            chance: ChaCha8Rng::seed_from_u64(seed),
        })))
    }

    /// Sets what happens to an operation, counted from 0 since the folder was made.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.state().faults.insert(operation, fault);
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// From now on nothing can be written.
    pub fn fill(&self) {
        self.state().is_full = true;
    }

    /// From now on there is space.
    pub fn empty(&self) {
        self.state().is_full = false;
    }

    /// Stops the machine between two operations.
    pub fn crash(&self, survival: Survival) {
        self.state().stopped = Some(survival);
    }

    /// Whether the machine has stopped; all operations fail then.
    pub fn has_crashed(&self) -> bool {
        self.state().stopped.is_some()
    }

    /// Starts the machine again, with what survived and without faults to come.
    pub fn restart(&self) {
        let mut state = self.state();
        state.faults.clear();
        let survival = state.stopped.take().unwrap_or(Survival::All);
        match survival {
            Survival::All => {}
            Survival::None => state.keep(|_| false),
            Survival::Chance => {
                let mut coins = state.chance.clone();
                state.keep(|_| coins.random());
                state.chance = coins;
            }
        }
        if survival != Survival::All {
            state.tear();
        }
    }

    /// The names in the folder.
    pub fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    /// The octets of a file as they are now.
    pub fn file(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        let file = state.names.get(name)?;
        Some(state.files.get(file)?.octets.clone())
    }

    /// Puts a file there, on the medium, behind the back of whoever uses the folder.
    pub fn put(&self, name: &str, octets: &[u8]) {
        let mut state = self.state();
        let file = state.make(octets.to_vec(), true);
        state.names.insert(name.to_owned(), file);
        state.safe_names.insert(name.to_owned(), file);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an operation and gives the fault that is set for it.
    fn begin(&mut self) -> io::Result<Option<Fault>> {
        if self.stopped.is_some() {
            return Err(stopped());
        }
        let fault = self.faults.remove(&self.operations);
        self.operations += 1;
        if let Some(Fault::Crash(survival)) = fault {
            self.stopped = Some(survival);
        }
        Ok(fault)
    }

    /// Counts an operation that changes names. A crash may come before it or after it.
    fn begin_change(&mut self) -> io::Result<bool> {
        match self.begin()? {
            None => Ok(true),
            Some(Fault::Crash(_)) => Ok(self.chance.random()),
            Some(fault) => Err(error(fault)),
        }
    }

    fn finish(&self) -> io::Result<()> {
        match self.stopped {
            None => Ok(()),
            Some(_) => Err(stopped()),
        }
    }

    fn make(&mut self, octets: Vec<u8>, is_safe: bool) -> u64 {
        let number = self.next_file;
        self.next_file += 1;
        self.files.insert(number, File { octets, is_safe });
        number
    }

    /// Brings the chosen changes of names to the medium, in their order, and forgets the others.
    fn keep(&mut self, mut survives: impl FnMut(&Change) -> bool) {
        for change in std::mem::take(&mut self.changes) {
            if !survives(&change) {
                continue;
            }
            match change {
                Change::Made(name, file) => {
                    self.safe_names.insert(name, file);
                }
                Change::Renamed(from, to, file) => {
                    self.safe_names.remove(&from);
                    self.safe_names.insert(to, file);
                }
                Change::Removed(name) => {
                    self.safe_names.remove(&name);
                }
            }
        }
        self.names = self.safe_names.clone();
    }

    /// Leaves of contents that are not on the medium what chance leaves: a beginning, then zeros.
    fn tear(&mut self) {
        for file in self.files.values_mut().filter(|file| !file.is_safe) {
            let length = file.octets.len();
            let kept = self.chance.random_range(0..=length);
            let zeros = self.chance.random_range(kept..=length);
            file.octets.truncate(zeros);
            file.octets[kept..].fill(0);
            file.is_safe = true;
        }
    }
}

impl Disk for FaultyDisk {
    fn place(&self) -> String {
        "a simulated folder".to_owned()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.state();
        match state.begin()? {
            None => Ok(state.names.keys().cloned().collect()),
            Some(fault) => Err(error(fault)),
        }
    }

    fn read(&self, name: &str, octets_max: u64) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        if let Some(fault) = state.begin()? {
            return Err(error(fault));
        }
        let file = state.names.get(name).and_then(|file| state.files.get(file));
        let octets = &file.ok_or(io::ErrorKind::NotFound)?.octets;
        match octets.len() as u64 > octets_max {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(octets.clone()),
        }
    }

    fn write(&self, name: &str, octets: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let fault = match state.begin()? {
            None if state.is_full => Some(Fault::NoSpace),
            fault => fault,
        };
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let written = match fault {
            None => octets.len(),
            Some(_) => state.chance.random_range(0..=octets.len()),
        };
        let file = state.make(octets[..written].to_vec(), fault.is_none());
        state.names.insert(name.to_owned(), file);
        state.changes.push(Change::Made(name.to_owned(), file));
        fault.map_or(Ok(()), |fault| Err(error(fault)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.begin_change()? {
            let file = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
            state.names.insert(to.to_owned(), file);
            let change = Change::Renamed(from.to_owned(), to.to_owned(), file);
            state.changes.push(change);
        }
        state.finish()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.begin_change()? {
            state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
            state.changes.push(Change::Removed(name.to_owned()));
        }
        state.finish()
    }

    fn sync_folder(&self) -> io::Result<()> {
        let mut state = self.state();
        if state.begin_change()? {
            state.keep(|_| true);
        }
        state.finish()
    }
}

fn error(fault: Fault) -> io::Error {
    match fault {
        Fault::NoSpace => io::ErrorKind::StorageFull.into(),
        Fault::Failure => io::Error::other("input/output error"),
        Fault::Crash(_) => stopped(),
    }
}

fn stopped() -> io::Error {
    io::Error::other("the machine has stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a file, gives it its name, and stops where `fault` is set.
    fn name_a_file(disk: &FaultyDisk) -> io::Result<()> {
        disk.write("aside", b"content")?;
        disk.rename("aside", "name")?;
        disk.sync_folder()
    }

    #[test]
    fn what_was_synced_survives_every_crash() {
        for survival in [Survival::All, Survival::None, Survival::Chance] {
            let disk = FaultyDisk::seeded(1);
            name_a_file(&disk).unwrap();
            disk.crash(survival);
            assert!(disk.list().is_err());
            disk.restart();
            assert_eq!(disk.read("name", 10).unwrap(), b"content");
        }
    }

    #[test]
    fn what_was_not_synced_may_survive_or_not() {
        let outcomes = |survival| {
            let mut outcomes: Vec<Vec<String>> = (0..64)
                .map(|seed| {
                    let disk = FaultyDisk::seeded(seed);
                    disk.fail_at(2, Fault::Crash(survival));
                    assert!(name_a_file(&disk).is_err());
                    assert!(disk.has_crashed());
                    disk.restart();
                    disk.names()
                })
                .collect();
            outcomes.sort();
            outcomes.dedup();
            outcomes
        };
        assert_eq!(outcomes(Survival::All), [["name"]]);
        assert_eq!(outcomes(Survival::None), [vec![], vec!["name".to_owned()]]);
        let aside = vec!["aside".to_owned()];
        let name = vec!["name".to_owned()];
        assert_eq!(outcomes(Survival::Chance), [vec![], aside, name]);
    }

    #[test]
    fn a_write_that_a_crash_meets_is_torn_anywhere() {
        let mut lengths: Vec<usize> = (0..256)
            .filter_map(|seed| {
                let disk = FaultyDisk::seeded(seed);
                disk.fail_at(0, Fault::Crash(Survival::Chance));
                assert!(name_a_file(&disk).is_err());
                disk.restart();
                Some(disk.file("aside")?.len())
            })
            .collect();
        lengths.sort_unstable();
        lengths.dedup();
        assert_eq!(lengths, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_full_disk_takes_nothing_until_it_is_emptied() {
        let disk = FaultyDisk::seeded(1);
        disk.fill();
        let error = name_a_file(&disk).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        disk.remove("aside").unwrap();
        disk.empty();
        name_a_file(&disk).unwrap();
    }
}
