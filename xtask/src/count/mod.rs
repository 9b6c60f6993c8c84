//! `cargo xtask count`: whether imrs counts exactly, by two counts that have nothing of imrs.
//!
//! ```text
//! captures of a root server ─▶ clients with the addresses in them ─▶ imrs ─▶ its days, documents, captures
//!                                                │                                    │ equal?
//!                                             tcpdump ─▶ dnspython, tshark ───────────┘
//! ```
//!
//! Start reading at [`run`]. `corpus` has what is replayed and `replay` sends it, `scenes` has what
//! captures lack, `play` what happens when; `numbers` reads what was counted, `compare` compares. Every
//! number has to be equal; but what the kernel dropped has to be declared, to the last datagram. What imrs
//! captured of its messages is counted by `captured`.

mod capture;
mod captured;
mod client;
mod compare;
mod corpus;
mod numbers;
mod play;
mod query;
mod replay;
mod scenes;
mod server;
mod stage;

use crate::lab::namespace::Need;
use crate::peers::{Tool, ensure_installed};
use anyhow::{Context, Result, ensure};
use compare::{Row, Whole};
use numbers::{Counted, Kept, Numbers};
use play::Played;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Options of `cargo xtask count`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Build of imrs to watch [default: one with the release profile]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// How many times as fast as they were captured queries are sent.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    speed: u32,
    /// Queries of the flood.
    #[arg(long, default_value_t = 40_000, value_parser = clap::value_parser!(u32).range(1..=400_000))]
    flood: u32,
    /// Packets of each capture [default: all]
    #[arg(long)]
    packets: Option<usize>,
    /// Seed of what is made.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print every number, not only those that differ and the sums of the rest.
    #[arg(long)]
    whole: bool,
    /// Keep all files of the run in this folder, which is made.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    need: Need,
}

/// Plays, counts and compares, if it can be played here.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.need.is_met()? {
        return Ok(());
    }
    ensure_installed(&TOOLS)?;
    let program = match &args.program {
        Some(program) => fs::canonicalize(program)?,
        None => crate::imrs::program()?,
    };
    let folder = tempfile::Builder::new().prefix("imrs-count-").tempdir()?;
    let folder = match &args.keep {
        None => folder.path().to_owned(),
        Some(kept) => {
            fs::create_dir(kept).with_context(|| kept.display().to_string())?;
            fs::canonicalize(kept)?
        }
    };
    let played = play::play(args, &program, &folder)?;
    let outcome = judge(args, &played)?;
    println!("{} passed, {} failed", outcome.held, outcome.failed);
    ensure!(outcome.failed == 0, "{} numbers differ", outcome.failed);
    Ok(())
}

#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    held: usize,
    failed: usize,
}

impl Outcome {
    fn add(&mut self, rows: &[Row]) {
        let held = rows.iter().filter(|row| row.holds()).count();
        self.held += held;
        self.failed += rows.len() - held;
    }
}

/// Counts what was captured, and compares it with what imrs says.
fn judge(args: &Args, played: &Played) -> Result<Outcome> {
    let dnspython = numbers::by_dnspython(&played.capture, played.ahead_s)?;
    let tshark = numbers::by_tshark(&played.capture, played.ahead_s, &played.keys)?;
    let kept = numbers::kept(&played.statistics)?;
    println!(
        "\nof {} packets dnspython and tshark read what follows; {} messages to the server were no queries",
        played.packets, dnspython.no_queries
    );
    ensure!(
        dnspython.unreachable == 0,
        "void: {} datagrams came while nobody listened",
        dnspython.unreachable
    );
    ensure!(
        kept.len() == 2,
        "imrs has other days than two: {:?}",
        kept.keys()
    );
    let whole = if args.whole {
        Whole::Each
    } else {
        Whole::Folded
    };
    let mut outcome = Outcome::default();
    let others = dnspython.days.keys().chain(tshark.days.keys());
    for day in kept.keys().chain(others).collect::<BTreeSet<_>>() {
        let own = { kept.get(day) }.with_context(|| format!("imrs has no {day}"))?;
        let rows = side_by_side(own, &dnspython, &tshark, day);
        compare::print(day, &rows, whole);
        println!(
            "imrs declares {} datagrams lost, and {} gaps",
            own.lost, own.gaps
        );
        outcome.add(&rows);
    }
    // Metrics count transfers apart, and not among the responses.
    let without_transfers = |mut numbers: Numbers| {
        for (name, transferred) in &dnspython.transferred {
            if let Some(count) = numbers.get_mut(name) {
                *count = count.saturating_sub(*transferred);
            }
        }
        numbers
    };
    let [by_dnspython, by_tshark] = [&dnspython, &tshark]
        .map(Counted::sum)
        .map(without_transfers);
    let rows = compare::metrics(&played.metrics, &by_dnspython, &by_tshark);
    compare::print("OpenMetrics, both days", &rows, Whole::Each);
    outcome.add(&rows);
    let lost = kept.values().map(|day| day.lost).sum();
    for (title, rows) in captured::rows(&played.captures, &dnspython, &tshark, lost)? {
        compare::print(&title, &rows, Whole::Each);
        outcome.add(&rows);
    }
    Ok(outcome)
}

fn side_by_side(own: &Kept, dnspython: &Counted, tshark: &Counted, day: &str) -> Vec<Row> {
    let by = |counted: &Counted| counted.days.get(day).cloned().unwrap_or_default();
    let (mut dnspython, tshark) = (by(dnspython), by(tshark));
    // Who asked only by encrypted DNS is known to tshark alone.
    dnspython.sources.extend(&tshark.sources);
    let sources = numbers::sources(&dnspython.sources);
    dnspython.numbers.extend(sources);
    compare::rows(&own.numbers, &dnspython.numbers, &tshark.numbers, own.lost)
}

const TOOLS: [Tool; 8] = [
    tool("tshark", "tshark"),
    tool("tcpdump", "tcpdump"),
    tool("faketime", "faketime"),
    tool("kdig", "knot-dnsutils"),
    tool("xz", "xz-utils"),
    tool("/usr/bin/python3", "python3"),
    // No commands: what is looked for are the modules.
    tool(
        "/usr/lib/python3/dist-packages/dns/message.py",
        "python3-dnspython",
    ),
    tool(
        "/usr/lib/python3/dist-packages/cbor2/__init__.py",
        "python3-cbor2",
    ),
];

const fn tool(command: &'static str, package: &'static str) -> Tool {
    Tool { command, package }
}
