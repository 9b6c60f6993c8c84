//! Test roots are proven as real roots are, with every algorithm.

#![allow(clippy::unwrap_used, reason = "a test that fails here should stop")]

use domain::base::iana::Rtype;
use imrs_zone::record::{Record, UnixTime};
use imrs_zone::synth::{
    Algorithm, Key, LIFETIME, Plan, Role, SynthError, TestRoot, Validity, make, sign_zone, text,
};
use imrs_zone::verify::{Check, Delegation, Demand, Effort, Outcome, Policy, Verified};
use imrs_zone::{Anchors, Candidate, Limits, Name, Unverified, read};

/// 2026-08-01T12:00:00Z.
const NOON: UnixTime = UnixTime(1_785_585_600);

fn plan(algorithms: &[Algorithm], tlds: usize) -> Plan {
    Plan {
        algorithms: algorithms.to_vec(),
        tlds,
        ..Plan::new(NOON)
    }
}

fn prove(
    records: &[Record],
    anchors: Anchors,
    signatures: Demand,
    now: UnixTime,
) -> Result<Verified, Unverified> {
    let policy = Policy {
        digest: Demand::Require,
        signatures,
        anchors,
    };
    let candidate = Candidate::new(records.to_vec(), &Limits::default()).unwrap();
    candidate.verify(&policy, now, &Effort::silent(Plan::new(now).workers))
}

fn prove_root(root: &TestRoot, now: UnixTime) -> Result<Verified, Unverified> {
    let anchors = Anchors::read(root.anchors_ds.as_bytes()).unwrap();
    prove(&root.records, anchors, Demand::Require, now)
}

/// Proves the root, then `arpa` by its DS in the root, then the digest of `root-servers.net`.
fn check(plan: &Plan) {
    let root = make(plan).unwrap();
    let proven = prove_root(&root, NOON).unwrap();
    let is_signature = |record: &&Record| record.rtype() == Rtype::RRSIG;
    let signatures = root.records.iter().filter(is_signature).count();
    assert_eq!(proven.proof().signatures, signatures);
    let expires = UnixTime(NOON.0 + LIFETIME.as_secs());
    assert_eq!(proven.proof().expires, Some(expires));
    assert_eq!(proven.records(), root.records);
    assert_eq!(
        read::read(root.text().as_bytes(), None).unwrap().len(),
        root.records.len()
    );

    let apex: Name = "arpa".parse().unwrap();
    let Delegation::Secure(anchors) = proven.delegation(&apex) else {
        panic!("arpa is delegated without usable DS")
    };
    prove(&root.arpa, anchors, Demand::Require, NOON).unwrap();

    let anchors = Anchors::none("root-servers.net".parse().unwrap());
    prove(&root.root_servers_net, anchors, Demand::Off, NOON).unwrap();
}

#[test]
fn a_root_of_the_real_size_is_proven() {
    let plan = Plan::new(NOON);
    check(&plan);
}

#[test]
fn every_algorithm_is_proven() {
    for algorithm in Algorithm::ALL {
        check(&plan(&[algorithm], 60));
    }
}

#[test]
fn an_algorithm_roll_is_proven_under_both_anchors_and_under_each() {
    let plan = plan(&[Algorithm::RsaSha256, Algorithm::EcdsaP256Sha256], 60);
    check(&plan);
    let root = make(&plan).unwrap();
    for anchor in root.anchors_ds.lines() {
        let anchors = Anchors::read(anchor.as_bytes()).unwrap();
        prove(&root.records, anchors, Demand::Require, NOON).unwrap();
    }
}

#[test]
fn small_and_large_roots_are_proven() {
    for tlds in [2, 3, 20, 2000] {
        check(&plan(&[Algorithm::Ed25519], tlds));
    }
}

#[test]
fn a_test_root_is_proven_until_its_signatures_end_and_not_after() {
    let root = make(&plan(&[Algorithm::Ed25519], 20)).unwrap();
    let at = |now| prove_root(&root, UnixTime(now)).map(|_| ());
    let end = NOON.0 + LIFETIME.as_secs();
    assert_eq!(at(end - 1), Ok(()));
    assert!(matches!(at(end + 1), Err(Unverified::KeysUnsigned { .. })));
    assert_eq!(at(NOON.0 - 3600), Ok(()));
    assert!(matches!(
        at(NOON.0 - 3601),
        Err(Unverified::KeysUnsigned { .. })
    ));
}

#[test]
fn the_next_version_of_a_test_root_is_proven_by_the_same_anchor() {
    let plan = plan(&[Algorithm::Ed25519], 20);
    let root = make(&plan).unwrap();
    let apex = Name::root_bytes();
    let keys = [Role::KeySigning, Role::ZoneSigning, Role::Standby]
        .map(|role| Key::make(Algorithm::Ed25519, role, &apex, plan.seed).unwrap());
    let text = text(&root.records).replace(
        &format!(" {} 1800 ", plan.serial),
        &format!(" {} 1800 ", plan.serial.0 + 1),
    );
    let mut records = read::read(text.as_bytes(), None).unwrap();
    records.retain(|record| record.owner().to_string() != "com");
    let validity = Validity {
        inception: NOON,
        expiration: UnixTime(NOON.0 + 3600),
    };
    let records = sign_zone(records, &keys, validity, plan.workers).unwrap();

    let anchors = Anchors::read(root.anchors_ds.as_bytes()).unwrap();
    let proven = prove(&records, anchors, Demand::Require, NOON).unwrap();
    assert_eq!(proven.serial().0, plan.serial.0 + 1);
    assert_eq!(proven.proof().expires, Some(validity.expiration));
    assert_eq!(proven.records(), records);
    let com = "com.".parse().unwrap();
    assert_eq!(proven.delegation(&com), Delegation::Unproven);

    let unsigned = sign_zone(Vec::new(), &keys, validity, plan.workers);
    assert!(matches!(unsigned, Err(SynthError::NoSoa)));
}

#[test]
fn a_lost_glue_record_breaks_the_digest_alone() {
    let mut root = make(&plan(&[Algorithm::Ed25519], 20)).unwrap();
    let glue = root
        .records
        .iter()
        .position(|record| record.rtype() == Rtype::AAAA);
    root.records.remove(glue.unwrap());
    let policy = Policy {
        digest: Demand::Require,
        signatures: Demand::Require,
        anchors: Anchors::read(root.anchors_ds.as_bytes()).unwrap(),
    };
    let candidate = Candidate::new(root.records, &Limits::default()).unwrap();
    let report = candidate.examine(&policy, NOON, &Effort::silent(Plan::new(NOON).workers));
    for finding in &report.findings {
        let failed = matches!(finding.outcome, Outcome::Failed(_));
        assert_eq!(failed, finding.check == Check::Digest, "{}", finding.check);
    }
}
