//! Scenes in which a zone grows old: at one site, or everywhere.

use super::super::figures::{Bound, Figure};
use super::super::measure::Span;
use super::super::plan::{Place, SERVICE};
use super::super::settings::FLOOR;
use super::super::waiting::pause;
use super::super::watch::Leads;
use super::super::world::World;
use super::super::zone::Life;
use super::{LONG, fate_of_all, harm, let_answers_come, users};
use anyhow::{Context, Result};
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
    let apart = Apart::cut(world, place)?;
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
    apart.mend(world)?;
    let moved = moved.with_context(|| world.node(place).log_ends())?;
    let_answers_come()?;
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
    world.blame(&[place]);
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

/// A version whose signatures end soon is everywhere: all say so, and that is no reason to leave
/// for all.
pub(super) fn signatures_near_end(world: &mut World) -> Result<Vec<Figure>> {
    let at = world.now();
    publish_everywhere(world, SHORT)?;
    let begin = world.now();
    let mut least = usize::MAX;
    let mut last = least;
    let mut telling = 0;
    while world.now() < begin + LOOK {
        let now = world.announcing(0).min(world.announcing(1));
        if now != last {
            world.tell("routers", &format!("go to {now} nodes"));
            last = now;
        }
        least = least.min(now);
        if telling < Place::ANNOUNCING.len() {
            telling = { Place::ANNOUNCING.iter() }
                .filter(|place| tells_of_signatures(world, **place))
                .count();
        }
        pause(PAUSE)?;
    }
    world.tell("all", &format!("are asked: {telling} of them say so"));
    publish_everywhere(world, Life::LONG)?;
    all_back(world)?;
    let_answers_come()?;
    let mut figures = harm(fate_of_all(world, Span::since(at))).to_vec();
    let all = Bound::AtLeast(Place::ANNOUNCING.len() as f64);
    figures.push(Figure::count("nodes that say so", telling, all));
    let floor = Bound::AtLeast(FLOOR as f64);
    figures.push(Figure::count("least that announced", least, floor));
    figures.push(users(world, at));
    Ok(figures)
}

/// A version whose signatures end soon is everywhere, and one site misses the next: that one
/// leaves, since others are better.
pub(super) fn signatures_old(world: &mut World) -> Result<Vec<Figure>> {
    let place = Place::SingleB;
    let at = world.now();
    publish_everywhere(world, SHORT)?;
    let apart = Apart::cut(world, place)?;
    let serial = world.publish(Life::LONG)?;
    world.tell(
        "primary",
        &format!("has serial {serial}, of which b does not hear"),
    );
    for other in Place::ANNOUNCING.into_iter().filter(|one| *one != place) {
        world.until("the new version", other, LONG, |world| {
            has(world, other, serial)
        })?;
    }
    let better = world.now();
    world.tell("all but b", "have it");
    let router = world.watch(place.home().router);
    let moved = { router.wait(Leads::Elsewhere, place, LONG) }
        .with_context(|| world.node(place).log_ends())?;
    world.tell("b", "is withdrawn");
    let least = world.announcing(0).min(world.announcing(1));
    apart.mend(world)?;
    publish_everywhere(world, Life::LONG)?;
    all_back(world)?;
    let_answers_come()?;
    let mut figures = harm(fate_of_all(world, Span::since(at))).to_vec();
    let others = Bound::AtLeast((Place::ANNOUNCING.len() - 1) as f64);
    figures.push(Figure::count("others that announced", least, others));
    figures.push(Figure::seconds(
        "withdrawn after others were better",
        moved.saturating_sub(better),
        Bound::None,
    ));
    figures.push(users(world, at));
    Ok(figures)
}

/// Gives the primary a new version, and waits until all that announce have it.
fn publish_everywhere(world: &mut World, life: Life) -> Result<()> {
    let serial = world.publish(life)?;
    let end = life.signatures;
    let what = format!("has serial {serial}, whose signatures end in {end:?}");
    world.tell("primary", &what);
    for place in Place::ANNOUNCING {
        world.until("the new version", place, LONG, |world| {
            has(world, place, serial)
        })?;
    }
    Ok(())
}

/// Waits until all are announced again that may have left.
fn all_back(world: &mut World) -> Result<()> {
    for place in Place::ANNOUNCING {
        { world.watch(place.home().router) }
            .wait(Leads::There, place, LONG * 3)
            .with_context(|| world.node(place).log_ends())?;
    }
    world.tell("all", "are announced");
    world.blame(&Place::ANNOUNCING);
    Ok(())
}

/// A node that does not hear of its primary.
struct Apart {
    node: Place,
    primary: String,
}

impl Apart {
    fn cut(world: &World, node: Place) -> Result<Apart> {
        let primary = format!("{}/32", Place::Primary.ipv4());
        let routes = ["route", "add", "blackhole", &primary];
        world.network.at(node).ip(&routes)?;
        world.tell(node.name(), "hears of its primary no longer");
        Ok(Apart { node, primary })
    }

    fn mend(self, world: &World) -> Result<()> {
        let routes = ["route", "del", "blackhole", &self.primary];
        world.network.at(self.node).ip(&routes)?;
        world.tell(self.node.name(), "hears of its primary again");
        Ok(())
    }
}

/// Whether a node says of both families that signatures are near their end.
fn tells_of_signatures(world: &World, place: Place) -> bool {
    let told = world.node(place).ctl(&["route"]).unwrap_or_default();
    let families = told["families"].as_array().into_iter().flatten();
    let says_so = families.filter(|family| {
        let mut reasons = family["reasons"].as_array().into_iter().flatten();
        reasons.any(|reason| reason.to_string().contains("signature"))
    });
    says_so.count() == SERVICE.len()
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

/// A version with such signatures.
const SHORT: Life = Life {
    signatures: SOON,
    ..Life::LONG
};

/// Time in which nodes might leave.
const LOOK: Duration = Duration::from_secs(8);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);
