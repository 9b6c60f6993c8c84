//! The servers under measurement, each with one worker, all on one core.

use super::base::Base;
use super::{Common, clients, kernel};
use crate::imrs::{self, Imrs};
use crate::peers::{Daemon, Peer, Software, ensure_installed};
use crate::root::Root;
use anyhow::{Result, ensure};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// The release build of this repository.
    Imrs,
    /// The same with limits on responses and cookies, which all others do without.
    #[value(name = "imrs-defended")]
    Defended,
    /// The same as the first, writing down every message and its response as C-DNS.
    #[value(name = "imrs-c-dns")]
    CDns,
    /// imrs of another commit, which `--base` names.
    #[value(skip)]
    Base,
    /// Datagrams sent back, 600 octets long; not for TCP.
    Echo,
    /// NSD.
    Nsd,
    /// Knot DNS.
    Knot,
    /// BIND 9.
    Bind,
}

impl Kind {
    /// The name in tables and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Imrs => "imrs",
            Kind::Defended => "imrs-defended",
            Kind::CDns => "imrs-c-dns",
            Kind::Base => "base",
            Kind::Echo => "echo",
            Kind::Nsd => Software::Nsd.name(),
            Kind::Knot => Software::Knot.name(),
            Kind::Bind => Software::Bind.name(),
        }
    }

    fn peer(self) -> Option<Software> {
        match self {
            Kind::Imrs | Kind::Defended | Kind::CDns | Kind::Base | Kind::Echo => None,
            Kind::Nsd => Some(Software::Nsd),
            Kind::Knot => Some(Software::Knot),
            Kind::Bind => Some(Software::Bind),
        }
    }
}

/// A running server.
pub(crate) struct Server {
    /// Which it is.
    pub(crate) kind: Kind,
    /// Its release, as it says.
    pub(crate) version: String,
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// All its processes.
    pub(crate) processes: Vec<u32>,
    _daemon: Daemon,
}

/// Starts all of `kinds` with the root, and binds them to the core of the servers. Behind them comes
/// imrs of another commit, if there is one.
pub(crate) fn start(
    kinds: &[Kind],
    base: Option<&Base>,
    root: &Root,
    common: &Common,
) -> Result<Vec<Server>> {
    let kinds: Vec<Kind> = { kinds.iter().copied() }
        .chain(base.map(|_| Kind::Base))
        .collect();
    let software: Vec<_> = kinds.iter().filter_map(|kind| kind.peer()).collect();
    let tools: Vec<_> = software.into_iter().map(Software::tool).collect();
    ensure_installed(&tools)?;
    let host = if kinds.contains(&Kind::Defended) {
        // Here, where there is a network, since not in the namespace.
        imrs::program()?;
        ensure_installed(&[clients::TOOL])?;
        clients::enter()?;
        clients::SERVER
    } else {
        Ipv4Addr::LOCALHOST
    };
    let core = common.server_core()?;
    let mut servers = Vec::new();
    for (index, kind) in kinds.iter().enumerate() {
        let server = start_one(*kind, base, root, common.address_on(host, index)?)?;
        // Knot binds its workers to cores of its own choice: all are put on this one afterwards.
        kernel::pin_processes(&server.processes, core)?;
        servers.push(server);
    }
    Ok(servers)
}

fn start_one(kind: Kind, base: Option<&Base>, root: &Root, address: SocketAddr) -> Result<Server> {
    let (daemon, version) = match kind.peer() {
        Some(software) => {
            let peer = Peer::start(software, &[root.zone()], address)?;
            (peer.daemon, software.version()?)
        }
        None if kind == Kind::Echo => (start_echo(address)?, "recvmmsg and sendmmsg".to_owned()),
        None => {
            let mut setup = setup(root, 1)?;
            match kind {
                Kind::Defended => setup.defence = imrs::Defence::On(clients::SECRET),
                Kind::CDns => setup.capture = imrs::Capture::CDns,
                _ => {}
            }
            let mut version = version(&setup)?;
            if let Some(base) = base.filter(|_| kind == Kind::Base) {
                setup.program.clone_from(&base.program);
                version = format!("imrs of {}", base.commit);
            }
            (Imrs::start(&setup, address)?.daemon, version)
        }
    };
    // NSD makes its children after the first answer may have come.
    thread::sleep(SETTLE);
    Ok(Server {
        kind,
        version,
        address,
        processes: daemon.processes(),
        _daemon: daemon,
    })
}

/// How imrs serves the root in measurements.
pub(crate) fn setup(root: &Root, workers: usize) -> Result<imrs::Setup> {
    Ok(imrs::Setup {
        program: imrs::program()?,
        zones: vec![root.zone()],
        anchors: root.anchors.clone(),
        at: root.at.clone(),
        workers,
        pinned: false,
        defence: imrs::Defence::Off,
        capture: imrs::Capture::Off,
    })
}

fn version(setup: &imrs::Setup) -> Result<String> {
    let output = Command::new(&setup.program).arg("--version").output()?;
    ensure!(
        output.status.success(),
        "imrs --version failed: {}",
        output.status
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn start_echo(address: SocketAddr) -> Result<Daemon> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench", "echo", &address.to_string()]);
    Daemon::start(&mut command, Daemon::directory()?, address, [])
}

/// Time for a server to finish what it does after its first answer.
const SETTLE: Duration = Duration::from_millis(200);
