//! CPU time per answered query, of all servers in alternating bursts.
//!
//! The bursts of one round lie within seconds of each other, so that a noisy machine disturbs them
//! alike; servers are compared by the median over rounds of the ratio within a round. The first
//! server is measured twice in every round: its ratio to itself shows how steady the figures are.

use super::base::Base;
use super::clients::{self, Cookies};
use super::load::{Session, Transport, since_1970};
use super::queries::{self, Delegations, Mix};
use super::report::{Cell, Table};
use super::servers::{self, Kind, Server};
use super::statistics::Spread;
use super::{Common, kernel};
use anyhow::{Result, ensure};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

/// What to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// Kinds of query; a table for each.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "root")]
    mix: Vec<Mix>,
    /// Cookies of queries with EDNS; a table for each, and only where imrs-defended is among the
    /// servers.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "none")]
    cookies: Vec<Cookies>,
    /// Transports; a table for each.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "udp")]
    transport: Vec<Transport>,
    /// Servers; the others are compared to the first.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "imrs,echo,nsd,knot,bind"
    )]
    servers: Vec<Kind>,
    /// Another commit of imrs, which is built and measured beside them.
    #[arg(long, value_name = "COMMIT")]
    base: Option<String>,
    /// Rounds of one burst for each server.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pairs: u32,
    /// Length of a burst, in milliseconds.
    #[arg(long, default_value_t = 500)]
    burst_ms: u64,
    /// Queries outstanding at any time; many more overrun the receive buffer of a sleeping server.
    #[arg(long, default_value_t = 160, value_parser = clap::value_parser!(u16).range(1..=4096))]
    window: u16,
}

/// Measures and prints the tables.
pub(crate) fn run(options: &Options, common: &Common) -> Result<()> {
    let is_defended = options.servers.contains(&Kind::Defended);
    ensure!(
        !is_defended || options.transport == [Transport::Udp],
        "what imrs-defended does concerns UDP: leave --transport out"
    );
    ensure!(
        is_defended || options.cookies == [Cookies::None],
        "cookies are those of imrs-defended: add it to --servers"
    );
    let root = common.root.resolve()?;
    let delegations = Delegations::read(&root.file)?;
    let base = options.base.as_deref().map(Base::build).transpose()?;
    let servers = servers::start(&options.servers, base.as_ref(), &root, common)?;
    kernel::pin_this_thread(common.load_core)?;
    for server in &servers {
        eprintln!("{}: {}", server.kind.name(), server.version);
    }
    for &transport in &options.transport {
        for &mix in &options.mix {
            for &cookies in &options.cookies {
                let mut load = Load {
                    transport,
                    mix,
                    cookies,
                    queries: queries::corpus(&delegations, mix, common.seed, CORPUS),
                    sources: Vec::new(),
                };
                if is_defended {
                    let now = since_1970().as_secs() as u32;
                    load.sources = clients::addresses(common.seed, CORPUS);
                    clients::show(cookies, &mut load.queries, &load.sources, now);
                }
                table(options, &load, &servers)?.print(common.output);
            }
        }
    }
    Ok(())
}

/// What servers are asked.
struct Load {
    transport: Transport,
    mix: Mix,
    cookies: Cookies,
    queries: Vec<Vec<u8>>,
    /// Where each query comes from, if not from loopback.
    sources: Vec<Ipv4Addr>,
}

impl Load {
    fn open(&self, server: SocketAddr, window: usize) -> Result<Session> {
        match server {
            SocketAddr::V4(server) if !self.sources.is_empty() => {
                Session::open_from(self.sources.clone(), server, window)
            }
            server => Session::open(self.transport, server, window),
        }
    }

    fn name(&self) -> String {
        let name = format!("{}, {} mix", self.transport.name(), self.mix.name());
        if self.sources.is_empty() {
            return name;
        }
        let (clients, cookies) = (self.sources.len(), self.cookies.name());
        format!("{name} of {clients} clients with {cookies} cookies")
    }
}

/// What one burst showed.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// CPU time of the server per answered query.
    cost_us: f64,
    /// Octets of a response on average.
    octets: f64,
    lost: u64,
    /// Answered queries per second.
    rate: f64,
    /// Part of the time in which the server ran.
    busy: f64,
}

fn table(options: &Options, load: &Load, servers: &[Server]) -> Result<Table> {
    let transport = load.transport;
    let servers: Vec<&Server> = servers
        .iter()
        .filter(|server| transport == Transport::Udp || server.kind != Kind::Echo)
        .collect();
    ensure!(
        !servers.is_empty(),
        "no server to measure over {}",
        transport.name()
    );
    let samples = rounds(options, load, &servers)?;
    let subject = servers[0].kind;
    let title = format!(
        "{}: {} rounds of {} ms, {} queries outstanding",
        load.name(),
        options.pairs,
        options.burst_ms,
        transport.window(usize::from(options.window))
    );
    let mut table = Table::new(title, &COLUMNS)
        .with("transport", transport.name())
        .with("mix", load.mix.name())
        .with("cookies", load.cookies.name())
        .with("first", subject.name());
    let again = format!("{} again", subject.name());
    let names = servers
        .iter()
        .map(|server| server.kind.name())
        .chain([again.as_str()]);
    for (index, (name, own)) in names.zip(&samples).enumerate() {
        let peer = servers.get(index).map(|peer| peer.kind);
        let bound = peer.map_or(Cell::None, |peer| bound(transport, load.mix, subject, peer));
        let ratio = (index > 0).then(|| ratio(&samples[0], own));
        table.push(row(name, own, ratio, bound));
    }
    Ok(table)
}

/// The samples of every server and, in the end, of the first one again.
fn rounds(options: &Options, load: &Load, servers: &[&Server]) -> Result<Vec<Vec<Sample>>> {
    let turns: Vec<&Server> = servers.iter().copied().chain([servers[0]]).collect();
    let mut samples = vec![Vec::new(); turns.len()];
    for round in 0..=options.pairs as usize {
        for turn in 0..turns.len() {
            // Every server has every place in the order once in a while.
            let turn = (turn + round) % turns.len();
            let sample = burst(options, load, turns[turn])?;
            // The first round warms up.
            if round > 0 {
                samples[turn].push(sample);
            }
        }
    }
    Ok(samples)
}

fn burst(options: &Options, load: &Load, server: &Server) -> Result<Sample> {
    let mut session = load.open(server.address, usize::from(options.window))?;
    let cpu_before = kernel::cpu_time(&server.processes);
    let start = Instant::now();
    let tally = session.burst(&load.queries, Duration::from_millis(options.burst_ms))?;
    let elapsed = start.elapsed();
    // The scheduler's account is exact once the server waits.
    thread::sleep(SETTLE);
    let cpu = kernel::cpu_time(&server.processes).saturating_sub(cpu_before);
    let name = server.kind.name();
    ensure!(tally.answered > 0, "{name} answered nothing");
    ensure!(
        tally.refused * 1000 <= tally.answered,
        "{name} refused {} of {} queries: does it serve the root?",
        tally.refused,
        tally.answered
    );
    let answered = tally.answered as f64;
    Ok(Sample {
        cost_us: cpu.as_secs_f64() * 1e6 / answered,
        octets: tally.octets as f64 / answered,
        lost: tally.lost(),
        rate: answered / elapsed.as_secs_f64(),
        busy: cpu.as_secs_f64() / elapsed.as_secs_f64(),
    })
}

fn ratio(subject: &[Sample], other: &[Sample]) -> Spread {
    Spread::of(
        subject
            .iter()
            .zip(other)
            .map(|(subject, other)| subject.cost_us / other.cost_us),
    )
}

fn row(name: &str, own: &[Sample], ratio: Option<Spread>, bound: Cell) -> Vec<Cell> {
    let spread = |value: fn(&Sample) -> f64| Spread::of(own.iter().map(value));
    vec![
        Cell::Text(name.to_owned()),
        Cell::Spread(spread(|sample| sample.cost_us), 2),
        Cell::Count(spread(|sample| sample.rate).median as u64),
        Cell::Number(100.0 * spread(|sample| sample.busy).median, 0),
        Cell::Number(spread(|sample| sample.octets).median, 0),
        Cell::Count(own.iter().map(|sample| sample.lost).sum()),
        ratio.map_or(Cell::None, |ratio| Cell::Spread(ratio, 3)),
        bound,
    ]
}

/// What the first server may cost, as part of what `peer` costs (SPEC.md).
fn bound(transport: Transport, mix: Mix, first: Kind, peer: Kind) -> Cell {
    let at_most = match (transport, mix, first, peer) {
        (Transport::Udp, Mix::Root, Kind::Imrs, Kind::Nsd) => 0.65,
        (Transport::Udp, Mix::Root, Kind::Imrs, Kind::Knot) => 0.55,
        (Transport::Udp, Mix::Root, Kind::Imrs, Kind::Echo) => 1.25,
        (Transport::Udp, Mix::Nxdomain | Mix::Referral, Kind::Imrs, Kind::Nsd) => 0.75,
        (Transport::TcpPersistent, Mix::Root, Kind::Imrs, Kind::Knot) => 0.9,
        // Of the best peer, hence of each.
        (Transport::TcpSingle, Mix::Root, Kind::Imrs, Kind::Nsd | Kind::Knot | Kind::Bind) => 0.9,
        (_, _, Kind::Imrs, Kind::Base) => COUNTING_MAX,
        (Transport::Udp, _, Kind::Defended, Kind::Imrs) => DEFENDED_MAX,
        // Seen from the other side: how little the first may cost.
        (_, _, Kind::Imrs, Kind::CDns) => return Cell::Floor(1.0 / C_DNS_MAX),
        _ => return Cell::None,
    };
    Cell::Bound(at_most)
}

/// What imrs may cost with limits and cookies, as part of what it costs without (SPEC.md).
const DEFENDED_MAX: f64 = 1.15;

/// What imrs may cost that counts all, as part of what it cost before it did.
const COUNTING_MAX: f64 = 1.08;

/// What imrs may cost that writes all down as C-DNS, as part of what it costs without.
const C_DNS_MAX: f64 = 1.25;

const COLUMNS: [&str; 8] = [
    "server",
    "CPU µs/query",
    "answers/s",
    "busy %",
    "octets",
    "lost",
    "first/this",
    "bound",
];

/// Queries in a corpus: they are asked over and over, too many for a server to remember.
const CORPUS: usize = 20_000;

/// Time for a server to finish with a burst.
const SETTLE: Duration = Duration::from_millis(10);
