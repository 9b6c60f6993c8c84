//! `imrs stats`: what is counted, live and by days.
//!
//! ```text
//! imrs stats                  a running server, over its control socket   live
//! imrs stats show DAY         all of one day                              show
//! imrs stats merge DAY…       days of many nodes → one, and RSSAC002      merge
//! imrs stats check DIR        RSSAC002 documents against their rules      check
//! imrs stats report DAY       a day as a picture                          report
//! ```
//!
//! What days are kept in is the matter of [`imrs_telemetry::day`]; reading them is that of
//! [`accounts`]. Nothing here is part of a server.

mod accounts;
mod check;
mod figures;
mod live;
mod merge;
mod report;
mod show;

use super::{Exit, Output};
use clap::{Args, Subcommand};
use imrs_telemetry::Day;
use imrs_telemetry::rssac002::Letter;
use std::path::PathBuf;

/// Options of `imrs stats`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Statistics {
    /// What to do; without, a running server is watched.
    #[command(subcommand)]
    command: Option<Command>,
    /// How it is watched.
    #[command(flatten)]
    live: Live,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows all that was counted on a day.
    Show(Show),
    /// Merges days of many nodes, and writes what they are together with its RSSAC002 documents.
    #[command(
        after_help = "Exit codes: 0 it is written, 1 nothing is written of the day that is named, \
                            3 it is written and nodes are missing."
    )]
    Merge(Merge),
    /// Checks RSSAC002 documents of versions 2 to 5 against each other.
    #[command(after_help = "Exit codes: 0 all rules hold, 1 some do not, or a file is none.")]
    Check(Check),
    /// Draws a day on one page.
    Report(Report),
}

/// Options of `imrs stats` alone.
#[derive(Args, Debug)]
struct Live {
    /// Control socket of the server [default: the first that exists of those `serve` would choose]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Print one measurement and end.
    #[arg(long)]
    once: bool,
    /// How long to measure.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: u16,
    /// Form of the output; `json` prints one measurement and ends.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// Options of `imrs stats show`.
#[derive(Args, Debug)]
struct Show {
    #[command(flatten)]
    which: Which,
    /// Form of the output.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// A day of one node or of many.
#[derive(Args, Debug)]
struct Which {
    /// File of the day.
    #[arg(value_name = "DAY-FILE", required_unless_present = "day", conflicts_with_all = ["day", "state"])]
    file: Option<PathBuf>,
    /// Day of the node on this machine instead, such as 2025-10-01.
    #[arg(long, value_name = "DATE", value_parser = day)]
    day: Option<Day>,
    /// State folder of that node.
    #[arg(long, value_name = "DIR", default_value = crate::control::path::STATE)]
    state: PathBuf,
}

/// Options of `imrs stats merge`.
#[derive(Args, Debug)]
struct Merge {
    /// Sealed days of nodes or sites, and folders, of which all `*.day` are taken.
    #[arg(value_name = "SEALED", required = true)]
    sealed: Vec<PathBuf>,
    /// Folder to write to; made if absent.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Letter of the root server, for the names in RSSAC002 documents.
    #[arg(long, value_name = "L", value_parser = letter)]
    letter: Letter,
    /// Instances that load times are told of [default: the nodes, missing ones too]
    #[arg(long, value_name = "N")]
    instances: Option<usize>,
    /// Take this day only.
    #[arg(long, value_name = "DATE", value_parser = day)]
    day: Option<Day>,
    /// Leave out what is damaged. The time of these nodes becomes a gap in what is written.
    #[arg(long)]
    skip_damaged: bool,
    /// Replace what is there and different.
    #[arg(long)]
    force: bool,
    /// Form of the output.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// Options of `imrs stats check`.
#[derive(Args, Debug)]
struct Check {
    /// Documents, and folders, of which all `*.yaml` are taken.
    #[arg(value_name = "DIR", required = true)]
    documents: Vec<PathBuf>,
    /// Form of the output.
    #[arg(long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// Options of `imrs stats report`.
#[derive(Args, Debug)]
struct Report {
    #[command(flatten)]
    which: Which,
    /// File to write the picture to, in the place of what is there.
    #[arg(long, value_name = "FILE")]
    svg: PathBuf,
    /// Whose day it is, for the title.
    #[arg(long, value_name = "TEXT", default_value = "DNS root server")]
    title: String,
}

/// Runs the command.
pub(super) fn run(args: &Statistics) -> anyhow::Result<Exit> {
    match &args.command {
        None => live::run(&args.live),
        Some(Command::Show(args)) => show::run(args),
        Some(Command::Merge(args)) => merge::run(args),
        Some(Command::Check(args)) => check::run(args),
        Some(Command::Report(args)) => report::run(args),
    }
}

/// The value of `--day`.
fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "not a date; write it as in 2025-10-01".to_owned())
}

/// The value of `--letter`.
fn letter(text: &str) -> Result<Letter, String> {
    let mut letters = text.chars();
    match (letters.next().and_then(Letter::new), letters.next()) {
        (Some(letter), None) => Ok(letter),
        _ => Err("not the letter of a root server, a to m".to_owned()),
    }
}
