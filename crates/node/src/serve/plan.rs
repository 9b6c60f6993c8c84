//! What to serve and how, from the command line and the configuration together.

use crate::cli::Serve;
use crate::clock::{At, Clock};
use crate::config::{Config, ConfigError};
use crate::control::path::{self, Place};
use crate::hosting::Source;
use crate::transport::{self, Settings};
use anyhow::bail;
use imrs_engine::Identity;
use imrs_zone::Limits;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// What to serve and how.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Sockets and threads.
    pub(crate) settings: Settings,
    /// The zones.
    pub(crate) sources: Vec<Source>,
    /// Files of trust anchors that speak for the zone that they name.
    pub(crate) anchors: Vec<PathBuf>,
    /// Limits on the size of a zone.
    pub(crate) limits: Limits,
    /// The time of verification.
    pub(crate) clock: Clock,
    /// What the server says about itself.
    pub(crate) identity: Identity,
    /// Where the control socket is.
    pub(crate) control: Place,
    /// Whether the zones are the test root's.
    pub(crate) is_test: bool,
}

/// Where a newcomer's server answers: not on port 53, and for nobody else.
const DEFAULT_PORT: u16 = 5300;

impl Plan {
    /// Reads the configuration, if there is one; options win over it.
    pub(crate) fn new(args: &Serve) -> anyhow::Result<Self> {
        let config = match &args.config {
            Some(file) => Config::read(file)?,
            None => Config::default(),
        };
        let sources = sources(args, &config)?;
        let is_test = sources.is_empty();
        let settings = settings(args, &config)?;
        if is_test && let Some(far) = settings.listen.iter().find(|at| !at.ip().is_loopback()) {
            let message = format!(
                "the test root is not for others than this machine, and {far} is \
                not loopback; name a zone by --zone or --config"
            );
            return Err(ConfigError::of_options(message).into());
        }
        let told = |text: &Option<crate::config::Told>| text.as_ref().map(|told| told.0.clone());
        Ok(Plan {
            settings,
            sources: if is_test {
                Source::test_root()
            } else {
                sources
            },
            anchors: args.anchors.clone(),
            limits: limits(&config)?,
            clock: match args.at.or(config.verify.at) {
                Some(At(time)) => Clock::Fixed(time),
                None => Clock::Present,
            },
            identity: Identity {
                name: told(&config.node.identity).map(String::into_bytes),
                version: told(&config.node.version).map(String::into_bytes),
            },
            control: place(args, &config),
            is_test,
        })
    }
}

fn sources(args: &Serve, config: &Config) -> anyhow::Result<Vec<Source>> {
    if !args.zone.is_empty() {
        return Ok(args.zone.iter().cloned().map(Source::file).collect());
    }
    let configured = config.zones.iter().map(|zone| {
        let name = &zone.name.get_ref().0;
        let Some(file) = &zone.file else {
            bail!(
                "zone {} has to be fetched, which is not there yet",
                name.fmt_with_dot()
            );
        };
        Ok(Source {
            name: Some(name.clone()),
            anchors: zone.anchors.as_ref().map(|path| path.get_ref().clone()),
            digest: zone.zonemd.map(|check| check.0),
            signatures: zone.dnssec.map(|check| check.0),
            ..Source::file(file.get_ref().clone())
        })
    });
    configured.collect()
}

fn settings(args: &Serve, config: &Config) -> anyhow::Result<Settings> {
    let node = &config.node;
    let listen = match (args.listen.as_slice(), node.addresses.as_slice()) {
        ([], []) => default_listen(),
        ([], configured) => configured.to_vec(),
        (asked, _) => asked.to_vec(),
    };
    transport::refuse_covered(&listen)
        .map_err(|error| ConfigError::of_options(error.to_string()))?;
    let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let workers = match (args.workers, node.workers) {
        (Some(workers), _) => usize::from(workers),
        (None, Some(workers)) => usize::try_from(workers.0)?,
        (None, None) => cores.get(),
    };
    let Some(workers) = NonZeroUsize::new(workers) else {
        bail!("a server needs a worker");
    };
    Ok(Settings {
        listen,
        workers,
        pinned: node.pin,
        udp_payload_ipv4: u16::try_from(node.udp_payload_ipv4.map_or(1232, |octets| octets.0))?,
        udp_payload_ipv6: u16::try_from(node.udp_payload_ipv6.map_or(1232, |octets| octets.0))?,
        tcp_idle: Duration::from_secs(node.tcp_idle_seconds.map_or(10, |seconds| seconds.0)),
        tcp_connections: usize::try_from(node.tcp_connections.map_or(4096, |count| count.0))?,
        tcp_connections_per_prefix: usize::try_from(
            node.tcp_connections_per_prefix.map_or(512, |count| count.0),
        )?,
    })
}

fn limits(config: &Config) -> anyhow::Result<Limits> {
    let mut limits = Limits::default();
    if let Some(records) = config.verify.records_limit {
        limits.records = usize::try_from(records.0)?;
    }
    if let Some(octets) = config.verify.octets_limit {
        limits.octets = usize::try_from(octets.0)?;
    }
    Ok(limits)
}

/// Loopback of both families, as far as this machine has them.
fn default_listen() -> Vec<SocketAddr> {
    let both = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let has = |ip: &std::net::IpAddr| UdpSocket::bind((*ip, 0)).is_ok();
    both.into_iter()
        .filter(has)
        .map(|ip| SocketAddr::new(ip, DEFAULT_PORT))
        .collect()
}

fn place(args: &Serve, config: &Config) -> Place {
    let named = args.control.as_ref().or(config.node.control.as_ref());
    match (named, &config.node.state) {
        (Some(path), _) => Place::Named(path.clone()),
        (None, Some(state)) => Place::Named(state.join(path::SOCKET)),
        (None, None) => path::chosen(),
    }
}
