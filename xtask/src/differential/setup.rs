//! Which zones are compared, at which time, under which trust anchors.

use super::Args;
use super::facts::Facts;
use super::name::ROOT;
use crate::imrs;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// The real root zone that is used where it is present, and a time at which its signatures hold.
const REAL_ROOT: (&str, &str) = ("zones/root-2026073102.zone", "2026-08-01T09:00:00Z");

/// What the servers are to serve.
pub(super) struct Setup {
    /// Master files, not compressed; in the order of `facts`.
    pub(super) files: Vec<PathBuf>,
    /// What is in them.
    pub(super) facts: Vec<Facts>,
    /// Time of verification, when it is not the present.
    pub(super) at: Option<Timestamp>,
    /// Trust anchors, when they are not the built-in ones.
    pub(super) anchors: Option<PathBuf>,
    /// Holds a synthesised root while it is in use.
    _directory: Option<TempDir>,
}

impl Setup {
    /// The zones given; the real root where none is given and it is present; else a made one.
    pub(super) fn of(args: &Args) -> Result<Setup> {
        let real = real_root();
        if !args.zone.is_empty() {
            let at = args
                .at
                .as_deref()
                .map(str::parse)
                .transpose()
                .context("--at")?;
            return Setup::read(args.zone.clone(), at, args.anchors.clone(), None);
        }
        if real.is_file() && !args.synth {
            return Setup::read(vec![real], Some(REAL_ROOT.1.parse()?), None, None);
        }
        let directory = tempfile::Builder::new().prefix("imrs-synth-").tempdir()?;
        let status = Command::new(imrs::program()?)
            .args([
                "zone",
                "synth",
                "--algorithm",
                "8",
                "--seed",
                "1",
                "--force",
                "--out",
            ])
            .arg(directory.path())
            .status()?;
        ensure!(status.success(), "imrs zone synth failed");
        let files = ["root.zone", "arpa.zone", "root-servers.net.zone"];
        let files = files.map(|file| directory.path().join(file)).to_vec();
        let anchors = Some(directory.path().join("anchors.ds"));
        Setup::read(files, None, anchors, Some(directory))
    }

    /// Reads the zones; the root comes first.
    fn read(
        files: Vec<PathBuf>,
        at: Option<Timestamp>,
        anchors: Option<PathBuf>,
        directory: Option<TempDir>,
    ) -> Result<Setup> {
        let mut zones = files
            .into_iter()
            .map(|file| Ok((Facts::read(&file)?, file)))
            .collect::<Result<Vec<_>>>()?;
        zones.sort_by_key(|(facts, _)| facts.apex != ROOT);
        let (facts, files) = zones.into_iter().unzip();
        Ok(Setup {
            files,
            facts,
            at,
            anchors,
            _directory: directory,
        })
    }

    /// Seconds since 1970 at which signatures are judged.
    pub(super) fn seconds(&self) -> i64 {
        self.at.unwrap_or_else(Timestamp::now).as_second()
    }
}

/// Real zones lie beside the repository, or where IMRS_DATA says.
fn real_root() -> PathBuf {
    let beside = workspace::root().join("../shared/data");
    std::env::var_os("IMRS_DATA")
        .map_or(beside, PathBuf::from)
        .join(REAL_ROOT.0)
}
