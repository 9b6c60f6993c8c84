//! The servers compared: imrs, and the peers, started here or running already.

use super::Args;
use super::name::text;
use super::setup::Setup;
use crate::peers::{self, Peer, Software, Zone};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The time allowed for imrs to prove its zones and answer.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A server that answers.
pub(super) struct Server {
    /// `imrs`, `nsd`, `knot` or `bind`.
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    /// Keeps what was started here running.
    _running: Running,
}

enum Running {
    Elsewhere,
    Peer { _peer: Peer },
    Imrs { _imrs: Imrs },
}

/// Starts the servers that the arguments name, on consecutive ports.
pub(super) fn start(args: &Args, setup: &Setup) -> Result<Vec<Server>> {
    let needed: Vec<_> = Software::ALL
        .into_iter()
        .filter(|software| args.servers.iter().any(|server| server == software.name()))
        .map(Software::tool)
        .collect();
    peers::ensure_installed(&needed)?;
    let files: Vec<Zone> = setup
        .facts
        .iter()
        .zip(&setup.files)
        .map(|(facts, path)| Zone {
            origin: text(&facts.apex),
            path: path.clone(),
        })
        .collect();
    args.servers
        .iter()
        .zip(args.port..)
        .map(|(server, port)| {
            let (name, elsewhere) = match server.split_once('=') {
                Some((name, address)) => (name, Some(address)),
                None => (server.as_str(), None),
            };
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let software = Software::ALL
                .into_iter()
                .find(|software| software.name() == name);
            let known = match software {
                Some(software) => software.name(),
                None if name == "imrs" => "imrs",
                None => bail!("unknown server {name:?}: give imrs, nsd, knot or bind"),
            };
            let (address, running) = match (elsewhere, software) {
                (Some(address), _) => (address.parse()?, Running::Elsewhere),
                (None, Some(software)) => (
                    address,
                    Running::Peer {
                        _peer: Peer::start(software, &files, address)?,
                    },
                ),
                (None, None) => (
                    address,
                    Running::Imrs {
                        _imrs: Imrs::start(setup, &files, address)?,
                    },
                ),
            };
            Ok(Server {
                name: known,
                address,
                _running: running,
            })
        })
        .collect()
}

/// A running `imrs serve`. Ends when dropped.
struct Imrs {
    child: Child,
    _directory: TempDir,
}

impl Imrs {
    /// Starts the release build with the identity that the peers have.
    fn start(setup: &Setup, zones: &[Zone], address: SocketAddr) -> Result<Imrs> {
        let program = imrs_program()?;
        let directory = tempfile::Builder::new()
            .prefix("imrs-differential-")
            .tempdir()?;
        let config = directory.path().join("imrs.toml");
        fs::write(&config, configuration(setup, zones, address, &directory)?)?;
        let log = directory.path().join("log");
        let output = fs::File::create(&log)?;
        let child = Command::new(&program)
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut imrs = Imrs {
            child,
            _directory: directory,
        };
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let log = fs::read_to_string(&log)?;
            if log.contains("ready") {
                return Ok(imrs);
            }
            if let Some(status) = imrs.child.try_wait()? {
                bail!("imrs ended at once ({status}); its log:\n{log}");
            }
            ensure!(
                Instant::now() < deadline,
                "imrs is not ready after {START_LIMIT:?}:\n{log}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Imrs {
    fn drop(&mut self) {
        // It may have ended by itself; that was noticed where its responses stayed away.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds imrs and says where the program is.
pub(super) fn imrs_program() -> Result<PathBuf> {
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--release", "--bin", "imrs"])
        .status()?;
    ensure!(status.success(), "imrs does not build");
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Ok(PathBuf::from(target).join("release/imrs"))
}

fn configuration(
    setup: &Setup,
    zones: &[Zone],
    address: SocketAddr,
    directory: &TempDir,
) -> Result<String> {
    let mut text = format!(
        "[node]\nlisten = [\"{address}\"]\nworkers = 1\nidentity = \"peer\"\nversion = \"peer\"\n\
         state = \"{}\"\n",
        directory.path().display()
    );
    if let Some(at) = setup.at {
        text += &format!("[verify]\nat = \"{at}\"\n");
    }
    for zone in zones {
        let path = fs::canonicalize(&zone.path)?;
        text += &format!(
            "[[zone]]\nname = \"{}\"\nfile = \"{}\"\n",
            zone.origin,
            path.display()
        );
        if let Some(anchors) = &setup.anchors {
            text += &format!("anchors = \"{}\"\n", fs::canonicalize(anchors)?.display());
        }
    }
    Ok(text)
}
