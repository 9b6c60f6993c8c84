//! What holds at every moment, whatever happens. Measured by what the origin published and by the
//! true time, neither of which a node knows.

use crate::limits::{FETCHES_PER_HOUR_MAX, HEALED_WITHIN, LOOK_INTERVAL};
use crate::node::{Node, NodeId};
use crate::time::BEGIN;
use crate::world::World;
use imrs_transfer::time::Moment;
use imrs_zone::record::UnixTime;
use std::fmt;
use std::time::Duration;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The seed of the world that it happened in.
    pub seed: u64,
    /// When it happened, since the world began.
    pub at: Duration,
    /// To whom.
    pub node: Option<usize>,
    /// What.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(world: &World, node: Option<NodeId>, what: String) -> Self {
        Violation {
            seed: world.seed(),
            at: world.now().since(BEGIN),
            node: node.map(|NodeId(node)| node),
            what,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at.as_secs_f64();
        write!(f, "seed {}, after {seconds} s", self.seed)?;
        if let Some(node) = self.node {
            write!(f, ", node {node}")?;
        }
        write!(
            f,
            ": {}; again by: cargo run -p imrs-sim -- --seed {}",
            self.what, self.seed
        )
    }
}

/// Checks what holds at every moment.
pub(crate) fn check(world: &World) -> Result<(), Violation> {
    for (id, node) in world.nodes() {
        let checks = [
            is_published(world, node),
            is_proven(node, world.now()),
            never_goes_back(node),
            is_not_expired(node, world.now()),
            fetches_seldom(node),
            has_a_next_step(node, world.now()),
        ];
        for result in checks {
            result.map_err(|what| Violation::new(world, Some(id), what))?;
        }
    }
    Ok(())
}

/// What is served was published, octet for octet.
fn is_published(world: &World, node: &Node) -> Result<(), String> {
    let (Some(serial), Some(octets)) = (node.serial(), node.zone_octets()) else {
        return Ok(());
    };
    match world.origin.version(serial) {
        Some(version) if version.packed.octets() == octets => Ok(()),
        Some(_) => Err(format!("it serves forged records under serial {serial}")),
        None => Err(format!("it serves serial {serial}, which nobody published")),
    }
}

/// The signatures of what is served hold by the node's clock, which it looks at now and then.
fn is_proven(node: &Node, now: Moment) -> Result<(), String> {
    let Some(image_expires) = node.signatures_end() else {
        return Ok(());
    };
    let lately = UnixTime(node.clock.read(now).0 - LOOK_INTERVAL.as_secs());
    match lately < image_expires {
        true => Ok(()),
        false => Err(format!(
            "it serves signatures that ended at {image_expires}"
        )),
    }
}

/// The serial that is served never goes back while a node runs (RFC 1982).
fn never_goes_back(node: &Node) -> Result<(), String> {
    match (node.serial(), node.trail.highest) {
        (Some(serial), Some(highest)) if highest.is_newer_than(serial) => {
            Err(format!("it serves serial {serial} after {highest}"))
        }
        _ => Ok(()),
    }
}

/// Nothing is served that no upstream confirmed for longer than the zone may live.
fn is_not_expired(node: &Node, now: Moment) -> Result<(), String> {
    let (Some(_), Some(confirmed)) = (node.serial(), node.trail.confirmed) else {
        return Ok(());
    };
    let age = now.since(confirmed);
    match age <= EXPIRE + LOOK_INTERVAL {
        true => Ok(()),
        false => Err(format!("it serves what was confirmed {age:?} ago")),
    }
}

/// Nobody is fetched from in a loop.
fn fetches_seldom(node: &Node) -> Result<(), String> {
    let fetches = node.trail.fetches();
    match fetches <= FETCHES_PER_HOUR_MAX {
        true => Ok(()),
        false => Err(format!("it fetched {fetches} times within an hour")),
    }
}

/// A node that runs has something to wait for, and it is not over.
fn has_a_next_step(node: &Node, now: Moment) -> Result<(), String> {
    if !node.is_up() || node.has_job() {
        return Ok(());
    }
    match node.timeout(now) {
        Some(timeout) if timeout > now => Ok(()),
        other => Err(format!("it waits for {other:?} at {now:?}")),
    }
}

/// What holds once everything was well for so long as `healed`: every node serves the newest
/// version.
pub(crate) fn check_healed(world: &World, healed: Duration) -> Result<(), Violation> {
    for (id, node) in world.nodes() {
        let steps = if world.is_leaf(id) { 2 } else { 1 };
        let is_newest = node.serial() == Some(world.newest());
        if !is_newest && healed > HEALED_WITHIN * steps {
            let what = format!(
                "it serves {:?} and not {} though all was well for {healed:?}; clock {:?}, {:?}",
                node.serial(),
                world.newest(),
                node.clock,
                node.refresh(),
            );
            return Err(Violation::new(world, Some(id), what));
        }
    }
    Ok(())
}

/// The expiry of the test root's SOA record.
const EXPIRE: Duration = Duration::from_secs(604_800);
