//! Scenes in which nodes live and answer wrongly.

use super::super::figures::{Bound, Figure};
use super::super::measure::Span;
use super::super::plan::Place;
use super::super::servers::Falsifiers;
use super::super::settings::{FLOOR, PROBATION};
use super::super::waiting::pause;
use super::super::watch::Leads;
use super::super::world::World;
use super::{AFTER_ROUTE, LONG, fate_of_all, let_answers_come};
use anyhow::{Context, Result};
use std::time::Duration;

/// What comes to one node of four is answered from a falsified copy; later it is well again.
pub(super) fn node_wedged(world: &mut World) -> Result<Vec<Figure>> {
    let place = Place::N3;
    world.falsify(&[place])?;
    let at = world.now();
    let diversion = Falsifiers::divert(&world.network, place)?;
    world.tell("n3", "answers wrongly");
    let moved = { world.watch(Place::Router) }
        .wait(Leads::Elsewhere, place, LONG)
        .with_context(|| world.node(place).log_ends())?;
    world.tell("router", "goes to n3 no longer");
    let_answers_come()?;
    let fate = fate_of_all(world, Span::since(at));
    let first = fate.first_wrong.context("no query was answered wrongly")?;
    let last = fate.last_wrong.unwrap_or(first);
    let later = fate_of_all(world, Span::since(moved + AFTER_ROUTE));
    let well = world.now();
    drop(diversion);
    world.tell("n3", "answers rightly");
    let again = { world.watch(Place::Router) }
        .wait(Leads::There, place, LONG * 2)
        .with_context(|| world.node(place).log_ends())?;
    world.tell("router", "goes to n3 again");
    world.blame(&[place]);
    let probation = Bound::AtLeast(PROBATION as f64);
    Ok(vec![
        Figure::seconds(
            "withdrawn after the first wrong answer",
            moved.saturating_sub(first),
            Bound::AtMost(3.0),
        ),
        Figure::seconds(
            "last wrong answer after the first",
            last.saturating_sub(first),
            Bound::AtMost(5.0),
        ),
        Figure::count("wrong answers", fate.wrong, Bound::None),
        Figure::count(
            "wrong after routes led elsewhere",
            later.wrong,
            Bound::AtMost(0.0),
        ),
        Figure::count("lost queries", fate.lost, Bound::AtMost(0.0)),
        Figure::seconds(
            "announced again after it was well",
            again.saturating_sub(well),
            probation,
        ),
    ])
}

/// What comes to any node is answered from a falsified copy, as if the mistake were a shared one:
/// as many as the floor go on, since all that is known is that nobody is better.
pub(super) fn all_unhealthy(world: &mut World) -> Result<Vec<Figure>> {
    world.falsify(&Place::ANNOUNCING)?;
    let mut diversions = Vec::new();
    for place in Place::ANNOUNCING {
        diversions.push(Falsifiers::divert(&world.network, place)?);
    }
    world.tell("all", "answer wrongly");
    let begin = world.now();
    let mut least = [usize::MAX; 2];
    let mut last = least;
    while world.now() < begin + SHARED {
        let now = [0, 1].map(|family| world.announcing(family));
        if now != last {
            world.tell(
                "routers",
                &format!("go to {} by IPv4 and {} by IPv6", now[0], now[1]),
            );
            last = now;
        }
        least = [least[0].min(now[0]), least[1].min(now[1])];
        pause(PAUSE)?;
    }
    drop(diversions);
    world.tell("all", "answer rightly");
    let well = world.now();
    for place in Place::ANNOUNCING {
        { world.watch(place.home().router) }
            .wait(Leads::There, place, LONG * 3)
            .with_context(|| world.node(place).log_ends())?;
    }
    world.tell("all", "are announced again");
    world.blame(&Place::ANNOUNCING);
    let floor = Bound::AtLeast(FLOOR as f64);
    Ok(vec![
        Figure::count("least that announced IPv4", least[0], floor),
        Figure::count("least that announced IPv6", least[1], floor),
        Figure::seconds("all announced again after", world.now() - well, Bound::None),
    ])
}

/// Long enough for every lease to be asked for, had, and lost again.
const SHARED: Duration = Duration::from_secs(12);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);
