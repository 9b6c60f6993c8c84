//! Versions of a root of the real size, which differ in SOA, ZONEMD and their signatures: the
//! commonest step of the real root. It cannot be signed anew, so these are made, with algorithm 8
//! as it has.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The versions, each in a file of its own.
pub(super) struct Versions {
    /// Their files, by rising serial.
    pub(super) all: Vec<Version>,
    /// The trust anchors of all of them.
    pub(super) anchors: PathBuf,
    _directory: TempDir,
}

/// One version.
pub(super) struct Version {
    pub(super) serial: u32,
    pub(super) file: PathBuf,
}

impl Versions {
    /// Makes `count` versions by the program.
    pub(super) fn make(program: &Path, count: usize) -> Result<Versions> {
        eprintln!("making {count} versions of a root");
        let directory = tempfile::Builder::new()
            .prefix("imrs-versions-")
            .tempdir()?;
        let made_at = jiff::Timestamp::now().to_string();
        let mut all = Vec::new();
        let mut anchors = Vec::new();
        for serial in (FIRST..).take(count) {
            let out = directory.path().join(serial.to_string());
            let output = Command::new(program)
                .args(["zone", "synth", "--algorithm", "8", "--at", &made_at])
                .args(["--serial", &serial.to_string(), "--out"])
                .arg(&out)
                .output()?;
            let error = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "imrs zone synth: {error}");
            let file = out.join("root.zone");
            anchors.push(fs::read(out.join("anchors.ds"))?);
            all.push(Version { serial, file });
        }
        ensure!(
            anchors.windows(2).all(|pair| pair[0] == pair[1]),
            "the versions are signed with different keys"
        );
        let anchors = directory.path().join("anchors.ds");
        let first = all.first().context("no version")?;
        fs::copy(first.file.with_file_name("anchors.ds"), &anchors)?;
        Ok(Versions {
            all,
            anchors,
            _directory: directory,
        })
    }
}

/// The serial of the first version.
const FIRST: u32 = 2_026_010_100;
