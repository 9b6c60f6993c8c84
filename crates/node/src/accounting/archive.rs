//! Days and documents on disk.
//!
//! ```text
//! open/2026-11-25.day        what is known of a day that goes on, in case of a restart
//! sealed/2026-11-24.day      a closed day; never written again
//! rssac002/2026/11/<metric>/ its documents
//! ```
//!
//! Every file is written whole or not at all. What cannot be read is put aside under another name
//! and never deleted.

use crate::files;
use imrs_telemetry::Day;
use imrs_telemetry::day::{Account, Sealed};
use imrs_telemetry::limits::DAY_OCTETS_MAX;
use imrs_telemetry::rssac002::{self, Letter};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The folder of a node's days, which nobody else has.
#[derive(Debug)]
pub(super) struct Archive {
    folder: PathBuf,
    /// Holds the lock on it.
    _locked: File,
    /// Whose documents are written, if any are.
    letter: Option<Letter>,
}

/// What could not be done, and to which file.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}", path.display())]
pub(super) struct Trouble {
    what: &'static str,
    path: PathBuf,
    #[source]
    cause: io::Error,
}

impl Trouble {
    /// Whether another process has what was to be used.
    pub(super) fn is_in_use(&self) -> bool {
        self.cause.kind() == io::ErrorKind::ResourceBusy
    }
}

/// What was found at the start.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Days that were open when the process ended.
    pub(super) open: Vec<Account>,
    /// The last one that is closed.
    pub(super) sealed: Option<Day>,
    /// What could not be read, and where it is now.
    pub(super) damaged: Vec<String>,
}

impl Archive {
    /// The archive in a folder, which is made if it is not there.
    pub(super) fn open(folder: &Path, letter: Option<Letter>) -> Result<Archive, Trouble> {
        for part in [OPEN, SEALED] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(failed("make", &path))?;
        }
        let locked = File::open(folder).map_err(failed("open", folder))?;
        locked.try_lock().map_err(|cause| match cause {
            TryLockError::Error(cause) => failed("lock", folder)(cause),
            TryLockError::WouldBlock => failed("use", folder)(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another server keeps its days there",
            )),
        })?;
        Ok(Archive {
            folder: folder.to_owned(),
            _locked: locked,
            letter,
        })
    }

    /// Reads what is there. Damaged files are renamed, so that they are found and lose nothing.
    pub(super) fn read(&self, sources_octets: usize) -> Result<Found, Trouble> {
        let mut found = Found {
            sealed: days(&self.folder.join(SEALED))?.into_iter().max(),
            ..Found::default()
        };
        for day in days(&self.folder.join(OPEN))? {
            let path = self.path(OPEN, day);
            let octets = files::read_plain(&path, "a day", DAY_OCTETS_MAX);
            let read = octets
                .map_err(|error| crate::chain(&error))
                .and_then(|octets| {
                    Account::decode(&octets, sources_octets).map_err(|error| crate::chain(&error))
                });
            match read {
                Ok(account) if account.day == day => found.open.push(account),
                Ok(account) => found
                    .damaged
                    .push(put_aside(&path, &format!("it is of {}", account.day))),
                Err(reason) => found.damaged.push(put_aside(&path, &reason)),
            }
        }
        Ok(found)
    }

    /// Keeps what is known of a day that goes on.
    pub(super) fn keep(&self, account: &Account) -> Result<(), Trouble> {
        write(&self.path(OPEN, account.day), &account.encode())
    }

    /// Keeps a closed day and its documents. One that is there already stays as it is.
    pub(super) fn seal(&self, sealed: &Sealed) -> Result<(), Trouble> {
        let day = sealed.account().day;
        let path = self.path(SEALED, day);
        if !path.exists() {
            write(&path, &sealed.encode())?;
        }
        self.publish(sealed)?;
        let open = self.path(OPEN, day);
        match fs::remove_file(&open) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(failed("remove", &open)(cause))
            }
            _ => Ok(()),
        }
    }

    /// Writes the documents of a closed day that are not there yet.
    fn publish(&self, sealed: &Sealed) -> Result<(), Trouble> {
        let Some(letter) = self.letter else {
            return Ok(());
        };
        for document in rssac002::documents(sealed.account(), letter, 1) {
            let path = self.folder.join(DOCUMENTS).join(document.path());
            if path.exists() {
                continue;
            }
            write(&path, document.to_string().as_bytes())?;
        }
        Ok(())
    }

    /// Removes the oldest closed days but for so many: however late a clock says it is, the newest
    /// stay.
    pub(super) fn prune(&self, days_kept: u32) -> Result<(), Trouble> {
        let days = days(&self.folder.join(SEALED))?;
        let more = days.len().saturating_sub(days_kept as usize);
        for day in days.into_iter().take(more) {
            let path = self.path(SEALED, day);
            fs::remove_file(&path).map_err(failed("remove", &path))?;
        }
        Ok(())
    }

    fn path(&self, part: &str, day: Day) -> PathBuf {
        self.folder.join(part).join(format!("{day}.{ENDING}"))
    }
}

/// The days that a folder has files of.
fn days(folder: &Path) -> Result<Vec<Day>, Trouble> {
    let entries = fs::read_dir(folder).map_err(failed("list", folder))?;
    let files = entries.flatten().filter(|entry| entry.path().is_file());
    let names = files.filter_map(|entry| entry.file_name().into_string().ok());
    let days = names.filter_map(|name| Day::parse(name.strip_suffix(ENDING)?.strip_suffix('.')?));
    let mut days: Vec<Day> = days.collect();
    days.sort_unstable();
    Ok(days)
}

/// Renames a file that is of no use now; says what is wrong with it and where it is.
fn put_aside(path: &Path, reason: &str) -> String {
    let named = |number: u32| {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".damaged");
        if number > 1 {
            aside.push(format!("-{number}"));
        }
        aside
    };
    let free = (1..).map(named).find(|aside| !Path::new(aside).exists());
    let aside = free.unwrap_or_default();
    match fs::rename(path, &aside) {
        Ok(()) => format!(
            "{}: {reason}; it is now {}",
            path.display(),
            Path::new(&aside).display()
        ),
        Err(cause) => format!(
            "{}: {reason}; and it cannot be renamed: {cause}",
            path.display()
        ),
    }
}

/// Writes a file whole or not at all, in folders that are made if somebody took them away.
fn write(path: &Path, octets: &[u8]) -> Result<(), Trouble> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed("make", folder))?;
    }
    files::write_whole(path, octets).map_err(failed("write", path))
}

fn failed(what: &'static str, path: &Path) -> impl Fn(io::Error) -> Trouble {
    let path = path.to_owned();
    move |cause| Trouble {
        what,
        path: path.clone(),
        cause,
    }
}

const OPEN: &str = "open";
const SEALED: &str = "sealed";
const DOCUMENTS: &str = "rssac002";
const ENDING: &str = "day";

#[cfg(test)]
mod tests {
    use super::*;
    use imrs_telemetry::Moment;
    use imrs_telemetry::day::{Days, Settings};
    use imrs_telemetry::limits::SOURCES_OCTETS;

    const DAY_MS: u64 = 86_400_000;

    /// The first day of 2026, closed.
    fn sealed() -> Sealed {
        let at = |unix_ms| Moment {
            unix_ms,
            steady_ms: unix_ms,
        };
        let start_ms = Day::parse("2026-01-01").unwrap().start_s() * 1000;
        let mut days = Days::start(Settings::default(), at(start_ms), Vec::new(), None);
        days.handle_time(at(start_ms + DAY_MS));
        days.handle_time(at(start_ms + DAY_MS + Settings::default().late_ms));
        days.poll_sealed().unwrap()
    }

    fn archive(folder: &Path) -> Archive {
        Archive::open(folder, Letter::new('l')).unwrap()
    }

    #[test]
    fn a_closed_day_takes_the_place_of_the_open_one_with_its_documents() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, sealed) = (archive(folder.path()), sealed());
        archive.keep(sealed.account()).unwrap();
        archive.seal(&sealed).unwrap();
        let found = archive.read(SOURCES_OCTETS).unwrap();
        assert_eq!(found.open, []);
        assert_eq!(found.sealed, Some(sealed.account().day));
        for metric in [
            "traffic-volume",
            "traffic-sizes",
            "rcode-volume",
            "unique-sources",
        ] {
            let name = format!("rssac002/2026/01/{metric}/l-root-20260101-{metric}.yaml");
            assert!(folder.path().join(&name).is_file(), "{name}");
        }
    }

    #[test]
    fn what_is_sealed_or_published_is_never_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, sealed) = (archive(folder.path()), sealed());
        archive.seal(&sealed).unwrap();
        let file = folder.path().join("sealed/2026-01-01.day");
        let document = "rssac002/2026/01/traffic-volume/l-root-20260101-traffic-volume.yaml";
        let document = folder.path().join(document);
        fs::write(&file, "mine").unwrap();
        fs::write(&document, "mine too").unwrap();
        archive.seal(&sealed).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"mine");
        assert_eq!(fs::read(&document).unwrap(), b"mine too");
    }

    #[test]
    fn a_closed_day_that_cannot_be_written_leaves_the_open_one() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, sealed) = (archive(folder.path()), sealed());
        archive.keep(sealed.account()).unwrap();
        fs::remove_dir(folder.path().join("sealed")).unwrap();
        fs::write(folder.path().join("sealed"), "a file").unwrap();
        let trouble = archive.seal(&sealed).unwrap_err();
        assert!(trouble.to_string().starts_with("cannot make "), "{trouble}");
        assert!(folder.path().join("open/2026-01-01.day").is_file());
    }

    #[test]
    fn the_newest_closed_days_are_kept_whatever_the_clock_says() {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive(folder.path());
        let file = |name: &str| folder.path().join("sealed").join(name);
        for name in [
            "2025-12-31.day",
            "2026-01-01.day",
            "2105-01-01.day",
            "notes.txt",
        ] {
            fs::write(file(name), "").unwrap();
        }
        archive.prune(3).unwrap();
        assert!(file("2025-12-31.day").is_file());
        archive.prune(2).unwrap();
        assert!(!file("2025-12-31.day").exists());
        assert!(file("2026-01-01.day").is_file());
        assert!(file("notes.txt").is_file());
    }

    #[test]
    fn two_servers_do_not_keep_their_days_in_one_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = archive(folder.path());
        let refusal = Archive::open(folder.path(), None).unwrap_err();
        assert!(crate::chain(&refusal).ends_with("another server keeps its days there"));
        drop(first);
        Archive::open(folder.path(), None).unwrap();
    }
}
