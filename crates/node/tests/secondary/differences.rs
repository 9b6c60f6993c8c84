//! Lies of IXFR (RFC 1995): they cost nothing but a whole transfer from the same primary.

use crate::liar::{Tale, honest, told};
use crate::trial::{HELD, NEXT, Trial};
use crate::zones;
use domain::base::iana::Rtype;
use imrs_wire::Serial;
use imrs_zone::Record;
use imrs_zone::difference::Difference;
use std::sync::Arc;

/// Answers IXFR with these records, and AXFR with the zone.
fn tale(records: Vec<Record>, zone: &[Record]) -> Arc<Tale> {
    let whole = honest(zone);
    let part = told(move |asked| asked.messages(&records, 1000));
    Arc::new(move |asked: &mut crate::liar::Asked| match asked.qtype() {
        Rtype::IXFR => part(asked),
        _ => whole(asked),
    })
}

/// The records of a response with these differences, up to this SOA record.
fn ixfr(differences: &[Difference], soa: &Record) -> Vec<Record> {
    let mut records = vec![soa.clone()];
    for difference in differences {
        for half in [&difference.removed, &difference.added] {
            let is_soa = |record: &&Record| record.rtype() == Rtype::SOA;
            records.extend(half.iter().filter(is_soa).cloned());
            records.extend(half.iter().filter(|record| !is_soa(record)).cloned());
        }
    }
    records.push(soa.clone());
    records
}

fn next() -> Difference {
    Difference::between(&zones::version(HELD), &zones::version(NEXT))
}

/// IXFR is answered by these records, which are refused for this reason; the whole zone that is
/// fetched in their place is served.
#[track_caller]
fn check(records: Vec<Record>, reason: &str) {
    let trial = Trial::start();
    let zone = zones::version(NEXT);
    let told = trial.refresh(zones::soa(&zone), tale(records, &zone));
    assert_eq!(told.result, "swapped", "{told:#?}");
    assert_eq!(trial.serial(), Some(NEXT));
    assert_eq!(trial.liar.heard(), [Rtype::IXFR, Rtype::AXFR]);
    let history = told.zone["history"].as_array().unwrap();
    let reasons: Vec<&str> = history
        .iter()
        .filter_map(|happening| happening["reason"].as_str())
        .collect();
    assert!(
        reasons.iter().any(|told| told.contains(reason)),
        "{reasons:#?} do not say `{reason}`"
    );
}

#[test]
fn a_difference_that_is_right_is_taken() {
    let trial = Trial::start();
    let zone = zones::version(NEXT);
    let right = ixfr(&[next()], zones::soa(&zone));
    let told = trial.refresh(zones::soa(&zone), tale(right, &zone));
    assert_eq!(told.result, "swapped", "{told:#?}");
    assert_eq!(trial.serial(), Some(NEXT));
    assert_eq!(trial.liar.heard(), [Rtype::IXFR]);
}

#[test]
fn a_difference_that_takes_out_what_is_not_there_is_refused() {
    let mut difference = next();
    let mut absent = zones::version(HELD);
    zones::change_glue(&mut absent);
    let glue = absent.into_iter().find(|record| record.rtype() == Rtype::A);
    difference.removed.extend(glue);
    let soa = zones::soa(&difference.added).clone();
    check(ixfr(&[difference], &soa), "does not apply");
}

#[test]
fn a_difference_that_adds_what_is_there_is_refused() {
    let mut difference = next();
    let present = zones::version(HELD);
    let glue = present
        .into_iter()
        .find(|record| record.rtype() == Rtype::A);
    difference.added.extend(glue);
    let soa = zones::soa(&difference.added).clone();
    check(ixfr(&[difference], &soa), "does not apply");
}

#[test]
fn a_difference_to_a_zone_that_does_not_prove_is_refused() {
    let mut forged = zones::version(NEXT);
    zones::change_glue(&mut forged);
    let difference = Difference::between(&zones::version(HELD), &forged);
    check(ixfr(&[difference], zones::soa(&forged)), "ZONEMD of serial");
}

#[test]
fn a_chain_that_begins_elsewhere_is_refused() {
    let mut difference = next();
    zones::renumber(&mut difference.removed, HELD - 1);
    difference.from = Serial(HELD - 1);
    let soa = zones::soa(&difference.added).clone();
    check(
        ixfr(&[difference], &soa),
        &format!("begin at serial {}", HELD - 1),
    );
}

#[test]
fn a_chain_with_a_gap_is_refused() {
    let one = next();
    let mut other = one.clone();
    zones::renumber(&mut other.removed, NEXT + 3);
    zones::renumber(&mut other.added, NEXT + 4);
    let soa = zones::soa(&other.added).clone();
    check(
        ixfr(&[one, other], &soa),
        &format!("ends at serial {NEXT}, and serial {} follows", NEXT + 3),
    );
}

#[test]
fn a_chain_that_goes_back_is_refused() {
    let one = next();
    let mut back = one.clone();
    zones::renumber(&mut back.removed, NEXT);
    zones::renumber(&mut back.added, HELD);
    let soa = zones::renumbered(zones::soa(&one.added), NEXT + 5);
    check(
        ixfr(&[one, back], &soa),
        &format!("goes back from serial {NEXT} to {HELD}"),
    );
}
