//! Scenes in which a zone grows old: at one site, or everywhere.

use super::super::figures::{Bound, Figure};
use super::super::measure::Span;
use super::super::plan::Place;
use super::super::settings::FLOOR;
use super::super::watch::Leads;
use super::super::world::World;
use super::super::zone::Life;
use super::{LONG, fate_of_all, harm, let_answers_come, users};
use anyhow::{Context, Result};
use std::thread;
use std::time::Duration;

/// One site no longer hears of its primary, while new versions come: it withdraws when its copy
/// has expired, and not before.
pub(super) fn zone_stale(world: &mut World) -> Result<Vec<Figure>> {
    let life = Life {
        expire: EXPIRE,
        ..Life::LONG
    };
    let place = Place::SingleB;
    let serial = world.publish(life)?;
    world.tell(
        "primary",
        &format!("has serial {serial}, which expires in {EXPIRE:?}"),
    );
    world.until("the new version", place, LONG, |world| {
        has(world, place, serial)
    })?;
    let cut = world.now();
    let primary = format!("{}/32", Place::Primary.ipv4());
    let node = world.network.at(place);
    node.ip(&["route", "add", "blackhole", &primary])?;
    world.tell("b", "hears of its primary no longer");
    let mut moved = None;
    while world.now() < cut + EXPIRE + LONG {
        // The others are told of something new, and so do not expire.
        let serial = world.publish(life)?;
        world.tell("primary", &format!("has serial {serial}"));
        let router = world.watch(place.home().router);
        if let Ok(at) = router.wait(Leads::Elsewhere, place, RENEW) {
            moved = Some(at);
            break;
        }
    }
    world.tell("b", "is withdrawn");
    world
        .network
        .at(place)
        .ip(&["route", "del", "blackhole", &primary])?;
    let moved = moved.with_context(|| world.node(place).log_ends())?;
    let_answers_come();
    let fate = fate_of_all(world, Span::since(cut));
    let serial = world.publish(Life::LONG)?;
    world.tell(
        "primary",
        &format!("has serial {serial}, which expires in a week"),
    );
    { world.watch(place.home().router) }
        .wait(Leads::There, place, LONG * 4)
        .with_context(|| world.node(place).log_ends())?;
    world.tell("b", "is announced again");
    let expire = EXPIRE.as_secs_f64();
    let after = moved.saturating_sub(cut);
    let [lost, wrong] = harm(fate);
    Ok(vec![
        // It was confirmed at most a moment before it was cut off.
        Figure::seconds(
            "announced while it may be served",
            after,
            Bound::AtLeast(expire - 2.0),
        ),
        Figure::seconds(
            "withdrawn after its copy expired",
            after.saturating_sub(EXPIRE),
            Bound::AtMost(3.0),
        ),
        Figure {
            bound: Bound::None,
            ..lost
        },
        Figure {
            bound: Bound::None,
            ..wrong
        },
        users(world, cut),
    ])
}

/// A version whose signatures end soon is everywhere: that is no reason to leave for all.
pub(super) fn signatures_near_end(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    let serial = world.publish(Life {
        signatures: SOON,
        ..Life::LONG
    })?;
    world.tell(
        "primary",
        &format!("has serial {serial}, whose signatures end in {SOON:?}"),
    );
    for place in Place::ANNOUNCING {
        world.until("the new version", place, LONG, |world| {
            has(world, place, serial)
        })?;
    }
    let begin = world.now();
    let mut least = usize::MAX;
    let mut last = least;
    while world.now() < begin + LOOK {
        let now = world.announcing(0).min(world.announcing(1));
        if now != last {
            world.tell("routers", &format!("go to {now} nodes"));
            last = now;
        }
        least = least.min(now);
        thread::sleep(PAUSE);
    }
    let serial = world.publish(Life::LONG)?;
    world.tell(
        "primary",
        &format!("has serial {serial}, whose signatures hold"),
    );
    for place in Place::ANNOUNCING {
        { world.watch(place.home().router) }
            .wait(Leads::There, place, LONG * 3)
            .with_context(|| world.node(place).log_ends())?;
    }
    let_answers_come();
    let mut figures = harm(fate_of_all(world, Span::since(at))).to_vec();
    let floor = Bound::AtLeast(FLOOR as f64);
    figures.push(Figure::count("least that announced", least, floor));
    figures.push(users(world, at));
    Ok(figures)
}

/// Whether a node serves a version.
fn has(world: &World, place: Place, serial: u32) -> bool {
    let told = world.node(place).ctl(&["zones"]).unwrap_or_default();
    let serial = serial.to_string();
    told.to_string().contains(&serial)
}

/// A copy may be served for so long after the primary confirmed it: imrs takes no less.
const EXPIRE: Duration = Duration::from_secs(120);

/// Between two versions meanwhile.
const RENEW: Duration = Duration::from_secs(20);

/// Signatures that end so soon are a reason to leave for a node whose peers are better.
const SOON: Duration = Duration::from_secs(1800);

/// Time in which nodes might leave.
const LOOK: Duration = Duration::from_secs(8);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
