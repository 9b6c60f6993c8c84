//! `cargo xtask interop`: zone transfers between imrs and NSD, Knot and BIND, both ways.
//!
//! Start reading at [`run`]. `pair` and `story` have what is tried between a primary and a secondary,
//! `direct` what a plain client asks a primary; `report` prints the table. After each transfer the whole
//! zone of the secondary is compared with the version that was made, record for record.

mod cases;
mod direct;
mod pair;
mod report;
mod story;

use crate::peers::{Software, ensure_installed};
use crate::transfer::Program;
use crate::transfer::versions::Versions;
use anyhow::{Result, anyhow, ensure};
use cases::Case;
use clap::ValueEnum;
use pair::Pair;
use report::{Outcome, Row};
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

/// Options of `cargo xtask interop`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Peers to try.
    #[arg(long, value_delimiter = ',', default_value = "nsd,knot,bind")]
    peers: Vec<Peer>,
    /// Cases to try [default: all]
    #[arg(long, value_delimiter = ',')]
    cases: Vec<Case>,
    /// Try the peers among themselves instead of with imrs: shows what the peers can do.
    #[arg(long)]
    among_peers: bool,
    /// Delegations of the root.
    #[arg(long, default_value_t = 30)]
    tlds: usize,
    /// Build of imrs to try [default: one with the release profile]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// First of the ports that the servers use.
    #[arg(long, default_value_t = 17_000)]
    port: u16,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Peer {
    Nsd,
    Knot,
    Bind,
}

impl From<Peer> for Program {
    fn from(peer: Peer) -> Self {
        Program::Peer(match peer {
            Peer::Nsd => Software::Nsd,
            Peer::Knot => Software::Knot,
            Peer::Bind => Software::Bind,
        })
    }
}

/// Runs it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    ensure_installed(&Software::ALL.map(Software::tool))?;
    let versions = Versions::new(args.tlds)?;
    let cases = match args.cases.as_slice() {
        [] => Case::value_variants(),
        cases => cases,
    };
    let pairs = pairs(args)?;
    // One thread a pair, as most of the time is spent waiting.
    let rows: Vec<Row> = thread::scope(|scope| {
        let threads: Vec<_> = pairs
            .iter()
            .map(|pair| scope.spawn(|| pair.run(&versions, cases)))
            .collect();
        let join = |row: thread::ScopedJoinHandle<'_, Result<Row>>| {
            row.join().map_err(|_| anyhow!("a trial panicked"))?
        };
        threads.into_iter().map(join).collect::<Result<_>>()
    })?;
    print!("{}", report::text(cases, &rows));
    let failed = rows
        .iter()
        .flat_map(|row| &row.outcomes)
        .filter(|outcome| matches!(outcome, Outcome::Failed(_)))
        .count();
    let passed = rows
        .iter()
        .flat_map(|row| &row.outcomes)
        .filter(|outcome| matches!(outcome, Outcome::Held(_)))
        .count();
    println!("{:.1} s", start.elapsed().as_secs_f64());
    println!("{passed} passed, {failed} failed");
    ensure!(failed == 0, "{failed} cases failed");
    Ok(())
}

/// All that are to be tried, each with ports of its own.
fn pairs(args: &Args) -> Result<Vec<Pair>> {
    let peers: Vec<Program> = args.peers.iter().copied().map(Program::from).collect();
    let mut pairs = Vec::new();
    if args.among_peers {
        for primary in &peers {
            pairs.extend(peers.iter().map(|other| (primary.clone(), other.clone())));
        }
    } else {
        let imrs = Program::imrs(args.program.as_deref())?;
        pairs.extend(peers.iter().map(|peer| (peer.clone(), imrs.clone())));
        pairs.extend(peers.iter().map(|peer| (imrs.clone(), peer.clone())));
        pairs.push((imrs.clone(), imrs));
    }
    let number = |(index, (primary, secondary))| {
        let port = args.port.checked_add(u16::try_from(index * pair::PORTS)?);
        let port = port.ok_or_else(|| anyhow!("no port after 65535: lower --port"))?;
        Ok(Pair {
            primary,
            secondary,
            port,
        })
    };
    pairs.into_iter().enumerate().map(number).collect()
}
