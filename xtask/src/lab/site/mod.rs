//! `cargo xtask lab site`: two Singles and a Cluster of four in networks with real routers,
//! resolvers and clients, and all that may happen to them.
//!
//! Start reading at [`run`]. `plan` says who is where, `network` joins them with BIRD as routers
//! (`bird`), `node` is a node of ours with its `settings`, `servers` are all others, `zone` makes
//! versions of the root. `load` asks and keeps a log, `connections` ask over TCP, `users` ask resolvers, `watch` sees where
//! routes lead. `scenes` says what happens, `measure` what a log tells, `figures`, `report` and
//! `picture` what came of it. All of it stays in namespaces and ends with the task.

mod bird;
mod capacity;
mod connections;
mod figures;
mod load;
mod measure;
mod network;
mod node;
mod picture;
mod plan;
mod query;
mod report;
mod scenes;
mod servers;
mod settings;
mod users;
mod waiting;
mod watch;
mod world;
mod zone;

use super::namespace::Need;
use crate::peers::{Software, ensure_installed};
use crate::transfer::Program;
use anyhow::{Result, bail, ensure};
use figures::{Figure, Row};
use load::PATIENCE;
use measure::Span;
use picture::Film;
use plan::Place;
use scenes::{ALL, Scene};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use waiting::{heed_signals, is_to_end, pause};
use world::{Rates, World};

/// How to play it.
#[derive(clap::Args, Debug)]
pub(super) struct Options {
    /// Only these scenes [default: all].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    scene: Vec<String>,
    /// How often each is played whose times vary.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Leave out what takes minutes, and offer a fixed load during upgrades instead of half of what
    /// this machine carries.
    #[arg(long)]
    brief: bool,
    /// Delegations of the root.
    #[arg(long, default_value_t = 50)]
    tlds: usize,
    /// Queries a second of the clients of the Cluster; each Single has an eighth of it.
    #[arg(long, default_value_t = 800, value_parser = clap::value_parser!(u32).range(80..=20_000))]
    rate: u32,
    /// Build of imrs to try [default: one with the release profile]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Where to draw the failovers of the first run.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Document whose table is to be renewed.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    #[command(flatten)]
    need: Need,
}

/// Plays it, if it can be played here.
pub(super) fn run(options: &Options) -> Result<()> {
    if !options.need.is_met()? {
        return Ok(());
    }
    let wanted = wanted(options)?;
    let (nsd, knot) = (Software::Nsd.tool(), Software::Knot.tool());
    ensure_installed(&[
        bird::BIRD,
        nsd,
        knot,
        servers::UNBOUND,
        network::TC,
        network::NFT,
    ])?;
    let Program::Imrs(program) = Program::imrs(options.program.as_deref())? else {
        unreachable!("imrs is imrs");
    };
    heed_signals()?;
    let mut told = Told::default();
    let mut world = build(&program, options)?;
    let links = world.network.links;
    for run in 1..=options.runs {
        let is_named = !options.scene.is_empty();
        let is_in = |scene: &&Scene| is_named || scene.when.is_in(run, options.brief);
        for scene in wanted.iter().filter(is_in) {
            play(&mut world, scene, run, &mut told)?;
        }
    }
    for (from, load) in std::mem::take(&mut world.loads) {
        let log = load.finish(&world.network)?;
        let (all, dropped) = (log.asked.len(), log.dropped_here);
        println!(
            "{}: {all} queries; {dropped} responses dropped by its own kernel",
            from.name()
        );
        // A response that our own sockets had no room for must not count as lost.
        ensure!(dropped == 0, "the load itself lost responses: lower --rate");
    }
    drop(world);
    told.conclude(options, &wanted, links)
}

fn build(program: &Path, options: &Options) -> Result<World> {
    let single = options.rate / 8;
    let rates = Rates([
        (Place::Clients, options.rate, 192),
        (Place::ClientsA, single, 16),
        (Place::ClientsB, single, 16),
    ]);
    World::build(program, options.tlds, &rates, options.brief)
}

/// Plays a scene once. That something does not come about is an outcome as well.
fn play(world: &mut World, scene: &Scene, run: u32, told: &mut Told) -> Result<()> {
    world.settle()?;
    println!("{:>9}  {}, run {run}", "", scene.name);
    let from = world.now();
    match (scene.play)(world) {
        Ok(figures) => {
            let failed = report::scene(&figures::rows(scene.name, std::slice::from_ref(&figures)));
            told.failed += failed;
            told.figures.entry(scene.name).or_default().push(figures);
            if failed > 0 {
                world.tell_logs();
            }
        }
        Err(error) => {
            ensure!(!is_to_end(), "{error:#}");
            println!("    DOES NOT HOLD: {error:#}");
            told.broken += 1;
        }
    }
    world.tell_losses(from);
    println!("    took {:.1} s", (world.now() - from).as_secs_f64());
    if run == 1 && FILMED.contains(&scene.name) {
        // What follows is to be seen.
        pause(AHEAD)?;
        let to = world.now();
        let span = Span {
            from: from.saturating_sub(AHEAD).max(world.overloaded_until),
            to,
        };
        let clients = world.loads.get(&Place::Clients);
        let mut asked = clients.map_or(Vec::new(), |load| load.since(span.from));
        // What is on its way is not lost.
        asked.retain(|one| one.answered.is_some() || one.sent + PATIENCE < to);
        told.films.push(Film {
            title: scene.name.to_owned(),
            asked,
            told: world.transcript.told_since(span.from),
            span,
        });
    }
    Ok(())
}

/// What came of all scenes.
#[derive(Default)]
struct Told {
    figures: BTreeMap<&'static str, Vec<Vec<Figure>>>,
    films: Vec<Film>,
    /// Bounds that did not hold in a run.
    failed: usize,
    /// Runs of scenes that did not come to their end.
    broken: usize,
}

impl Told {
    fn conclude(&self, options: &Options, wanted: &[Scene], links: &str) -> Result<()> {
        let mut all: Vec<Row> = Vec::new();
        println!(
            "\n{:<52}{:>10}{:>10}  promised",
            "over all runs", "median", "worst"
        );
        let mut held = 0;
        for scene in wanted {
            let Some(runs) = self.figures.get(scene.name) else {
                continue;
            };
            let rows = figures::rows(scene.name, runs);
            println!("{} ({} runs)", scene.name, runs.len());
            report::scene(&rows);
            held += rows.iter().filter(|row| row.worst.holds()).count();
            all.extend(rows);
        }
        if let Some(file) = &options.svg {
            picture::draw(&self.films, file)?;
            println!("\n{}", file.display());
        }
        if let Some(file) = &options.markdown {
            report::markdown(&all, links, file)?;
            println!("\n{}", file.display());
        }
        let failed = all.len() - held + self.broken;
        println!("{held} passed, {failed} failed");
        ensure!(failed == 0, "{failed} things do not hold");
        Ok(())
    }
}

/// The scenes that were asked for, in the order of all.
fn wanted(options: &Options) -> Result<Vec<Scene>> {
    let names = &options.scene;
    for name in names {
        if !ALL.iter().any(|scene| scene.name == name) {
            let all: Vec<&str> = ALL.iter().map(|scene| scene.name).collect();
            bail!("there is no scene {name}; there are {}", all.join(", "));
        }
    }
    let is_wanted = |scene: &Scene| match names.as_slice() {
        [] => scene.when.is_in(1, options.brief),
        names => names.iter().any(|name| name == scene.name),
    };
    Ok(ALL.into_iter().filter(is_wanted).collect())
}

/// Scenes that the picture shows.
const FILMED: [&str; 3] = ["node-killed", "node-wedged", "rolling-restart"];

/// The picture begins so long before something happens, and ends so long after it.
const AHEAD: Duration = Duration::from_secs(1);
