//! Servers with a part in zone transfers: imrs, NSD, Knot and BIND, as primary and as secondary of
//! one test root.
//!
//! Start reading at [`Host::start`]. [`Part`] says what a server does; a file for each software
//! writes its configuration. A primary serves a master file, is given a new one by
//! [`Host::publish`], and keeps differences, so that it can serve IXFR. Beside that, `versions`
//! makes the zones, `fetch` reads what a server holds, `tap` sees what passes between two of them,
//! `certificates` are for TLS. This module does not know what is tried, nor why.

mod bind;
pub(crate) mod certificates;
pub(crate) mod fetch;
pub(crate) mod imrs;
mod knot;
pub(crate) mod notify;
mod nsd;
pub(crate) mod tap;
pub(crate) mod versions;

use crate::peers::{Daemon, Software, tool_command};
use anyhow::{Context, Result, bail, ensure};
use certificates::Certificate;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A program that can be primary and secondary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The build of imrs at this path.
    Imrs(PathBuf),
    /// A name server of Debian.
    Peer(Software),
}

impl Program {
    /// The build of imrs at this path, otherwise one with the release profile.
    pub(crate) fn imrs(path: Option<&Path>) -> Result<Program> {
        let path = match path {
            None => crate::imrs::program()?,
            Some(path) => fs::canonicalize(path).with_context(|| path.display().to_string())?,
        };
        Ok(Program::Imrs(path))
    }

    /// The name in tables.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Program::Imrs(_) => "imrs",
            Program::Peer(software) => software.name(),
        }
    }

    /// Name and release, as the program tells them.
    pub(crate) fn version(&self) -> Result<String> {
        match self {
            Program::Peer(software) => software.version(),
            Program::Imrs(path) => {
                let output = Command::new(path).arg("--version").output()?;
                Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
            }
        }
    }
}

/// A secret that two servers share (RFC 8945).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    /// What both know it by.
    pub(crate) name: &'static str,
    /// Such as `hmac-sha256`.
    pub(crate) algorithm: &'static str,
    /// In base64.
    pub(crate) base64: &'static str,
}

/// Another server.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The key that requests to it are signed with.
    pub(crate) key: Option<&'static str>,
    /// The issuer of its certificate and the name in it, where it is spoken to over TLS.
    pub(crate) tls: Option<(PathBuf, &'static str)>,
}

/// The part of a server in a trial of transfers of the root.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The secrets that it knows.
    pub(crate) secrets: Vec<Secret>,
    /// From which network others may fetch the zone, in CIDR form.
    pub(crate) network: &'static str,
    /// Keys one of which they need to do so.
    pub(crate) allow: Vec<&'static str>,
    /// Where it speaks TLS as well, with which certificate.
    pub(crate) tls: Option<(SocketAddr, Certificate)>,
    /// The trust anchor of the zone, for those who prove it.
    pub(crate) anchors: String,
    /// The master file that a primary serves first.
    pub(crate) zone: Option<String>,
    /// Where a secondary fetches, and who may notify it.
    pub(crate) from: Option<Remote>,
    /// Whom it notifies.
    pub(crate) notified: Vec<Remote>,
}

/// A running server with a part in transfers. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Host {
    /// Its processes.
    pub(crate) daemon: Daemon,
    /// What it is.
    pub(crate) program: Program,
    /// What it does.
    pub(crate) part: Part,
}

impl Host {
    /// Starts `program` in a directory of its own.
    pub(crate) fn start(program: &Program, part: Part) -> Result<Host> {
        Host::start_in(program, part, Arc::new(Daemon::directory()?))
    }

    /// Starts `program` in the directory that another run of it has left.
    ///
    /// Returns when a primary answers for the zone; a secondary may be without one.
    pub(crate) fn start_in(program: &Program, part: Part, directory: Arc<TempDir>) -> Result<Host> {
        if let Some(zone) = &part.zone {
            fs::write(zone_file(directory.path()), zone)?;
        }
        let file = directory.path().join("server.conf");
        let text = match program {
            Program::Imrs(_) => imrs::configuration(&part, directory.path()),
            Program::Peer(Software::Nsd) => nsd::configuration(&part, directory.path()),
            Program::Peer(Software::Knot) => knot::configuration(&part, directory.path()),
            Program::Peer(Software::Bind) => bind::configuration(&part, directory.path()),
        };
        fs::write(&file, text)?;
        fs::write(anchors_file(directory.path()), &part.anchors)?;
        let mut command = command(program)?;
        command.arg(file);
        let origins = part.zone.is_some().then_some(".");
        let daemon = Daemon::start(&mut command, directory, part.address, origins)?;
        Ok(Host {
            daemon,
            program: program.clone(),
            part,
        })
    }

    /// Gives a primary a new version of its zone to load.
    pub(crate) fn publish(&self, zone: &str) -> Result<()> {
        // In whole, by a rename: a server may look at any time.
        let file = zone_file(self.daemon.path());
        let aside = file.with_extension("new");
        fs::write(&aside, zone)?;
        fs::rename(&aside, &file)?;
        match self.program {
            Program::Peer(Software::Nsd | Software::Bind) => self.daemon.signal("-HUP"),
            Program::Peer(Software::Knot) => {
                let _ = self.control(&["zone-reload", "."])?;
            }
            Program::Imrs(_) => {
                let _ = self.control(&["reload"])?;
            }
        }
        Ok(())
    }

    /// What Knot or imrs says to a command of its control tool; imrs in JSON.
    pub(crate) fn control(&self, arguments: &[&str]) -> Result<String> {
        let directory = self.daemon.path();
        let (mut command, may_fail) = match &self.program {
            Program::Peer(Software::Knot) => (knot::control(directory)?, false),
            Program::Imrs(program) => (imrs::control(program, directory), true),
            Program::Peer(software) => bail!("{} has no control tool here", software.name()),
        };
        let output = command.args(arguments).output()?;
        // imrs tells by its exit code how the node is, beside whether it was asked well.
        ensure!(
            output.status.success() || may_fail && !output.stdout.is_empty(),
            "{} {}: {}",
            self.program.name(),
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Waits until it serves this serial; gives how long that took.
    pub(crate) fn wait_for(&self, serial: u32) -> Result<Duration> {
        let start = Instant::now();
        let mut last = None;
        while start.elapsed() < PATIENCE {
            last = self.daemon.serial(".")?;
            if last == Some(serial) {
                return Ok(start.elapsed());
            }
            thread::sleep(PAUSE);
        }
        let has = last.map_or("no zone".to_owned(), |last| format!("serial {last}"));
        bail!(
            "{} has {has} instead of serial {serial} after {PATIENCE:?}; the end of its log:\n{}",
            self.program.name(),
            self.log_end()
        )
    }

    /// The last lines of its log.
    pub(crate) fn log_end(&self) -> String {
        let log = self.daemon.log();
        let lines: Vec<&str> = log.lines().collect();
        let start = lines.len().saturating_sub(LOG_LINES);
        lines[start..].join("\n")
    }

    /// The secret of the first key by which others may fetch.
    pub(crate) fn secret(&self) -> Option<&Secret> {
        let name = self.part.allow.first()?;
        self.part.secrets.iter().find(|one| one.name == *name)
    }
}

fn command(program: &Program) -> Result<Command> {
    let software = match program {
        Program::Imrs(path) => {
            let mut command = Command::new(path);
            command.args(["serve", "--config"]);
            return Ok(command);
        }
        Program::Peer(software) => software,
    };
    let mut command = tool_command(software.tool().command)?;
    match software {
        Software::Nsd => command.args(["-d", "-c"]),
        Software::Knot => command.arg("-c"),
        Software::Bind => command.args(["-g", "-n", "1", "-c"]),
    };
    Ok(command)
}

/// Where a server keeps the zone.
fn zone_file(directory: &Path) -> PathBuf {
    directory.join("root.zone")
}

/// Where the trust anchor is.
fn anchors_file(directory: &Path) -> PathBuf {
    directory.join("anchors.ds")
}

/// A transfer that takes longer has failed, also on a crowded machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Between two questions whether a server has a serial.
const PAUSE: Duration = Duration::from_millis(20);

/// Lines of a log that an error shows.
const LOG_LINES: usize = 20;
