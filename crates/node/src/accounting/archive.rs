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
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of a node's days.
#[derive(Clone, Debug)]
pub(super) struct Archive {
    folder: PathBuf,
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
        let archive = Archive {
            folder: folder.to_owned(),
            letter,
        };
        for part in [OPEN, SEALED] {
            let path = folder.join(part);
            fs::create_dir_all(&path).map_err(failed("make", &path))?;
        }
        Ok(archive)
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
        let path = self.path(OPEN, account.day);
        files::write_whole(&path, &account.encode()).map_err(failed("write", &path))
    }

    /// Keeps a closed day and its documents. One that is there already stays as it is.
    pub(super) fn seal(&self, sealed: &Sealed) -> Result<(), Trouble> {
        let day = sealed.account().day;
        let path = self.path(SEALED, day);
        if !path.exists() {
            files::write_whole(&path, &sealed.encode()).map_err(failed("write", &path))?;
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
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).map_err(failed("make", folder))?;
            }
            let text = document.to_string();
            files::write_whole(&path, text.as_bytes()).map_err(failed("write", &path))?;
        }
        Ok(())
    }

    /// Removes closed days that are older than so many.
    pub(super) fn prune(&self, today: Day, days_kept: u32) -> Result<(), Trouble> {
        let first = today.number().saturating_sub(days_kept);
        for day in days(&self.folder.join(SEALED))? {
            if day.number() < first {
                let path = self.path(SEALED, day);
                fs::remove_file(&path).map_err(failed("remove", &path))?;
            }
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
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let days = names.filter_map(|name| Day::parse(name.strip_suffix(ENDING)?.strip_suffix('.')?));
    let mut days: Vec<Day> = days.collect();
    days.sort_unstable();
    Ok(days)
}

/// Renames a file that is of no use now; says what is wrong with it and where it is.
fn put_aside(path: &Path, reason: &str) -> String {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".damaged");
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
