//! Real NSD, Knot and BIND from Debian, configured to serve given zones on loopback.
//!
//! Start reading at [`Peer::start`]. Each peer runs in the foreground as a child of this process
//! with one worker, minimal responses, no rate limit, no query log and no control port, in a
//! directory of its own, so that several of them and a system service do not meet. Zones are
//! served as they are, whatever the age of their signatures. This file does not know what is
//! asked of a peer, nor imrs itself.

use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

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

/// A running peer. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Which software it is.
    pub(crate) software: Software,
    /// Where it answers, over UDP and TCP.
    pub(crate) address: SocketAddr,
    child: Child,
    /// Configuration, log and working files; removed with the peer.
    _directory: TempDir,
}

impl Peer {
    /// Starts `software` with `zones` on `address`, and returns when it answers for all of them.
    pub(crate) fn start(software: Software, zones: &[Zone], address: SocketAddr) -> Result<Peer> {
        ensure!(
            UdpSocket::bind(address).is_ok(),
            "{address} is in use: choose another port for {}",
            software.name()
        );
        let directory = tempfile::Builder::new().prefix("imrs-peer-").tempdir()?;
        let zones = absolute(zones)?;
        let config = directory.path().join("peer.conf");
        fs::write(
            &config,
            configuration(software, &zones, address, directory.path()),
        )?;
        let log = directory.path().join("log");
        let child = launch(software, &config, &log)?;
        let mut peer = Peer {
            software,
            address,
            child,
            _directory: directory,
        };
        for zone in &zones {
            peer.wait_until_it_serves(zone).with_context(|| {
                format!("its log: {}", fs::read_to_string(&log).unwrap_or_default())
            })?;
        }
        Ok(peer)
    }

    /// The process that was started; it may have children.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait_until_it_serves(&mut self, zone: &Zone) -> Result<()> {
        let socket = UdpSocket::bind((self.address.ip(), 0))?;
        socket.connect(self.address)?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let query = soa_query(&zone.origin)?;
        let deadline = Instant::now() + START_LIMIT;
        let mut response = [0; 4096];
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at once: {status}", self.software.name());
            }
            let sent = socket.send(&query);
            if sent
                .and_then(|_| socket.recv(&mut response))
                .is_ok_and(|len| is_answer(&response[..len]))
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!(
            "{} does not answer for {} after {START_LIMIT:?}",
            self.software.name(),
            zone.origin
        )
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let family = process_tree(self.child.id());
        signal("-TERM", &family);
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        signal("-KILL", &process_tree(self.child.id()));
        // Nothing is left to do for a child that cannot be reaped.
        let _ = self.child.wait();
    }
}

/// The process `root` and all that descend from it.
pub(crate) fn process_tree(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    family
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The command in parentheses may hold anything; the fields follow the last one.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
            Some((pid, parent.parse().ok()?))
        })
        .collect()
}

fn signal(name: &str, pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    // A process that has ended meanwhile makes `kill` complain; that is the aim.
    let _ = Command::new("kill")
        .arg(name)
        .args(pids)
        .stderr(Stdio::null())
        .status();
}

fn absolute(zones: &[Zone]) -> Result<Vec<Zone>> {
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

fn launch(software: Software, config: &Path, log: &Path) -> Result<Child> {
    let mut command = tool_command(software.tool().command)?;
    match software {
        Software::Nsd => command.arg("-d").arg("-c").arg(config),
        Software::Knot => command.arg("-c").arg(config),
        Software::Bind => command.args(["-g", "-n", "1", "-c"]).arg(config),
    };
    let log = File::create(log)?;
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    command
        .spawn()
        .with_context(|| format!("cannot start {}", software.name()))
}

fn configuration(software: Software, zones: &[Zone], at: SocketAddr, directory: &Path) -> String {
    let directory = directory.display();
    let (ip, port) = (at.ip(), at.port());
    match software {
        Software::Nsd => nsd(zones, &format!("{ip}@{port}"), &directory.to_string()),
        Software::Knot => knot(zones, &format!("{ip}@{port}"), &directory.to_string()),
        Software::Bind => bind(zones, at, &directory.to_string()),
    }
}

/// Debian builds NSD with rate limits on, 200 responses a second: they are switched off here.
fn nsd(zones: &[Zone], listen: &str, directory: &str) -> String {
    let mut text = format!(
        "server:
    ip-address: {listen}
    server-count: 1
    reuseport: yes
    username: \"\"
    zonesdir: \"{directory}\"
    database: \"\"
    pidfile: \"{directory}/nsd.pid\"
    xfrdfile: \"{directory}/xfrd.state\"
    xfrdir: \"{directory}\"
    zonelistfile: \"{directory}/zone.list\"
    ipv4-edns-size: {UDP_PAYLOAD}
    ipv6-edns-size: {UDP_PAYLOAD}
    minimal-responses: yes
    round-robin: no
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
    tcp-count: {TCP_CLIENTS}
    tcp-timeout: {TCP_IDLE_SECONDS}
    identity: \"peer\"
    nsid: \"ascii_peer\"
    version: \"peer\"
remote-control:
    control-enable: no
"
    );
    for Zone { origin, path } in zones {
        let path = path.display();
        text += &format!("zone:\n    name: \"{origin}\"\n    zonefile: \"{path}\"\n");
    }
    text
}

fn knot(zones: &[Zone], listen: &str, directory: &str) -> String {
    let mut text = format!(
        "server:
    listen: {listen}
    rundir: \"{directory}\"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: {UDP_PAYLOAD}
    tcp-max-clients: {TCP_CLIENTS}
    tcp-idle-timeout: {TCP_IDLE_SECONDS}
    identity: \"peer\"
    nsid: \"peer\"
    version: \"peer\"
control:
    listen: \"{directory}/knot.sock\"
database:
    storage: \"{directory}\"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: \"{directory}\"
    semantic-checks: off
    journal-content: none
    zonefile-sync: -1
zone:
"
    );
    for Zone { origin, path } in zones {
        let path = path.display();
        text += &format!("  - domain: \"{origin}\"\n    file: \"{path}\"\n");
    }
    text
}

fn bind(zones: &[Zone], at: SocketAddr, directory: &str) -> String {
    let (ip, port) = (at.ip(), at.port());
    let (on, other) = if at.is_ipv4() {
        ("listen-on", "listen-on-v6")
    } else {
        ("listen-on-v6", "listen-on")
    };
    let mut text = format!(
        "options {{
    directory \"{directory}\";
    {on} port {port} {{ {ip}; }};
    {other} {{ none; }};
    pid-file none;
    lock-file none;
    session-keyfile none;
    recursion no;
    empty-zones-enable no;
    dnssec-validation no;
    minimal-responses yes;
    max-udp-size {UDP_PAYLOAD};
    notify no;
    tcp-clients {TCP_CLIENTS};
    tcp-idle-timeout {};
    server-id \"peer\";
    hostname \"peer\";
    version \"peer\";
    check-names primary ignore;
    check-integrity no;
    querylog no;
}};
controls {{ }};
logging {{ category default {{ default_stderr; }}; channel default_stderr {{ stderr; severity warning; }}; }};
",
        TCP_IDLE_SECONDS * 10
    );
    for Zone { origin, path } in zones {
        let path = path.display();
        text += &format!("zone \"{origin}\" {{ type primary; file \"{path}\"; }};\n");
    }
    text
}

/// A query for the SOA of `origin`, without EDNS.
fn soa_query(origin: &str) -> Result<Vec<u8>> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in origin.split('.').filter(|label| !label.is_empty()) {
        ensure!(
            label.len() <= 63,
            "label of more than 63 octets in the zone name {origin}"
        );
        query.push(u8::try_from(label.len())?);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 6, 0, 1]);
    Ok(query)
}

/// Whether a response is NOERROR, authoritative and has an answer.
fn is_answer(response: &[u8]) -> bool {
    matches!(response, [0x12, 0x34, flags, rcode, _, _, high, low, ..]
        if flags & 0x84 == 0x84 && rcode & 0x0f == 0 && (*high, *low) != (0, 0))
}

/// A command that this repository's tasks need, and the Debian package that brings it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// The command.
    pub(crate) command: &'static str,
    /// The package.
    pub(crate) package: &'static str,
}

/// Sees to it that `tools` are installed: installs what is missing when root, otherwise says how.
pub(crate) fn ensure_installed(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&str> = tools
        .iter()
        .filter(|tool| find(tool.command).is_none())
        .map(|tool| tool.package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !is_root()? {
        bail!("missing programs: run `apt-get install --no-install-recommends {packages}` as root");
    }
    eprintln!("installing {packages}");
    apt(&["update", "--quiet"])?;
    let install = ["install", "--quiet", "--yes", "--no-install-recommends"];
    apt(&[&install[..], &missing].concat())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null())
        .status()
        .context("cannot run apt-get: install the packages named above by other means")?;
    ensure!(
        status.success(),
        "apt-get {} failed: {status}",
        arguments.join(" ")
    );
    Ok(())
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output()?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// Daemons live in directories that are not on every user's path.
fn find(command: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|directory| directory.join(command))
        .find(|candidate| candidate.is_file())
}

fn tool_command(command: &str) -> Result<Command> {
    let path = find(command).with_context(|| format!("{command} is not installed"))?;
    Ok(Command::new(path))
}

/// A peer loads the root in less than a second; more only on a crowded machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A peer that does not stop when asked is killed.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Largest UDP response, in octets of DNS message (DNS flag day 2020).
const UDP_PAYLOAD: u16 = 1232;

/// TCP connections at once: more than any benchmark opens.
const TCP_CLIENTS: u32 = 1000;

/// Longer than the pauses between the bursts of a benchmark.
const TCP_IDLE_SECONDS: u32 = 60;
