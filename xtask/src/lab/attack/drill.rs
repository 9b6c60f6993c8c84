//! One server after the other through the same scenes.
//!
//! Start reading at [`Drill::play`].

use super::Options;
use super::bots::{Bots, OPEN_FILES, Way};
use super::capacity::{Capacity, Probe};
use super::clients::Clients;
use super::core_time::CoreTime;
use super::field::Field;
use super::flood::{Flood, Kind};
use super::ledger::{self, Sums, Told};
use super::meter::Meter;
use super::outcome::{Span, Story};
use super::packet::raise_open_files;
use super::scene::{Attack, Scene};
use super::servers::Server;
use super::teller::Teller;
use crate::bench::queries::Delegations;
use crate::root::Root;
use crate::transfer::Program;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant};

/// What all servers meet.
pub(super) struct Drill<'a> {
    options: &'a Options,
    root: Root,
    delegations: Arc<Delegations>,
    flood: Flood,
    field: Field,
}

/// One server while it is played with.
struct Play<'a> {
    server: &'a Server,
    clients: &'a Clients,
    teller: Teller,
    opened: Arc<AtomicU64>,
    memory: Vec<(Duration, u64)>,
    /// Groups of strangers that have come.
    groups: usize,
}

impl Drill<'_> {
    /// Makes the field and the generator.
    pub(super) fn prepare(options: &Options) -> Result<Drill<'_>> {
        // Servers inherit it.
        raise_open_files(OPEN_FILES)?;
        let root = options.root.resolve()?;
        let delegations = Arc::new(Delegations::read(&root.file)?);
        let field = Field::build(options.server_core)?;
        let flood = field.attackers.enter(|| Flood::start(options.load_core))?;
        Ok(Drill {
            options,
            root,
            delegations,
            flood,
            field,
        })
    }

    /// Frames a second that the generator reaches without a server.
    pub(super) fn highest(&self) -> Result<u32> {
        self.probe(STEP).highest()
    }

    /// Where the kernel begins to drop for one worker of a server.
    pub(super) fn capacity(&self, program: &Program) -> Result<Capacity> {
        let _server = self.start(program)?;
        let step = if self.options.brief { STEP / 2 } else { STEP };
        self.probe(step).search()
    }

    fn probe(&self, step: Duration) -> Probe<'_> {
        Probe {
            field: &self.field,
            flood: &self.flood,
            delegations: &self.delegations,
            step,
        }
    }

    fn start(&self, program: &Program) -> Result<Server> {
        let core = self.options.server_core;
        Server::start(program, &self.root, &self.field, core)
    }

    /// Plays scenes with a server.
    pub(super) fn play(&self, program: &Program, scenes: Vec<Scene>) -> Result<Story> {
        let server = self.start(program)?;
        let core = self.options.load_core;
        let clients = Clients::start(&self.field, core, Arc::clone(&self.delegations))?;
        let mut play = Play {
            server: &server,
            clients: &clients,
            teller: server.teller(),
            opened: Arc::new(AtomicU64::new(0)),
            memory: Vec::new(),
            groups: 0,
        };
        let meter = Meter {
            field: &self.field,
            flood: &self.flood,
            opened: Arc::clone(&play.opened),
            teller: server.teller(),
            start: clients.start,
            core,
        };
        let (spans, points) = meter.during(|| {
            thread::sleep(CALM);
            play.sample();
            let mut spans = Vec::new();
            for scene in scenes {
                spans.push(self.play_one(&mut play, scene)?);
            }
            Ok(spans)
        })?;
        let (memory, cookies) = (play.memory, clients.with_cookie());
        Ok(Story {
            name: program.name(),
            spans,
            points,
            log: clients.finish(),
            memory,
            cookies,
        })
    }

    /// One scene, between two moments in which nothing is on its way.
    fn play_one(&self, play: &mut Play<'_>, scene: Scene) -> Result<Span> {
        play.clients.rest();
        let before = self.sums(&play.teller)?;
        play.clients.resume();
        thread::sleep(PAUSE);
        let from = play.clients.start.elapsed();
        let core = self.options.server_core;
        let time = CoreTime::now(core)?;
        let bots = self.begin(scene.attack, &play.opened)?;
        thread::sleep(HOLD);
        play.watch(from + scene.length);
        self.flood.pause();
        let to = play.clients.start.elapsed();
        let background = CoreTime::now(core)?.background_since(time);
        let held = bots.iter().map(Bots::held).sum();
        drop(bots);
        play.clients.rest();
        let account = ledger::account(&before, &self.sums(&play.teller)?);
        play.clients.resume();
        play.sample();
        Ok(Span {
            scene,
            from,
            to,
            account,
            background,
            held,
        })
    }

    fn begin(&self, attack: Attack, opened: &Arc<AtomicU64>) -> Result<Vec<Bots>> {
        let core = self.options.load_core;
        let bots = |way| Bots::start(&self.field, core, way, Arc::clone(opened));
        match attack {
            Attack::Flood(kind, rate) => {
                self.flood.set(kind, rate, &self.delegations);
                Ok(Vec::new())
            }
            Attack::Connect(way) => Ok(vec![bots(way)?]),
            Attack::Mixed(rate) => {
                self.flood.set(Kind::Mixed, rate, &self.delegations);
                Ok(vec![bots(Way::SlowSome)?, bots(Way::Some)?])
            }
        }
    }

    fn sums(&self, teller: &Teller) -> Result<Sums> {
        Ok(Sums {
            attack: self.flood.sent(),
            asking: self.field.asking()?,
            kernel: self.field.kernel()?,
            told: teller.statistics().as_ref().map(Told::read),
        })
    }
}

impl Play<'_> {
    /// Waits until then, with new strangers and a look at the memory every so often.
    fn watch(&mut self, until: Duration) {
        let mut next = Duration::ZERO;
        let mut sampled = Instant::now();
        while self.clients.start.elapsed() < until {
            let now = self.clients.start.elapsed();
            if now >= next {
                self.groups += 1;
                self.clients.bring_strangers(self.groups);
                next = now + VISIT;
            }
            if sampled.elapsed() >= SAMPLE {
                sampled = Instant::now();
                self.sample();
            }
            let left = until.saturating_sub(self.clients.start.elapsed());
            thread::sleep(left.min(TURN));
        }
    }

    fn sample(&mut self) {
        let now = self.clients.start.elapsed();
        self.memory.push((now, self.server.memory()));
    }
}

/// Time of each rate in the search for a capacity.
const STEP: Duration = Duration::from_secs(1);

/// Before the first attack: a server that learns who its clients are sees each in four or five
/// spans of five seconds.
const CALM: Duration = Duration::from_secs(21);

/// Between two attacks, with clients.
const PAUSE: Duration = Duration::from_millis(1_500);

/// After the beginning of an attack, before strangers come.
const HOLD: Duration = Duration::from_millis(200);

/// For how long strangers stay.
const VISIT: Duration = Duration::from_secs(60);

/// Between two looks at the memory.
const SAMPLE: Duration = Duration::from_secs(10);

/// Between two looks at the time.
const TURN: Duration = Duration::from_millis(100);
