//! The servers under attack, with limits that are as equal as their options allow.
//!
//! Start reading at [`Server::start`]. Each has one worker on one core and the same zone; `teller`
//! asks them for their counts.

use super::field::{Field, SERVER};
use super::teller::Teller;
use crate::bench::kernel;
use crate::imrs::{Imrs, node_places, zone_tables};
use crate::peers::{Daemon, Limits, Peer, Tuning};
use crate::root::Root;
use crate::transfer::Program;
use anyhow::Result;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// A running server. Ends when dropped.
#[derive(Debug)]
pub(super) struct Server {
    daemon: Daemon,
    program: Program,
}

impl Server {
    /// Starts it in its namespace on `core`.
    pub(super) fn start(
        program: &Program,
        root: &Root,
        field: &Field,
        core: usize,
    ) -> Result<Server> {
        let daemon = field.server.enter(|| match program {
            Program::Imrs(path) => start_imrs(path, root),
            Program::Peer(software) => {
                let peer = Peer::start_tuned(*software, &[root.zone()], SERVER, &TUNING)?;
                Ok(peer.daemon)
            }
        })?;
        // NSD makes its children after the first answer may have come.
        thread::sleep(SETTLE);
        // Knot binds its workers to cores of its own choice: all are put on this one afterwards.
        kernel::pin_processes(&daemon.processes(), core)?;
        Ok(Server {
            daemon,
            program: program.clone(),
        })
    }

    /// How to ask it for its counts, from any thread.
    pub(super) fn teller(&self) -> Teller {
        Teller {
            directory: self.daemon.path().to_owned(),
            program: self.program.clone(),
        }
    }

    /// Resident memory of all its processes, in octets. Children that share it count it again.
    pub(super) fn memory(&self) -> u64 {
        let resident = |pid: u32| -> Option<u64> {
            let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let processes = self.daemon.processes();
        processes.into_iter().filter_map(resident).sum::<u64>() * 1024
    }
}

fn start_imrs(path: &Path, root: &Root) -> Result<Daemon> {
    let text = |directory: &Path| imrs(path, root, directory);
    Ok(Imrs::start_with(path, SERVER, &["."], text)?.daemon)
}

/// Its configuration. A build that does not know a table is run without it.
fn imrs(path: &Path, root: &Root, directory: &Path) -> Result<String> {
    let mut text = node_places(SERVER, 1, directory)
        + &format!("tcp-idle-seconds = {TCP_IDLE_SECONDS}\ntcp-connections = {TCP_CLIENTS}\n");
    let zones = [root.zone()];
    let zone = zone_tables(&zones, root.at.as_deref(), root.anchors.as_deref());
    for table in IMRS_TABLES {
        let trial = directory.join("trial.toml");
        fs::write(&trial, format!("{text}{table}{zone}"))?;
        let checked = Command::new(path)
            .arg("check-config")
            .arg(&trial)
            .output()?;
        if checked.status.success() {
            text += table;
        } else {
            let why = String::from_utf8_lossy(&checked.stderr);
            let why = why.split(';').next().unwrap_or_default().trim();
            let why = why.rsplit(": ").next().unwrap_or_default();
            let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
            println!("imrs runs without `{table}`: {why}");
        }
    }
    Ok(text + &zone)
}

/// What imrs is told: its defaults, which an operator would run with.
const IMRS_TABLES: [&str; 2] = [
    "[limit]\nenabled = true\nslip = 2\n",
    "[cookies]\nenabled = true\n",
];

/// How a peer is told the same.
const TUNING: Tuning = Tuning {
    limits: Some(Limits {
        rate: RATE,
        slip: SLIP,
    }),
    tcp_clients: TCP_CLIENTS,
    tcp_idle_seconds: TCP_IDLE_SECONDS,
    is_controlled: true,
};

/// Responses a second for a /24: as many of one kind as imrs lets it have unless told otherwise,
/// 300 for an address and four times that for its /24.
const RATE: u32 = 1_200;

/// Of the limited, one in so many is truncated instead.
const SLIP: u32 = 2;

/// TCP connections at once: as many as slow ones are tried.
const TCP_CLIENTS: usize = super::bots::SLOW;

/// A connection on which nothing happens is closed after this.
const TCP_IDLE_SECONDS: u32 = 10;

/// Time for a server to finish what it does after its first answer.
const SETTLE: Duration = Duration::from_millis(300);
