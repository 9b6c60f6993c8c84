//! The scenes: what happens to the network, and what is to come of it.
//!
//! Start reading at [`ALL`]. `failing` is about what dies, `lying` about wrong answers, `ageing`
//! about zones that grow old, `leaving` about what an operator does, `spreading` about how routers
//! spread flows, `crowded` about an attack, `telling` about what nodes say of each other.

mod ageing;
mod crowded;
mod failing;
mod leaving;
mod lying;
mod spreading;
mod telling;

use super::figures::{Bound, Figure};
use super::load::PATIENCE;
use super::measure::{Fate, Span, fate};
use super::plan::Place;
use super::waiting::pause;
use super::world::World;
use anyhow::Result;
use std::time::Duration;

/// One scene.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    /// What it is called.
    pub(super) name: &'static str,
    /// Plays it in a world that is well, and leaves it so that it becomes well again.
    pub(super) play: fn(&mut World) -> Result<Vec<Figure>>,
    /// How often.
    pub(super) when: When,
}

/// How often a scene is played that is not asked for by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// In each run.
    Each,
    /// In the first one: what it tells is not a time that varies.
    First,
    /// In the first one, unless it is brief: it takes minutes.
    FirstIfLong,
}

impl When {
    /// Whether it is played in a run of this number.
    pub(super) fn is_in(self, run: u32, is_brief: bool) -> bool {
        match self {
            When::Each => true,
            When::First => run == 1,
            When::FirstIfLong => run == 1 && !is_brief,
        }
    }
}

/// All of them, in the order in which they are played.
pub(super) const ALL: [Scene; 22] = [
    scene("listed", telling::listed).played(When::First),
    scene("spread", spreading::spread),
    scene("spread-resilient", spreading::spread_resilient),
    scene("node-killed", failing::node_killed),
    scene("server-killed", failing::server_killed),
    scene("server-hung", failing::server_hung),
    scene("node-silent", failing::node_silent),
    scene("bird-killed", failing::bird_killed),
    scene("bird-hung", failing::bird_hung),
    scene("keeper-killed", failing::keeper_killed),
    scene("link-cut", failing::link_cut),
    scene("site-killed", failing::site_killed),
    scene("node-wedged", lying::node_wedged),
    scene("all-unhealthy", lying::all_unhealthy),
    scene("drain", leaving::drain),
    scene("site-drained", leaving::site_drained),
    scene("rolling-take-over", leaving::rolling_take_over),
    scene("attack", crowded::attack),
    scene("signatures-near-end", ageing::signatures_near_end),
    scene("signatures-old", ageing::signatures_old),
    scene("rolling-restart", leaving::rolling_restart).played(When::FirstIfLong),
    scene("zone-stale", ageing::zone_stale).played(When::FirstIfLong),
];

const fn scene(name: &'static str, play: fn(&mut World) -> Result<Vec<Figure>>) -> Scene {
    let when = When::Each;
    Scene { name, play, when }
}

impl Scene {
    const fn played(self, when: When) -> Scene {
        Scene { when, ..self }
    }
}

/// Waits until what was asked by now is answered or lost.
fn let_answers_come() -> Result<()> {
    pause(PATIENCE)
}

/// What became of the queries of all catchments in a span that is over.
fn fate_of_all(world: &World, span: Span) -> Fate {
    let asked = world.asked(span);
    fate(asked.iter().flat_map(|(_, asked)| asked), span)
}

/// What became of those of one catchment.
fn fate_of(world: &World, place: Place, span: Span) -> Fate {
    let asked = world.asked(span);
    let own = asked.iter().filter(|(from, _)| *from == place);
    fate(own.flat_map(|(_, asked)| asked), span)
}

/// Whether people noticed.
fn users(world: &World, since: Duration) -> Figure {
    let in_vain = world.users.iter().map(|users| users.since(since).1).sum();
    Figure::count(
        "names that resolvers did not resolve",
        in_vain,
        Bound::AtMost(0.0),
    )
}

/// No query is lost, and no answer wrong.
fn harm(fate: Fate) -> [Figure; 2] {
    [
        Figure::count("lost queries", fate.lost, Bound::AtMost(0.0)),
        Figure::count("wrong answers", fate.wrong, Bound::AtMost(0.0)),
    ]
}

/// For what is to come within seconds; no bound of ours is as long.
const LONG: Duration = Duration::from_secs(20);

/// Queries on their way when something happens were sent no earlier before it.
const IN_FLIGHT: Duration = Duration::from_millis(100);

/// A reply to what was sent just before a route changed may still go astray.
const AFTER_ROUTE: Duration = Duration::from_millis(30);
