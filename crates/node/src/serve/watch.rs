//! What has to do with being announced: the node tells its watch what it serves, and carries out
//! orders of operators.

use super::node::Node;
use super::plan::Plan;
use super::report;
use crate::config::anycast::Anycast;
use crate::control::v1::{self, Reply};
use crate::hosting::{Hosted, Hosting};
use crate::keeping::Times;
use crate::site::{Alone, Neighborhood, census};
use crate::transport::Running;
use crate::watching::{
    Mind, Orders, Peers, STOP_FORCED_AFTER, STOP_LOOK, Setup, WELL_PATIENCE, Watched, Watching,
    route,
};
use anyhow::{Context, anyhow};
use imrs_fleet::anycast::{Order, Policy};
use imrs_fleet::health::{Others, ZoneState};
use imrs_transfer::refresh::{Came, Standing};
use imrs_wire::{Both, Family};
use imrs_zone::packed::Packed;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// What is watched, before workers answer.
pub(super) struct Prepared {
    anycast: Anycast,
    mind: Arc<Mind>,
    orders: Orders,
    /// The other nodes, if some are known.
    pub(super) neighborhood: Option<Arc<Neighborhood>>,
}

/// A node that is announced, and its watch.
pub(super) struct Watch {
    watching: Watching,
    anycast: Anycast,
    neighborhood: Option<Arc<Neighborhood>>,
    /// What answers are judged by, as it was last told.
    watched: Option<Packed>,
    /// Since when it drains to stop.
    stopping: Option<Instant>,
}

/// Prepares the watch, if the node is to be announced.
pub(super) fn prepare(plan: &Plan, times: Times) -> anyhow::Result<Option<Prepared>> {
    let Some(anycast) = plan.anycast.clone() else {
        return Ok(None);
    };
    let (orders, saved) = Orders::read(plan.state.as_deref()).map_err(|why| anyhow!(why))?;
    for (family, drain) in [(Family::V4, saved.drains.v4), (Family::V6, saved.drains.v6)] {
        if drain.is_some() {
            warn!("{family} is drained, as it was ordered before; `imrs ctl undrain` ends that");
        }
    }
    let site = plan.site.as_ref();
    let mind = Arc::new(Mind::new(&anycast, site, saved, times));
    let neighborhood = site.map(|site| {
        let (site, mind) = (site.clone(), Arc::clone(&mind));
        Arc::new(Neighborhood::new(site, anycast.clone(), mind))
    });
    Ok(Some(Prepared {
        anycast,
        mind,
        orders,
        neighborhood,
    }))
}

/// Begins to watch workers that answer, if the node is to be announced.
pub(super) fn start(
    prepared: Option<Prepared>,
    plan: &Plan,
    running: &Running,
    hosting: &Hosting,
) -> anyhow::Result<Option<Watch>> {
    let Some(prepared) = prepared else {
        return Ok(None);
    };
    let Prepared {
        anycast,
        mind,
        orders,
        neighborhood,
    } = prepared;
    let peers: Arc<dyn Peers> = match &neighborhood {
        Some(neighborhood) => Arc::clone(neighborhood) as _,
        None => Arc::new(Alone),
    };
    let setup = Setup {
        anycast: &anycast,
        listen: running.addresses(),
        meters: running.meters().clone(),
        clock: plan.clock,
        pinned: plan.pinned(),
    };
    let watching = Watching::start(setup, mind, orders, peers);
    let mut watch = Watch {
        watching: watching.context("cannot watch over this node")?,
        anycast,
        neighborhood,
        watched: None,
        stopping: None,
    };
    watch.expect(hosting);
    Ok(Some(watch))
}

/// The zone by which a node is judged: the root, or else the first.
fn watched_zone(hosting: &Hosting) -> Option<(usize, &Hosted)> {
    let zones = hosting.zones();
    let root = zones.iter().position(|zone| zone.name().is_root());
    let number = root.unwrap_or(0);
    Some((number, zones.get(number)?))
}

impl Watch {
    /// Tells what is about to be served, if that is something else.
    pub(super) fn expect(&mut self, hosting: &Hosting) {
        let zone = watched_zone(hosting).filter(|(_, zone)| zone.is_served());
        let packed = zone.and_then(|(_, zone)| Some(zone.held()?.packed.clone()));
        let place =
            |packed: &Option<Packed>| packed.as_ref().map(|packed| packed.octets().as_ptr());
        if place(&packed) == place(&self.watched) {
            return;
        }
        let others = hosting.zones().iter().map(|zone| zone.name().clone());
        let others = others.filter(|name| packed.as_ref().is_some_and(|own| own.apex() != name));
        let others = others.collect();
        let serial = packed.as_ref().map(|packed| packed.serial().0);
        self.watching.mind().note_serial(serial);
        self.watching
            .expect(packed.clone().map(|packed| Watched { packed, others }));
        self.watched = packed;
    }
}

impl Node {
    /// Tells the watch how the zone and the primaries are.
    pub(super) fn tell_watch(&self) {
        let Some(watch) = &self.watch else { return };
        let Some((number, zone)) = watched_zone(&self.hosting) else {
            return;
        };
        let now = self.keeping.times().now();
        let keeper = self.keeping.keepers().get(number);
        let refresh = keeper.and_then(|keeper| keeper.refresh());
        let ends = zone.held().and_then(|held| held.expires);
        let left = |end: imrs_zone::record::UnixTime| {
            Duration::from_secs(end.0.saturating_sub(self.clock.now().0))
        };
        let state = ZoneState {
            is_proven: zone.is_served(),
            age: { refresh }.and_then(|refresh| Some(now.since(refresh.confirmed()?))),
            expires_in: { refresh }.and_then(|refresh| Some(refresh.expires()?.since(now))),
            signatures_end_in: ends.map(left),
            signatures_begun: true,
        };
        let others = Others {
            primaries_unreached: refresh.map(|refresh| unreached(refresh.primaries())),
            ..Others::default()
        };
        watch.watching.mind().tell(|health, _, now| {
            health.handle_zone(now, state);
            health.handle_others(now, others);
        });
    }

    /// Whether this node is as fit as one that it takes over from is taken to be: what it says to
    /// the keeper holds when that one is gone. An error is that it will not be.
    pub(super) fn is_fit_to_follow(&self) -> anyhow::Result<bool> {
        let is_settled = |watch: &Watch| watch.watching.mind().is_settled();
        if self.watch.as_ref().is_none_or(is_settled) {
            return Ok(true);
        }
        if self.started.elapsed() < WELL_PATIENCE {
            return Ok(false);
        }
        Err(anyhow!(
            "after {} s this node is not fit to be announced: the one that runs goes on",
            WELL_PATIENCE.as_secs()
        ))
    }

    /// Begins to leave before it stops, if it is announced: says whether that is to be waited for.
    /// Told a second time, it stops at once.
    pub(super) fn drains_first(&mut self, signal: &str) -> bool {
        let Some(watch) = &mut self.watch else {
            return false;
        };
        if watch.stopping.is_some() {
            info!("{signal}: not waiting any longer");
            return false;
        }
        if watch.watching.order(Order::Stop).is_err() || watch.watching.mind().may_stop() {
            return false;
        }
        watch.stopping = Some(Instant::now());
        info!("{signal}: leaving the routes first; a second signal stops at once");
        true
    }

    /// Whether a node that leaves before it stops may do so.
    pub(super) fn has_drained(&mut self) -> bool {
        let Some((watch, since)) =
            { self.watch.as_mut() }.and_then(|watch| watch.stopping.map(|since| (watch, since)))
        else {
            return false;
        };
        let drain = watch.anycast.drain;
        if since.elapsed() > STOP_FORCED_AFTER + drain.leaving + drain.patience {
            warn!("queries still come; stopping all the same");
            return true;
        }
        if since.elapsed() > STOP_FORCED_AFTER {
            watch.watching.mind().force_drains();
        }
        watch.watching.mind().may_stop()
    }

    /// How long a node that leaves before it stops may wait for other things.
    pub(super) fn stop_look(&self) -> Option<Duration> {
        let watch = self.watch.as_ref()?;
        watch.stopping.map(|_| STOP_LOOK)
    }
}

/// Primaries that did not answer when they were last asked, and how many there are.
fn unreached(primaries: &[Standing]) -> (usize, usize) {
    let is_silent = |standing: &&Standing| {
        let last = standing.last.map(|(_, came)| came);
        matches!(last, Some(Came::Unanswered | Came::Broken(_)))
    };
    (primaries.iter().filter(is_silent).count(), primaries.len())
}

const NOT_ANNOUNCED: &str = "this node announces nothing; add [anycast] and a [[neighbor]] to its \
                             configuration";

/// Whether the node is announced, if it is to be.
pub(super) fn route_of(node: &Node) -> Option<v1::Route> {
    let watch = node.watch.as_ref()?;
    let identity = report::identity(node);
    Some(route(watch.watching.mind(), &watch.anycast, identity))
}

/// Tells whether the node is announced.
pub(super) fn told(node: &Node) -> Reply {
    match route_of(node) {
        Some(route) => Reply::Route(Box::new(route)),
        None => Reply::Error {
            message: NOT_ANNOUNCED.to_owned(),
        },
    }
}

/// What of the route needs attention.
pub(super) fn attention(node: &Node) -> Vec<String> {
    let Some(route) = route_of(node) else {
        return Vec::new();
    };
    let keeper = route.keeper;
    let unreached = { keeper.unreached }.map(|why| format!("the keeper of the route: {why}"));
    let trouble = { keeper.trouble }.map(|trouble| format!("the route: {trouble}"));
    let mut attention: Vec<String> = unreached.into_iter().chain(trouble).collect();
    for reason in route.families.into_iter().flat_map(|family| family.reasons) {
        // Most are the same for both families.
        if !attention.contains(&reason.text) {
            attention.push(reason.text);
        }
    }
    attention
}

/// Carries out an order, and tells what follows.
pub(super) fn order(node: &Node, order: Order) -> Reply {
    let Some(watch) = &node.watch else {
        return told(node);
    };
    info!("asked on the control socket: {order}");
    match watch.watching.order(order) {
        Ok(()) => told(node),
        Err(message) => Reply::Error { message },
    }
}

/// The families that an order is about: those that are named, or all that there are.
pub(super) fn families(node: &Node, ipv4: bool, ipv6: bool) -> Both<bool> {
    let exists = |family| {
        let watch = node.watch.as_ref();
        watch.is_some_and(|watch| watch.anycast.prefixes_of(family).next().is_some())
    };
    match (ipv4, ipv6) {
        (false, false) => Both {
            v4: exists(Family::V4),
            v6: exists(Family::V6),
        },
        (v4, v6) => Both { v4, v6 },
    }
}

/// What an order about a neighbor is.
pub(super) fn neighbor(node: &Node, told: &v1::NeighborOrder) -> Result<Order, String> {
    let neighbors = { node.watch.iter() }.flat_map(|watch| &watch.anycast.neighbors);
    let names: Vec<&str> = neighbors.map(|neighbor| neighbor.name.as_str()).collect();
    if !names.contains(&told.name.as_str()) {
        let names = names.join(", ");
        return Err(format!("no neighbor {} here; there are {names}", told.name));
    }
    let policy = match told.default {
        true => Policy::default(),
        false => Policy::from(&crate::route::v1::Policy {
            prepend: told.prepend,
            scope: told.scope,
            withdrawn: told.withdraw.clone(),
        }),
    };
    Ok(Order::Neighbor {
        name: told.name.clone(),
        policy,
    })
}

/// Tells how all nodes stand, on a thread of its own: they are asked, which takes its time.
pub(super) fn tell_site(node: &Node, reply: SyncSender<Reply>) {
    let neighborhood = { node.watch.as_ref() }.and_then(|watch| watch.neighborhood.clone());
    let Some(neighborhood) = neighborhood else {
        let message = "this node knows no others; add [site] to its configuration".to_owned();
        let _ = reply.try_send(Reply::Error { message });
        return;
    };
    let work = move || {
        // Who asked may have gone away.
        let _ = reply.try_send(Reply::Site(Box::new(census(&neighborhood))));
    };
    if let Err(cause) = thread::Builder::new().name("census".to_owned()).spawn(work) {
        warn!("cannot ask other nodes: {cause}");
    }
}
