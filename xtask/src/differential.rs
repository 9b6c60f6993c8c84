//! `cargo xtask differential`: one corpus to imrs and to NSD, Knot and BIND that serve the same
//! zones; every difference must have a reason.
//!
//! Start reading at [`run`]. The parts: `corpus` makes queries, `exchange` sends them, `message`
//! reads responses, `compare` finds what differs, `rules` names why, `checks` asks what only imrs
//! must keep.

mod checks;
mod compare;
mod constants;
mod corpus;
mod evidence;
mod exchange;
mod facts;
mod message;
mod name;
mod query;
mod render;
mod report;
mod rules;
mod server;
mod setup;
mod tally;

use crate::workspace;
use anyhow::{Context, Result, anyhow, ensure};
use checks::Heard;
use clap::ValueEnum;
use compare::Said;
use exchange::{Responses, Via, exchange};
use query::Query;
use server::Server;
use setup::Setup;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;
use tally::{Round, Tally};

/// Options of `cargo xtask differential`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Zone file, not compressed; may be repeated. Default: the newest real root where it is
    /// present, otherwise a synthesised root with its `arpa` and `root-servers.net`.
    #[arg(long)]
    zone: Vec<PathBuf>,
    /// Time of verification, for archived zones.
    #[arg(long)]
    at: Option<String>,
    /// Trust anchors of the zones, where they are not the built-in ones.
    #[arg(long)]
    anchors: Option<PathBuf>,
    /// Transport to compare over.
    #[arg(long, default_value = "both")]
    transport: Transport,
    /// Send only so many queries, chosen by the seed.
    #[arg(long)]
    queries: Option<usize>,
    /// Seed of the corpus.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Servers, the one under test first: imrs, nsd, knot, bind, or `imrs=ADDR:PORT` for one that
    /// runs already.
    #[arg(long, value_delimiter = ',', default_value = "imrs,nsd,knot,bind")]
    servers: Vec<String>,
    /// First of the ports that the servers use, one each.
    #[arg(long, default_value_t = 16_500)]
    port: u16,
    /// Compare on a synthesised root even where the real one is present.
    #[arg(long, conflicts_with = "zone")]
    synth: bool,
    /// Only write `docs/differences.md`.
    #[arg(long)]
    write_docs: bool,
    /// Show examples of a class of differences.
    #[arg(long, value_name = "CLASS")]
    show: Option<String>,
}

/// Transports to compare over.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Transport {
    Udp,
    Tcp,
    Both,
}

impl Transport {
    fn all(self) -> &'static [Via] {
        match self {
            Transport::Udp => &[Via::Udp],
            Transport::Tcp => &[Via::Tcp],
            Transport::Both => &[Via::Udp, Via::Tcp],
        }
    }
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.write_docs {
        let path = workspace::root().join("docs/differences.md");
        return fs::write(&path, report::document()).with_context(|| format!("{}", path.display()));
    }
    let setup = Setup::of(args)?;
    let queries = corpus::corpus(&setup.facts, args.seed, args.queries);
    println!("{} distinct queries, seed {}", queries.len(), args.seed);
    let servers = server::start(args, &setup)?;
    let mut tally = Tally {
        show: args.show.clone(),
        ..Tally::default()
    };
    let mut heard = Heard {
        queries: &queries,
        udp: None,
        tcp: None,
    };
    for &via in args.transport.all() {
        let mut responses = ask_all(&servers, via, &queries)?;
        tally.add(&round(&servers, via, &queries, &responses), &setup.facts);
        let first = responses.swap_remove(0);
        match via {
            Via::Udp => heard.udp = Some(first),
            Via::Tcp => heard.tcp = Some(first),
        }
    }
    for example in &tally.shown {
        println!("\n{example}");
    }
    print!("{}", report::unexplained(&tally));
    let peers: Vec<&str> = servers[1..].iter().map(|server| server.name).collect();
    print!("{}", report::table(&tally, &peers));
    let mut failed = 0;
    if servers[0].name == "imrs" {
        let verdicts = checks::run(&setup, servers[0].address, &heard)?;
        print!("{}", report::verdicts(&verdicts));
        failed = verdicts
            .iter()
            .filter(|verdict| verdict.failure.is_some())
            .count();
    }
    let kinds = tally.unexplained.len();
    ensure!(
        kinds + failed == 0,
        "{kinds} kinds of difference without a reason, {failed} checks failed"
    );
    Ok(())
}

/// Sends the corpus to every server at once.
fn ask_all(servers: &[Server], via: Via, queries: &[Query]) -> Result<Vec<Responses>> {
    let started = Instant::now();
    let responses = std::thread::scope(|scope| -> Result<Vec<Responses>> {
        let ask = |server: &Server| {
            exchange(server.address, via, queries)
                .with_context(|| format!("asking {} over {}", server.name, via.name()))
        };
        let threads: Vec<_> = servers
            .iter()
            .map(|server| scope.spawn(move || ask(server)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .map_err(|_| anyhow!("a client thread panicked"))?
            })
            .collect()
    })?;
    println!(
        "asked {} servers over {} in {:.1?}",
        servers.len(),
        via.name(),
        started.elapsed()
    );
    Ok(responses)
}

/// Reads what the servers said.
fn round<'a>(
    servers: &[Server],
    via: Via,
    queries: &'a [Query],
    responses: &[Responses],
) -> Round<'a> {
    let read = |responses: &Responses| {
        responses
            .iter()
            .map(|octets| Said::read(octets.as_deref()))
            .collect()
    };
    Round {
        via,
        servers: servers.iter().map(|server| server.name).collect(),
        queries,
        said: responses.iter().map(read).collect(),
    }
}
