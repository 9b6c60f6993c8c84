//! Resident memory of every server with the root, after it has answered for a while.

use super::Common;
use super::load::{Session, Transport};
use super::queries::{self, Delegations, Mix};
use super::report::{Cell, Table};
use super::servers::{self, Kind};
use crate::imrs::Imrs;
use anyhow::{Context, Result};
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

/// Measures and prints the table.
pub(crate) fn run(common: &Common) -> Result<()> {
    let root = common.root.resolve()?;
    let queries = queries::corpus(
        &Delegations::read(&root.file)?,
        Mix::Root,
        common.seed,
        CORPUS,
    );
    let mut table = Table::new(
        "resident memory with the root, MiB".to_owned(),
        &["server", "workers", "resident", "proportional", "bound"],
    );
    for workers in [1, 2] {
        let imrs = Imrs::start(&servers::setup(&root, workers)?, common.address(0)?)?;
        ask(common.address(0)?, &queries)?;
        let bound = if workers == 1 {
            Cell::Bound(25.0)
        } else {
            Cell::None
        };
        table.push(row(
            "imrs",
            workers as u64,
            &imrs.daemon.processes(),
            bound,
        )?);
    }
    for server in servers::start(&[Kind::Nsd, Kind::Knot, Kind::Bind], None, &root, common)? {
        ask(server.address, &queries)?;
        table.push(row(server.kind.name(), 1, &server.processes, Cell::None)?);
    }
    table.print(common.output);
    Ok(())
}

fn ask(server: SocketAddr, queries: &[Vec<u8>]) -> Result<()> {
    Session::open(Transport::Udp, server, WINDOW)?.burst(queries, BURST)?;
    Ok(())
}

fn row(name: &str, workers: u64, processes: &[u32], bound: Cell) -> Result<Vec<Cell>> {
    let mut resident = 0;
    let mut proportional = 0;
    for pid in processes {
        let path = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&path).with_context(|| path.clone())?;
        resident += kibibytes(&text, "Rss:");
        proportional += kibibytes(&text, "Pss:");
    }
    Ok(vec![
        Cell::Text(name.to_owned()),
        Cell::Count(workers),
        Cell::Number(resident as f64 / 1024.0, 1),
        Cell::Number(proportional as f64 / 1024.0, 1),
        bound,
    ])
}

fn kibibytes(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// Queries asked before memory is read.
const CORPUS: usize = 20_000;

/// As long as a burst of the other benchmarks.
const BURST: Duration = Duration::from_millis(500);

/// Queries outstanding meanwhile.
const WINDOW: usize = 160;
