//! UDP at a fixed rate while versions are swapped in: what is lost, and how long responses take
//! then and otherwise.

use super::Options;
use super::ends::{self, Primary, Workers, send_notify, start_secondary};
use super::versions::Versions;
use super::watch::Watch;
use crate::bench::kernel;
use crate::bench::load::{Sample, paced, since_1970};
use crate::bench::queries::{self, Delegations, Mix};
use crate::bench::report::{Cell, Table};
use crate::imrs;
use anyhow::{Context, Result, anyhow};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// Measures and prints the table.
pub(super) fn run(options: &Options) -> Result<()> {
    let program = imrs::program()?;
    let versions = Versions::make(&program, options.runs as usize + 1)?;
    let common = &options.common;
    let kind = *options.primaries.first().context("no primary")?;
    let primary = Primary::start(kind, &program, &versions, common.address(0)?)?;
    let secondary = common.address(1)?;
    let workers = Workers {
        count: 1,
        pinned: true,
    };
    let _imrs = start_secondary(
        &program,
        &versions.anchors,
        primary.address,
        secondary,
        workers,
    )?;
    let file = &versions.all[0].file;
    let delegations = Delegations::read(file)?;
    let queries = queries::corpus(&delegations, Mix::Root, common.seed, CORPUS);
    let stop = AtomicBool::new(false);
    let (swaps, samples) = thread::scope(|scope| {
        let load = scope.spawn(|| load(options, secondary, &queries, &stop));
        let swaps = swap_all(&primary, &versions, secondary);
        stop.store(true, Relaxed);
        let samples = load
            .join()
            .map_err(|_| anyhow!("the load generator panicked"))??;
        Ok::<_, anyhow::Error>((swaps?, samples))
    })?;
    table(options, &swaps, &samples).print(common.output);
    Ok(())
}

fn load(
    options: &Options,
    server: SocketAddr,
    queries: &[Vec<u8>],
    stop: &AtomicBool,
) -> Result<Vec<Sample>> {
    kernel::pin_this_thread(options.common.server_core()?)?;
    paced(server, queries, options.rate, stop)
}

/// When one version was published, told of, and served.
struct Swap {
    publishing: Duration,
    notified: Duration,
    served: Duration,
}

fn swap_all(primary: &Primary, versions: &Versions, secondary: SocketAddr) -> Result<Vec<Swap>> {
    let watch = Watch::open(secondary)?;
    let mut swaps = Vec::new();
    thread::sleep(ends::NOTIFY_SPACING);
    for version in &versions.all[1..] {
        let publishing = since_1970();
        primary.publish(version)?;
        thread::sleep(ends::NOTIFY_SPACING);
        let notified = since_1970();
        send_notify(secondary)?;
        watch.until(version.serial)?;
        swaps.push(Swap {
            publishing,
            notified,
            served: since_1970(),
        });
        thread::sleep(ends::NOTIFY_SPACING);
    }
    Ok(swaps)
}

fn table(options: &Options, swaps: &[Swap], samples: &[Sample]) -> Table {
    let refresh = |swap: &Swap| swap.notified..swap.served;
    let around = |swap: &Swap| swap.served - AROUND..swap.served + AROUND;
    // The primary shares the machine: what it does to publish is no part of either.
    let other = |swap: &Swap| swap.publishing..swap.notified;
    let within = |sample: &Sample, span: &dyn Fn(&Swap) -> Range<Duration>| {
        swaps.iter().any(|swap| span(swap).contains(&sample.sent))
    };
    let is_steady = |sample: &Sample| {
        ![&refresh as &dyn Fn(&Swap) -> _, &around, &other]
            .iter()
            .any(|span| within(sample, span))
    };
    let steady = Latencies::of(samples.iter().filter(|sample| is_steady(sample)));
    let title = format!(
        "UDP at {} queries a second while {} versions are swapped in",
        options.rate,
        swaps.len()
    );
    let mut table = Table::new(title, &COLUMNS);
    let bound = Cell::Bound(1.2);
    let of = |span: &dyn Fn(&Swap) -> Range<Duration>| {
        Latencies::of(samples.iter().filter(|sample| within(sample, span)))
    };
    table.push(row("steady", &steady, None, Cell::None));
    table.push(row(
        "NOTIFY to answer",
        &of(&refresh),
        Some(&steady),
        bound.clone(),
    ));
    table.push(row(
        "50 ms about the swap",
        &of(&around),
        Some(&steady),
        bound,
    ));
    table.push(row(
        "primary publishes",
        &of(&other),
        Some(&steady),
        Cell::None,
    ));
    table.push(row(
        "in all",
        &Latencies::of(samples),
        Some(&steady),
        Cell::None,
    ));
    table
}

/// The latencies of some queries.
struct Latencies {
    asked: u64,
    lost: u64,
    refused: u64,
    sorted_us: Vec<f64>,
}

impl Latencies {
    fn of<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Self {
        let mut latencies = Latencies {
            asked: 0,
            lost: 0,
            refused: 0,
            sorted_us: Vec::new(),
        };
        for sample in samples {
            latencies.asked += 1;
            match sample.latency {
                None => latencies.lost += 1,
                Some(latency) => {
                    latencies.refused += u64::from(!sample.is_answer);
                    latencies.sorted_us.push(latency.as_secs_f64() * 1e6);
                }
            }
        }
        latencies.sorted_us.sort_by(f64::total_cmp);
        latencies
    }

    /// The latency that this part of the responses stays within, in microseconds.
    fn at(&self, part: f64) -> f64 {
        let last = self.sorted_us.len().saturating_sub(1);
        let index = (last as f64 * part) as usize;
        self.sorted_us.get(index).copied().unwrap_or_default()
    }
}

fn row(name: &str, own: &Latencies, steady: Option<&Latencies>, bound: Cell) -> Vec<Cell> {
    let ratio = steady.map(|steady| own.at(0.99) / steady.at(0.99));
    vec![
        Cell::Text(name.to_owned()),
        Cell::Count(own.asked),
        Cell::Count(own.lost),
        Cell::Count(own.refused),
        Cell::Number(own.at(0.5), 0),
        Cell::Number(own.at(0.99), 0),
        Cell::Number(own.at(0.999), 0),
        Cell::Number(own.at(1.0), 0),
        ratio.map_or(Cell::None, |ratio| Cell::Number(ratio, 2)),
        bound,
    ]
}

const COLUMNS: [&str; 10] = [
    "queries sent",
    "asked",
    "lost",
    "errors",
    "p50 µs",
    "p99 µs",
    "p99.9 µs",
    "longest µs",
    "p99/steady",
    "bound",
];

/// Before and after the moment at which the new serial was seen.
const AROUND: Duration = Duration::from_millis(50);

/// Queries in the corpus.
const CORPUS: usize = 20_000;
