//! The servers compared: imrs, and the peers, started here or running already.

use super::Args;
use super::name::text;
use super::setup::Setup;
use crate::imrs::{self, Imrs};
use crate::peers::{self, Peer, Software, Zone};
use anyhow::{Result, bail};
use std::net::{Ipv4Addr, SocketAddr};

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
                        _imrs: start_imrs(setup, &files, address)?,
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

/// Starts the release build with the identity that the peers have.
fn start_imrs(setup: &Setup, zones: &[Zone], address: SocketAddr) -> Result<Imrs> {
    let setup = imrs::Setup {
        program: imrs::program()?,
        zones: zones.to_vec(),
        anchors: setup.anchors.clone(),
        at: setup.at.map(|at| at.to_string()),
        workers: 1,
        pinned: false,
        defence: imrs::Defence::Off,
        capture: imrs::Capture::Off,
    };
    Imrs::start(&setup, address)
}
