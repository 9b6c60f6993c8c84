//! The two ends of a transfer: a primary that publishes versions, and imrs as its secondary.

use super::versions::{Version, Versions};
use super::watch::Watch;
use crate::bench::kernel;
use crate::imrs::{Imrs, node_table};
use crate::peers::{Daemon, Software, ensure_installed, tool_command};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Which primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// Knot DNS that has no differences, so that each version is sent whole.
    Knot,
    /// Knot DNS that sends differences.
    KnotIxfr,
    /// imrs.
    Imrs,
}

impl Kind {
    /// The name in tables and on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Knot => "knot",
            Kind::KnotIxfr => "knot-ixfr",
            Kind::Imrs => "imrs",
        }
    }
}

/// A primary.
pub(super) struct Primary {
    /// Where it answers.
    pub(super) address: SocketAddr,
    server: Server,
    /// The file that it serves.
    file: PathBuf,
    watch: Watch,
    _directory: TempDir,
}

enum Server {
    Knot { socket: PathBuf, daemon: Daemon },
    Imrs(Imrs),
}

impl Primary {
    /// Starts it with the first version.
    pub(super) fn start(
        kind: Kind,
        program: &Path,
        versions: &Versions,
        address: SocketAddr,
    ) -> Result<Primary> {
        let directory = Daemon::directory()?;
        let file = directory.path().join("root.zone");
        let first = versions.all.first().context("no version")?;
        fs::write(&file, &first.text)?;
        let anchors = &versions.anchors;
        let server = match kind {
            Kind::Knot => start_knot(&file, address, "whole", "none")?,
            Kind::KnotIxfr => start_knot(&file, address, "difference", "changes")?,
            Kind::Imrs => Server::Imrs(start_imrs(program, &file, anchors, address)?),
        };
        Ok(Primary {
            address,
            server,
            file,
            watch: Watch::open(address, 1)?,
            _directory: directory,
        })
    }

    /// Binds all that it does to a core.
    pub(super) fn pin(&self, core: usize) -> Result<()> {
        let daemon = match &self.server {
            Server::Knot { daemon, .. } => daemon,
            Server::Imrs(imrs) => &imrs.daemon,
        };
        kernel::pin_processes(&daemon.processes(), core)
    }

    /// Gives it a version to serve, and waits until it does.
    pub(super) fn publish(&self, version: &Version) -> Result<()> {
        let aside = self.file.with_extension("new");
        fs::write(&aside, &version.text)?;
        fs::rename(&aside, &self.file)?;
        match &self.server {
            Server::Knot { socket, .. } => {
                let output = tool_command("knotc")?
                    .arg("-s")
                    .arg(socket)
                    .args(["-b", "zone-reload", "."])
                    .output()?;
                let error = String::from_utf8_lossy(&output.stderr);
                ensure!(output.status.success(), "knotc zone-reload: {error}");
            }
            Server::Imrs(imrs) => {
                imrs.ctl("reload")?;
            }
        }
        self.watch.until(version.serial)?;
        Ok(())
    }
}

fn start_knot(file: &Path, address: SocketAddr, load: &str, journal: &str) -> Result<Server> {
    ensure_installed(&[Software::Knot.tool()])?;
    let directory = Daemon::directory()?;
    let socket = directory.path().join("knot.sock");
    let (ip, port) = (address.ip(), address.port());
    let text = format!(
        "server:
    listen: {ip}@{port}
    rundir: \"{0}\"
    background-workers: 1
control:
    listen: \"{1}\"
database:
    storage: \"{0}\"
log:
  - target: stderr
    any: warning
acl:
  - id: all
    address: 127.0.0.0/8
    action: transfer
zone:
  - domain: .
    file: \"{2}\"
    storage: \"{0}\"
    acl: all
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: {load}
    journal-content: {journal}
",
        directory.path().display(),
        socket.display(),
        file.display(),
    );
    let configuration = directory.path().join("knot.conf");
    fs::write(&configuration, text)?;
    let mut command: Command = tool_command("knotd")?;
    command.arg("-c").arg(configuration);
    Ok(Server::Knot {
        socket,
        daemon: Daemon::start(&mut command, directory, address, ["."])?,
    })
}

/// imrs with a zone file that everybody on loopback may have.
fn start_imrs(program: &Path, file: &Path, anchors: &str, address: SocketAddr) -> Result<Imrs> {
    let zone = format!(
        "file = \"{}\"\nallow-transfer = [\"127.0.0.0/8\"]\n",
        file.display()
    );
    let workers = Workers {
        count: 1,
        pinned: false,
    };
    start_with_root(program, anchors, address, workers, &zone)
}

/// How the secondary runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Workers {
    pub(super) count: usize,
    /// Whether each keeps to a core, from the first on.
    pub(super) pinned: bool,
}

/// Starts imrs as a secondary, and returns when it serves what it has fetched.
pub(super) fn start_secondary(
    program: &Path,
    anchors: &str,
    primary: SocketAddr,
    address: SocketAddr,
    workers: Workers,
) -> Result<Imrs> {
    let zone = format!("primaries = [\"{primary}\"]\nnotify-from = [\"127.0.0.0/8\"]\n");
    start_with_root(program, anchors, address, workers, &zone)
}

/// Starts imrs with the root, of which `zone` says where it comes from or goes to.
fn start_with_root(
    program: &Path,
    anchors: &str,
    address: SocketAddr,
    workers: Workers,
    zone: &str,
) -> Result<Imrs> {
    Imrs::start_with(program, address, &["."], |directory| {
        let file = directory.join("anchors.ds");
        fs::write(&file, anchors)?;
        Ok(format!(
            "{}[[zone]]\nname = \".\"\nanchors = \"{}\"\n{zone}",
            node_table(address, workers.count, workers.pinned, directory),
            file.display(),
        ))
    })
}

/// Between a NOTIFY and the one before: a secondary looks at most once a second.
pub(super) const NOTIFY_SPACING: std::time::Duration = std::time::Duration::from_millis(1500);
