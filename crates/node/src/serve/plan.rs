//! What to serve and how, from the command line and the configuration together.

use crate::accounting::{Keeping, Recorder};
use crate::chain;
use crate::cli::Serve;
use crate::clock::{At, Clock};
use crate::config::anycast::Anycast;
use crate::config::capture::{Capture, Sink};
use crate::config::{self, Config, ConfigError, Site, Transfer, Zone};
use crate::control::path::{self, Place};
use crate::dial::tls::TlsError;
use crate::dial::{Patience, tls};
use crate::encrypted::{self, Certificate};
use crate::hosting::{Origin, Source};
use crate::keeping::{Peers, Post};
use crate::outbound::{Bounds, Directory, Listing, Outbound};
use crate::sandbox::Confinement;
use crate::site::Neighborhood;
use crate::store::Keep;
use crate::system;
use crate::transport::{self, Settings};
use anyhow::bail;
use arc_swap::ArcSwap;
use imrs_engine::{Identity, Service};
use imrs_transfer::access::Rule;
use imrs_transfer::tsig::Keys;
use imrs_zone::Limits;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What to serve and how.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Sockets and threads.
    pub(crate) settings: Settings,
    /// The zones.
    pub(crate) sources: Vec<Source>,
    /// How each of them comes in and goes out.
    pub(crate) transferred: Vec<Transferred>,
    /// How zones are transferred.
    pub(crate) transfer: Transfer,
    /// Where zones are given out over TLS, and by what.
    pub(crate) listener: Option<(Vec<SocketAddr>, tls::Server)>,
    /// Where DNS is answered over TLS and QUIC, and by what.
    pub(crate) encrypted: Option<encrypted::Settings>,
    /// Where metrics can be fetched, if anywhere.
    pub(crate) metrics: Option<config::Metrics>,
    /// What becomes of what is counted.
    pub(crate) statistics: Keeping,
    /// Folders that are made if they are not there.
    pub(crate) folders: Vec<PathBuf>,
    /// Where messages are written one by one.
    pub(crate) captures: Vec<Capture>,
    /// The secrets that are shared with peers.
    pub(crate) keys: Keys,
    /// Folder of the node's state.
    pub(crate) state: Option<PathBuf>,
    /// What the process is confined to once its sockets are open.
    pub(crate) confinement: Confinement,
    /// Files of trust anchors that speak for the zone that they name.
    pub(crate) anchors: Vec<PathBuf>,
    /// Limits on the size of a zone.
    pub(crate) limits: Limits,
    /// The time of verification.
    pub(crate) clock: Clock,
    /// What the server says about itself.
    pub(crate) identity: Identity,
    /// What is done against attacks.
    pub(crate) defence: config::Defence,
    /// What is announced to whom, if anything is.
    pub(crate) anycast: Option<Anycast>,
    /// The nodes that know each other, if there are others.
    pub(crate) site: Option<Site>,
    /// Where the control socket is.
    pub(crate) control: Place,
    /// Whether to serve in place of the server that has the control socket.
    pub(crate) takes_over: bool,
    /// Whether the zones are the test root's.
    pub(crate) is_test: bool,
}

/// How a zone comes in and goes out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transferred {
    /// Whom it is exchanged with.
    pub(crate) peers: Peers,
    /// Whether its proof rests on anchors of its own, so that no zone above it has to be there.
    pub(crate) is_anchored: bool,
    /// How much of it is kept on disk.
    pub(crate) keep: Keep,
    /// Whose NOTIFY is heard.
    pub(crate) notify_from: Vec<Rule>,
    /// Who may fetch it.
    pub(crate) allow_transfer: Vec<Rule>,
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
        let (mut sources, mut transferred): (Vec<Source>, Vec<Transferred>) =
            zones(args, &config)?.into_iter().unzip();
        let is_test = sources.is_empty();
        if is_test {
            sources = Source::test_root();
            transferred = vec![Transferred::default(); sources.len()];
        }
        let settings = settings(args, &config)?;
        if is_test && let Some(far) = settings.listen.iter().find(|at| !at.ip().is_loopback()) {
            let message = format!(
                "the test root is not for others than this machine, and {far} is \
                not loopback; name a zone by --zone or --config"
            );
            return Err(ConfigError::of_options(message).into());
        }
        let told = |text: &Option<config::Told>| text.as_ref().map(|told| told.0.clone());
        Ok(Plan {
            encrypted: encrypted(args, &config, &settings)?,
            settings,
            sources,
            transferred,
            listener: listener(args, &config)?,
            transfer: config.transfer.clone(),
            metrics: config.metrics.clone(),
            statistics: config.statistics.resolve(config.state()),
            folders: folders(&config).collect(),
            captures: config.captures.clone(),
            keys: config.keys.iter().cloned().collect(),
            state: config.state().map(Path::to_owned),
            confinement: confinement(args, &config)?,
            anchors: args.anchors.clone(),
            limits: limits(&config)?,
            clock: match args.at.or(config.verify.at) {
                Some(At(time)) => Clock::Fixed(time),
                None => Clock::Present,
            },
            identity: Identity {
                name: { config.node.identity.as_ref() }
                    .map(|identity| identity.get_ref().0.clone().into_bytes()),
                version: told(&config.node.version).map(String::into_bytes),
            },
            control: place(args, &config),
            defence: config.defence.clone(),
            anycast: config.anycast.clone(),
            site: config.site.clone(),
            takes_over: args.take_over,
            is_test,
        })
    }

    /// What goes out beside answers; nothing before the first version of a zone is there.
    pub(crate) fn outbound(
        &self,
        pinned: usize,
        service: Arc<ArcSwap<Service>>,
        post: Post,
        recorder: Recorder,
        neighborhood: Option<Arc<Neighborhood>>,
    ) -> io::Result<Outbound> {
        let listings = self.transferred.iter().map(|transferred| Listing {
            notify_from: transferred.notify_from.clone(),
            allow_transfer: transferred.allow_transfer.clone(),
            ..Listing::default()
        });
        let directory = Directory {
            zones: listings.collect(),
        };
        let bounds = Bounds {
            connections: self.transfer.outgoing_limit,
            octets_per_second: self.transfer.outgoing_octets_per_second,
            wall: self.transfer.wall,
            idle: self.transfer.idle,
            pinned,
        };
        Outbound::new(
            directory,
            self.keys.clone(),
            bounds,
            service,
            post,
            recorder,
            neighborhood,
        )
    }

    /// Workers that are kept on a core each.
    pub(crate) fn pinned(&self) -> usize {
        match self.settings.pinned {
            true => self.settings.workers.get(),
            false => 0,
        }
    }

    /// How long a primary may take, and how much it may send.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            wall: self.transfer.wall,
            idle: self.transfer.idle,
            ..Patience::default()
        }
    }
}

/// The zones: their sources, and how they come in and go out.
fn zones(args: &Serve, config: &Config) -> anyhow::Result<Vec<(Source, Transferred)>> {
    if !args.zone.is_empty() {
        let files = args.zone.iter().cloned().map(Source::file);
        return Ok(files.map(|file| (file, Transferred::default())).collect());
    }
    let configured = config.zones.iter().map(|zone| {
        let transfers = &zone.transfers;
        let origin = match &zone.file {
            Some(file) => Origin::File(file.get_ref().clone()),
            None => {
                let addresses = transfers.primaries.iter().map(|primary| primary.address);
                Origin::Primaries(addresses.collect())
            }
        };
        let source = Source {
            name: Some(zone.name.get_ref().0.clone()),
            anchors: zone.anchors.as_ref().map(|path| path.get_ref().clone()),
            digest: zone.zonemd.map(|check| check.0),
            signatures: zone.dnssec.map(|check| check.0),
            plausible: transfers.plausible,
            ..Source::of(origin)
        };
        let transferred = Transferred::new(zone, &config.transfer);
        Ok((
            source,
            transferred.map_err(|error| unfit(args, config, &error))?,
        ))
    });
    configured.collect()
}

impl Transferred {
    fn new(zone: &Zone, transfer: &Transfer) -> Result<Self, TlsError> {
        let name = &zone.name.get_ref().0;
        let peers = Peers::new(&zone.transfers, transfer.max_age)?;
        Ok(Transferred {
            peers,
            is_anchored: name.is_root() || zone.anchors.is_some(),
            keep: Keep {
                versions: transfer.versions,
                octets: transfer.store_octets,
            },
            notify_from: zone.transfers.notify_from.clone(),
            allow_transfer: zone.transfers.allow_transfer.clone(),
        })
    }
}

/// Names the place of a file that does not do for TLS.
fn unfit(args: &Serve, config: &Config, error: &TlsError) -> ConfigError {
    match (&args.config, error.file()) {
        (Some(path), Some(file)) => config.error_of(path, file, chain(error)),
        _ => ConfigError::of_options(chain(error)),
    }
}

fn listener(
    args: &Serve,
    config: &Config,
) -> anyhow::Result<Option<(Vec<SocketAddr>, tls::Server)>> {
    let Some(listener) = &config.transfer.tls else {
        return Ok(None);
    };
    let server = tls::Server::read(&listener.identity, listener.client_ca.as_deref())
        .map_err(|error| unfit(args, config, &error))?;
    Ok(Some((listener.listen.clone(), server)))
}

fn encrypted(
    args: &Serve,
    config: &Config,
    node: &Settings,
) -> anyhow::Result<Option<encrypted::Settings>> {
    let Some(said) = &config.encrypted else {
        return Ok(None);
    };
    let certificate = Certificate::read(&said.identity);
    let certificate = certificate.map_err(|error| unfit(args, config, &error))?;
    Ok(Some(encrypted::Settings {
        tls: said.tls.clone(),
        quic: said.quic.clone(),
        certificate: Arc::new(certificate),
        workers: said.workers,
        connections: said.connections,
        connections_per_prefix: said.connections_per_prefix,
        new_per_prefix: said.new_per_prefix,
        busy_per_prefix: said.busy_per_prefix,
        idle: said.idle,
        queries_per_connection: said.queries_per_connection,
        streams: said.streams_per_connection,
        pinned: if node.pinned { node.workers.get() } else { 0 },
    }))
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
    let cores = system::parallelism();
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
        tcp_new_per_prefix: u32::try_from(
            node.tcp_new_per_second_per_prefix
                .map_or(1000, |count| count.0),
        )?,
        tcp_busy_per_prefix: Duration::from_millis(
            node.tcp_cpu_milliseconds_per_prefix
                .map_or(250, |time| time.0),
        ),
        tcp_queries: node.tcp_queries_per_connection.map(|count| count.0),
        proxies: config.defence.proxies.clone(),
    })
}

/// Limits on the size of a zone.
pub(crate) fn limits(config: &Config) -> anyhow::Result<Limits> {
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

/// What the process needs besides its sockets. The folder of the control socket is not known
/// before there is one.
fn confinement(args: &Serve, config: &Config) -> anyhow::Result<Confinement> {
    let user = match &args.config {
        Some(file) => config.user(file)?,
        None => None,
    };
    // Options win over the zones of the configuration.
    let files: Vec<&PathBuf> = match args.zone.as_slice() {
        [] => config.read_again().collect(),
        named => named.iter().collect(),
    };
    // Shown anew at each reload.
    let shown = config.encrypted.iter();
    let shown = shown.flat_map(|shown| [&shown.identity.certificate, &shown.identity.private_key]);
    // Read by the threads of captures.
    let keys = config
        .captures
        .iter()
        .filter_map(|capture| capture.privacy.as_ref());
    let keys = keys.map(|privacy| &privacy.key_file);
    let read = files
        .into_iter()
        .chain(&args.anchors)
        .chain(shown)
        .chain(keys)
        .cloned();
    let state = config.state().map(Path::to_owned);
    // A step of a roll is written beside them.
    let cookies = config.defence.cookies.as_ref();
    let secrets = cookies.and_then(|cookies| Some(cookies.secret_file.as_ref()?.parent()?.into()));
    Ok(Confinement {
        user,
        landlock: config.sandbox.landlock.0,
        seccomp: config.sandbox.seccomp.0,
        read: read.collect(),
        write: { state.into_iter().chain(secrets) }
            .chain(folders(config))
            .collect(),
    })
}

/// Folders that statistics and captures write to, and that are made if they are not there.
fn folders(config: &Config) -> impl Iterator<Item = PathBuf> {
    let sinks = config.captures.iter().map(|capture| &capture.sink);
    let captures = sinks.filter_map(|sink| match sink {
        Sink::Files(files) => Some(files.directory.clone()),
        Sink::Unix(_) | Sink::Tcp(_) => None,
    });
    config
        .statistics
        .directory
        .clone()
        .into_iter()
        .chain(captures)
}

fn place(args: &Serve, config: &Config) -> Place {
    let named = args.control.as_ref().or(config.node.control.as_ref());
    match (named, &config.node.state) {
        (Some(path), _) => Place::Named(path.clone()),
        (None, Some(state)) => Place::Named(state.get_ref().join(path::SOCKET)),
        (None, None) => path::chosen(),
    }
}
