//! Tests of the machine that keeps a zone current. `play` drives it; here are the rules one by one,
//! in `properties` what holds whatever happens.

mod notify;
mod play;
mod properties;
mod refusals;

use super::*;
use crate::limits::REFUSAL_DELAY;
use play::{Play, accepted, at, fetch, held, primaries, refused, retry, timers, whole};
use std::time::Duration;

fn ask(primary: usize) -> Option<Action> {
    Some(Action::Ask { primary })
}

#[test]
fn a_newer_serial_is_fetched_and_held() {
    let mut play = Play::new(primaries(1), Some(held(1)));
    assert_eq!(play.poll(), ask(0));
    assert_eq!(play.poll(), None, "an answer is outstanding");
    play.refresh.handle_soa(play.now, 0, Serial(2));
    assert_eq!(play.poll(), fetch(0, 1));
    assert_eq!(play.poll(), None, "a fetch is outstanding");
    play.refresh.handle_fetched(play.now, 0, accepted(2));
    assert_eq!(play.poll(), None);
    assert_eq!(play.serial(), Some(2));
    play.next_check_is_within(timers().refresh());
}

#[test]
fn serials_compare_around_the_wrap() {
    let check = |ours: u32, theirs: u32, is_fetched: bool| {
        let mut play = Play::new(primaries(1), Some(held(ours)));
        assert_eq!(play.poll(), ask(0));
        play.refresh.handle_soa(play.now, 0, Serial(theirs));
        let expected = is_fetched.then(|| fetch(0, ours).unwrap());
        assert_eq!(play.poll(), expected, "{theirs} after {ours}");
    };
    check(u32::MAX, 0, true);
    check(0, u32::MAX, false);
    check(5, 5, false);
    check(0, (1 << 31) - 1, true);
    check(0, 1 << 31, false);
}

#[test]
fn the_same_serial_confirms_and_the_next_check_comes_after_the_refresh_time() {
    let mut play = Play::new(primaries(1), Some(held(1)));
    play.now = at(100);
    assert_eq!(play.round(&[Some(1)]), [Some(1)]);
    assert_eq!(play.refresh.confirmed(), Some(at(100)));
    play.next_check_is_within(timers().refresh());
    let check = play.refresh.last_check().unwrap();
    assert_eq!((check.at, check.came), (at(100), Came::Level));
}

#[test]
fn silence_and_older_serials_confirm_nothing_and_the_retry_time_holds() {
    for answer in [None, Some(0)] {
        let mut play = Play::new(primaries(1), Some(held(1)));
        play.now = at(100);
        play.round(&[answer]);
        assert_eq!(play.refresh.confirmed(), Some(at(0)), "{answer:?}");
        play.next_check_is_within(retry());
    }
}

#[test]
fn a_newer_serial_that_is_not_had_confirms_nothing() {
    let mut play = Play::new(primaries(1), Some(held(1)));
    play.now = at(100);
    play.fetches = vec![Fetched::Failed];
    play.round(&[Some(2)]);
    assert_eq!(play.refresh.confirmed(), Some(at(0)));
    assert_eq!(
        play.refresh.primaries()[0].last,
        Some((at(100), Came::Broken(Serial(2))))
    );
}

#[test]
fn a_stale_first_primary_hides_no_newer_second() {
    let mut play = Play::new(primaries(3), Some(held(5)));
    play.fetches = vec![accepted(6)];
    play.round(&[Some(5), Some(4), Some(6)]);
    assert_eq!(play.serial(), Some(6));
}

#[test]
fn a_round_goes_on_to_the_newest() {
    let mut play = Play::new(primaries(3), Some(held(5)));
    play.fetches = vec![accepted(6), accepted(7)];
    play.round(&[Some(6), Some(6), Some(7)]);
    assert_eq!(play.fetched, [fetch(0, 5), fetch(2, 6)]);
    assert_eq!(play.serial(), Some(7));
}

#[test]
fn primaries_are_asked_by_priority_and_then_in_proportion_to_weight() {
    let list = [(1, 1), (0, 3), (0, 1), (0, 0)];
    let list = list.map(|(priority, weight)| Primary { priority, weight });
    let mut firsts = [0; 4];
    for seed in 0..4000 {
        let mut refresh = Refresh::new(list.to_vec(), None, seed, at(0));
        let mut order = Vec::new();
        while let Some(Action::Ask { primary }) = refresh.poll_action(at(0)) {
            order.push(primary);
            refresh.handle_unanswered(at(0), primary);
        }
        assert_eq!(order.last(), Some(&0), "the higher number comes last");
        firsts[order[0]] += 1;
    }
    let share = |first: usize| f64::from(firsts[first]) / 4000.0;
    assert!((0.5..0.7).contains(&share(1)), "{firsts:?}");
    assert!((0.15..0.25).contains(&share(2)), "{firsts:?}");
    assert!((0.1..0.25).contains(&share(3)), "{firsts:?}");
}

#[test]
fn a_silent_primary_is_passed_over_for_a_while_but_never_all_of_them() {
    let mut play = Play::new(primaries(2), Some(held(1)));
    play.round(&[None, Some(1)]);
    play.refresh.handle_notify(play.now, None, None);
    play.now = play.now + Duration::from_secs(2);
    assert_eq!(play.poll(), ask(1), "the first one was silent just now");
    play.refresh.handle_unanswered(play.now, 1);
    assert_eq!(play.poll(), None);
    play.refresh.handle_notify(play.now, None, None);
    play.now = play.now + Duration::from_secs(2);
    assert_eq!(play.poll(), ask(0), "both were: both are asked");
}

#[test]
fn without_a_copy_rounds_come_quickly_and_then_every_minute() {
    let mut play = Play::new(primaries(2), None);
    let mut delays = Vec::new();
    for _ in 0..9 {
        let before = play.now;
        play.round(&[None, None]);
        play.wait();
        delays.push(play.now.since(before).as_secs_f64());
    }
    for (delay, most) in delays.iter().zip([1, 2, 4, 8, 16, 32, 60, 60, 60]) {
        let most = f64::from(most);
        assert!((0.9 * most..=most).contains(delay), "{delays:?}");
    }
    play.fetches = vec![accepted(9)];
    play.round(&[Some(9), None]);
    assert_eq!(play.fetched, [whole(0)], "there is nothing to start from");
}

#[test]
fn a_copy_expires_and_lives_again_when_it_is_confirmed() {
    let mut play = Play::new(primaries(1), Some(held(1)));
    let end = at(0) + timers().expire();
    while play.now < end {
        assert!(!play.refresh.is_expired(play.now));
        play.round(&[None]);
        play.wait();
    }
    assert_eq!(play.now, end, "it is looked at when it expires");
    assert!(play.refresh.is_expired(play.now));
    play.round(&[None]);
    play.next_check_is_within(Duration::from_secs(1));
    play.wait();
    play.round(&[Some(1)]);
    assert!(!play.refresh.is_expired(play.now));
    play.next_check_is_within(timers().refresh());
}

#[test]
fn differences_that_fail_lead_to_the_whole_zone_and_then_to_the_next_primary() {
    for first in [Fetched::NoDifferences, refused(2, true)] {
        let mut play = Play::new(primaries(2), Some(held(1)));
        play.fetches = vec![first, refused(2, false), accepted(2)];
        play.round(&[Some(2), Some(2)]);
        assert_eq!(play.fetched, [fetch(0, 1), whole(0), fetch(1, 1)]);
        assert_eq!(play.serial(), Some(2));
    }
}

#[test]
fn a_whole_zone_is_not_fetched_twice_in_a_row() {
    for lie in [Fetched::NoDifferences, refused(2, true)] {
        let mut play = Play::new(primaries(1), None);
        play.fetches = vec![lie];
        play.round(&[Some(2)]);
        assert_eq!(play.fetched, [whole(0)]);
    }
}

#[test]
fn a_transfer_that_broke_is_tried_elsewhere_and_again_soon() {
    let mut play = Play::new(primaries(2), Some(held(1)));
    play.fetches = vec![Fetched::Failed, Fetched::Failed];
    play.round(&[Some(2), Some(2)]);
    assert_eq!(play.fetched, [fetch(0, 1), fetch(1, 1)]);
    play.next_check_is_within(Duration::from_secs(1));
    play.wait();
    play.fetches = vec![accepted(2)];
    play.round(&[Some(2), Some(2)]);
    assert_eq!(play.serial(), Some(2));
}

#[test]
fn fetches_that_bring_nothing_come_ever_more_rarely() {
    let mut play = Play::new(primaries(1), Some(held(1)));
    let mut last = None;
    // Each round it offers something else, and breaks off.
    for serial in 2..2000 {
        play.fetches = vec![Fetched::Failed];
        let before = play.fetched.len();
        play.round(&[Some(serial)]);
        if play.fetched.len() > before {
            last = Some(play.now);
        }
        play.wait();
    }
    let hours = play.now.0.as_secs_f64() / 3600.0;
    let count = play.fetched.len();
    assert!(
        count as f64 <= 12.0 * hours + 12.0,
        "{count} in {hours} hours"
    );
    assert!(last.is_some());
}

#[test]
fn a_primary_that_tells_more_than_it_sends_is_fetched_from_ever_more_rarely() {
    let mut play = Play::new(primaries(1), Some(held(5)));
    while play.now < at(3600) {
        play.fetches = vec![Fetched::NoDifferences, accepted(5)];
        play.refresh
            .handle_notify(play.now, Some(0), Some(Serial(9)));
        play.round(&[Some(9)]);
        play.wait();
    }
    let count = play.fetched.len();
    assert!(count <= 2 * (9 + 12), "{count} fetches in an hour");
    assert_eq!(play.serial(), Some(5));
    assert!(
        play.refresh.confirmed() > Some(at(3000)),
        "it has what is held"
    );
}

#[test]
fn timers_are_held_within_bounds() {
    let check = |given: [u64; 3], expected: [u64; 3]| {
        let [refresh, retry, expire] = given.map(Duration::from_secs);
        let timers = Timers::new(refresh, retry, expire);
        let ours = [timers.refresh(), timers.retry(), timers.expire()];
        assert_eq!(ours, expected.map(Duration::from_secs), "{given:?}");
    };
    check([1800, 900, 604_800], [1800, 900, 604_800]);
    check([0, 0, 0], [60, 60, 120]);
    check([1_000_000, 1_000_000, 5], [86_400, 86_400, 172_800]);
    let most = u64::from(u32::MAX);
    check([most, most, most], [86_400, 86_400, most]);
}

#[test]
fn answers_that_nothing_asked_for_are_let_fall() {
    let mut play = Play::new(primaries(2), Some(held(1)));
    play.refresh.handle_soa(play.now, 0, Serial(2));
    play.refresh.handle_unanswered(play.now, 1);
    play.refresh.handle_fetched(play.now, 0, Fetched::Failed);
    assert_eq!(play.poll(), ask(0));
    play.refresh.handle_soa(play.now, 1, Serial(2));
    play.refresh.handle_soa(play.now, 77, Serial(2));
    play.refresh.handle_fetched(play.now, 0, refused(2, false));
    assert_eq!(play.poll(), None, "the first has not answered yet");
    play.refresh.handle_soa(play.now, 0, Serial(1));
    play.refresh.handle_soa(play.now, 0, Serial(2));
    assert_eq!(play.poll(), ask(1));
    assert_eq!(play.refresh.refusals().count(), 0);
}

#[test]
fn a_zone_that_came_by_another_way_is_not_fetched_again() {
    let mut play = Play::new(primaries(2), Some(held(1)));
    assert_eq!(play.poll(), ask(0));
    play.refresh.handle_soa(play.now, 0, Serial(2));
    play.refresh.handle_held(play.now, Serial(2), timers());
    assert_eq!(play.poll(), ask(1));
    play.refresh.handle_soa(play.now, 1, Serial(3));
    assert_eq!(play.poll(), fetch(1, 2));
    play.refresh.handle_held(play.now, Serial(4), timers());
    play.refresh.handle_fetched(play.now, 1, refused(3, false));
    assert_eq!(play.serial(), Some(4));
}

#[test]
fn the_operator_gets_a_round_now_and_nobody_is_passed_over() {
    let mut play = Play::new(primaries(2), Some(held(1)));
    play.round(&[None, Some(1)]);
    play.refresh.force(play.now, Force::Refresh);
    assert_eq!(play.poll(), ask(0));
    play.refresh.force(play.now, Force::Refresh);
    play.refresh.handle_soa(play.now, 0, Serial(1));
    assert_eq!(play.poll(), ask(1), "the round goes on to its end");
    play.refresh.handle_soa(play.now, 1, Serial(1));
    assert_eq!(play.poll(), ask(0), "and then there is another");
}

#[test]
fn the_operator_gets_the_whole_zone_even_if_it_is_the_same() {
    let mut play = Play::new(primaries(2), Some(held(5)));
    play.round(&[Some(5), Some(5)]);
    play.refresh.force(play.now, Force::Refresh);
    play.refresh.force(play.now, Force::Retransfer);
    play.refresh.force(play.now, Force::Refresh);
    play.fetches = vec![refused(5, false), accepted(5)];
    play.round(&[Some(5), Some(5)]);
    assert_eq!(play.fetched, [whole(0), whole(1)]);
    play.refresh.force(play.now, Force::Refresh);
    play.round(&[Some(5), Some(5)]);
    assert_eq!(play.fetched.len(), 2, "once is enough");
}

#[test]
fn without_primaries_a_copy_only_expires() {
    let mut play = Play::new(primaries(0), Some(held(1)));
    play.refresh
        .handle_notify(play.now, Some(0), Some(Serial(2)));
    play.refresh.force(play.now, Force::Retransfer);
    assert_eq!(play.poll(), None);
    assert_eq!(play.refresh.poll_timeout(), Some(at(604_800)));
    play.wait();
    assert_eq!(play.poll(), None);
    assert_eq!(play.refresh.poll_timeout(), None);
    assert!(play.refresh.is_expired(play.now));
}

#[test]
fn nodes_of_a_fleet_do_not_ask_in_step() {
    let mut times = Vec::new();
    for seed in 0..20 {
        let mut refresh = Refresh::new(primaries(1), Some(held(1)), seed, at(0));
        assert_eq!(refresh.poll_action(at(0)), ask(0));
        refresh.handle_soa(at(0), 0, Serial(1));
        assert_eq!(refresh.poll_action(at(0)), None);
        times.push(refresh.next_check().unwrap());
    }
    times.sort();
    times.dedup();
    assert!(times.len() > 15, "{times:?}");
}
