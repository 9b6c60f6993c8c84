//! Reloads under full load: what is lost, and how long a worker pauses.
//!
//! Two servers, one after the other, take the same load: the first is left alone, the second
//! reloads without end. Each reload gets a zone file that differs in a comment, so that it is
//! read, proven, compiled and swapped in. The worker is pinned to the first core, so that loading
//! has the other one, which it shares with the load generator.

use super::load::{Session, Tally, Transport};
use super::queries::{self, Delegations, Mix};
use super::report::{Cell, Table};
use super::{Common, kernel, servers};
use crate::imrs::{Imrs, Setup};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// What to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// Length of each of the two loads, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Worker threads of the server.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Queries outstanding at any time.
    #[arg(long, default_value_t = 160, value_parser = clap::value_parser!(u16).range(1..=4096))]
    window: u16,
    #[command(flatten)]
    common: Common,
}

/// Measures and prints the table.
pub(crate) fn run(options: &Options) -> Result<()> {
    let common = &options.common;
    let root = common.root.resolve()?;
    let queries = queries::corpus(
        &Delegations::read(&root.file)?,
        Mix::Root,
        common.seed,
        CORPUS,
    );
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("root.zone");
    fs::copy(&root.file, &file)?;
    let mut setup = servers::setup(&root, options.workers)?;
    setup.zones[0].path.clone_from(&file);
    setup.pinned = true;
    let title = format!("reloads under full load, {} s each", options.seconds);
    let mut table = Table::new(title, &COLUMNS);
    for reloading in [None, Some(file.as_path())] {
        table.push(phase(options, &setup, &queries, reloading)?);
    }
    table.print(common.output);
    Ok(())
}

/// One server under load; it reloads whenever it has, if the file to change is given.
fn phase(
    options: &Options,
    setup: &Setup,
    queries: &[Vec<u8>],
    reloading: Option<&Path>,
) -> Result<Vec<Cell>> {
    let address = options.common.address(0)?;
    let imrs = Imrs::start(setup, address)?;
    let before = longest_turn(&imrs)?;
    let mut reloads = 0;
    let tally = thread::scope(|scope| {
        let load = scope.spawn(|| load(options, address, queries));
        while let Some(file) = reloading.filter(|_| !load.is_finished()) {
            reload(&imrs, file, reloads)?;
            reloads += 1;
        }
        load.join()
            .map_err(|_| anyhow!("the load generator panicked"))?
    })?;
    let name = if reloading.is_some() {
        "reloading"
    } else {
        "left alone"
    };
    Ok(vec![
        Cell::Text(name.to_owned()),
        Cell::Count(reloads),
        Cell::Count(tally.answered),
        Cell::Count(tally.lost()),
        milliseconds(tally.longest_silence),
        milliseconds(before),
        milliseconds(longest_turn(&imrs)?),
    ])
}

fn load(options: &Options, server: SocketAddr, queries: &[Vec<u8>]) -> Result<Tally> {
    kernel::pin_this_thread(options.common.server_core()?)?;
    let mut session = Session::open(Transport::Udp, server, usize::from(options.window))?;
    session.burst(queries, Duration::from_secs(options.seconds))
}

fn reload(imrs: &Imrs, file: &Path, number: u64) -> Result<()> {
    let mut zone = OpenOptions::new().append(true).open(file)?;
    writeln!(zone, "; reload {number}")?;
    let reply = imrs.ctl("reload")?;
    let result = reply.pointer("/zones/0/result").and_then(Value::as_str);
    ensure!(
        result == Some("loaded"),
        "the zone was not loaded again: {reply}"
    );
    Ok(())
}

/// The longest time so far that a worker was busy before it looked at its sockets again.
fn longest_turn(imrs: &Imrs) -> Result<Duration> {
    let stats = imrs.ctl("stats")?;
    let turn = stats.pointer("/longest_turn_us").and_then(Value::as_u64);
    let turn = turn.with_context(|| format!("no longest_turn_us in {stats}"))?;
    Ok(Duration::from_micros(turn))
}

fn milliseconds(duration: Duration) -> Cell {
    Cell::Number(duration.as_secs_f64() * 1e3, 3)
}

const COLUMNS: [&str; 7] = [
    "server",
    "reloads",
    "answered",
    "lost",
    "silence ms",
    "turn ms before",
    "longest turn ms",
];

/// Queries in the corpus.
const CORPUS: usize = 20_000;
