//! What holds at every moment, whatever happens. Measured by what the origin published and by the
//! true time, neither of which a node knows.

use crate::limits::{FETCHES_PER_HOUR_MAX, HEALED_WITHIN, LOOK_INTERVAL, STORED_AGE_MAX};
use crate::node::{Node, NodeId};
use crate::primary::Mood;
use crate::time::{BEGIN, Clock, unix};
use crate::world::World;
use imrs_transfer::compare::Verdict;
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
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
            is_stale_if_it_says_so(world, node),
            finds_what_is_safe(world, node),
            is_not_old_at_start(node),
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
    // What is served changes by a swap or a start alone.
    let version = (node.trail.boots, node.trail.swaps.len());
    if node.trail.judged.replace(Some(version)) == Some(version) {
        return Ok(());
    }
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
///
/// A node whose clock was wrong cannot know how old a copy on its disk is; for such a one the time
/// counts from its start.
fn is_not_expired(node: &Node, now: Moment) -> Result<(), String> {
    let started = node.trail.start.map(|start| start.at);
    let since = match node.trail.clock_was_wrong {
        true => node.trail.confirmed.max(started),
        false => node.trail.confirmed,
    };
    let (Some(_), Some(since)) = (node.serial(), since) else {
        return Ok(());
    };
    let age = now.since(since);
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

/// While observers are honest, none is called stale who serves the newest version.
fn is_stale_if_it_says_so(world: &World, node: &Node) -> Result<(), String> {
    let are_honest = world.observers.iter().all(|mood| *mood == Mood::Honest);
    let is_newest = node.serial() == Some(world.newest());
    match node.verdict(world.now()) {
        Some(Verdict::Stale { serial, .. }) if are_honest && is_newest => {
            Err(format!("it serves the newest, and observers have {serial}"))
        }
        _ => Ok(()),
    }
}

/// A start finds what the disk had said was safe, if that can still be proven.
fn finds_what_is_safe(world: &World, node: &Node) -> Result<(), String> {
    let Some(start) = node.trail.start else {
        return Ok(());
    };
    let is_right = node.clock == Clock::default();
    if start.at != world.now() || !is_right || !start.is_readable {
        return Ok(());
    }
    let safe = start
        .saved
        .and_then(|serial| world.origin.version(serial))
        .filter(|version| version.is_valid_at(unix(world.now())))
        .map(|version| version.serial());
    match (safe, start.held) {
        (Some(safe), None) => Err(format!("it lost serial {safe}, which was safe on its disk")),
        (Some(safe), Some(held)) if safe.is_newer_than(held) => Err(format!(
            "it found serial {held}, and {safe} was safe on its disk"
        )),
        _ => Ok(()),
    }
}

/// What was confirmed long ago is not served from the disk before it is again (RSSAC047).
fn is_not_old_at_start(node: &Node) -> Result<(), String> {
    let Some(start) = node.trail.start.filter(|start| start.is_served) else {
        return Ok(());
    };
    let age = start.confirmed.map(|confirmed| start.at.since(confirmed));
    match age.filter(|age| *age > STORED_AGE_MAX + MINUTE && !node.trail.clock_was_wrong) {
        Some(age) => Err(format!("it began with what was confirmed {age:?} before")),
        None => Ok(()),
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

/// What holds once it was well for `steps` times [`HEALED_WITHIN`]: every node so many steps from
/// the primaries serves `target`, which was the newest version then, or a newer one.
pub(crate) fn check_healed(world: &World, target: Serial, steps: u32) -> Result<(), Violation> {
    for (id, node) in world.nodes() {
        let is_near = steps >= if world.is_leaf(id) { 2 } else { 1 };
        let is_there = node
            .serial()
            .is_some_and(|serial| !target.is_newer_than(serial));
        if is_near && !is_there {
            let what = format!(
                "it serves {:?} and not {target} though all was well for {:?}; {:?}",
                node.serial(),
                HEALED_WITHIN * steps,
                node.refresh(),
            );
            return Err(Violation::new(world, Some(id), what));
        }
    }
    Ok(())
}

/// Stored times have whole seconds.
const MINUTE: Duration = Duration::from_secs(60);

/// The expiry of the test root's SOA record.
const EXPIRE: Duration = Duration::from_secs(604_800);
