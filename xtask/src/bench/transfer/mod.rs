//! Zone transfers: how soon a new serial is answered, what answering loses by it, and what sending
//! the zone to many takes from answering.
//!
//! Start reading at [`run`]. The parts: `versions` makes roots that differ in their serial, `ends`
//! starts a primary and imrs as its secondary, `watch` sees when a serial is answered, `client` is
//! one secondary of many. `fresh`, `swaps` and `sending` measure.

mod client;
mod ends;
mod fresh;
mod message;
mod sending;
mod swaps;
mod versions;
mod watch;

use super::Common;
use anyhow::Result;
use ends::Kind;

/// What to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// Parts; a table or more for each.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "fresh,swaps,sending"
    )]
    parts: Vec<Part>,
    /// Primaries; a row for each in `fresh`, the first one in `swaps`.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "knot,knot-ixfr,imrs"
    )]
    primaries: Vec<Kind>,
    /// New versions that each server is given, one after the other.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Worker threads of the secondary in `fresh`.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Queries a second in `swaps` and `sending`.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=500_000))]
    rate: u32,
    /// Secondaries that take the zone at once in `sending`.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    secondaries: u32,
    /// Times that they do.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    #[command(flatten)]
    common: Common,
}

/// The parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// From NOTIFY to the new serial on every worker.
    Fresh,
    /// Loss and latency of UDP while versions are swapped in.
    Swaps,
    /// The rate of UDP while many secondaries take the zone at once.
    Sending,
}

/// Measures and prints the tables.
pub(crate) fn run(options: &Options) -> Result<()> {
    for part in &options.parts {
        match part {
            Part::Fresh => fresh::run(options)?,
            Part::Swaps => swaps::run(options)?,
            Part::Sending => sending::run(options)?,
        }
    }
    Ok(())
}
