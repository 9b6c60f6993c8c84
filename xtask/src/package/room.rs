//! A fresh Debian in a folder, with name spaces of its own for files and processes.

use crate::dist::told;
use crate::peers::tool_command;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A fresh Debian. Removed when dropped.
#[derive(Debug)]
pub(super) struct Room {
    folder: TempDir,
}

impl Room {
    /// Unpacks one; the first time it is made of the machine's sources of packages.
    pub(super) fn make() -> Result<Room> {
        let packed = packed()?;
        let folder = tempfile::Builder::new()
            .prefix("imrs-room-")
            .tempdir_in(workspace::builds())?;
        let mut tar = Command::new("tar");
        told(tar.arg("-xf").arg(packed).arg("-C").arg(folder.path()))?;
        Ok(Room { folder })
    }

    /// The path of one of its files, as seen from outside.
    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside.trim_start_matches('/'))
    }

    /// Runs a line of shell in it, as root, for a bounded time.
    pub(super) fn run(&self, line: &str) -> Result<Output> {
        let root = self.folder.path();
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", SECONDS_MAX, "unshare"]);
        // What it starts ends with it, and what it mounts is gone.
        command.args(["--mount", "--pid", "--net", "--fork", "--kill-child"]);
        command.args(["sh", "-c", ENTER, "sh"]).arg(root).arg(line);
        command.env_clear().env("PATH", PATH);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command.output().context("cannot run unshare")
    }

    /// Runs a line that has to succeed; what it prints.
    pub(super) fn told(&self, line: &str) -> Result<String> {
        let output = self.run(line)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "`{line}` in the fresh root: {}: {text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(text)
    }

    /// Puts a file into it.
    pub(super) fn put(&self, from: &Path, to: &str) -> Result<()> {
        fs::copy(from, self.path(to)).with_context(|| from.display().to_string())?;
        Ok(())
    }
}

/// Whether a room can be made here.
pub(super) fn is_possible() -> bool {
    let mut trial = Command::new("unshare");
    trial.args(["--mount", "--pid", "--net", "--fork", "sh", "-c"]);
    trial.arg("test $(id -u) = 0 && mount --make-rprivate /");
    trial.output().is_ok_and(|output| output.status.success())
}

/// The packed root, made once for each list of packages.
fn packed() -> Result<PathBuf> {
    let file = workspace::builds().join("package-root-1.tar");
    if file.is_file() {
        return Ok(file);
    }
    let fresh = file.with_extension("new.tar");
    let mut make = tool_command("mmdebstrap")?;
    make.args(["--quiet", "--variant=minbase", "--include", PACKAGES, SUITE]);
    told(make.arg(&fresh))?;
    fs::rename(&fresh, &file)?;
    Ok(file)
}

const SUITE: &str = "bookworm";

/// What the package depends on, so that installing it needs no network.
const PACKAGES: &str = "bird2,iproute2,systemd,init-system-helpers,libgcc-s1,ca-certificates";

/// Time in seconds in which anything has to be done in the room.
const SECONDS_MAX: &str = "120";

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

const ENTER: &str = "set -e; mount --make-rprivate /; ip link set lo up; \
    mount -t proc proc \"$1/proc\"; mount --rbind /dev \"$1/dev\"; \
    exec chroot \"$1\" sh -c \"$2\"";
