//! `cargo xtask lab attack`: imrs, NSD and Knot under attack, with limits that are as equal as
//! they can be, and what their clients notice of it.
//!
//! Start reading at [`run`]. `field` makes the namespaces, `servers` the servers. `flood` sends
//! datagrams with spoofed sources (`query` and `packet` are its octets), `bots` connect, `clients`
//! are the resolvers that are to be answered all the while. `capacity` finds where a server begins
//! to lose, `scene` says what is played, `meter` counts, `outcome`, `report` and `picture` tell
//! what came of it. `brake` slows all servers alike where one core cannot offer five times what they
//! answer.
//!
//! All is bounded in number and time, stays in the namespaces, and ends with the task.

mod bots;
mod brake;
mod capacity;
mod clients;
mod connection;
mod field;
mod flood;
mod meter;
mod outcome;
mod packet;
mod picture;
mod query;
mod report;
mod resolver;
mod scene;
mod servers;

use super::namespace;
use crate::bench::queries::Delegations;
use crate::peers::{Software, Tool, ensure_installed};
use crate::root::{self, Root};
use crate::transfer::Program;
use anyhow::{Result, ensure};
use bots::Bots;
use brake::Brake;
use capacity::Capacity;
use clients::Clients;
use field::Field;
use flood::Flood;
use meter::Meter;
use outcome::{Span, Story};
use scene::{Attack, Scene};
use servers::{Limits, Server};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

/// How to play it.
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    /// imrs alone, few scenes, half a minute.
    #[arg(long)]
    brief: bool,
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
    /// Seconds of each attack.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(4..=3600))]
    seconds: u64,
    /// Where to draw the picture.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
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
    /// Say so and succeed where namespaces cannot be made.
    #[arg(long)]
    skip_if_impossible: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    Imrs,
    Nsd,
    Knot,
}

/// Plays it, if it can be played here.
pub(super) fn run(options: &Options) -> Result<()> {
    let missing = ensure_installed(&[IP]).err();
    let missing = missing.map(|error| format!("{error:#}"));
    if let Some(why) = missing.or_else(namespace::impossible) {
        ensure!(
            options.skip_if_impossible,
            "network namespaces cannot be made here: {why}"
        );
        println!("skipped: network namespaces cannot be made here: {why}");
        return Ok(());
    }
    ensure!(
        options.server_core != options.load_core,
        "servers and load need a core each: see --server-core and --load-core"
    );
    let programs = programs(options)?;
    let drill = Drill::prepare(options)?;
    let mut found = drill.capacities(&programs)?;
    let most = found.iter().map(|capacity| capacity.point).max();
    let is_too_fast = most.unwrap_or_default() > drill.highest / TOO_FAST;
    let _brake = if !options.brief && is_too_fast && options.share < 100 {
        let share = options.share;
        println!("five times that is too much to offer: from here on all have {share} % of a core");
        let brake = Brake::put_on(options.server_core, share)?;
        found = drill.capacities(&programs)?;
        Some(brake)
    } else {
        None
    };
    let peers = programs.iter().zip(&found);
    let peers = peers.filter(|(program, _)| matches!(program, Program::Peer(_)));
    let slowest = peers.map(|(_, capacity)| capacity.point).min();
    let mut stories = Vec::new();
    for (program, capacity) in programs.iter().zip(&found) {
        let scenes = if options.brief {
            scene::brief(capacity.point)
        } else {
            scene::full(capacity.point, slowest)
        };
        let only = options.only.as_deref().unwrap_or_default();
        let scenes = scenes
            .into_iter()
            .filter(|scene| scene.name.starts_with(only));
        let story = drill.play(program, scenes)?;
        report::story(&story);
        stories.push(story);
    }
    if let Some(file) = &options.svg {
        picture::draw(&stories, file)?;
        println!("\n{}", file.display());
    }
    let (own, peers): (Vec<&Story>, Vec<&Story>) =
        stories.iter().partition(|story| story.name == "imrs");
    let verdicts = own.iter().flat_map(|imrs| outcome::verdicts(imrs, &peers));
    let failed = report::verdicts(&verdicts.collect::<Vec<_>>());
    ensure!(failed == 0, "{failed} bounds do not hold");
    Ok(())
}

fn programs(options: &Options) -> Result<Vec<Program>> {
    let mut kinds = options.servers.clone();
    if options.brief {
        kinds.retain(|kind| *kind == Kind::Imrs);
    }
    let mut programs = Vec::new();
    for kind in kinds {
        programs.push(match kind {
            Kind::Imrs => Program::imrs(options.program.as_deref())?,
            Kind::Nsd => Program::Peer(Software::Nsd),
            Kind::Knot => Program::Peer(Software::Knot),
        });
    }
    let peers = programs.iter().filter_map(|program| match program {
        Program::Peer(software) => Some(software.tool()),
        Program::Imrs(_) => None,
    });
    ensure_installed(&peers.collect::<Vec<_>>())?;
    for program in &programs {
        println!("{:<6} {}", program.name(), program.version()?);
    }
    Ok(programs)
}

/// What all servers meet.
struct Drill<'a> {
    options: &'a Options,
    root: Root,
    delegations: Arc<Delegations>,
    flood: Flood,
    field: Field,
    /// Frames a second that the generator reaches; not measured where there is little time.
    highest: u32,
}

impl Drill<'_> {
    fn prepare(options: &Options) -> Result<Drill<'_>> {
        let root = options.root.resolve()?;
        let delegations = Arc::new(Delegations::read(&root.file)?);
        let field = Field::build(options.server_core)?;
        let flood = field.attackers.enter(|| Flood::start(options.load_core))?;
        let mut highest = 0;
        if !options.brief {
            highest = capacity::highest(&field, &flood, &delegations, STEP)?;
            println!("the generator reaches {highest} frames a second");
        }
        Ok(Drill {
            options,
            root,
            delegations,
            flood,
            field,
            highest,
        })
    }

    fn start(&self, program: &Program, limits: Limits) -> Result<Server> {
        let core = self.options.server_core;
        Server::start(program, &self.root, &self.field, limits, core)
    }

    fn capacities(&self, programs: &[Program]) -> Result<Vec<Capacity>> {
        let step = if self.options.brief { STEP / 4 } else { STEP };
        let mut all = Vec::new();
        for program in programs {
            let _server = self.start(program, Limits::Off)?;
            let found = capacity::search(&self.field, &self.flood, &self.delegations, step)?;
            report::capacity(program.name(), found);
            all.push(found);
        }
        Ok(all)
    }

    fn play(&self, program: &Program, scenes: impl Iterator<Item = Scene>) -> Result<Story> {
        let server = self.start(program, Limits::On)?;
        let core = self.options.load_core;
        let clients = Clients::start(&self.field, core, Arc::clone(&self.delegations))?;
        let opened = Arc::new(AtomicU64::new(0));
        let meter = Meter {
            field: &self.field,
            flood: &self.flood,
            opened: Arc::clone(&opened),
            teller: server.teller(),
            start: clients.start,
            core,
        };
        let (calm, pause, length) = if self.options.brief {
            (CALM / 4, PAUSE, BRIEF_SCENE)
        } else {
            (CALM, PAUSE, Duration::from_secs(self.options.seconds))
        };
        let mut memory = (0, 0);
        let (spans, points) = meter.during(|| {
            thread::sleep(calm);
            memory.0 = server.memory();
            let mut spans = Vec::new();
            for scene in scenes {
                let from = clients.start.elapsed();
                let bots = self.begin(scene.attack, &opened)?;
                thread::sleep(length);
                self.flood.pause();
                let to = clients.start.elapsed();
                drop(bots);
                spans.push(Span { scene, from, to });
                thread::sleep(pause);
            }
            memory.1 = server.memory();
            Ok(spans)
        })?;
        Ok(Story {
            name: program.name(),
            spans,
            points,
            log: clients.finish(),
            memory,
        })
    }

    fn begin(&self, attack: Attack, opened: &Arc<AtomicU64>) -> Result<Option<Bots>> {
        match attack {
            Attack::Flood(kind, rate) => {
                self.flood.set(kind, rate, &self.delegations);
                Ok(None)
            }
            Attack::Connect(way) => {
                let core = self.options.load_core;
                Bots::start(&self.field, core, way, Arc::clone(opened)).map(Some)
            }
        }
    }
}

/// What makes namespaces.
const IP: Tool = Tool {
    command: "ip",
    package: "iproute2",
};

/// Time of each rate in the search for a capacity.
const STEP: Duration = Duration::from_secs(1);

/// The generator reaches less beside a server than alone: it must have so many times as much as is
/// wanted at once.
const TOO_FAST: u32 = 8;

/// Before the first attack: servers that learn who their clients are need a while.
const CALM: Duration = Duration::from_secs(20);

/// Between two attacks.
const PAUSE: Duration = Duration::from_millis(1_500);

/// The length of a scene where there is little time.
const BRIEF_SCENE: Duration = Duration::from_millis(4_500);
