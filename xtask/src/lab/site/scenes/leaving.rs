//! Scenes of an operator's work: drains, and upgrades of a whole Cluster under load. No query is
//! lost in any.

use super::super::connections::Connections;
use super::super::figures::{Bound, Figure};
use super::super::measure::{Span, by_whom};
use super::super::node::Process;
use super::super::plan::{Place, SERVICE};
use super::super::query::By;
use super::super::watch::Leads;
use super::super::world::World;
use super::{LONG, fate_of_all, harm, let_answers_come, users};
use anyhow::{Context, Result};
use std::time::Duration;

/// One node of four is drained, and comes back.
pub(super) fn drain(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    leave(world, Place::N2)?;
    let gone = world.now();
    let_answers_come()?;
    let after = world.asked(Span::since(gone));
    let its = by_whom(after.iter().flat_map(|(_, asked)| asked));
    let strays = its.get(&By::Node(Place::N2)).copied().unwrap_or(0);
    come_back(world, Place::N2)?;
    let_answers_come()?;
    let mut figures = harm(fate_of_all(world, Span::since(at))).to_vec();
    let name = "queries to it after routes led elsewhere";
    figures.push(Figure::count(name, strays, Bound::None));
    figures.push(users(world, at));
    Ok(figures)
}

/// A whole site is drained, and comes back.
pub(super) fn site_drained(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    leave(world, Place::SingleA)?;
    let_answers_come()?;
    come_back(world, Place::SingleA)?;
    let_answers_come()?;
    let mut figures = harm(fate_of_all(world, Span::since(at))).to_vec();
    figures.push(users(world, at));
    Ok(figures)
}

/// Each node of the Cluster gets a new process by handing over its sockets, one after the other.
pub(super) fn rolling_take_over(world: &mut World) -> Result<Vec<Figure>> {
    let rate = world.half_of_capacity()?;
    let at = world.now();
    let connections = Connections::start(&world.network, Place::Clients)?;
    let mut longest = Duration::ZERO;
    for place in Place::CLUSTER {
        let begin = world.now();
        let (node, network) = world.node_mut(place);
        node.take_over(network)?;
        longest = longest.max(world.now() - begin);
        world.tell(place.name(), "has a new process");
    }
    let done = world.now();
    let_answers_come()?;
    let (connected, failed) = connections.stop();
    let_answers_come()?;
    let mut figures = harm(fate_of_all(world, Span::since(at))).to_vec();
    figures.push(Figure::count(
        "lost queries over TCP",
        failed,
        Bound::AtMost(0.0),
    ));
    figures.push(Figure::count("queries over TCP", connected, Bound::None));
    let after = world.asked(Span::since(done));
    let its = by_whom(after.iter().flat_map(|(_, asked)| asked));
    let answering = { Place::CLUSTER.iter() }.filter(|place| its.contains_key(&By::Node(**place)));
    let answering = Figure::count(
        "nodes that answer afterwards",
        answering.count(),
        Bound::AtLeast(4.0),
    );
    figures.push(answering);
    let moved = { Place::CLUSTER.iter() }
        .filter(|place| {
            let turned = |family| {
                world
                    .watch(Place::Router)
                    .turned(Leads::There, **place, family)
            };
            turned(0) > at || turned(1) > at
        })
        .count();
    world.usual_rate();
    figures.push(Figure::count(
        "nodes whose route moved",
        moved,
        Bound::AtMost(0.0),
    ));
    figures.push(Figure::ms(
        "longest take-over of a node",
        longest,
        Bound::None,
    ));
    figures.push(offered(rate));
    figures.push(users(world, at));
    Ok(figures)
}

/// Each node of the Cluster is drained, stopped, started and undrained, one after the other.
pub(super) fn rolling_restart(world: &mut World) -> Result<Vec<Figure>> {
    let rate = world.half_of_capacity()?;
    let at = world.now();
    for place in Place::CLUSTER {
        leave(world, place)?;
        let (node, network) = world.node_mut(place);
        node.stop_serving()?;
        node.start_process(network, Process::Serve)?;
        world.tell(place.name(), "has a new process");
        come_back(world, place)?;
    }
    let_answers_come()?;
    let mut figures = harm(fate_of_all(world, Span::since(at))).to_vec();
    world.usual_rate();
    figures.push(offered(rate));
    figures.push(users(world, at));
    Ok(figures)
}

/// Under how much an upgrade was done.
fn offered(rate: u32) -> Figure {
    Figure::count("queries a second", rate as usize, Bound::None)
}

/// Drains a node, and waits until it is drained.
fn leave(world: &World, place: Place) -> Result<()> {
    let node = world.node(place);
    world.node(place).ctl(&["drain"])?;
    world.tell(place.name(), "is to drain");
    { world.watch(place.home().router) }
        .wait(Leads::Elsewhere, place, LONG * 2)
        .with_context(|| node.log_ends())?;
    world.tell(
        place.home().router.name(),
        &format!("goes to {} no longer", place.name()),
    );
    world.until("a whole drain", place, LONG * 2, |world| {
        has_left(world, place)
    })?;
    world.tell(place.name(), "is withdrawn, and nobody asks it");
    Ok(())
}

/// Whether a node says that it is drained, in both families.
fn has_left(world: &World, place: Place) -> bool {
    let told = world.node(place).ctl(&["route"]).unwrap_or_default();
    let families = told["families"].as_array().into_iter().flatten();
    let drained = families.filter(|family| family["standing"] == "drained");
    drained.count() == SERVICE.len()
}

/// Ends the drain of a node, and waits until it is announced again.
fn come_back(world: &World, place: Place) -> Result<()> {
    let node = world.node(place);
    // A server that has just been started listens in a moment.
    world.until("imrs ctl undrain", place, LONG, |_| {
        node.ctl(&["undrain"]).is_ok()
    })?;
    { world.watch(place.home().router) }
        .wait(Leads::There, place, LONG * 2)
        .with_context(|| node.log_ends())?;
    world.tell(place.name(), "is announced again");
    Ok(())
}
