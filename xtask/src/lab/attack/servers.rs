//! The servers under attack, with limits that are as equal as their options allow.
//!
//! Start reading at [`Server::start`]. Each has one worker on one core and the same zone.

use super::field::{Field, SERVER};
use crate::bench::kernel;
use crate::imrs::Imrs;
use crate::peers::{Daemon, Software, tool_command};
use crate::root::Root;
use crate::transfer::Program;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

/// Whether a server limits what it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limits {
    /// It does, and offers cookies.
    On,
    /// It answers all it can.
    Off,
}

/// A running server. Ends when dropped.
#[derive(Debug)]
pub(super) struct Server {
    daemon: Daemon,
    program: Program,
}

/// Counts of a server by reason, since its start.
pub(super) type Reasons = BTreeMap<String, u64>;

impl Server {
    /// Starts it in its namespace on `core`.
    pub(super) fn start(
        program: &Program,
        root: &Root,
        field: &Field,
        limits: Limits,
        core: usize,
    ) -> Result<Server> {
        let daemon = field.server.enter(|| match program {
            Program::Imrs(path) => start_imrs(path, root, limits),
            Program::Peer(software) => start_peer(*software, root, limits),
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

/// Asks a server for its counts.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    directory: PathBuf,
    program: Program,
}

impl Teller {
    /// What was not answered, or not by data, and why, as the server tells it. None if it does not
    /// tell at present.
    pub(super) fn ask(&self) -> Option<Reasons> {
        let output = self.output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        match &self.program {
            Program::Imrs(_) => {
                let value: Value = serde_json::from_str(&text).ok()?;
                let mut reasons = Reasons::new();
                flatten(&value, &mut Vec::new(), &mut reasons);
                Some(reasons)
            }
            Program::Peer(_) => output.status.success().then(|| lines(&text)),
        }
    }

    fn output(&self) -> Result<Output> {
        let mut command = match &self.program {
            Program::Imrs(path) => {
                let mut command = Command::new(path);
                let socket = self.directory.join(CONTROL);
                command
                    .args(["ctl", "stats", "--output", "json", "--socket"])
                    .arg(socket);
                command
            }
            Program::Peer(Software::Knot) => {
                let mut command = tool_command("knotc")?;
                let socket = self.directory.join(CONTROL);
                command
                    .arg("--socket")
                    .arg(socket)
                    .args(["-t", "2", "stats"]);
                command
            }
            Program::Peer(_) => {
                // It would wait for as long as the server has no time for it.
                let mut command = Command::new("timeout");
                command.args(["2", "nsd-control", "-c"]);
                command.arg(self.directory.join(FILE)).arg("stats_noreset");
                command
            }
        };
        Ok(command.output()?)
    }
}

/// Numbers under names that tell of something that was not answered.
fn flatten(value: &Value, path: &mut Vec<String>, reasons: &mut Reasons) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push(name.clone());
                flatten(field, path, reasons);
                path.pop();
            }
        }
        Value::Number(number) => {
            let last = path.last().map_or("", String::as_str);
            let is_in = |group: &str| path.iter().rev().skip(1).any(|name| name == group);
            let is_reason = REASONS.contains(&last) || GROUPS.into_iter().any(is_in);
            if let Some(count) = number.as_u64().filter(|_| is_reason && last != WELL) {
                let kind = if is_in("connections") { "tcp " } else { "" };
                *reasons.entry(format!("{kind}{last}")).or_default() += count;
            }
        }
        _ => {}
    }
}

/// Lines of the form `name = value`, those that tell of something that was not answered.
fn lines(text: &str) -> Reasons {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let numbers = pairs.filter_map(|(name, value)| {
        let value = value.trim().parse().ok()?;
        Some((name.trim().to_owned(), value))
    });
    numbers
        .filter(|(name, _)| PEER_REASONS.iter().any(|reason| name.ends_with(reason)))
        .map(|(name, value)| {
            let short = name.trim_start_matches("num.").trim_start_matches("mod-");
            (short.to_owned(), value)
        })
        .collect()
}

fn start_imrs(path: &Path, root: &Root, limits: Limits) -> Result<Daemon> {
    let text = |directory: &Path| imrs(path, root, limits, directory);
    Ok(Imrs::start_with(path, SERVER, &["."], text)?.daemon)
}

/// Its configuration. A build that does not know a table is run without it.
fn imrs(path: &Path, root: &Root, limits: Limits, directory: &Path) -> Result<String> {
    let (at, state, control) = (SERVER, directory.display(), directory.join(CONTROL));
    let mut text = format!(
        "[node]
listen = [\"{at}\"]
workers = 1
state = \"{state}\"
control = \"{}\"
tcp-idle-seconds = {TCP_IDLE_SECONDS}
tcp-connections = {TCP_CLIENTS}
",
        control.display()
    );
    let mut zone = String::new();
    if let Some(time) = &root.at {
        let _ = writeln!(zone, "[verify]\nat = \"{time}\"");
    }
    let _ = writeln!(
        zone,
        "[[zone]]\nname = \".\"\nfile = \"{}\"",
        root.file.display()
    );
    if let Some(anchors) = &root.anchors {
        let _ = writeln!(zone, "anchors = \"{}\"", anchors.display());
    }
    let tables: &[&str] = match limits {
        Limits::On => &IMRS_ON,
        Limits::Off => &IMRS_OFF,
    };
    for table in tables {
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

fn start_peer(software: Software, root: &Root, limits: Limits) -> Result<Daemon> {
    let directory = Daemon::directory()?;
    let file = directory.path().join(FILE);
    let zone = root.file.display().to_string();
    let text = match software {
        Software::Knot => knot(&zone, limits, directory.path()),
        _ => nsd(&zone, limits, directory.path()),
    };
    fs::write(&file, text)?;
    let mut command = tool_command(software.tool().command)?;
    if software == Software::Nsd {
        command.arg("-d");
    }
    command.arg("-c").arg(file);
    Daemon::start(&mut command, directory, SERVER, ["."]).context(software.name())
}

fn nsd(zone: &str, limits: Limits, directory: &Path) -> String {
    let (ip, port, folder) = (SERVER.ip(), SERVER.port(), directory.display());
    let (rate, cookies) = match limits {
        Limits::On => (RATE, "yes"),
        Limits::Off => (0, "no"),
    };
    format!(
        "server:
    ip-address: {ip}@{port}
    server-count: 1
    reuseport: yes
    username: \"\"
    zonesdir: \"{folder}\"
    database: \"\"
    pidfile: \"{folder}/nsd.pid\"
    xfrdfile: \"{folder}/xfrd.state\"
    xfrdir: \"{folder}\"
    zonelistfile: \"{folder}/zone.list\"
    minimal-responses: yes
    round-robin: no
    rrl-ratelimit: {rate}
    rrl-whitelist-ratelimit: 0
    rrl-slip: {SLIP}
    answer-cookie: {cookies}
    cookie-secret: \"000102030405060708090a0b0c0d0e0f\"
    cookie-secret-file: \"{folder}/cookies\"
    tcp-count: {TCP_CLIENTS}
    tcp-timeout: {TCP_IDLE_SECONDS}
remote-control:
    control-enable: yes
    control-interface: \"{folder}/{CONTROL}\"
zone:
    name: \".\"
    zonefile: \"{zone}\"
"
    )
}

fn knot(zone: &str, limits: Limits, directory: &Path) -> String {
    let (ip, port, folder) = (SERVER.ip(), SERVER.port(), directory.display());
    let modules = match limits {
        Limits::On => "    global-module: [mod-cookies/on, mod-rrl/on]\n",
        Limits::Off => "",
    };
    format!(
        "server:
    listen: {ip}@{port}
    rundir: \"{folder}\"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    tcp-max-clients: {TCP_CLIENTS}
    tcp-idle-timeout: {TCP_IDLE_SECONDS}
control:
    listen: \"{folder}/{CONTROL}\"
database:
    storage: \"{folder}\"
log:
  - target: stderr
    any: warning
mod-rrl:
  - id: on
    rate-limit: {RATE}
    slip: {SLIP}
mod-cookies:
  - id: on
    secret: 0x000102030405060708090a0b0c0d0e0f
template:
  - id: default
    storage: \"{folder}\"
{modules}    semantic-checks: off
    journal-content: none
    zonefile-sync: -1
zone:
  - domain: \".\"
    file: \"{zone}\"
"
    )
}

/// What imrs is told with limits on: its defaults, which an operator would run with.
const IMRS_ON: [&str; 2] = [
    "[limit]\nenabled = true\nslip = 2\n",
    "[cookies]\nenabled = true\n",
];

/// With limits off.
const IMRS_OFF: [&str; 2] = ["[limit]\nenabled = false\n", "[cookies]\nenabled = false\n"];

/// Responses a second for a /24, as Debian builds NSD.
const RATE: u32 = 200;

/// Of the limited, one in so many is truncated instead.
const SLIP: u32 = 2;

/// TCP connections at once.
pub(super) const TCP_CLIENTS: usize = 1000;

/// A connection on which nothing happens is closed after this.
const TCP_IDLE_SECONDS: u32 = 10;

/// Time for a server to finish what it does after its first answer.
const SETTLE: Duration = Duration::from_millis(300);

/// The control socket in the directory of a server.
const CONTROL: &str = "control.sock";

/// The configuration there.
const FILE: &str = "server.conf";

/// Fields of `imrs ctl stats` that tell of something that was not answered, or not by data.
const REASONS: [&str; 10] = [
    "dropped",
    "truncated",
    "error",
    "refused",
    "refused-prefix",
    "limited",
    "blocked",
    "evicted",
    "idle",
    "overspent",
];

/// Groups of such fields.
const GROUPS: [&str; 3] = ["unsent", "defence", "filtered"];

/// The one field in them that tells of the contrary: queries with a valid cookie.
const WELL: &str = "cookies";

/// The same of the peers.
const PEER_REASONS: [&str; 7] = [
    "dropped",
    "slipped",
    "rxerr",
    "txerr",
    "truncated",
    "rcode.FORMERR",
    "badcookie",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, u64)]) {
        let mut reasons = Reasons::new();
        flatten(
            &serde_json::from_str(text).unwrap(),
            &mut Vec::new(),
            &mut reasons,
        );
        let reasons: Vec<_> = reasons
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        assert_eq!(reasons, expected);
    }

    #[test]
    fn reasons_of_all_transports_add_up() {
        check(
            r#"{ "messages": { "udp-ipv4": { "received": 9, "kinds": { "dropped": 2 } },
                 "tcp-ipv4": { "kinds": { "dropped": 1, "answer": 5 } } } }"#,
            &[("dropped", 3)],
        );
    }

    #[test]
    fn a_valid_cookie_is_no_reason_and_connections_are_told_apart() {
        check(
            r#"{ "defence": { "limited": 4, "cookies": 7 }, "connections": { "limited": 1, "opened": 8 },
                 "uptime_seconds": 3 }"#,
            &[("limited", 4), ("tcp limited", 1)],
        );
    }

    #[test]
    fn peers_tell_reasons_by_line() {
        let told = lines("num.queries=9\nnum.dropped=3\nmod-rrl.slipped = 2\n");
        let expected = [("dropped".to_owned(), 3), ("rrl.slipped".to_owned(), 2)];
        assert_eq!(told, Reasons::from(expected));
    }
}
