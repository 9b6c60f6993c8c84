//! UDP at a fixed rate while versions are swapped in: what is lost, and how long responses take
//! then and otherwise.

use super::Options;
use super::ends::{self, Primary, Workers, start_secondary};
use super::versions::Versions;
use super::watch::Watch;
use crate::bench::kernel;
use crate::bench::load::{Sample, paced, since_1970};
use crate::bench::queries::{self, Delegations, Mix};
use crate::bench::report::{Cell, Table};
use crate::bench::statistics::Spread;
use crate::imrs;
use crate::transfer::notify;
use anyhow::{Context, Result, anyhow};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// Measures and prints the table.
pub(super) fn run(options: &Options) -> Result<()> {
    let program = imrs::program()?;
    let versions = Versions::make(options.runs + 1)?;
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
    // The first core is the worker's: nothing of the measurement disturbs it.
    let core = common.server_core()?;
    primary.pin(core)?;
    kernel::pin_this_thread(core)?;
    let delegations = Delegations::of(&versions.all[0].text)?;
    let queries = queries::corpus(&delegations, Mix::Root, common.seed, CORPUS);
    let stop = AtomicBool::new(false);
    let (swaps, samples) = thread::scope(|scope| {
        let load = scope.spawn(|| paced(secondary, &queries, options.rate, &stop));
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

/// When one version was published, told of, and served.
struct Swap {
    publishing: Duration,
    published: Duration,
    notified: Duration,
    served: Duration,
}

impl Swap {
    /// While the primary takes the version, on the same machine: no part of what is compared.
    fn publication(&self) -> Range<Duration> {
        self.publishing..self.published + SETTLE
    }

    /// From the NOTIFY to the new serial.
    fn refresh(&self) -> Range<Duration> {
        self.notified..self.served
    }

    /// About the moment of the swap.
    fn moment(&self) -> Range<Duration> {
        self.served - ABOUT..self.served + ABOUT
    }

    /// Before and after, when nothing happens.
    fn calm(&self) -> [Range<Duration>; 2] {
        [
            self.published + SETTLE..self.notified,
            self.served + ABOUT..self.served + ends::NOTIFY_SPACING,
        ]
    }
}

fn swap_all(primary: &Primary, versions: &Versions, secondary: SocketAddr) -> Result<Vec<Swap>> {
    let watch = Watch::open(secondary, PORTS)?;
    let mut swaps = Vec::new();
    thread::sleep(ends::NOTIFY_SPACING);
    for version in &versions.all[1..] {
        let publishing = since_1970();
        primary.publish(version)?;
        let published = since_1970();
        thread::sleep(ends::NOTIFY_SPACING);
        let notified = since_1970();
        notify::send(secondary, version.serial, None)?;
        watch.until(version.serial)?;
        swaps.push(Swap {
            publishing,
            published,
            notified,
            served: since_1970(),
        });
        thread::sleep(ends::NOTIFY_SPACING);
    }
    Ok(swaps)
}

fn table(options: &Options, swaps: &[Swap], samples: &[Sample]) -> Table {
    let title = format!(
        "UDP at {} queries a second while {} versions are swapped in",
        options.rate,
        swaps.len()
    );
    let mut table = Table::new(title, &COLUMNS);
    let bound = Cell::Bound(1.2);
    let row = |name: &str, spans: &dyn Fn(&Swap) -> Vec<Range<Duration>>, bound: Cell| {
        let of = |swap: &Swap| Latencies::within(samples, &spans(swap));
        let all = swaps.iter().flat_map(spans).collect::<Vec<_>>();
        // Each swap against the calm about it: a disturbance of the machine meets both.
        let ratio = |swap: &Swap| {
            let calm = Latencies::within(samples, &swap.calm());
            of(swap).at(0.99) / calm.at(0.99)
        };
        let ratios = Spread::of(swaps.iter().map(ratio));
        cells(name, &Latencies::within(samples, &all), ratios, bound)
    };
    table.push(row("calm", &|swap| swap.calm().to_vec(), Cell::None));
    table.push(row(
        "NOTIFY to answer",
        &|swap| vec![swap.refresh()],
        bound.clone(),
    ));
    table.push(row(
        "50 ms about the swap",
        &|swap| vec![swap.moment()],
        bound,
    ));
    table.push(row(
        "primary publishes",
        &|swap| vec![swap.publication()],
        Cell::None,
    ));
    table.push(cells_of_all(samples));
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
    /// Of the queries sent within one of these spans.
    fn within(samples: &[Sample], spans: &[Range<Duration>]) -> Self {
        let is_within = |sample: &&Sample| spans.iter().any(|span| span.contains(&sample.sent));
        Self::of(samples.iter().filter(is_within))
    }

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
                    if sample.is_timed {
                        latencies.sorted_us.push(latency.as_secs_f64() * 1e6);
                    }
                }
            }
        }
        latencies.sorted_us.sort_by(f64::total_cmp);
        latencies
    }

    fn cells(&self) -> [Cell; 7] {
        [
            Cell::Count(self.asked),
            Cell::Count(self.lost),
            Cell::Count(self.refused),
            Cell::Number(self.at(0.5), 0),
            Cell::Number(self.at(0.99), 0),
            Cell::Number(self.at(0.999), 0),
            Cell::Number(self.at(1.0), 0),
        ]
    }

    /// The latency that this part of the responses stays within, in microseconds.
    fn at(&self, part: f64) -> f64 {
        let last = self.sorted_us.len().saturating_sub(1);
        let index = (last as f64 * part) as usize;
        self.sorted_us.get(index).copied().unwrap_or_default()
    }
}

fn cells(name: &str, own: &Latencies, ratios: Spread, bound: Cell) -> Vec<Cell> {
    let mut cells = vec![Cell::Text(name.to_owned())];
    cells.extend(own.cells());
    cells.extend([Cell::Spread(ratios, 2), bound]);
    cells
}

fn cells_of_all(samples: &[Sample]) -> Vec<Cell> {
    let mut cells = vec![Cell::Text("in all".to_owned())];
    cells.extend(Latencies::of(samples).cells());
    cells.extend([Cell::None, Cell::None]);
    cells
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
    "p99/calm",
    "bound",
];

/// Ports to ask for the new serial from: there is one worker.
const PORTS: usize = 1;

/// Before and after the moment at which the new serial was seen.
const ABOUT: Duration = Duration::from_millis(50);

/// Time for the primary to finish what it does after its first answer.
const SETTLE: Duration = Duration::from_millis(200);

/// Queries in the corpus.
const CORPUS: usize = 20_000;
