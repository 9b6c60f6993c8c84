//! Finds and reads the files of days.

use super::Which;
use crate::files::read_packed;
use anyhow::{Context, anyhow, bail};
use imrs_telemetry::Day;
use imrs_telemetry::day::v1::Corrupt;
use imrs_telemetry::day::{Account, Sealed};
use imrs_telemetry::limits::{DAY_OCTETS_MAX, SOURCES_MERGED_OCTETS};
use std::path::{Path, PathBuf};

/// Files of an ending among these and in folders among them, in order and each once.
pub(super) fn gather(named: &[PathBuf], ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in named {
        let kind =
            std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
        if !kind.is_dir() {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        look_into(path, ending, &mut found)?;
        if found.len() == before {
            bail!("there is no *.{ending} in {}", path.display());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

fn look_into(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let context = || format!("cannot read the folder {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let path = entry.path();
        // A link to a folder is not followed: it could lead back here.
        if entry.file_type().with_context(context)?.is_dir() {
            look_into(&path, ending, found)?;
        } else if path.extension().is_some_and(|own| own == ending) {
            found.push(path);
        }
    }
    Ok(())
}

/// The octets of a day's file, unpacked.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    Ok(read_packed(path, "a day", DAY_OCTETS_MAX)?)
}

/// A sealed day.
pub(super) fn read_sealed(path: &Path) -> anyhow::Result<Sealed> {
    decode_sealed(path, &read(path)?)
}

/// A sealed day of these octets.
pub(super) fn decode_sealed(path: &Path, octets: &[u8]) -> anyhow::Result<Sealed> {
    match Sealed::decode(octets, SOURCES_MERGED_OCTETS) {
        Ok(sealed) => Ok(sealed),
        Err(Corrupt::Kind) if Account::decode(octets, 0).is_ok() => Err(anyhow!(
            "{} is of a day that is not sealed yet",
            path.display()
        )),
        Err(error) => Err(error).with_context(|| format!("{} is damaged", path.display())),
    }
}

/// What is known of a day, and whether it is closed.
pub(super) struct Known {
    pub(super) account: Account,
    pub(super) is_sealed: bool,
}

impl Which {
    /// Reads the day that is meant. One that is not sealed yet is read as far as it was kept.
    pub(super) fn read(&self) -> anyhow::Result<Known> {
        match (&self.file, self.day) {
            (Some(file), _) => read_known(file),
            (None, Some(day)) => read_known(&of_node(&self.state, day)?),
            (None, None) => bail!("no day is named"),
        }
    }
}

/// Where a node keeps a day.
fn of_node(state: &Path, day: Day) -> anyhow::Result<PathBuf> {
    let folder = state.join("statistics");
    let places = ["sealed", "open"].map(|kind| folder.join(kind).join(format!("{day}.day")));
    match places.iter().find(|path| path.exists()) {
        Some(path) => Ok(path.clone()),
        None => bail!(
            "{day} is not in {}; name the folder by --state, or the file of the day",
            folder.display()
        ),
    }
}

fn read_known(path: &Path) -> anyhow::Result<Known> {
    let octets = read(path)?;
    let sealed = Sealed::decode(&octets, SOURCES_MERGED_OCTETS);
    let (account, is_sealed) = match sealed {
        Ok(sealed) => (Ok(sealed.account().clone()), true),
        Err(Corrupt::Kind) => (Account::decode(&octets, SOURCES_MERGED_OCTETS), false),
        Err(error) => (Err(error), true),
    };
    let account = account.with_context(|| {
        format!(
            "{} cannot be shown; copy it again from where it comes",
            path.display()
        )
    })?;
    Ok(Known { account, is_sealed })
}
