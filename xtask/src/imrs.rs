//! The release build of `imrs`: building it, running it as a server, asking it.

use crate::peers::{Daemon, Zone, absolute};
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the program with the release profile and says where it is.
pub(crate) fn program() -> Result<PathBuf> {
    build(&["--package", "imrs-node", "--bin", "imrs"], "imrs")
}

/// Builds a target of the workspace with the release profile and says where the program is, given
/// its place in the folder of that profile.
pub(crate) fn build(target: &[&str], program: &str) -> Result<PathBuf> {
    let status = workspace::command(workspace::cargo())
        .args(["build", "--locked", "--release"])
        .args(target)
        .current_dir(workspace::root())
        .status()?;
    ensure!(status.success(), "{program} does not build");
    let program = workspace::builds().join("release").join(program);
    fs::canonicalize(&program).with_context(|| format!("{} is not there", program.display()))
}

/// What `imrs serve` shall serve, and how.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// The program.
    pub(crate) program: PathBuf,
    /// The zones.
    pub(crate) zones: Vec<Zone>,
    /// Trust anchors of the root, where the built-in ones do not hold.
    pub(crate) anchors: Option<PathBuf>,
    /// The time of verification, where it is not the present.
    pub(crate) at: Option<String>,
    /// Worker threads.
    pub(crate) workers: usize,
    /// Whether each worker keeps to a core, from the first on.
    pub(crate) pinned: bool,
    /// What is done against attacks.
    pub(crate) defence: Defence,
    /// What is captured.
    pub(crate) capture: Capture,
}

/// What is captured of the messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Capture {
    /// Nothing.
    Off,
    /// Each message and its response, as C-DNS (RFC 8618), in the folder of the server.
    CDns,
}

/// What is done against attacks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Defence {
    /// Neither limits on responses nor cookies: peers have none either, and what a cookie is depends
    /// on the second.
    Off,
    /// Both, as they are by default, with this secret of cookies.
    On([u8; 16]),
}

/// A running `imrs serve`. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Imrs {
    /// Its process.
    pub(crate) daemon: Daemon,
    program: PathBuf,
}

impl Imrs {
    /// Starts it on `address`, and returns when it answers for all zones.
    pub(crate) fn start(setup: &Setup, address: SocketAddr) -> Result<Imrs> {
        let zones = absolute(&setup.zones)?;
        let origins: Vec<&str> = zones.iter().map(|zone| zone.origin.as_str()).collect();
        let text = |directory: &Path| configuration(setup, &zones, address, directory);
        Imrs::start_with(&setup.program, address, &origins, text)
    }

    /// Starts `program` with the configuration that `text` makes for a folder of its own, and
    /// returns when it answers on `address` for all of `origins`.
    pub(crate) fn start_with(
        program: &Path,
        address: SocketAddr,
        origins: &[&str],
        text: impl FnOnce(&Path) -> Result<String>,
    ) -> Result<Imrs> {
        let directory = Daemon::directory()?;
        let file = directory.path().join("imrs.toml");
        fs::write(&file, text(directory.path())?)?;
        let mut command = Command::new(program);
        command.args(["serve", "--config"]).arg(&file);
        let origins = origins.iter().copied();
        let daemon = Daemon::start(&mut command, directory, address, origins)?;
        Ok(Imrs {
            daemon,
            program: program.to_owned(),
        })
    }

    /// What `imrs ctl REQUEST` says of it.
    pub(crate) fn ctl(&self, request: &str) -> Result<serde_json::Value> {
        let output = Command::new(&self.program)
            .args(["ctl", request, "--output", "json", "--socket"])
            .arg(control(self.daemon.path()))
            .output()?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            format!("imrs ctl {request}: {}: {error}", output.status)
        })
    }
}

fn configuration(
    setup: &Setup,
    zones: &[Zone],
    at: SocketAddr,
    directory: &Path,
) -> Result<String> {
    let mut text = node_table(at, setup.workers, setup.pinned, directory);
    match setup.defence {
        Defence::Off => text += "[limit]\nenabled = false\n[cookies]\nenabled = false\n",
        Defence::On(secret) => {
            let file = directory.join("cookies");
            // No secret is taken from a file that others can read.
            let mut options = fs::OpenOptions::new();
            let mut opened = options
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&file)?;
            writeln!(opened, "active {:032x}", u128::from_be_bytes(secret))?;
            text += &format!("[cookies]\nsecret-file = \"{}\"\n", file.display());
        }
    }
    if let Capture::CDns = setup.capture {
        let folder = directory.join("captures");
        fs::create_dir(&folder)?;
        let folder = folder.display();
        text += &format!("[[capture]]\nformat = \"c-dns\"\ndirectory = \"{folder}\"\n");
    }
    Ok(text + &zone_tables(zones, setup.at.as_deref(), setup.anchors.as_deref()))
}

/// The tables that say what is served, proven at which time by which anchors of the root.
pub(crate) fn zone_tables(zones: &[Zone], at: Option<&str>, anchors: Option<&Path>) -> String {
    let mut text = at.map_or_else(String::new, |time| format!("[verify]\nat = \"{time}\"\n"));
    for Zone { origin, path } in zones {
        text += &format!(
            "[[zone]]\nname = \"{origin}\"\nfile = \"{}\"\n",
            path.display()
        );
        // What lies below the root is proven by it.
        if let Some(anchors) = anchors.filter(|_| origin == ".") {
            text += &format!("anchors = \"{}\"\n", anchors.display());
        }
    }
    text
}

/// The table `[node]` of a server that listens on `at` and keeps its files in `directory`, without
/// limits on TCP that a measurement would meet.
pub(crate) fn node_table(at: SocketAddr, workers: usize, pinned: bool, directory: &Path) -> String {
    node_places(at, workers, directory)
        + &format!(
            "pin = {pinned}
identity = \"peer\"
version = \"peer\"
tcp-idle-seconds = 60
tcp-connections = {CONNECTIONS}
tcp-connections-per-prefix = {CONNECTIONS}
"
        )
}

/// The beginning of the table `[node]`: where it listens and keeps its files, with how many workers.
pub(crate) fn node_places(at: SocketAddr, workers: usize, directory: &Path) -> String {
    let (state, control) = (directory.display(), control(directory));
    format!(
        "[node]
listen = [\"{at}\"]
workers = {workers}
state = \"{state}\"
control = \"{}\"
",
        control.display()
    )
}

/// The control socket of a server that keeps its files in `directory`.
pub(crate) fn control(directory: &Path) -> PathBuf {
    directory.join("control")
}

/// TCP connections, in all and from one prefix: loopback is one prefix.
const CONNECTIONS: usize = 1000;
