//! Scenes in which something dies: a server, a node, BIRD, the keeper, a link, a site.

use super::super::figures::{Bound, Figure};
use super::super::measure::Span;
use super::super::node::Process;
use super::super::plan::{LINKS, Place};
use super::super::waiting::pause;
use super::super::watch::Leads;
use super::super::world::World;
use super::{AFTER_ROUTE, IN_FLIGHT, LONG, fate_of, fate_of_all, harm, let_answers_come, users};
use anyhow::{Context, Result};
use std::time::Duration;

/// All processes of a node of four end at once, and its link is dead and looks well: it has lost
/// its power, behind a switch that has not. Nothing tells so but BFD.
pub(super) fn node_killed(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    let silence = world.network.silence(Place::N2.home())?;
    // A few processes more make no difference to who hears nothing.
    world.nodes.get_mut(&Place::N2).context("n2")?.kill_all();
    world.tell("n2", "imrs, BIRD and the link are dead");
    let figures = gone(world, Place::N2, at, REST_MS)?;
    drop(silence);
    let (node, network) = world.node_mut(Place::N2);
    for process in [Process::Keeper, Process::Bird, Process::Serve] {
        node.start_process(network, process)?;
    }
    world.tell("n2", "is started");
    back(world, Place::N2)?;
    Ok(figures)
}

/// `imrs serve` is killed on one node of four.
pub(super) fn server_killed(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    world.node_mut(Place::N1).0.kill(Process::Serve);
    world.tell("n1", "imrs serve is killed");
    let figures = gone(world, Place::N1, at, REST_MS)?;
    let (node, network) = world.node_mut(Place::N1);
    node.start_process(network, Process::Serve)?;
    world.tell("n1", "imrs serve is started");
    back(world, Place::N1)?;
    Ok(figures)
}

/// `imrs serve` of a node of four stands still, and neither answers nor says what it wishes.
pub(super) fn server_hung(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    world.node(Place::N4).signal(Process::Serve, "-STOP");
    world.tell("n4", "imrs serve stands still");
    let figures = gone(world, Place::N4, at, WEDGED_MS)?;
    world.node(Place::N4).signal(Process::Serve, "-CONT");
    world.tell("n4", "imrs serve goes on");
    back(world, Place::N4)?;
    // What it missed counts as a fault of its own.
    world.blame(&[Place::N4]);
    Ok(figures)
}

/// All that goes to and comes from a node is lost, and nothing tells so but BFD.
pub(super) fn node_silent(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    let silence = world.network.silence(Place::N3.home())?;
    world.tell("n3", "nothing comes through any more");
    let figures = gone(world, Place::N3, at, REST_MS)?;
    drop(silence);
    world.tell("n3", "the link is well");
    back(world, Place::N3)?;
    Ok(figures)
}

/// BIRD is killed on one node of four; a new one announces nothing until it is told to.
pub(super) fn bird_killed(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    world.node_mut(Place::N4).0.kill(Process::Bird);
    world.tell("n4", "BIRD is killed");
    let figures = gone(world, Place::N4, at, REST_MS)?;
    let (node, network) = world.node_mut(Place::N4);
    node.start_process(network, Process::Bird)?;
    world.tell("n4", "BIRD is started");
    back(world, Place::N4)?;
    Ok(figures)
}

/// BIRD stands still on one node of four: BFD ends what BGP would keep for seconds.
pub(super) fn bird_hung(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    world.node(Place::N1).signal(Process::Bird, "-STOP");
    world.tell("n1", "BIRD stands still");
    let figures = gone(world, Place::N1, at, REST_MS)?;
    world.node(Place::N1).signal(Process::Bird, "-CONT");
    world.tell("n1", "BIRD goes on");
    back(world, Place::N1)?;
    Ok(figures)
}

/// The keeper is killed on a Single, and started again as systemd would: BIRD has lost what it
/// announced meanwhile, and another site answers.
pub(super) fn keeper_killed(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    world.node_mut(Place::SingleB).0.kill(Process::Keeper);
    world.tell("b", "the keeper is killed");
    pause(RESTART)?;
    let (node, network) = world.node_mut(Place::SingleB);
    node.start_process(network, Process::Keeper)?;
    world.tell("b", "the keeper is started");
    back(world, Place::SingleB)?;
    let_answers_come()?;
    let fate = fate_of_all(world, Span::since(at));
    Ok([harm(fate).to_vec(), vec![users(world, at)]].concat())
}

/// The link between the Cluster and the upstream is cut: the clients of the Cluster go to a Single.
pub(super) fn link_cut(world: &mut World) -> Result<Vec<Figure>> {
    let link = { LINKS.iter() }.find(|link| link.other == Place::Router);
    let link = *link.context("the Cluster has a link")?;
    let at = world.now();
    world.network.cut(link)?;
    world.tell("router", "the link to the upstream is cut");
    let moved = { world.watch(Place::Upstream) }.wait(Leads::Elsewhere, Place::Router, LONG)?;
    world.tell("up", "goes to a Single instead");
    let_answers_come()?;
    let figures = losses(world, at, moved, (Place::Clients, REST_MS));
    world.network.mend(link)?;
    world.tell("router", "the link to the upstream is mended");
    world
        .watch(Place::Upstream)
        .wait(Leads::There, Place::Router, LONG * 2)?;
    Ok(figures)
}

/// `imrs serve` of a Single is killed: its clients go to another site.
pub(super) fn site_killed(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    world.node_mut(Place::SingleA).0.kill(Process::Serve);
    world.tell("a", "imrs serve is killed");
    let moved = { world.watch(Place::HostA) }.wait(Leads::Elsewhere, Place::SingleA, LONG)?;
    let_answers_come()?;
    let figures = losses(world, at, moved, (Place::ClientsA, REST_MS));
    let (node, network) = world.node_mut(Place::SingleA);
    node.start_process(network, Process::Serve)?;
    back(world, Place::SingleA)?;
    Ok(figures)
}

/// A node of the Cluster has died at a time: how long its clients notice, and whether that is
/// within so many milliseconds.
fn gone(world: &World, place: Place, at: Duration, most: f64) -> Result<Vec<Figure>> {
    let moved = { world.watch(Place::Router) }
        .wait(Leads::Elsewhere, place, LONG)
        .with_context(|| world.node(place).log_ends())?;
    world.tell("router", &format!("goes to {} no longer", place.name()));
    let_answers_come()?;
    Ok(losses(world, at, moved, (Place::Clients, most)))
}

/// What something cost these clients that happened at a time, and that routes went round at
/// another, which is to be within so many milliseconds.
fn losses(
    world: &World,
    at: Duration,
    moved: Duration,
    (clients, most): (Place, f64),
) -> Vec<Figure> {
    let span = Span::since(at.saturating_sub(IN_FLIGHT));
    let fate = fate_of(world, clients, span);
    let last = fate
        .last_lost
        .map_or(Duration::ZERO, |last| last.saturating_sub(at));
    let later = fate_of(world, clients, Span::since(moved + AFTER_ROUTE));
    let all = fate_of_all(world, span);
    let (most, none) = (Bound::AtMost(most), Bound::AtMost(0.0));
    vec![
        Figure::ms(
            "routes lead elsewhere after",
            moved.saturating_sub(at),
            most,
        ),
        Figure::ms("last lost query was sent after", last, most),
        Figure::count("lost queries", fate.lost, Bound::None),
        Figure::count("lost after routes led elsewhere", later.lost, none),
        Figure::count("lost by others", all.lost - fate.lost, none),
        Figure::count("wrong answers", all.wrong, none),
        users(world, at),
    ]
}

/// Waits until a node is announced again.
fn back(world: &World, place: Place) -> Result<()> {
    { world.watch(place.home().router) }
        .wait(Leads::There, place, LONG * 2)
        .with_context(|| world.node(place).log_ends())?;
    world.tell(place.name(), "is announced again");
    Ok(())
}

/// All traffic is to be on the remaining nodes by then.
const REST_MS: f64 = 500.0;

/// One that lives and does not answer is withdrawn by then.
const WEDGED_MS: f64 = 3000.0;

/// As systemd waits before it starts again what has died.
const RESTART: Duration = Duration::from_millis(500);
