//! From the NOTIFY to the new serial on every worker, and what of it went by when.

use super::ends::{Kind, Primary, Workers, start_secondary};
use super::versions::Versions;
use super::watch::{Seen, Watch};
use super::{Options, ends};
use crate::bench::report::{Cell, Table};
use crate::bench::statistics::Spread;
use crate::imrs;
use crate::transfer::notify;
use crate::transfer::tap::{Exchange, Tap};
use anyhow::Result;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Measures with each primary, and prints the table.
pub(super) fn run(options: &Options) -> Result<()> {
    let program = imrs::program()?;
    let versions = Versions::make(options.runs + 2)?;
    let title = format!(
        "NOTIFY to the new serial on every worker, ms: {} versions, {} workers",
        options.runs, options.workers
    );
    let mut table = Table::new(title, &COLUMNS);
    for kind in &options.primaries {
        let runs = measure(options, *kind, &program, &versions)?;
        table.push(row(*kind, &runs));
    }
    table.print(options.common.output);
    Ok(())
}

/// One new version.
struct Run {
    notified: Instant,
    /// The transfer; the last one, if there were several.
    transfer: Option<Exchange>,
    seen: Seen,
}

fn measure(options: &Options, kind: Kind, program: &Path, versions: &Versions) -> Result<Vec<Run>> {
    let address = |index| options.common.address(index);
    let primary = Primary::start(kind, program, versions, address(0)?)?;
    let tap = Tap::start(address(1)?, primary.address)?;
    let workers = Workers {
        count: options.workers,
        pinned: false,
    };
    let secondary = address(2)?;
    let _imrs = start_secondary(program, &versions.anchors, address(1)?, secondary, workers)?;
    let watch = Watch::open(secondary, PORTS)?;
    let mut runs = Vec::new();
    for version in &versions.all[1..] {
        primary.publish(version)?;
        thread::sleep(ends::NOTIFY_SPACING);
        let before = tap.exchanges().len();
        let notified = Instant::now();
        notify::send(secondary, version.serial, None)?;
        let seen = watch.until(version.serial)?;
        let exchanges = tap.exchanges();
        runs.push(Run {
            notified,
            transfer: exchanges[before..].last().copied(),
            seen,
        });
    }
    // The first one warms up.
    runs.remove(0);
    Ok(runs)
}

fn row(kind: Kind, runs: &[Run]) -> Vec<Cell> {
    let spread = |time: &dyn Fn(&Run) -> Option<Duration>| {
        let times = runs.iter().filter_map(time);
        let times: Vec<f64> = times.map(|time| time.as_secs_f64() * 1e3).collect();
        match times.is_empty() {
            true => Cell::None,
            false => Cell::Spread(Spread::of(times), 0),
        }
    };
    let of_transfer = |time: fn(&Run, &Exchange) -> Duration| {
        spread(&|run| Some(time(run, run.transfer.as_ref()?)))
    };
    let total = |run: &Run| run.seen.last - run.notified;
    let worst = runs.iter().map(total).max().unwrap_or_default();
    let octets = runs
        .iter()
        .filter_map(|run| Some(run.transfer?.octets as f64));
    let octets: Vec<f64> = octets.collect();
    vec![
        Cell::Text(kind.name().to_owned()),
        of_transfer(|run, transfer| transfer.asked - run.notified),
        of_transfer(|_, transfer| transfer.answered - transfer.asked),
        of_transfer(|run, transfer| run.seen.first - transfer.answered),
        spread(&|run| Some(run.seen.last - run.seen.first)),
        spread(&|run| Some(total(run))),
        Cell::Number(worst.as_secs_f64() * 1e3, 0),
        Cell::Bound(1000.0),
        match octets.is_empty() {
            true => Cell::None,
            false => Cell::Count(Spread::of(octets).median as u64),
        },
    ]
}

/// Ports to ask for the new serial from.
const PORTS: usize = 32;

const COLUMNS: [&str; 9] = [
    "primary",
    "to request",
    "transfer",
    "to first answer",
    "to all workers",
    "in all",
    "worst",
    "bound",
    "octets",
];
