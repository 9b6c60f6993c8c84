//! Many secondaries take the zone at once while UDP is answered.
//!
//! The worker has a core of its own. The generator shares the other one with the threads that send
//! and with the clients, which run behind all others, since they stand for other machines. The
//! generator has no precedence: the kernel's own work for the network would wait for it. So what it
//! asks for sinks where it asks for as much as is answered; what the worker could answer is told by
//! the worker's CPU time per response.

use super::Options;
use super::client::{Client, Taken};
use crate::bench::kernel;
use crate::bench::load::{Sample, Session, Tally, Transport, paced, since_1970};
use crate::bench::queries::{self, Delegations, Mix};
use crate::bench::report::{Cell, Table};
use crate::bench::statistics::Spread;
use crate::imrs::{self, Imrs, node_table};
use crate::root::Root;
use anyhow::{Context, Result, anyhow, ensure};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// Measures under both kinds of load, and prints the table.
pub(super) fn run(options: &Options) -> Result<()> {
    let common = &options.common;
    let root = common.root.resolve()?;
    let queries = queries::corpus(
        &Delegations::read(&root.file)?,
        Mix::Root,
        common.seed,
        CORPUS,
    );
    let address = common.address(0)?;
    let imrs = start(&root, address)?;
    let title = format!(
        "UDP while {} secondaries take the root at once, {} rounds",
        options.secondaries, options.rounds
    );
    let mut table = Table::new(title, &COLUMNS);
    for load in [Load::Saturating, Load::Paced(options.rate)] {
        let (rounds, heard) = measure(options, load, &imrs, address, &queries)?;
        table.push(row(load, &rounds, &heard));
    }
    table.print(common.output);
    Ok(())
}

/// imrs with one worker on the first core, and the root for everybody on loopback.
fn start(root: &Root, address: SocketAddr) -> Result<Imrs> {
    let program = imrs::program()?;
    Imrs::start_with(&program, address, &["."], |directory| {
        let mut text = node_table(address, 1, true, directory);
        if let Some(time) = &root.at {
            text += &format!("[verify]\nat = \"{time}\"\n");
        }
        text += &format!(
            "[[zone]]\nname = \".\"\nfile = \"{}\"\nallow-transfer = [\"127.0.0.0/8\"]\n",
            root.file.display()
        );
        if let Some(anchors) = &root.anchors {
            text += &format!("anchors = \"{}\"\n", anchors.display());
        }
        Ok(text)
    })
}

/// How UDP is asked.
#[derive(Clone, Copy, Debug)]
enum Load {
    /// As much as is answered.
    Saturating,
    /// So many queries a second.
    Paced(u32),
}

/// What came of it.
enum Heard {
    Bursts(Vec<Burst>),
    Samples(Vec<Sample>),
}

/// A short burst of a saturating load.
struct Burst {
    span: Range<Duration>,
    tally: Tally,
}

/// One time that all secondaries took the zone.
struct Round {
    before: Range<Duration>,
    span: Range<Duration>,
    /// CPU time of the worker in each.
    worker: [Duration; 2],
    taken: Vec<Taken>,
}

fn measure(
    options: &Options,
    load: Load,
    imrs: &Imrs,
    server: SocketAddr,
    queries: &[Vec<u8>],
) -> Result<(Vec<Round>, Heard)> {
    let pid = *imrs.daemon.processes().first().context("no process")?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| hear(options, load, server, queries, &stop));
        let rounds = (0..options.rounds).map(|_| take_all(options, pid, server));
        let rounds = rounds.collect::<Result<Vec<_>>>();
        stop.store(true, Relaxed);
        let heard = load
            .join()
            .map_err(|_| anyhow!("the load generator panicked"))??;
        Ok((rounds?, heard))
    })
}

fn hear(
    options: &Options,
    load: Load,
    server: SocketAddr,
    queries: &[Vec<u8>],
    stop: &AtomicBool,
) -> Result<Heard> {
    kernel::pin_this_thread(options.common.server_core()?)?;
    if let Load::Paced(rate) = load {
        return Ok(Heard::Samples(paced(server, queries, rate, stop)?));
    }
    let mut session = Session::open(Transport::Udp, server, WINDOW)?;
    let mut bursts = Vec::new();
    while !stop.load(Relaxed) {
        let start = since_1970();
        let tally = session.burst(queries, BURST)?;
        let span = start..since_1970();
        bursts.push(Burst { span, tally });
    }
    Ok(Heard::Bursts(bursts))
}

/// All secondaries connect, wait for each other, and take the zone.
fn take_all(options: &Options, pid: u32, server: SocketAddr) -> Result<Round> {
    let clients = (0..options.secondaries).map(|_| Client::connect(server));
    let clients = clients.collect::<Result<Vec<_>>>()?;
    thread::sleep(SETTLE);
    let worker = || (since_1970(), kernel::threads_cpu_time(pid, WORKER));
    let (calm, calm_cpu) = worker();
    thread::sleep(BEFORE);
    let core = options.common.server_core()?;
    let ready = Barrier::new(clients.len() + 1);
    let (start, start_cpu, taken) = thread::scope(|scope| {
        let take = |client: Client| {
            let ready = &ready;
            scope.spawn(move || {
                let pinned = kernel::pin_this_thread(core);
                kernel::yield_to_others();
                ready.wait();
                pinned?;
                client.take()
            })
        };
        let threads: Vec<_> = clients.into_iter().map(take).collect();
        let (start, cpu) = worker();
        ready.wait();
        let taken = threads.into_iter().map(|thread| {
            let taken = thread.join();
            taken.map_err(|_| anyhow!("a client panicked"))?
        });
        (start, cpu, taken.collect::<Result<Vec<_>>>())
    });
    let (end, end_cpu) = worker();
    let taken = taken?;
    let first = taken.first().context("no secondary")?;
    ensure!(
        taken.iter().all(|taken| taken.records == first.records),
        "secondaries got different numbers of records"
    );
    Ok(Round {
        before: calm..start,
        span: start..end,
        worker: [start_cpu - calm_cpu, end_cpu - start_cpu],
        taken,
    })
}

impl Heard {
    /// CPU time of the worker for a response in a span of time, in microseconds.
    fn cost_us(&self, span: &Range<Duration>, worker: Duration) -> f64 {
        let answered = self.rate(span) * (span.end - span.start).as_secs_f64();
        worker.as_secs_f64() * 1e6 / answered
    }

    /// Responses a second in a span of time.
    fn rate(&self, span: &Range<Duration>) -> f64 {
        match self {
            Heard::Bursts(bursts) => {
                let within = |burst: &&Burst| {
                    span.contains(&burst.span.start) && span.contains(&burst.span.end)
                };
                let (mut answered, mut seconds) = (0, 0.0);
                for burst in bursts.iter().filter(within) {
                    answered += burst.tally.answered;
                    seconds += (burst.span.end - burst.span.start).as_secs_f64();
                }
                answered as f64 / seconds
            }
            Heard::Samples(samples) => {
                let answered = samples
                    .iter()
                    .filter(|sample| span.contains(&sample.sent) && sample.latency.is_some());
                answered.count() as f64 / (span.end - span.start).as_secs_f64()
            }
        }
    }

    fn lost(&self) -> u64 {
        match self {
            Heard::Bursts(bursts) => bursts.iter().map(|burst| burst.tally.lost()).sum(),
            Heard::Samples(samples) => {
                let lost = samples.iter().filter(|sample| sample.latency.is_none());
                lost.count() as u64
            }
        }
    }
}

fn row(load: Load, rounds: &[Round], heard: &Heard) -> Vec<Cell> {
    let before = |round: &Round| heard.rate(&round.before);
    let meanwhile = |round: &Round| heard.rate(&round.span);
    let cost_before = |round: &Round| heard.cost_us(&round.before, round.worker[0]);
    let cost_meanwhile = |round: &Round| heard.cost_us(&round.span, round.worker[1]);
    let spread = |value: &dyn Fn(&Round) -> f64| Spread::of(rounds.iter().map(value));
    let times = rounds
        .iter()
        .map(|round| (round.span.end - round.span.start).as_secs_f64());
    let octets = rounds
        .iter()
        .map(|round| round.taken.iter().map(|taken| taken.octets as f64).sum());
    vec![
        Cell::Text(match load {
            Load::Saturating => "as much as is answered".to_owned(),
            Load::Paced(rate) => format!("{rate} a second"),
        }),
        Cell::Count(spread(&before).median as u64),
        Cell::Spread(spread(&|round| meanwhile(round) / before(round)), 3),
        Cell::Number(spread(&cost_before).median, 2),
        Cell::Spread(
            spread(&|round| cost_before(round) / cost_meanwhile(round)),
            3,
        ),
        Cell::Text("≥ 0.95".to_owned()),
        Cell::Count(heard.lost()),
        Cell::Spread(Spread::of(times), 2),
        Cell::Count(Spread::of(octets).median as u64),
    ]
}

const COLUMNS: [&str; 9] = [
    "load",
    "answers/s before",
    "meanwhile/before",
    "worker µs/answer",
    "before/meanwhile",
    "bound",
    "lost",
    "until all have it s",
    "octets",
];

/// What the names of threads that answer begin with.
const WORKER: &str = "worker";

/// Time before a round that its rate is compared with.
const BEFORE: Duration = Duration::from_secs(1);

/// Time for the server to accept all connections.
const SETTLE: Duration = Duration::from_millis(200);

/// Short beside a round, so that the rate within one can be told.
const BURST: Duration = Duration::from_millis(20);

/// Queries outstanding at any time in a burst.
const WINDOW: usize = 160;

/// Queries in the corpus.
const CORPUS: usize = 20_000;
