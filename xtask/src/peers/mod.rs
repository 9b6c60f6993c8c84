//! Real NSD, Knot and BIND from Debian, configured to serve given zones on loopback.
//!
//! Start reading at [`Peer::start`]. Each peer runs in the foreground as a child of this process
//! with one worker, minimal responses, no rate limit, no query log and no control port, in a
//! directory of its own, so that several of them and a system service do not meet. Zones are
//! served as they are, whatever the age of their signatures. This file does not know what is
//! asked of a peer, nor imrs itself.

mod config;
mod daemon;
mod install;

pub(crate) use daemon::{Daemon, wait_until_free};
pub(crate) use install::{Tool, ensure_installed, tool_command};

use anyhow::{Context, Result};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A name server of Debian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Software {
    /// NLnet Labs' NSD.
    Nsd,
    /// CZ.NIC's Knot DNS.
    Knot,
    /// ISC's BIND 9.
    Bind,
}

impl Software {
    /// All of them.
    pub(crate) const ALL: [Software; 3] = [Software::Nsd, Software::Knot, Software::Bind];

    /// The name in tables and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Software::Nsd => "nsd",
            Software::Knot => "knot",
            Software::Bind => "bind",
        }
    }

    /// Its command and the package that brings it.
    pub(crate) fn tool(self) -> Tool {
        match self {
            Software::Nsd => Tool {
                command: "nsd",
                package: "nsd",
            },
            Software::Knot => Tool {
                command: "knotd",
                package: "knot",
            },
            Software::Bind => Tool {
                command: "named",
                package: "bind9",
            },
        }
    }

    /// The release that is installed, as the program tells it.
    pub(crate) fn version(self) -> Result<String> {
        let (command, flag) = match self {
            Software::Nsd => ("nsd", "-v"),
            Software::Knot => ("knotd", "-V"),
            Software::Bind => ("named", "-v"),
        };
        let output = tool_command(command)?.arg(flag).output()?;
        let text = if output.stdout.is_empty() {
            output.stderr
        } else {
            output.stdout
        };
        let line = String::from_utf8_lossy(&text)
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok(line)
    }
}

/// A zone for a peer to serve.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    /// Its name in presentation form, `.` for the root.
    pub(crate) origin: String,
    /// The master file, uncompressed.
    pub(crate) path: PathBuf,
}

/// What differs from one use of a peer to the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tuning {
    /// Limits on responses, with cookies beside them; not of BIND.
    pub(crate) limits: Option<Limits>,
    /// TCP connections at once.
    pub(crate) tcp_clients: usize,
    /// A TCP connection on which nothing happens is closed after this.
    pub(crate) tcp_idle_seconds: u32,
    /// Whether NSD has a control socket, [`CONTROL`] in its directory. Knot always has.
    pub(crate) is_controlled: bool,
}

/// Limits on responses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Responses a second to an IPv4 /24.
    pub(crate) rate: u32,
    /// Of the limited, one in so many is truncated instead of dropped.
    pub(crate) slip: u32,
}

impl Tuning {
    /// As benchmarks and comparisons need it: no limits, more connections than any of them opens,
    /// and such as outlast the pauses between bursts.
    const PLAIN: Tuning = Tuning {
        limits: None,
        tcp_clients: 1000,
        tcp_idle_seconds: 60,
        is_controlled: false,
    };
}

/// A running peer. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its processes.
    pub(crate) daemon: Daemon,
}

impl Peer {
    /// Starts `software` with `zones` on `address`, and returns when it answers for all of them.
    pub(crate) fn start(software: Software, zones: &[Zone], address: SocketAddr) -> Result<Peer> {
        Peer::start_tuned(software, zones, address, &Tuning::PLAIN)
    }

    /// The same, tuned otherwise.
    pub(crate) fn start_tuned(
        software: Software,
        zones: &[Zone],
        address: SocketAddr,
        tuning: &Tuning,
    ) -> Result<Peer> {
        let directory = Daemon::directory()?;
        let zones = absolute(zones)?;
        let file = directory.path().join(CONFIGURATION);
        let text = config::configuration(software, &zones, address, directory.path(), tuning);
        fs::write(&file, text)?;
        let mut command = tool_command(software.tool().command)?;
        match software {
            Software::Nsd => command.arg("-d"),
            Software::Knot => &mut command,
            Software::Bind => command.args(["-g", "-n", "1"]),
        };
        command.arg("-c").arg(file);
        let origins = zones.iter().map(|zone| zone.origin.as_str());
        let daemon = Daemon::start(&mut command, directory, address, origins)?;
        Ok(Peer { daemon })
    }
}

/// The control socket in the directory of a peer.
pub(crate) const CONTROL: &str = "control.sock";

/// The configuration there.
pub(crate) const CONFIGURATION: &str = "peer.conf";

/// The zones with paths that hold in any directory.
pub(crate) fn absolute(zones: &[Zone]) -> Result<Vec<Zone>> {
    let absolute = |zone: &Zone| {
        let path = fs::canonicalize(&zone.path)
            .with_context(|| format!("zone file {}", zone.path.display()))?;
        Ok(Zone {
            origin: zone.origin.clone(),
            path,
        })
    };
    zones.iter().map(absolute).collect()
}
