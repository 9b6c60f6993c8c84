//! What NOTIFY brings about, and what it cannot.

use super::*;
use crate::limits::{CHASES_MAX, NOTIFY_SPACING_MAX};

/// A machine that found everything level just now.
fn level(count: u16) -> Play {
    let mut play = Play::new(primaries(count), Some(held(1)));
    play.round(&vec![Some(1); usize::from(count)]);
    play
}

#[test]
fn it_begins_a_round_at_once_with_the_notifier() {
    let mut play = level(3);
    play.now = at(100);
    play.refresh
        .handle_notify(play.now, Some(1), Some(Serial(2)));
    play.fetches = vec![accepted(2)];
    assert_eq!(
        play.round(&[Some(1), Some(2), Some(2)]),
        [Some(2), Some(1), Some(2)]
    );
    assert_eq!(play.fetched, [fetch(1, 1)]);
    play.next_check_is_within(timers().refresh());
}

#[test]
fn what_is_no_news_is_let_fall() {
    for serial in [0, 1, 1 + (1 << 31)] {
        let mut play = level(1);
        play.refresh
            .handle_notify(play.now, Some(0), Some(Serial(serial)));
        assert_eq!(play.poll(), None, "{serial}");
        play.next_check_is_within(timers().refresh());
    }
}

#[test]
fn a_silent_primary_that_speaks_is_asked() {
    let mut play = Play::new(primaries(2), Some(held(1)));
    play.round(&[None, Some(1)]);
    play.refresh
        .handle_notify(play.now, Some(0), Some(Serial(2)));
    assert_eq!(play.poll(), ask(0));
}

#[test]
fn during_a_round_it_is_remembered_once() {
    let mut play = level(2);
    play.now = at(100);
    play.refresh
        .handle_notify(play.now, Some(0), Some(Serial(2)));
    assert_eq!(play.poll(), ask(0));
    for serial in [3, 2, 3] {
        play.refresh
            .handle_notify(play.now, Some(0), Some(Serial(serial)));
    }
    play.refresh.handle_soa(play.now, 0, Serial(2));
    play.fetches = vec![accepted(2)];
    play.round(&[Some(2), Some(2)]);
    play.next_check_is_within(Duration::from_secs(1));
    play.now = play.now + Duration::from_secs(1);
    play.fetches = vec![accepted(3)];
    play.round(&[Some(3), Some(3)]);
    play.next_check_is_within(timers().refresh());
}

#[test]
fn during_a_round_the_notifier_is_asked_next() {
    let mut play = level(3);
    play.refresh.force(play.now, Force::Refresh);
    assert_eq!(play.poll(), ask(0));
    play.refresh
        .handle_notify(play.now, Some(2), Some(Serial(2)));
    play.refresh.handle_soa(play.now, 0, Serial(1));
    assert_eq!(play.poll(), ask(2));
}

#[test]
fn what_a_round_found_meanwhile_needs_no_other() {
    let mut play = level(1);
    play.refresh.force(play.now, Force::Refresh);
    assert_eq!(play.poll(), ask(0));
    play.refresh
        .handle_notify(play.now, Some(0), Some(Serial(2)));
    play.refresh.handle_soa(play.now, 0, Serial(2));
    play.fetches = vec![accepted(2)];
    play.round(&[Some(2)]);
    play.next_check_is_within(timers().refresh());
}

#[test]
fn a_serial_that_no_primary_has_is_chased_a_few_times_and_forgotten() {
    let mut play = level(1);
    let begin = play.now;
    play.refresh
        .handle_notify(play.now, Some(0), Some(Serial(1000)));
    let mut rounds = 0;
    while play.now.since(begin) < Duration::from_secs(1000) {
        rounds += u32::from(!play.round(&[Some(1)]).is_empty());
        play.wait();
    }
    assert_eq!(rounds, CHASES_MAX);
}

#[test]
fn a_serial_that_comes_late_is_had_by_the_chase() {
    let mut play = level(1);
    play.refresh
        .handle_notify(play.now, Some(0), Some(Serial(2)));
    play.round(&[Some(1)]);
    play.wait();
    play.round(&[Some(1)]);
    play.wait();
    play.fetches = vec![accepted(2)];
    play.round(&[Some(2)]);
    assert_eq!(play.serial(), Some(2));
    assert!(play.now < at(4));
}

#[test]
fn without_a_serial_one_answer_is_enough() {
    let mut play = level(2);
    play.refresh.handle_notify(play.now, None, None);
    assert_eq!(play.round(&[Some(1), None]).len(), 2);
    play.next_check_is_within(timers().refresh());
    play.refresh.handle_notify(play.now, None, None);
    play.wait();
    play.round(&[None, None]);
    assert!(play.refresh.next_check().unwrap() <= play.now + Duration::from_secs(16));
}

#[test]
fn ten_thousand_lies_in_an_hour_cause_few_questions_and_no_fetch() {
    let mut play = level(2);
    let begin = play.now;
    let mut asked = 0;
    for step in 0..10_000u32 {
        let now = begin + Duration::from_millis(360) * step;
        while let Some(next) = play.refresh.poll_timeout().filter(|&next| next <= now) {
            play.now = next;
            asked += play.round(&[Some(1), Some(1)]).len();
        }
        play.now = now;
        let from = Some(usize::try_from(step % 3).unwrap());
        let serial = Serial(step.wrapping_mul(0x9e37_79b9));
        play.refresh.handle_notify(now, from, Some(serial));
        asked += play.round(&[Some(1), Some(1)]).len();
    }
    let rounds = 3600 / NOTIFY_SPACING_MAX.as_secs() + 10;
    assert!(asked as u64 <= 2 * rounds, "{asked} questions");
    assert!(play.fetched.is_empty());
    // A true one among them is had within the spacing.
    let announced = play.now;
    play.refresh
        .handle_notify(announced, Some(1), Some(Serial(2)));
    play.wait();
    play.fetches = vec![accepted(2)];
    play.round(&[Some(1), Some(2)]);
    assert_eq!(play.serial(), Some(2));
    assert!(play.now.since(announced) <= NOTIFY_SPACING_MAX);
}

#[test]
fn after_a_quiet_time_the_first_is_followed_at_once_again() {
    let mut play = level(1);
    for _ in 0..50 {
        play.refresh
            .handle_notify(play.now, Some(0), Some(Serial(9)));
        play.round(&[Some(1)]);
        play.now = play.now + Duration::from_secs(1);
    }
    play.now = at(1000);
    play.round(&[Some(1)]);
    play.now = at(1400);
    play.refresh
        .handle_notify(play.now, Some(0), Some(Serial(2)));
    play.round(&[Some(1)]);
    play.next_check_is_within(Duration::from_secs(1));
}
