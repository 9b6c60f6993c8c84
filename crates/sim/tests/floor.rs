//! In every schedule of failures, shared ones among them, enough nodes go on announcing, and none
//! announces what it cannot prove: 10,000 lives. `IMRS_SIM_SEED=7` lives one of them again, and
//! `IMRS_SIM_SEEDS` as many as wanted.

use imrs_sim::fleet::{Tally, live};
use std::env;

/// Seeds of each of four tests, which run side by side.
const PART: u64 = 2500;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

fn check(part: u64) {
    let each = number("IMRS_SIM_SEEDS").map_or(PART, |seeds| seeds.div_ceil(4));
    let (seeds, is_one) = match number("IMRS_SIM_SEED") {
        Some(seed) => (seed..seed + 1, true),
        None => (part * each..(part + 1) * each, false),
    };
    let mut sum = Tally::default();
    for seed in seeds {
        match live(seed) {
            Ok(tally) => sum += tally,
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(
        is_one || sum.withdrawals > each,
        "too little happened: {sum:?}"
    );
}

#[test]
fn the_floor_stands_in_every_schedule_of_failures_first_part() {
    check(0);
}

#[test]
fn the_floor_stands_in_every_schedule_of_failures_second_part() {
    check(1);
}

#[test]
fn the_floor_stands_in_every_schedule_of_failures_third_part() {
    check(2);
}

#[test]
fn the_floor_stands_in_every_schedule_of_failures_fourth_part() {
    check(3);
}
