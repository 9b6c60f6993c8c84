//! The scene of zone transfers: a secondary under load, and all that may happen to its zone.
//!
//! Start reading at [`run`]; `play` has the scenes.

use super::load::Asked;
use super::made::{Length, Made};
use super::namespace::Need;
use super::play::Play;
use super::stage::Stage;
use crate::peers::{Software, ensure_installed};
use crate::transfer::Program;
use crate::transfer::versions::Versions;
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use std::path::PathBuf;

/// How to play it.
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    /// Delegations of the root [default: as many as the real one has]
    #[arg(long, default_value_t = imrs_zone::synth::REAL_TLDS)]
    tlds: usize,
    /// Queries a second.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    rate: u32,
    /// The secondary. Only of imrs it is asked why it refuses.
    #[arg(long, value_enum, default_value = "imrs")]
    secondary: Secondary,
    /// Build of imrs to try [default: one with the release profile]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Leave long waits out, and what needs more servers than Knot.
    #[arg(long)]
    brief: bool,
    #[command(flatten)]
    need: Need,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Secondary {
    Imrs,
    Nsd,
    Knot,
    Bind,
}

/// Plays it, if it can be played here.
pub(super) fn run(options: &Options) -> Result<()> {
    if !options.need.is_met()? {
        return Ok(());
    }
    let secondary = match options.secondary {
        Secondary::Imrs => Program::imrs(options.program.as_deref())?,
        Secondary::Nsd => Program::Peer(Software::Nsd),
        Secondary::Knot => Program::Peer(Software::Knot),
        Secondary::Bind => Program::Peer(Software::Bind),
    };
    let mut tools = vec![Software::Knot.tool()];
    if !options.brief {
        tools.push(Software::Bind.tool());
    }
    if let Program::Peer(software) = &secondary {
        tools.push(software.tool());
    }
    ensure_installed(&tools)?;
    let versions = Versions::new(options.tlds)?;
    // Made beforehand: signing would take the cores away from what is watched.
    let made = Made::make(&versions)?;
    let length = if options.brief {
        Length::Brief
    } else {
        Length::Full
    };
    let stage = Stage::build(versions.anchors)?;
    let mut play = Play::begin(&stage, made, &secondary, options.rate, length)?;
    let outcome = play.go();
    let end = play.secondary.log_end();
    let held = play.held;
    let failures = std::mem::take(&mut play.failures);
    let log = play.load.finish();
    let harmed = play.transcript.table(&log);
    outcome.with_context(|| format!("the end of the secondary's log:\n{end}"))?;
    never_back(&log)?;
    println!("\n{harmed} queries lost or answered wrongly while the server was meant to run");
    for failure in &failures {
        println!("does not hold: {failure}");
    }
    let failed = failures.len() + usize::from(harmed > 0);
    println!("{held} passed, {failed} failed");
    ensure!(failed == 0, "{failed} things do not hold");
    Ok(())
}

/// No flow was ever told an older serial after a newer one.
fn never_back(log: &[Asked]) -> Result<()> {
    let mut told: Vec<&Asked> = log.iter().filter(|asked| asked.serial.is_some()).collect();
    told.sort_by_key(|asked| (asked.flow, asked.sent));
    for pair in told.windows(2) {
        let [one, next] = pair else { continue };
        // Responses to queries that were under way at once may come from both sides of a swap.
        let is_after = one.answered.is_some_and(|answered| answered < next.sent);
        if one.flow == next.flow && is_after && one.serial > next.serial {
            bail!("a client was told {:?} after {:?}", next.serial, one.serial);
        }
    }
    Ok(())
}
