//! Whole lives of worlds by their seeds: a few here, and as many as wanted by `IMRS_SIM_SEEDS=5000
//! cargo test -p imrs-sim --test seeds`. `IMRS_SIM_SEED=7` lives one of them again.

use imrs_sim::chaos::{Tally, live};
use std::env;

/// Seeds of each test here. The tests run side by side.
const SMOKE: u64 = 50;

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// Lives through the seeds of one part of four, and says what happened in all of them.
fn check(part: u64) -> Tally {
    let seeds: Vec<u64> = match (number("IMRS_SIM_SEED"), number("IMRS_SIM_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(seeds)) => (0..seeds).filter(|seed| seed % 4 == part).collect(),
        (None, None) => (part * SMOKE..(part + 1) * SMOKE).collect(),
    };
    let mut sum = Tally::default();
    for seed in seeds {
        match live(seed) {
            Ok(tally) => sum += tally,
            Err(violation) => panic!("{violation}"),
        }
    }
    sum
}

#[test]
fn every_invariant_holds_and_all_heals_first_part() {
    check(0);
}

#[test]
fn every_invariant_holds_and_all_heals_second_part() {
    check(1);
}

#[test]
fn every_invariant_holds_and_all_heals_third_part() {
    check(2);
}

#[test]
fn every_invariant_holds_and_all_heals_and_much_goes_wrong_on_the_way() {
    let tally = check(3);
    if number("IMRS_SIM_SEED").is_some() {
        return;
    }
    let Tally {
        swaps,
        refusals,
        boots,
        troubles,
        dropped,
        outages,
    } = tally;
    let counts = [swaps, refusals, boots, troubles, dropped, outages];
    assert!(counts.iter().all(|count| *count > 0), "{tally:?}");
}
