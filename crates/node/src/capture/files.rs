//! Files of a capture: one at a time, under its name only when it is whole.
//!
//! ```text
//! FOLDER/NAME-20251009T085500Z.cdns.zst.part    while it is written
//! FOLDER/NAME-20251009T085000Z.cdns.zst         whole, and on the disk
//! ```
//!
//! A file that cannot be written to its end is removed: it may be what fills the disk. The parts
//! that a crash leaves stay until they are the oldest.

use super::packer::Packer;
use crate::config::capture::{Compression, Files, Format};
use jiff::Timestamp;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The files of one capture.
pub(super) struct Folder {
    settings: Files,
    /// What names of files start with.
    name: String,
    extension: String,
    open: Option<Open>,
    budget: Budget,
}

/// The file that is being written.
struct Open {
    packer: Packer,
    part: PathBuf,
    whole: PathBuf,
    /// The number of its span of time, which ends it.
    span: u64,
}

/// Octets of the present hour.
struct Budget {
    per_hour: Option<u64>,
    hour: u64,
    spent: u64,
    /// What the last portion took, so that the next one fits in.
    portion: u64,
}

impl Folder {
    pub(super) fn new(settings: &Files, name: &str, format: Format) -> Folder {
        let kind = match format {
            Format::CDns => "cdns",
            Format::Dnstap => "dnstap",
        };
        let packed = match settings.compression {
            Compression::Zstd => ".zst",
            Compression::Xz => ".xz",
            Compression::None => "",
        };
        Folder {
            settings: settings.clone(),
            name: name.to_owned(),
            extension: format!(".{kind}{packed}"),
            open: None,
            budget: Budget {
                per_hour: settings.octets_per_hour,
                hour: 0,
                spent: 0,
                portion: 0,
            },
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether another portion may be written in this hour.
    pub(super) fn has_budget(&mut self, unix_s: u64) -> bool {
        self.budget.has_room(unix_s)
    }

    /// Whether the file is to be finished ahead of what comes now.
    pub(super) fn is_due(&self, unix_s: u64) -> bool {
        self.open.as_ref().is_some_and(|open| {
            open.span != self.span(unix_s) || open.packer.octets() >= self.settings.rotate_octets
        })
    }

    /// Opens a file that starts with these octets; those that it has then.
    pub(super) fn open(&mut self, unix_s: u64, start: &[u8]) -> io::Result<u64> {
        let folder = &self.settings.directory;
        fs::create_dir_all(folder)?;
        let (part, whole) = self.free_name(unix_s)?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&part)?;
        let written = Packer::new(file, self.settings.compression)
            .and_then(|mut packer| packer.write(start).map(|()| packer));
        let packer = written.inspect_err(|_| {
            // The error of writing is the one that is told.
            let _ = fs::remove_file(&part);
        })?;
        let octets = packer.octets();
        self.budget.spend(octets);
        self.open = Some(Open {
            packer,
            part,
            whole,
            span: self.span(unix_s),
        });
        Ok(octets)
    }

    /// Appends a portion; the octets that it took. After an error there is no file.
    pub(super) fn write(&mut self, portion: &[u8]) -> io::Result<u64> {
        let Some(open) = &mut self.open else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let before = open.packer.octets();
        if let Err(error) = open.packer.write(portion) {
            self.abandon();
            return Err(error);
        }
        let taken = open.packer.octets() - before;
        self.budget.spend(taken);
        self.budget.portion = taken;
        Ok(taken)
    }

    /// Ends the file and gives it its name; the octets that this took. After an error it is gone.
    pub(super) fn finish(&mut self, end: &[u8]) -> io::Result<u64> {
        let taken = self.write(end)?;
        let Some(open) = self.open.take() else {
            return Ok(taken);
        };
        let before = open.packer.octets();
        let done = open
            .packer
            .finish()
            .and_then(|octets| fs::rename(&open.part, &open.whole).map(|()| octets));
        let octets = done.inspect_err(|_| {
            // The error of writing is the one that is told.
            let _ = fs::remove_file(&open.part);
        })?;
        let last = octets.saturating_sub(before);
        self.budget.spend(last);
        Ok(taken + last)
    }

    /// Gives the file up.
    fn abandon(&mut self) {
        if let Some(open) = self.open.take() {
            // Whatever made the capture give up is told; this could add nothing.
            let _ = fs::remove_file(&open.part);
        }
    }

    /// Removes the oldest files while all together are over the limit.
    pub(super) fn remove_oldest(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.settings.directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if self.owns(&name) {
                files.push((name, entry.metadata()?.len(), entry.path()));
            }
        }
        // Names sort by time.
        files.sort();
        let mut octets: u64 = files.iter().map(|(_, octets, _)| octets).sum();
        for (_, len, path) in files {
            if octets <= self.settings.directory_octets {
                break;
            }
            fs::remove_file(path)?;
            octets -= len;
        }
        Ok(())
    }

    /// Whether this capture wrote the file of this name.
    fn owns(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(&self.name) else {
            return false;
        };
        let rest = rest.strip_suffix(PART).unwrap_or(rest);
        let Some(time) = rest.strip_suffix(&self.extension) else {
            return false;
        };
        let is_of_time = |octet: u8| octet.is_ascii_digit() || b"-TZ".contains(&octet);
        time.starts_with('-') && time.bytes().all(is_of_time)
    }

    /// The paths of a file that starts now, while it is written and when it is whole: neither is
    /// taken, even if the clock went back or files end within a second.
    fn free_name(&self, unix_s: u64) -> io::Result<(PathBuf, PathBuf)> {
        let time = i64::try_from(unix_s).ok();
        let time = time.and_then(|seconds| Timestamp::from_second(seconds).ok());
        let time = time
            .unwrap_or_default()
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        for number in 1..NAMES_MAX {
            let again = if number == 1 {
                String::new()
            } else {
                format!("-{number}")
            };
            let name = format!("{}-{time}{again}{}", self.name, self.extension);
            let whole = self.settings.directory.join(&name);
            let part = self.settings.directory.join(format!("{name}{PART}"));
            if !exists(&whole)? && !exists(&part)? {
                return Ok((part, whole));
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn span(&self, unix_s: u64) -> u64 {
        unix_s / self.settings.rotate.as_secs().max(1)
    }
}

impl Budget {
    fn has_room(&mut self, unix_s: u64) -> bool {
        let hour = unix_s / 3600;
        if hour != self.hour {
            self.hour = hour;
            self.spent = 0;
        }
        self.per_hour
            .is_none_or(|most| self.spent == 0 || self.spent + self.portion < most)
    }

    fn spend(&mut self, octets: u64) {
        self.spent = self.spent.saturating_add(octets);
    }
}

fn exists(path: &Path) -> io::Result<bool> {
    path.try_exists()
}

/// What names of files end with that are not whole.
const PART: &str = ".part";

/// Files that can start within one second.
const NAMES_MAX: u32 = 1000;
