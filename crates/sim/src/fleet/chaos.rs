//! What goes wrong by a seed, and that all heals.

use super::World;
use crate::limits::{
    FLEET_HEALED_WITHIN, FLEET_STAYS_FOR, FLEET_WITHDRAWN_WITHIN, FLEET_WRONG_AT_MOST,
};
use rand::RngExt;
use std::ops::AddAssign;

/// What happened in a life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Times that a node withdrew for a soft reason.
    pub withdrawals: u64,
    /// Times that something went wrong.
    pub troubles: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.withdrawals += other.withdrawals;
        self.troubles += other.troubles;
    }
}

/// Lives through the world of a seed: trouble, healing, and one node that goes bad among well ones.
/// What must not be is told with the way to see it again.
pub fn live(seed: u64) -> Result<Tally, String> {
    let mut world = World::seeded(seed);
    world.run(6000)?;
    all_announce(&world, "after the start")?;
    let troubles = world.rng.random_range(3..20);
    for _ in 0..troubles {
        trouble(&mut world)?;
        let pause = world.rng.random_range(0..5000);
        world.run(pause)?;
    }
    heal(&mut world);
    world.run(FLEET_HEALED_WITHIN)?;
    all_announce(&world, "after all healed")?;
    a_bound_one_goes_bad(&mut world)?;
    heal(&mut world);
    world.run(FLEET_HEALED_WITHIN)?;
    one_goes_bad(&mut world)?;
    Ok(Tally {
        withdrawals: world.leases_used,
        troubles,
    })
}

/// One thing that goes wrong, or right again.
fn trouble(world: &mut World) -> Result<(), String> {
    let count = world.nodes.len();
    let one = world.rng.random_range(0..count);
    match world.rng.random_range(0..16) {
        0 => (0..count).for_each(|index| world.nodes[index].is_right = false),
        1 => (0..count)
            .step_by(2)
            .for_each(|index| world.nodes[index].is_right = false),
        2 => {
            for index in 0..count {
                world.nodes[index].is_right = false;
                let pause = world.rng.random_range(0..1500);
                world.run(pause)?;
            }
        }
        3 | 4 => world.nodes[one].is_right = false,
        5 | 6 => (0..count).for_each(|index| world.nodes[index].is_right = true),
        7 => world.prove(one, false),
        8 => (0..count).for_each(|index| {
            let is_proven = world.rng.random_bool(0.5);
            world.prove(index, is_proven);
        }),
        9 => world.crash(one),
        10 => (0..count).for_each(|index| world.start(index)),
        11 => {
            let force = world.rng.random_bool(0.2);
            world.drain(one, Some(force));
        }
        12 => world.drain(one, None),
        13 => world.cut = world.rng.random_range(0..1 << count),
        14 => {
            world.loss = world.rng.random_range(0..60);
            world.delay = [50, 500, 3000, 12_000][world.rng.random_range(0..4)];
        }
        _ => {
            let node = &mut world.nodes[one];
            node.has_router = !node.has_router;
        }
    }
    Ok(())
}

fn heal(world: &mut World) {
    (world.cut, world.loss, world.delay) = (0, 0, 100);
    for index in 0..world.nodes.len() {
        world.nodes[index].is_right = true;
        world.nodes[index].has_router = true;
        world.prove(index, true);
        world.start(index);
        world.drain(index, None);
    }
}

fn all_announce(world: &World, when: &str) -> Result<(), String> {
    match world.nodes.iter().all(super::Node::is_announced) {
        true => Ok(()),
        false => Err(world.failure(&format!("not all announce {when}"))),
    }
}

/// One is drained on the promises of others, and one of those goes bad: where enough others still
/// stand in, it is bound no longer than wrong answers may stay.
fn a_bound_one_goes_bad(world: &mut World) -> Result<(), String> {
    let count = world.nodes.len();
    let drained = world.rng.random_range(0..count);
    world.drain(drained, Some(false));
    let pause = world.rng.random_range(4000..8000);
    world.run(pause)?;
    let Some(giver) = world.giver_to(drained).filter(|_| count - 2 >= world.floor) else {
        return Ok(());
    };
    world.nodes[giver].is_right = false;
    world.run(FLEET_WRONG_AT_MOST)?;
    match world.nodes[giver].is_announced() {
        true => Err(world.failure(&format!("node {giver} went bad and stays bound"))),
        false => Ok(()),
    }
}

/// Where enough others are well, who is not is withdrawn soon; then all go bad, and the floor
/// stands.
fn one_goes_bad(world: &mut World) -> Result<(), String> {
    let one = world.rng.random_range(0..world.nodes.len());
    world.nodes[one].is_right = false;
    world.run(FLEET_WITHDRAWN_WITHIN)?;
    let has_others = world.nodes.len() > world.floor;
    if world.nodes[one].is_announced() == has_others {
        let said = if has_others {
            "is not withdrawn"
        } else {
            "leaves too few"
        };
        return Err(world.failure(&format!("node {one} went bad and {said}")));
    }
    // And stays so for longer than a lease lasts.
    let withdrawn = world.leases_used;
    world.run(FLEET_STAYS_FOR)?;
    if has_others && (world.nodes[one].is_announced() || world.leases_used > withdrawn) {
        return Err(world.failure(&format!("node {one} is bad and came back")));
    }
    for node in &mut world.nodes {
        node.is_right = false;
    }
    world.run(20_000)?;
    let up = world
        .nodes
        .iter()
        .filter(|node| node.is_announced())
        .count();
    match up >= world.floor {
        true => Ok(()),
        false => Err(world.failure("all went bad, and too few stand")),
    }
}
