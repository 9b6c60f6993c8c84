//! What happens to a node, in words.

use imrs_probe::judge::Question;
use imrs_sim::disk::{Fault, Survival};
use imrs_sim::lie::Lie;
use imrs_sim::limits::{CHANGED_DELEGATIONS_MAX, DISTRIBUTION_MAX, HEALED_WITHIN};
use imrs_sim::node::Node;
use imrs_sim::origin::{Size, zone};
use imrs_sim::primary::Mood;
use imrs_sim::time::Clock;
use imrs_sim::{NodeId, PrimaryId, World};
use imrs_transfer::compare::Verdict;
use imrs_transfer::refresh::{Came, Force};
use imrs_wire::{Rcode, Serial};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// Of the root's SOA record.
const REFRESH: Duration = Duration::from_secs(1800);
const EXPIRE: Duration = Duration::from_secs(604_800);

const NODE: NodeId = NodeId(0);
const FIRST: PrimaryId = PrimaryId(0);
const SECOND_PRIMARY: PrimaryId = PrimaryId(1);

/// A world in which everything runs for a minute.
fn running(seed: u64, primaries: usize) -> World {
    let mut world = World::seeded(seed).primaries(primaries).build();
    world.run(MINUTE);
    assert_eq!(world.node(NODE).serial(), Some(world.newest()));
    world
}

/// What the node says when it is asked for the zone's SOA record.
fn rcode(node: &Node) -> Rcode {
    let question = Question {
        name: zone(),
        rtype: domain::base::iana::Rtype::SOA,
    };
    let response = node.respond(&question.query(1)).expect("it runs");
    Rcode(u16::from(response[3] & 0xf))
}

#[test]
fn a_new_version_is_served_a_second_after_a_primary_has_it() {
    let mut world = running(1, 3);
    let serial = world.publish(Size::Usual);
    let published_at = world.now();
    let mut first_heard = None;
    while world.node(NODE).serial() != Some(serial) {
        world.run(SECOND / 10);
        let has = |primary: &PrimaryId| world.newest_of(*primary) == Some(serial);
        if first_heard.is_none() && world.primaries().any(|primary| has(&primary)) {
            first_heard = Some(world.now());
        }
        assert!(world.now().since(published_at) <= DISTRIBUTION_MAX + SECOND);
    }
    let heard = first_heard.expect("nobody else has it");
    assert!(world.now().since(heard) <= SECOND);
}

#[test]
fn without_notify_a_new_version_is_found_after_the_refresh_time() {
    let mut world = running(2, 1);
    world.set_cut(NODE, true);
    let serial = world.publish(Size::Usual);
    world.run(2 * DISTRIBUTION_MAX);
    world.set_cut(NODE, false);
    world.run(REFRESH);
    assert_eq!(world.node(NODE).serial(), Some(serial));
}

#[test]
fn serials_wrap_around() {
    let mut world = World::seeded(3).first(Serial(u32::MAX - 1)).build();
    world.run(3 * DAY + 2 * MINUTE);
    assert_eq!(world.newest(), Serial(4));
    assert_eq!(world.node(NODE).serial(), Some(Serial(4)));
}

#[test]
fn a_node_cut_off_past_expire_stops_serving_and_serves_again_when_it_is_joined() {
    let mut world = running(7, 2);
    world.set_cut(NODE, true);
    world.run(EXPIRE - HOUR);
    assert_eq!(rcode(world.node(NODE)), Rcode::NOERROR);
    world.run(2 * HOUR);
    assert_eq!(world.node(NODE).serial(), None);
    assert_eq!(rcode(world.node(NODE)), Rcode::SERVFAIL);
    world.set_cut(NODE, false);
    world.run(2 * MINUTE);
    assert_eq!(world.node(NODE).serial(), Some(world.newest()));
    assert_eq!(rcode(world.node(NODE)), Rcode::NOERROR);
}

#[test]
fn a_node_stops_serving_when_signatures_end() {
    let mut world = World::seeded(8).lifetime(2 * DAY).build();
    world.run(MINUTE);
    world.set_cut(NODE, true);
    world.run(2 * DAY - HOUR);
    assert!(world.node(NODE).serial().is_some());
    world.run(HOUR + MINUTE);
    assert_eq!(rcode(world.node(NODE)), Rcode::SERVFAIL);
}

/// Gives a node one liar and, if so wanted, one honest primary, through some publications.
fn with_liar(lie: Lie, ahead: u32, is_alone: bool, seed: u64) -> World {
    let mut world = running(seed, if is_alone { 1 } else { 2 });
    world.set_mood(FIRST, Mood::Lying(lie, ahead));
    world.publish(Size::Usual);
    world.run(2 * HOUR);
    world
}

#[test]
fn a_lying_primary_never_wins_over_an_honest_one() {
    for (number, lie) in (0..).zip(Lie::ALL) {
        for ahead in [0, 1, 1000] {
            let world = with_liar(lie, ahead, false, number);
            let node = world.node(NODE);
            assert_eq!(node.serial(), Some(world.newest()), "{lie:?}, {ahead}");
        }
    }
}

#[test]
fn a_lying_primary_alone_changes_nothing() {
    for (number, lie) in (0..).zip(Lie::ALL) {
        let world = with_liar(lie, 1000, true, number);
        let node = world.node(NODE);
        // It was the newest when it was fetched from an honest one.
        assert_eq!(node.serial(), Some(Serial(2_026_080_100)), "{lie:?}");
        assert_eq!(node.trail.swaps.first().map(|swap| swap.1), node.serial());
        // The first one, and those of the liar where it told of something to fetch.
        let is_fetched = !matches!(lie, Lie::Error);
        assert_eq!(node.trail.fetched > 1, is_fetched, "{lie:?}");
    }
}

#[test]
fn every_forgery_is_refused_with_its_reason() {
    for lie in Lie::ALL {
        let Lie::Forged(forgery) = lie else {
            continue;
        };
        let world = with_liar(lie, 1, true, 9);
        let node = world.node(NODE);
        let refusals = node.refresh().expect("it runs").refusals();
        assert!(refusals.count() > 0, "{forgery:?}");
        assert!(node.trail.refusal.is_some(), "{forgery:?}");
    }
}

#[test]
fn a_stale_first_primary_hides_nothing() {
    for seed in 0..20 {
        let mut world = running(seed, 2);
        world.set_mood(FIRST, Mood::Stale);
        world.run(DAY);
        assert_eq!(world.node(NODE).serial(), Some(world.newest()));
    }
}

#[test]
fn forged_notify_messages_cause_few_questions_and_no_fetch() {
    let mut world = running(11, 1);
    let fetched = world.node(NODE).trail.fetched;
    for step in 0..3600u32 {
        let serial = Serial(step.wrapping_mul(0x9e37_79b9));
        for from in [None, Some(0), Some(0)] {
            world.forge_notify(NODE, from, serial);
        }
        world.run(SECOND);
    }
    let node = world.node(NODE);
    assert_eq!(node.trail.fetched, fetched);
    assert!(node.trail.asks <= 3600 / 16 + 20, "{}", node.trail.asks);
}

#[test]
fn a_mishap_waits_for_the_operator() {
    let mut world = running(12, 2);
    let before = world.node(NODE).serial();
    let mishap = world.publish(Size::Mishap);
    world.run(HOUR);
    let node = world.node(NODE);
    assert_eq!(node.serial(), before);
    let reason = node.trail.refusal.clone().expect("it was refused");
    let expected = format!("more than the {CHANGED_DELEGATIONS_MAX} that are plausible");
    assert!(reason.contains(&expected), "{reason}");
    let now = world.now();
    world.node_mut(NODE).accept(now, mishap);
    world.run(5 * SECOND);
    assert_eq!(world.node(NODE).serial(), Some(mishap));
}

#[test]
fn the_operator_fetches_the_same_version_anew() {
    let mut world = running(13, 2);
    let now = world.now();
    world
        .node_mut(NODE)
        .operate(|refresh| refresh.force(now, Force::Retransfer));
    world.run(5 * SECOND);
    let swaps = &world.node(NODE).trail.swaps;
    assert_eq!(swaps.len(), 2);
    assert_eq!(swaps[0].1, swaps[1].1);
}

#[test]
fn nodes_feed_nodes_and_by_differences() {
    let mut world = World::seeded(14).leaves(1).build();
    world.run(MINUTE);
    let leaf = NodeId(1);
    let serial = world.publish(Size::Usual);
    world.run(DISTRIBUTION_MAX + 5 * SECOND);
    let node = world.node(leaf);
    assert_eq!(node.serial(), Some(serial));
    assert_eq!(
        node.trail.incremental, 1,
        "the second one came as differences"
    );
}

#[test]
fn killed_at_any_operation_of_its_disk_it_serves_the_newest_good_copy_at_once() {
    for survival in [Survival::All, Survival::None, Survival::Chance] {
        for operation in 0..16 {
            let mut world = World::seeded(operation).build();
            world.run(MINUTE);
            let first = world.node(NODE).serial();
            let disk = &world.node(NODE).disk;
            disk.fail_at(disk.operations() + operation, Fault::Crash(survival));
            world.publish(Size::Usual);
            world.run(HOUR);
            // Now nothing but the disk can help.
            world.set_cut(NODE, true);
            let crashed = !world.node(NODE).is_up();
            world.kill(NODE, survival, SECOND);
            world.run(2 * SECOND);
            let serial = world.node(NODE).serial();
            assert!(serial == first || serial == Some(world.newest()));
            assert!(crashed || serial == Some(world.newest()), "{operation}");
            world.set_cut(NODE, false);
            world.run(2 * MINUTE);
            assert_eq!(world.node(NODE).serial(), Some(world.newest()));
        }
    }
}

#[test]
fn with_a_full_disk_it_serves_what_is_new_all_the_same() {
    let mut world = running(15, 2);
    let saved = world.node(NODE).serial();
    world.node(NODE).disk.fill();
    let serial = world.publish(Size::Usual);
    world.run(DISTRIBUTION_MAX + SECOND);
    assert_eq!(world.node(NODE).serial(), Some(serial));
    assert!(!world.node(NODE).trail.troubles.is_empty());
    world.set_cut(NODE, true);
    world.kill(NODE, Survival::Chance, SECOND);
    world.run(2 * SECOND);
    assert_eq!(
        world.node(NODE).serial(),
        saved,
        "that is what there was room for"
    );
}

#[test]
fn a_copy_that_is_two_days_old_is_served_once_it_is_confirmed() {
    let mut world = running(16, 2);
    for primary in world.primaries() {
        world.set_mood(primary, Mood::Stale);
    }
    world.set_cut(NODE, true);
    world.kill(NODE, Survival::All, 2 * DAY + HOUR);
    world.run(2 * DAY + 2 * HOUR);
    assert!(world.node(NODE).is_up());
    assert_eq!(world.node(NODE).serial(), None);
    world.set_cut(NODE, false);
    world.run(HOUR);
    assert_eq!(world.node(NODE).serial(), Some(Serial(2_026_080_100)));
}

#[test]
fn a_clock_that_is_wrong_lets_nothing_unproven_in_and_heals() {
    for days in [-400, -1, 20, 400] {
        let mut world = running(17, 2);
        let clock = Clock {
            ahead_seconds: days * 86_400,
        };
        world.set_clock(NODE, clock);
        world.publish(Size::Usual);
        world.run(HOUR);
        if days > 13 {
            assert_eq!(rcode(world.node(NODE)), Rcode::SERVFAIL, "{days}");
        }
        world.set_clock(NODE, Clock::default());
        world.run(HEALED_WITHIN);
        assert_eq!(world.node(NODE).serial(), Some(world.newest()), "{days}");
    }
}

#[test]
fn observers_tell_that_all_primaries_are_stale() {
    let mut world = World::seeded(18).observers(3).build();
    world.run(MINUTE);
    for primary in world.primaries() {
        world.set_mood(primary, Mood::Stale);
    }
    world.publish(Size::Usual);
    world.run(HOUR);
    let verdict = world.node(NODE).verdict(world.now());
    assert!(
        matches!(verdict, Some(Verdict::Ahead { .. })),
        "{verdict:?}"
    );
    world.run(HOUR);
    let verdict = world.node(NODE).verdict(world.now());
    assert!(
        matches!(verdict, Some(Verdict::Stale { .. })),
        "{verdict:?}"
    );
    // One that lies does not.
    world.set_observer(0, Mood::Lying(Lie::Nothing, 1000));
    world.set_mood(SECOND_PRIMARY, Mood::Honest);
    world.run(3 * HOUR);
    let verdict = world.node(NODE).verdict(world.now());
    assert!(
        matches!(verdict, Some(Verdict::Ahead { .. })),
        "{verdict:?}"
    );
}

#[test]
fn a_dead_primary_is_passed_over_and_found_again() {
    let mut world = running(19, 2);
    world.set_mood(FIRST, Mood::Dead);
    world.run(DAY);
    assert_eq!(world.node(NODE).serial(), Some(world.newest()));
    world.set_mood(FIRST, Mood::Honest);
    world.set_mood(SECOND_PRIMARY, Mood::Dead);
    let serial = world.publish(Size::Usual);
    world.run(DISTRIBUTION_MAX + 10 * SECOND);
    assert_eq!(world.node(NODE).serial(), Some(serial));
    let refresh = world.node(NODE).refresh().expect("it runs");
    let last = refresh.primaries()[0].last.map(|(_, came)| came);
    assert_eq!(last, Some(Came::Accepted(serial)));
}

#[test]
fn the_same_seed_is_the_same_world() {
    let life = |seed| format!("{:?}", imrs_sim::chaos::live(seed));
    assert_eq!(life(5), life(5));
    assert_ne!(life(5), life(6));
}
