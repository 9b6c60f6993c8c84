//! Zones that are not to be served, whoever sends them, and those whose keys change as they may.

use crate::liar::honest;
use crate::trial::{HELD, NEXT, Trial};
use crate::zones::{self, hours, key, keys, signed, unsigned, valid};
use domain::base::iana::Rtype;
use imrs_zone::Record;
use imrs_zone::synth::{Algorithm, Key, Role};

/// A zone of the next serial is fetched whole, and refused for this reason.
#[track_caller]
fn check(zone: &[Record], reason: &str) {
    let trial = Trial::start();
    let told = trial.fetch(zones::soa(zone), honest(zone));
    trial.check_refused(&told, reason);
    assert_eq!(told.result, "refused");
    let refusal = &told.zone["refusals"][0];
    assert_eq!(refusal["serial"], NEXT, "{:#}", told.zone);
    // A serial that was refused is not fetched again when it is asked about again.
    let again = trial.refresh(zones::soa(zone), honest(zone));
    assert_eq!(trial.liar.heard(), [], "{again:#?}");
    assert_eq!(trial.serial(), Some(HELD));
}

/// A zone of the next serial is fetched whole and served.
#[track_caller]
fn check_served(zone: &[Record]) {
    let trial = Trial::start();
    let told = trial.fetch(zones::soa(zone), honest(zone));
    assert_eq!(told.result, "swapped", "{told:#?}");
    assert_eq!(trial.serial(), Some(NEXT));
}

/// The next version, spoilt, and with a digest that is right for what it is now.
fn spoilt(spoil: impl FnOnce(&mut Vec<Record>)) -> Vec<Record> {
    let mut zone = zones::version(NEXT);
    spoil(&mut zone);
    zones::digest_again(&mut zone);
    zone
}

#[test]
fn a_digest_made_anew_is_the_one_of_the_signer() {
    assert_eq!(spoilt(|_| {}), zones::version(NEXT));
}

#[test]
fn a_wrong_digest_is_refused() {
    let mut zone = zones::version(NEXT);
    zones::change_glue(&mut zone);
    check(&zone, "ZONEMD of serial 2026080101 disagrees");
}

#[test]
fn a_digest_of_another_serial_is_refused() {
    let mut zone = zones::version(HELD);
    zones::renumber_signed(&mut zone, NEXT);
    check(&zone, "ZONEMD");
}

#[test]
fn a_wrong_signature_under_a_right_digest_is_refused() {
    check(
        &spoilt(|zone| zones::spoil_signature(zone, Rtype::DS)),
        "DS is not validly signed: the RRSIG by key",
    );
}

#[test]
fn a_missing_signature_under_a_right_digest_is_refused() {
    check(
        &spoilt(|zone| zones::drop_signature(zone, Rtype::DS)),
        "there is no RRSIG",
    );
}

#[test]
fn expired_signatures_are_refused() {
    let zone = signed(unsigned(NEXT), &keys(1), hours(-48, -24));
    check(&zone, "expired at 2026-07-31T09:00:00Z");
}

#[test]
fn signatures_of_the_future_are_refused() {
    let zone = signed(unsigned(NEXT), &keys(1), hours(24, 48));
    check(&zone, "is valid only from 2026-08-02T09:00:00Z");
}

#[test]
fn a_broken_nsec_chain_is_refused() {
    check(&spoilt(zones::skip_a_name), "NSEC");
}

#[test]
fn signatures_of_an_unknown_algorithm_alone_are_refused() {
    check(
        &spoilt(|zone| zones::call_algorithm_unknown(zone)),
        "algorithm 200",
    );
}

#[test]
fn keys_that_nobody_trusts_are_refused() {
    let zone = signed(unsigned(NEXT), &keys(2), valid());
    check(&zone, "anchor");
}

#[test]
fn a_zone_without_signatures_is_refused() {
    let mut zone = zones::version(NEXT);
    zone.retain(|record| !matches!(record.rtype(), Rtype::RRSIG | Rtype::NSEC | Rtype::DNSKEY));
    check(&zone, "DNSKEY");
}

/// Keys of the zone with more of them.
fn keys_and(more: impl IntoIterator<Item = Key>) -> Vec<Key> {
    keys(1).into_iter().chain(more).collect()
}

#[test]
fn a_key_that_is_published_ahead_of_its_time_changes_nothing() {
    let standby = key(Algorithm::Ed25519, Role::Standby, 5);
    check_served(&signed(unsigned(NEXT), &keys_and([standby]), valid()));
}

#[test]
fn a_zsk_rolls() {
    let [ksk, _] = keys(1);
    let zsk = key(Algorithm::Ed25519, Role::ZoneSigning, 5);
    check_served(&signed(unsigned(NEXT), &[ksk, zsk], valid()));
}

#[test]
fn a_ksk_rolls_as_long_as_the_trusted_one_signs_too() {
    let ksk = key(Algorithm::Ed25519, Role::KeySigning, 5);
    check_served(&signed(unsigned(NEXT), &keys_and([ksk]), valid()));
    let [_, zsk] = keys(1);
    let ksk = key(Algorithm::Ed25519, Role::KeySigning, 5);
    check(&signed(unsigned(NEXT), &[ksk, zsk], valid()), "anchor");
}

#[test]
fn an_algorithm_rolls_by_double_signatures() {
    let other =
        [Role::KeySigning, Role::ZoneSigning].map(|role| key(Algorithm::RsaSha256, role, 1));
    check_served(&signed(unsigned(NEXT), &keys_and(other), valid()));
}

#[test]
fn an_implausible_change_waits_for_the_word_of_an_operator() {
    let trial = Trial::start_with("", "");
    let mut records = unsigned(NEXT);
    zones::drop_delegations(&mut records, 21);
    let zone = signed(records, &keys(1), valid());
    let told = trial.fetch(zones::soa(&zone), honest(&zone));
    trial.check_refused(&told, "is not plausible");
    let reply = trial.ctl(&["accept", ".", &NEXT.to_string()]);
    assert_eq!(reply["zones"][0]["result"], "swapped", "{reply:#}");
    assert_eq!(trial.serial(), Some(NEXT));
}
