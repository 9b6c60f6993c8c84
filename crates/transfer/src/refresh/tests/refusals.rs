//! What was refused, and when it is fetched again.

use super::*;
use crate::limits::{REASON_OCTETS_MAX, REFUSAL_DELAY_MAX, REFUSALS_MAX};

/// A machine whose only primary had serial 2 refused.
fn after_refusal() -> Play {
    let mut play = Play::new(primaries(1), Some(held(1)));
    play.fetches = vec![refused(2, false)];
    play.round(&[Some(2)]);
    play
}

#[test]
fn a_refused_serial_is_remembered_with_its_reason() {
    let play = after_refusal();
    let refusals: Vec<&Refusal> = play.refresh.refusals().collect();
    let expected = Refusal {
        primary: 0,
        serial: Serial(2),
        reason: "ZONEMD disagrees".to_owned(),
        count: 1,
        at: at(0),
        again_at: at(60),
    };
    assert_eq!(refusals, [&expected]);
}

#[test]
fn a_refused_serial_is_fetched_again_after_delays_that_double() {
    let mut play = after_refusal();
    let mut delays = Vec::new();
    for _ in 0..9 {
        let refused_at = play.now;
        let before = play.fetched.len();
        play.fetches = vec![refused(2, false)];
        // Somebody sends NOTIFY all the time.
        while play.fetched.len() == before {
            play.refresh
                .handle_notify(play.now, Some(0), Some(Serial(2)));
            play.round(&[Some(2)]);
            play.wait();
            play.round(&[Some(2)]);
        }
        delays.push(play.now.since(refused_at));
    }
    let mut least = REFUSAL_DELAY;
    for delay in &delays {
        assert!(*delay >= least && *delay < least + retry(), "{delays:?}");
        least = (least * 2).min(REFUSAL_DELAY_MAX);
    }
    assert_eq!(least, REFUSAL_DELAY_MAX, "it was tried up to the longest");
}

#[test]
fn while_it_is_held_back_the_primary_shows_so() {
    let mut play = after_refusal();
    play.now = at(30);
    play.refresh.handle_notify(play.now, None, Some(Serial(2)));
    play.round(&[Some(2)]);
    let came = Came::HeldBack {
        serial: Serial(2),
        until: at(60),
    };
    assert_eq!(play.refresh.primaries()[0].last, Some((at(30), came)));
    assert_eq!(play.fetched.len(), 1);
}

#[test]
fn another_primary_may_have_it_in_good_order() {
    let mut play = Play::new(primaries(2), Some(held(1)));
    play.fetches = vec![refused(2, false), accepted(2)];
    play.round(&[Some(2), Some(2)]);
    assert_eq!(play.serial(), Some(2));
    assert_eq!(play.refresh.refusals().count(), 0, "it is held now");
}

#[test]
fn the_serial_after_a_refused_one_is_fetched_at_once() {
    let mut play = after_refusal();
    play.now = at(2);
    play.refresh
        .handle_notify(play.now, Some(0), Some(Serial(3)));
    play.fetches = vec![accepted(3)];
    play.round(&[Some(3)]);
    assert_eq!(play.serial(), Some(3));
}

#[test]
fn what_was_offered_is_remembered_as_well_as_what_came() {
    let mut play = Play::new(primaries(1), Some(held(1)));
    // It says 9 and sends 0, which is no news at all.
    play.fetches = vec![refused(0, false)];
    play.round(&[Some(9)]);
    play.now = at(30);
    play.refresh.handle_notify(play.now, None, None);
    play.round(&[Some(9)]);
    assert_eq!(play.fetched.len(), 1);
    let serials: Vec<u32> = play
        .refresh
        .refusals()
        .map(|refusal| refusal.serial.0)
        .collect();
    assert_eq!(serials, [9], "an older one need not be remembered");
}

#[test]
fn the_memory_is_bounded_for_each_primary() {
    let mut play = Play::new(primaries(2), Some(held(1)));
    play.fetches = vec![refused(2, false), refused(2, false)];
    play.round(&[Some(2), Some(2)]);
    for serial in 3..100 {
        play.now = play.now + Duration::from_secs(7200);
        let reason = "ü".repeat(REASON_OCTETS_MAX);
        play.fetches = vec![Fetched::Refused {
            serial: Serial(serial),
            reason,
            incremental: false,
        }];
        play.round(&[None, Some(serial)]);
    }
    let of = |primary| {
        let refusals = play.refresh.refusals();
        refusals.filter(move |refusal| refusal.primary == primary)
    };
    assert_eq!(of(0).count(), 1, "one that floods pushes out its own only");
    assert_eq!(of(1).count(), REFUSALS_MAX);
    assert!(of(1).all(|refusal| refusal.reason.len() <= REASON_OCTETS_MAX));
    assert!(of(1).any(|refusal| refusal.serial == Serial(99)));
}

#[test]
fn the_operator_lets_one_serial_pass_and_it_is_fetched_at_once() {
    let mut play = after_refusal();
    play.refresh.accept(play.now, Serial(2));
    assert_eq!(play.refresh.refusals().count(), 0);
    play.fetches = vec![accepted(2)];
    play.round(&[Some(2)]);
    assert_eq!(play.serial(), Some(2));
}

#[test]
fn the_operator_lets_a_serial_pass_that_is_being_refused() {
    let mut play = Play::new(primaries(1), Some(held(1)));
    assert_eq!(play.poll(), ask(0));
    play.refresh.handle_soa(play.now, 0, Serial(2));
    assert_eq!(play.poll(), fetch(0, 1));
    play.refresh.accept(play.now, Serial(2));
    // This was decided before.
    play.refresh.handle_fetched(play.now, 0, refused(2, false));
    play.fetches = vec![accepted(2)];
    play.round(&[Some(2)]);
    assert_eq!(play.serial(), Some(2));
}

#[test]
fn other_refusals_stay_when_one_serial_passes() {
    let mut play = after_refusal();
    play.refresh.accept(play.now, Serial(7));
    play.round(&[Some(2)]);
    assert_eq!(play.fetched.len(), 1);
    play.refresh.force(play.now, Force::Refresh);
    play.round(&[Some(2)]);
    assert_eq!(play.fetched.len(), 1, "asking again is not fetching again");
    play.refresh.force(play.now, Force::Retransfer);
    play.fetches = vec![refused(2, false)];
    play.round(&[Some(2)]);
    assert_eq!(play.fetched.len(), 2, "but this is what was asked for");
}
