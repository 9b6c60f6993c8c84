//! The root zone that the tasks serve and measure: given, real where it is at hand, or made.

use crate::imrs;
use crate::peers::Zone;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A root zone with what is needed to prove it.
#[derive(Debug)]
pub(crate) struct Root {
    /// The master file.
    pub(crate) file: PathBuf,
    /// The time at which its signatures hold, where that is not the present.
    pub(crate) at: Option<String>,
    /// Its trust anchors, where the built-in ones do not hold.
    pub(crate) anchors: Option<PathBuf>,
    /// Where a zone was made; removed at the end.
    _directory: Option<TempDir>,
}

/// Which root zone to take.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Choice {
    /// Root zone file with one record a line [default: the newest real root where it is at hand,
    /// otherwise a test root signed with algorithm 8]
    #[arg(long, value_name = "FILE", global = true)]
    zone: Option<PathBuf>,
    /// Time at which its signatures hold.
    #[arg(long, value_name = "TIME", global = true)]
    at: Option<String>,
    /// Its trust anchors, where the built-in ones do not hold.
    #[arg(long, value_name = "FILE", global = true)]
    anchors: Option<PathBuf>,
}

impl Choice {
    /// Finds the zone, or makes one.
    pub(crate) fn resolve(&self) -> Result<Root> {
        if let Some(file) = &self.zone {
            return given(file, self.at.clone(), self.anchors.as_deref());
        }
        let real = data_folder().join(NEWEST);
        if real.exists() {
            return given(&real, Some(NEWEST_AT.to_owned()), None);
        }
        eprintln!("{} is absent: making a test root", real.display());
        made()
    }
}

impl Root {
    /// The zone as servers take it.
    pub(crate) fn zone(&self) -> Zone {
        Zone {
            origin: ".".to_owned(),
            path: self.file.clone(),
        }
    }
}

/// The folder of real data: `IMRS_DATA`, otherwise beside the repository.
pub(crate) fn data_folder() -> PathBuf {
    std::env::var_os("IMRS_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    )
}

fn given(file: &Path, at: Option<String>, anchors: Option<&Path>) -> Result<Root> {
    let path = |path: &Path| fs::canonicalize(path).with_context(|| path.display().to_string());
    let anchors = anchors.map(path).transpose()?;
    Ok(Root {
        file: path(file)?,
        at,
        anchors,
        _directory: None,
    })
}

fn made() -> Result<Root> {
    let directory = tempfile::Builder::new().prefix("imrs-root-").tempdir()?;
    let status = Command::new(imrs::program()?)
        .args(["zone", "synth", "--algorithm", "8", "--out"])
        .arg(directory.path())
        .status()?;
    ensure!(status.success(), "imrs zone synth failed: {status}");
    Ok(Root {
        file: directory.path().join("root.zone"),
        at: None,
        anchors: Some(directory.path().join("anchors.ds")),
        _directory: Some(directory),
    })
}

/// The newest real root at hand, below the data folder.
const NEWEST: &str = "zones/root-2026073102.zone";

/// A time within its signatures.
const NEWEST_AT: &str = "2026-08-01T09:00:00Z";
