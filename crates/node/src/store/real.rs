//! The folder of a zone on a real disk.

use super::error::{Step, StoreError};
use super::{Disk, folder};
use imrs_zone::Name;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A folder that this process alone works in.
#[derive(Debug)]
pub struct RealDisk {
    path: PathBuf,
    /// The folder, open to be synced, and locked as long as this lives.
    folder: File,
}

impl RealDisk {
    /// Opens the folder of a zone below the folder of the node's state, and makes it if need be.
    ///
    /// What is made belongs to its user alone. The state folder itself must be there.
    pub fn open(state: &Path, zone: &Name) -> Result<Self, StoreError> {
        let disk = RealDisk::beside(state, zone)?;
        disk.lock()?;
        Ok(disk)
    }

    /// The same without the lock, to read beside another process that has it and is about to end.
    /// Nothing is to be written before [`RealDisk::lock`].
    pub fn beside(state: &Path, zone: &Name) -> Result<Self, StoreError> {
        let zones = state.join(ZONES);
        let path = zones.join(folder(zone));
        make(state, &zones)?;
        make(&zones, &path)?;
        let place = || path.display().to_string();
        let failed = |cause| StoreError::from_system(Step::List, "the files", place(), cause);
        let folder = open_folder(&path).map_err(failed)?;
        Ok(RealDisk { path, folder })
    }

    /// Locks the folder for as long as this lives.
    pub fn lock(&self) -> Result<(), StoreError> {
        let place = || self.path.display().to_string();
        match self.folder.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { place: place() }),
            Err(TryLockError::Error(cause)) => Err(StoreError::from_system(
                Step::List,
                "the files",
                place(),
                cause,
            )),
        }
    }

    fn at(&self, name: &str) -> io::Result<PathBuf> {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']);
        match plain {
            true => Ok(self.path.join(name)),
            false => Err(io::ErrorKind::InvalidFilename.into()),
        }
    }
}

impl Disk for RealDisk {
    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in self.path.read_dir()? {
            // A name that is no text is none of ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn read(&self, name: &str, octets_max: u64) -> io::Result<Vec<u8>> {
        // Neither a link to elsewhere nor a pipe that keeps a start waiting.
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(self.at(name)?)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let mut octets = Vec::new();
        file.take(octets_max.saturating_add(1))
            .read_to_end(&mut octets)?;
        match octets.len() as u64 > octets_max {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(octets),
        }
    }

    fn write(&self, name: &str, octets: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(self.at(name)?)?;
        file.write_all(octets)?;
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.at(from)?, self.at(to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.at(name)?)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.folder.sync_all()
    }
}

/// Makes `path` in `parent` unless it is there, and brings its name to the medium.
fn make(parent: &Path, path: &Path) -> Result<(), StoreError> {
    let failed = |step, place: &Path, cause| {
        let place = place.display().to_string();
        StoreError::from_system(step, &path.display().to_string(), place, cause)
    };
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Ok(()) => open_folder(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(|cause| failed(Step::Sync, parent, cause)),
        // On a file system that is read-only this is said even of what is there.
        Err(_) if path.is_dir() => Ok(()),
        Err(cause) => Err(failed(Step::Write, parent, cause)),
    }
}

fn open_folder(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY)
        .open(path)
}

/// Below the state folder, a folder for each zone.
const ZONES: &str = "zones";

/// For the user that imrs runs as, and nobody else.
const FOLDER_MODE: u32 = 0o700;

/// For the user that imrs runs as, and nobody else.
const FILE_MODE: u32 = 0o600;
