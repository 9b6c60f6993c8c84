//! What goes wrong: by chance, for a while, and then no more.

use crate::disk::{Fault, Survival};
use crate::invariants::{Violation, check_healed};
use crate::lie::Lie;
use crate::limits::HEALED_WITHIN;
use crate::link::Link;
use crate::node::NodeId;
use crate::primary::{Mood, PrimaryId};
use crate::time::Clock;
use crate::world::{Event, World};
use imrs_transfer::refresh::Force;
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

/// What happened in a world, to see that something did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Versions that were put into service.
    pub swaps: usize,
    /// What was refused.
    pub refusals: usize,
    /// Starts of nodes, the first ones included.
    pub boots: usize,
    /// What a disk did not take.
    pub troubles: usize,
    /// Files that were dropped at a start.
    pub dropped: usize,
    /// How often a node stopped serving while it ran.
    pub outages: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.swaps += other.swaps;
        self.refusals += other.refusals;
        self.boots += other.boots;
        self.troubles += other.troubles;
        self.dropped += other.dropped;
        self.outages += other.outages;
    }
}

/// How often the operator looks within the time of healing.
const LOOKS: u32 = 4;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// A whole life of a world: it is disturbed, it heals, and then every node serves the newest
/// version.
pub fn live(seed: u64) -> Result<Tally, Violation> {
    let mut rng = ChaCha8Rng::seed_from_u64(!seed);
    let mut world = World::seeded(seed)
        .nodes(rng.random_range(1..=2))
        .leaves(rng.random_range(0..=1))
        .primaries(rng.random_range(1..=4))
        .observers(rng.random_range(0..=1))
        .first(match rng.random_bool(0.2) {
            true => Serial(u32::MAX - 2),
            false => Serial(2_026_080_100),
        })
        .lifetime(match rng.random_bool(0.2) {
            true => 2 * DAY,
            false => crate::limits::LIFETIME,
        })
        .build();
    for node in &mut world.nodes {
        for upstream in &mut node.upstreams {
            upstream.order.priority = rng.random_range(0..3);
        }
    }
    let troubled = match rng.random_range(0..10) {
        0 => 9 * DAY,
        1..4 => 3 * DAY,
        _ => DAY,
    };
    world.try_run(rng.random_range(0..10) * MINUTE)?;
    world.may_mishap = true;
    let until = world.now() + troubled;
    world.after(Duration::ZERO, Event::Disturb { until });
    world.try_run(troubled)?;
    let honest = PrimaryId(rng.random_range(0..world.primaries.len()));
    let healing = match rng.random_bool(0.5) {
        true => Healing::Whole,
        false => Healing::OnePrimary(honest),
    };
    heal(&mut world, healing);
    let target = world.newest();
    for steps in 1..=2 {
        for _ in 0..LOOKS {
            look_for_mishaps(&mut world);
            world.try_run(HEALED_WITHIN / LOOKS)?;
        }
        world.try_run(MINUTE)?;
        check_healed(&world, target, steps)?;
    }
    Ok(tally(&world))
}

/// What heals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Healing {
    /// Everything.
    Whole,
    /// Everything but the primaries, of whom one becomes honest.
    OnePrimary(PrimaryId),
}

/// Makes it well, without telling the nodes: they must find out by themselves.
pub fn heal(world: &mut World, healing: Healing) {
    world.may_mishap = false;
    let now = world.now();
    let newest = Arc::clone(world.origin.newest());
    for primary in world.primaries() {
        if healing == Healing::Whole || healing == Healing::OnePrimary(primary) {
            let primary = &mut world.primaries[primary.0];
            primary.mood = Mood::Honest;
            primary.learn(&newest);
        }
    }
    for node in &mut world.nodes {
        node.clock = Clock::default();
        // Whatever was to fail will not.
        node.disk.empty();
        node.disk.restart();
        for upstream in &mut node.upstreams {
            upstream.link = Link::GOOD;
        }
        if !node.is_up() {
            node.start(now);
        }
    }
}

/// The operator sees that a step is held up which leads to a mishap or away from one, and lets it
/// pass. A node may take a mishap at any time, where it served nothing that it could be compared
/// with.
fn look_for_mishaps(world: &mut World) {
    let now = world.now();
    let newest = Arc::clone(world.origin.newest());
    for node in &mut world.nodes {
        let held = node.refresh().and_then(|refresh| refresh.held().copied());
        let held = held.and_then(|held| world.origin.version(held.serial));
        if newest.is_mishap() || held.is_some_and(|version| version.is_mishap()) {
            node.accept(now, newest.serial());
        }
    }
}

/// Something goes wrong, and the next thing soon, until `until`.
pub(crate) fn disturb(world: &mut World, until: Moment) {
    if world.now() >= until {
        return;
    }
    let node = NodeId(world.rng.random_range(0..world.nodes.len()));
    let primary = PrimaryId(world.rng.random_range(0..world.primaries.len()));
    match world.rng.random_range(0..12) {
        0..3 => {
            let mood = mood(&mut world.rng);
            world.set_mood(primary, mood);
        }
        3 | 4 => change_link(world, node),
        5 => change_clock(world, node),
        6 => kill(world, node),
        7 => harm_disk(world, node),
        8 | 9 => storm(world, node),
        10 => operate(world, node),
        _ => {
            let is_cut = world.rng.random_bool(0.4);
            world.set_cut(node, is_cut);
        }
    }
    // Sometimes much at once, sometimes long nothing.
    let pause = match world.rng.random_range(0..4) {
        0 => Duration::from_millis(world.rng.random_range(0..2000)),
        1 | 2 => world.rng.random_range(1..60) * MINUTE,
        _ => world.rng.random_range(1..12) * HOUR,
    };
    world.after(pause, Event::Disturb { until });
}

fn mood(rng: &mut ChaCha8Rng) -> Mood {
    match rng.random_range(0..10) {
        0..3 => Mood::Honest,
        3 => Mood::Stale,
        4 => Mood::Dead,
        _ => {
            let lie = Lie::ALL[rng.random_range(0..Lie::ALL.len())];
            let ahead = [0, 0, 1, 2, 1000, (1 << 31) - 1];
            Mood::Lying(lie, ahead[rng.random_range(0..ahead.len())])
        }
    }
}

fn change_link(world: &mut World, NodeId(node): NodeId) {
    let rng = &mut world.rng;
    let upstreams = &mut world.nodes[node].upstreams;
    let upstream = rng.random_range(0..upstreams.len());
    upstreams[upstream].link = Link {
        delay: Duration::from_millis(rng.random_range(0..400)),
        loss_percent: [0, 5, 50, 95][rng.random_range(0..4)],
        is_cut: rng.random_bool(0.3),
    };
}

fn change_clock(world: &mut World, node: NodeId) {
    let ahead_seconds = match world.rng.random_range(0..6) {
        0..3 => 0,
        3 => world.rng.random_range(-400..400),
        4 => world.rng.random_range(-100_000..100_000),
        _ => world.rng.random_range(-100_000_000..100_000_000),
    };
    world.set_clock(node, Clock { ahead_seconds });
}

fn survival(rng: &mut ChaCha8Rng) -> Survival {
    [Survival::All, Survival::None, Survival::Chance][rng.random_range(0..3)]
}

/// A node is killed now or in the middle of one of its next writes.
fn kill(world: &mut World, node: NodeId) {
    let survival = survival(&mut world.rng);
    let pause = world.rng.random_range(0..120) * MINUTE;
    if world.rng.random_bool(0.5) {
        world.kill(node, survival, pause);
        if world.rng.random_bool(0.3) {
            rot(world, node);
        }
        return;
    }
    let operation = world.rng.random_range(0..12);
    let disk = &world.node(node).disk;
    disk.fail_at(disk.operations() + operation, Fault::Crash(survival));
    world.after(DAY / 2, Event::Start(node));
}

/// An octet of one file changes while nobody looks.
fn rot(world: &mut World, NodeId(node): NodeId) {
    let (rng, node) = (&mut world.rng, &mut world.nodes[node]);
    let names = node.disk.names();
    if names.is_empty() {
        return;
    }
    let name = &names[rng.random_range(0..names.len())];
    let Some(mut octets) = node.disk.file(name).filter(|octets| !octets.is_empty()) else {
        return;
    };
    let at = rng.random_range(0..octets.len());
    octets[at] ^= 1 << rng.random_range(0..8);
    node.disk.put(name, &octets);
    // What the disk said does not hold any more.
    node.trail.saved = None;
}

fn harm_disk(world: &mut World, node: NodeId) {
    let choice = world.rng.random_range(0..5);
    let operation = world.rng.random_range(0..12);
    let disk = &world.node(node).disk;
    match choice {
        0 => disk.fill(),
        1 => disk.empty(),
        2 => disk.fail_at(disk.operations() + operation, Fault::NoSpace),
        _ => disk.fail_at(disk.operations() + operation, Fault::Failure),
    }
}

/// NOTIFY messages that nobody meant.
fn storm(world: &mut World, node: NodeId) {
    let newest = world.newest();
    for _ in 0..world.rng.random_range(1..30) {
        let serial = match world.rng.random_range(0..3) {
            0 => Serial(world.rng.random()),
            1 => Serial(newest.0.wrapping_add(1)),
            _ => newest,
        };
        let upstreams = world.node(node).upstreams.len();
        let from = world.rng.random_range(0..=upstreams);
        let from = (from < upstreams).then_some(from);
        world.forge_notify(node, from, serial);
    }
}

fn operate(world: &mut World, node: NodeId) {
    let (now, newest) = (world.now(), world.newest());
    match world.rng.random_range(0..3) {
        0 => world
            .node_mut(node)
            .operate(|refresh| refresh.force(now, Force::Refresh)),
        1 => world
            .node_mut(node)
            .operate(|refresh| refresh.force(now, Force::Retransfer)),
        _ => world.node_mut(node).accept(now, newest),
    }
}

fn tally(world: &World) -> Tally {
    let mut tally = Tally::default();
    for (_, node) in world.nodes() {
        tally.swaps += node.trail.swaps.len();
        tally.refusals += node.trail.refused;
        tally.boots += usize::try_from(node.trail.boots).unwrap_or(usize::MAX);
        tally.troubles += node.trail.troubles.len();
        tally.dropped += node.trail.dropped;
        tally.outages += node.trail.outages;
    }
    tally
}
