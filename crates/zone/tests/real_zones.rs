//! Real root zones, each with its documented result.

#![allow(clippy::unwrap_used, reason = "a test that fails here should stop")]

mod data;

use imrs_zone::record::UnixTime;
use imrs_zone::verify::{Check, Demand, Effort, Outcome, Policy, Report};
use imrs_zone::zonemd::{DigestError, Hash};
use imrs_zone::{Anchors, Candidate, Limits, Unverified};
use std::num::NonZeroUsize;
use std::path::Path;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

fn policy(anchors: &Anchors) -> Policy {
    Policy {
        digest: Demand::Require,
        signatures: Demand::Require,
        anchors: anchors.clone(),
    }
}

fn examine(folder: &Path, file: &str, anchors: &Anchors, at: &str) -> Report {
    let records = data::records(&folder.join("zones").join(file), None);
    let candidate = Candidate::new(records, &Limits::default()).unwrap();
    let now = UnixTime::parse(at).unwrap();
    let report = candidate.examine(&policy(anchors), now, &Effort::silent(TWO));
    for finding in &report.findings {
        println!("{file} {}: {:?}", finding.check, finding.outcome);
    }
    report
}

fn outcome(report: &Report, check: Check) -> &Outcome {
    let mut findings = report.findings.iter();
    &findings
        .find(|finding| finding.check == check)
        .unwrap()
        .outcome
}

/// Checks the number of signatures and what the digest gives.
fn check(report: &Report, signatures: usize, digest: Result<Hash, fn(&DigestError) -> bool>) {
    for check in [Check::Keys, Check::Signatures, Check::Denial] {
        let outcome = outcome(report, check);
        assert!(
            matches!(outcome, Outcome::Passed(_)),
            "{check}: {outcome:?}"
        );
    }
    assert!(report.proof.is_secure);
    assert_eq!(report.proof.signatures, signatures);
    match (digest, outcome(report, Check::Digest)) {
        (Ok(hash), Outcome::Passed(_)) => assert_eq!(report.proof.digest, Some(hash)),
        (Err(is_expected), Outcome::Failed(Unverified::Digest(error))) => {
            assert!(is_expected(error), "{error}");
        }
        (_, outcome) => panic!("{outcome:?}"),
    }
}

#[test]
fn the_root_of_july_2026_is_proven_in_all_points() {
    let Some(folder) = data::folder() else { return };
    let file = "root-2026073102.zone";
    let report = examine(&folder, file, &Anchors::root(), "2026-08-01T09:00:00Z");
    check(&report, 2792, Ok(Hash::Sha384));
    let proof = &report.proof;
    let keys: Vec<_> = proof
        .keys
        .iter()
        .map(|key| (key.tag, key.algorithm, key.is_anchored, key.signatures))
        .collect();
    assert_eq!(
        keys,
        [
            (20326, 8, true, 1),
            (38696, 8, false, 0),
            (57780, 8, false, 2791)
        ]
    );
    let expires = proof.expires.unwrap().to_string();
    println!("{expires} {:?}", proof.expires_first);
    assert_eq!(proof.warnings, [] as [&str; 0]);
    assert!(report.conclude().is_ok());
}

#[test]
fn a_root_that_was_changed_or_is_old_is_refused_by_name() {
    let Some(folder) = data::folder() else { return };
    let text = data::octets(&folder.join("zones/root-2026073102.zone"));
    let text = String::from_utf8(text).unwrap();
    let check = |text: &str, at: &str, expected: &str| {
        let records = imrs_zone::read::read(text.as_bytes(), None).unwrap();
        let candidate = Candidate::new(records, &Limits::default()).unwrap();
        let now = UnixTime::parse(at).unwrap();
        let failure = candidate
            .verify(&policy(&Anchors::root()), now, &Effort::silent(TWO))
            .unwrap_err();
        assert_eq!(failure.to_string(), expected);
    };
    let at = "2026-08-01T09:00:00Z";
    let ds = text
        .lines()
        .find(|line| line.starts_with("ke.") && line.contains("\tDS\t"));
    let ds = ds.unwrap();
    let (head, digit) = ds.split_at(ds.len() - 1);
    let other = if digit == "0" { "1" } else { "0" };
    check(
        &text.replace(ds, &format!("{head}{other}")),
        at,
        "ke. DS is not validly signed",
    );
    let glue = text.lines().find(|line| line.contains("\tA\t")).unwrap();
    check(
        &text.replace(glue, ""),
        at,
        "the SHA-384 ZONEMD of serial 2026073102 disagrees with the records; some were changed, \
         lost or added on the way: fetch the zone again",
    );
    check(
        &text,
        "2026-09-01T09:00:00Z",
        ". DNSKEY is not validly signed by an anchored key (20326 38696)",
    );
    check(&text, "2026-08-14T00:00:00Z", ". NS is not validly signed");
}

#[test]
fn published_anchors_are_read() {
    let Some(folder) = data::folder() else { return };
    let tags = |file: &str, at: &str| -> Vec<u16> {
        let anchors = Anchors::read(&data::octets(&folder.join("anchors").join(file))).unwrap();
        let now = UnixTime::parse(at).unwrap();
        anchors
            .valid_at(now)
            .map(|anchor| anchor.key_tag())
            .collect()
    };
    let now = "2026-08-01T00:00:00Z";
    for file in ["root.ds", "root.key", "root-anchors.xml"] {
        assert_eq!(tags(file, now), [20326, 38696], "{file}");
    }
    assert_eq!(tags("root-anchors-2019.xml", now), [20326]);
    assert_eq!(
        tags("root-anchors-2019.xml", "2018-01-01T00:00:00Z"),
        [19036, 20326]
    );
}

#[test]
fn roots_without_a_digest_are_proven_by_their_signatures() {
    let Some(folder) = data::folder() else { return };
    let absent = |error: &DigestError| matches!(error, DigestError::Absent { .. });
    let xml = Anchors::read(&data::octets(&folder.join("anchors/root-anchors.xml"))).unwrap();
    let check = |file, at, signatures| {
        check(&examine(&folder, file, &xml, at), signatures, Err(absent));
    };
    check(
        "root-signed-2023042001.zone.xz",
        "2023-04-25T00:00:00Z",
        2849,
    );
    check(
        "root-signed-2020101902.zone.xz",
        "2020-10-25T00:00:00Z",
        2884,
    );
    check(
        "root-signed-2019121300.zone.xz",
        "2019-12-20T00:00:00Z",
        2898,
    );
    // Signed by KSK-2010, whose anchor is valid until 2019-01-11.
    check(
        "root-signed-2017112902.zone.xz",
        "2017-12-05T00:00:00Z",
        2940,
    );
}

#[test]
fn demonstration_roots_are_proven_under_their_own_keys() {
    let Some(folder) = data::folder() else { return };
    let keys = folder.join("zones/root-zonemd-demo-2021011901.dnskeys");
    let anchors = Anchors::read(&data::octets(&keys)).unwrap();
    let file = "root-zonemd-demo-2021011901.zone.xz";
    let report = examine(&folder, file, &anchors, "2021-01-25T00:00:00Z");
    check(&report, 2880, Ok(Hash::Sha384));
    // The digest is of a private scheme: it is not verifiable, and not known to be wrong.
    let file = "root-zonemd-private-scheme240-2020010801.zone.xz";
    let report = examine(&folder, file, &anchors, "2020-04-10T00:00:00Z");
    let unsupported =
        |error: &DigestError| matches!(error, DigestError::Unsupported { scheme: 240, .. });
    check(&report, 2894, Err(unsupported));
}

#[test]
fn the_uri_arpa_of_rfc_8976_has_a_good_digest() {
    let Some(folder) = data::folder() else { return };
    let path = folder.join("zonemd-cases/42-rfc8976-uri.arpa-example/uri.arpa.zone");
    let records = data::records(&path, Some(&"uri.arpa.".parse().unwrap()));
    let candidate = Candidate::new(records, &Limits::default()).unwrap();
    let policy = Policy {
        digest: Demand::Require,
        signatures: Demand::Warn,
        anchors: Anchors::none(candidate.apex().clone()),
    };
    let now = UnixTime::parse("2021-01-25T00:00:00Z").unwrap();
    let zone = candidate
        .verify(&policy, now, &Effort::silent(TWO))
        .unwrap();
    assert_eq!(zone.proof().digest, Some(Hash::Sha384));
    assert_eq!(
        zone.proof().warnings,
        [
            "no trust anchor for uri.arpa. is valid at 2021-01-25T00:00:00Z; give one that is, or \
          check the clock"
        ]
    );
}
