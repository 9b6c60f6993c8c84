//! `cargo xtask lab attack`: imrs, NSD and Knot under attack, with limits that are as equal as
//! they can be, and what their clients notice of it.
//!
//! Start reading at [`run`]. `field` makes the namespaces, `servers` the servers. `flood` sends
//! datagrams with spoofed sources (`query` and `packet` are its octets), `bots` connect, `clients`
//! are the resolvers that are to be answered all the while. `capacity` finds where a server begins
//! to lose, `scene` says what is played, `drill` plays it. `meter` counts and `teller` asks the
//! servers, `core_time` tells how calm the machine is; `ledger` sees to it that every datagram is accounted for. `outcome`, `verdict`,
//! `report` and `picture` tell what came of it. `brake` slows all servers alike where one core
//! cannot offer five times what they answer.
//!
//! All is bounded in number and time, stays in the namespaces, and ends with the task.

mod bots;
mod brake;
mod capacity;
mod clients;
mod connection;
mod core_time;
mod drill;
mod field;
mod flood;
mod ledger;
mod meter;
mod outcome;
mod packet;
mod picture;
mod query;
mod report;
mod resolver;
mod scene;
mod servers;
mod teller;
mod verdict;

use super::namespace::Need;
use crate::peers::{Software, ensure_installed};
use crate::root;
use crate::transfer::Program;
use anyhow::{Result, ensure};
use brake::Brake;
use capacity::Capacity;
use drill::Drill;
use outcome::Story;
use scene::{Points, Scene};
use std::path::PathBuf;
use std::time::Duration;

/// How to play it.
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    /// imrs alone, few scenes, two minutes.
    #[arg(long)]
    brief: bool,
    /// imrs alone under all attacks at once for so many minutes; judges whether its memory grows.
    #[arg(long, value_name = "MINUTES", conflicts_with = "brief",
          value_parser = clap::value_parser!(u64).range(1..=1440))]
    soak: Option<u64>,
    /// Build of imrs to try [default: one with the release profile]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Only scenes whose name begins so.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Only these servers.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "imrs,nsd,knot"
    )]
    servers: Vec<Kind>,
    /// Seconds of most attacks.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(4..=3600))]
    seconds: u64,
    /// Where to draw the picture.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Where to write the table in Markdown.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    #[command(flatten)]
    root: root::Choice,
    /// Share of a core that servers are left with where five times what they answer at all of it
    /// cannot be offered.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(10..=100))]
    share: u32,
    /// Core of the servers, and of what the kernel does for them.
    #[arg(long, default_value_t = 1)]
    server_core: usize,
    /// Core of attackers and clients.
    #[arg(long, default_value_t = 0)]
    load_core: usize,
    #[command(flatten)]
    need: Need,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Imrs,
    Nsd,
    Knot,
}

/// Plays it, if it can be played here.
pub(super) fn run(options: &Options) -> Result<()> {
    if !options.need.is_met()? {
        return Ok(());
    }
    ensure!(
        options.server_core != options.load_core,
        "servers and load need a core each: see --server-core and --load-core"
    );
    let programs = programs(options)?;
    let drill = Drill::prepare(options)?;
    let (found, _brake) = capacities(options, &drill, &programs)?;
    // Of imrs, if it takes part.
    let Some(base) = found.first().map(|(_, capacity)| capacity.point) else {
        return Ok(());
    };
    let mut stories = Vec::new();
    for (program, (_, capacity)) in programs.iter().zip(&found) {
        let own = capacity.point;
        let story = drill.play(program, scenes(options, Points { base, own }))?;
        report::story(&story);
        stories.push(story);
    }
    if let Some(file) = &options.svg {
        picture::draw(&stories, file)?;
        println!("\n{}", file.display());
    }
    if let Some(file) = &options.markdown {
        report::markdown(&found, &stories, file)?;
        println!("\n{}", file.display());
    }
    let (own, peers): (Vec<&Story>, Vec<&Story>) =
        stories.iter().partition(|story| story.name == "imrs");
    let verdicts = own.iter().flat_map(|imrs| verdict::verdicts(imrs, &peers));
    let failed = report::verdicts(&verdicts.collect::<Vec<_>>());
    ensure!(failed == 0, "{failed} bounds do not hold");
    Ok(())
}

/// imrs comes first.
fn programs(options: &Options) -> Result<Vec<Program>> {
    let alone = options.brief || options.soak.is_some();
    let wanted = |kind: Kind| options.servers.contains(&kind);
    let mut programs = Vec::new();
    if alone || wanted(Kind::Imrs) {
        programs.push(Program::imrs(options.program.as_deref())?);
    }
    let peers = [(Kind::Nsd, Software::Nsd), (Kind::Knot, Software::Knot)];
    for (kind, software) in peers {
        if !alone && wanted(kind) {
            ensure_installed(&[software.tool()])?;
            programs.push(Program::Peer(software));
        }
    }
    for program in &programs {
        println!("{:<6} {}", program.name(), program.version()?);
    }
    Ok(programs)
}

/// Servers, and where the kernel begins to drop for each.
type Found = Vec<(&'static str, Capacity)>;

/// Where the kernel begins to drop for each; under a brake if that is needed.
fn capacities(
    options: &Options,
    drill: &Drill<'_>,
    programs: &[Program],
) -> Result<(Found, Option<Brake>)> {
    let search = || -> Result<Found> {
        let mut all = Vec::new();
        for program in programs {
            let found = drill.capacity(program)?;
            report::capacity(program.name(), found);
            all.push((program.name(), found));
        }
        Ok(all)
    };
    let needs_five = !options.brief && options.soak.is_none() && options.share < 100;
    if !needs_five {
        return Ok((search()?, None));
    }
    let highest = drill.highest()?;
    println!("the generator reaches {highest} frames a second");
    let found = search()?;
    let most = found.iter().map(|(_, capacity)| capacity.point).max();
    if most.unwrap_or_default() <= highest / TOO_FAST {
        return Ok((found, None));
    }
    let share = options.share;
    println!("five times that is too much to offer: from here on all have {share} % of a core");
    let brake = Brake::put_on(options.server_core, share)?;
    Ok((search()?, Some(brake)))
}

fn scenes(options: &Options, points: Points) -> Vec<Scene> {
    let mut scenes = match options.soak {
        Some(minutes) => scene::soak(points, Duration::from_secs(60 * minutes)),
        None if options.brief => scene::brief(points),
        None => scene::full(points, Duration::from_secs(options.seconds)),
    };
    let only = options.only.as_deref().unwrap_or_default();
    scenes.retain(|scene| scene.name.starts_with(only));
    scenes
}

/// The generator reaches less beside a server than alone: it must have so many times as much as is
/// wanted at once.
const TOO_FAST: u32 = 7;
