//! Small signed zones: each algorithm holds, and each thing that can be wrong is told by name.
//!
//! The zones in `signed/` were signed by ldns-signzone, so that an independent implementation
//! vouches for what is right.

#![allow(clippy::unwrap_used, reason = "a test that fails here should stop")]

use imrs_zone::read::read;
use imrs_zone::record::UnixTime;
use imrs_zone::verify::{Check, Delegation, Demand, Effort, Outcome, Policy, Report, Verified};
use imrs_zone::zonemd::Hash;
use imrs_zone::{Anchors, Candidate, Limits, Name, Unverified};
use std::error::Error;
use std::num::NonZeroUsize;

const RSA256: &str = include_str!("signed/algorithm-8.zone");
const RSA512: &str = include_str!("signed/algorithm-10.zone");
const P256: &str = include_str!("signed/algorithm-13.zone");
const P384: &str = include_str!("signed/algorithm-14.zone");
const ED25519: &str = include_str!("signed/algorithm-15.zone");
const DOUBLE: &str = include_str!("signed/algorithms-8-and-13.zone");
const REVOKED: &str = include_str!("signed/revoked.zone");

const TIME: &str = "2026-08-15T00:00:00Z";

/// The anchors that the comments at the head of a zone tell.
fn anchors(zone: &str) -> Anchors {
    let lines = zone.lines().filter_map(|line| line.strip_prefix("; "));
    let ds: Vec<&str> = lines.filter(|line| line.starts_with(".")).collect();
    Anchors::read(ds.join("\n").as_bytes()).unwrap()
}

fn policy(digest: Demand, anchors: Anchors) -> Policy {
    Policy {
        digest,
        signatures: Demand::Require,
        anchors,
    }
}

fn examine(zone: &str, anchors: Anchors, at: &str, workers: usize) -> Report {
    let records = read(zone.as_bytes(), None).unwrap_or_else(|error| panic!("{error}\n{zone}"));
    let candidate = Candidate::new(records, &Limits::default()).unwrap();
    let effort = Effort::silent(NonZeroUsize::new(workers).unwrap());
    let now = UnixTime::parse(at).unwrap();
    candidate.examine(&policy(Demand::Require, anchors), now, &effort)
}

fn verify(zone: &str) -> Result<Verified, Unverified> {
    let records = read(zone.as_bytes(), None).unwrap();
    let candidate = Candidate::new(records, &Limits::default()).unwrap();
    let effort = Effort::silent(NonZeroUsize::MIN);
    let now = UnixTime::parse(TIME).unwrap();
    candidate.verify(&policy(Demand::Require, anchors(zone)), now, &effort)
}

/// A failure with its causes.
fn words(failure: &Unverified) -> String {
    match failure.source() {
        Some(cause) => format!("{failure}: {cause}"),
        None => failure.to_string(),
    }
}

fn outcome(report: &Report, check: Check) -> String {
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.check == check);
    match &finding.unwrap().outcome {
        Outcome::Passed(_) => "passed".to_owned(),
        Outcome::Failed(failure) => words(failure),
        Outcome::Skipped(why) => format!("skipped: {why}"),
    }
}

/// Replaces `from`, which stands once, by `to`, and checks what each thread count says of it.
fn check(from: &str, to: &str, failed: Check, expected: &str) {
    assert_eq!(P256.matches(from).count(), 1, "{from}");
    let zone = P256.replace(from, to);
    for workers in [1, 4] {
        let report = examine(&zone, anchors(P256), TIME, workers);
        assert_eq!(outcome(&report, failed), expected, "{from} to {to}");
        assert!(report.conclude().is_err());
    }
}

/// The line of the zone that begins so.
fn line(start: &str) -> &'static str {
    let mut lines = P256.lines().filter(|line| line.starts_with(start));
    let line = lines.next().unwrap_or_else(|| panic!("no line {start}"));
    assert_eq!(lines.next(), None, "{start}");
    line
}

#[test]
fn every_supported_algorithm_proves_a_zone() {
    for (zone, algorithm) in [
        (RSA256, 8),
        (RSA512, 10),
        (P256, 13),
        (P384, 14),
        (ED25519, 15),
    ] {
        let zone = verify(zone).unwrap_or_else(|failure| panic!("{}", words(&failure)));
        let proof = zone.proof();
        assert!(proof.is_secure);
        assert_eq!(proof.digest, Some(Hash::Sha384));
        assert_eq!((proof.signatures, proof.rrsets), (13, 13));
        let used: Vec<_> = proof
            .keys
            .iter()
            .map(|key| (key.algorithm, key.is_anchored, key.signatures))
            .collect();
        let expected = [(algorithm, false, 12), (algorithm, true, 1)];
        assert!(expected.iter().all(|key| used.contains(key)), "{used:?}");
        assert_eq!(proof.expires, UnixTime::parse("2026-09-01T00:00:00Z"));
        assert_eq!(proof.warnings, [] as [&str; 0]);
    }
}

#[test]
fn two_algorithms_at_once_prove_a_zone_under_either_anchor() {
    let zone = verify(DOUBLE).unwrap();
    assert_eq!(zone.proof().digest, Some(Hash::Sha512));
    assert_eq!((zone.proof().signatures, zone.proof().rrsets), (26, 13));
    for ds in [anchors(RSA256), anchors(P256)] {
        let report = examine(DOUBLE, ds, TIME, 1);
        assert!(report.conclude().is_ok());
    }
}

#[test]
fn signatures_of_an_algorithm_to_come_or_gone_are_passed_over() {
    // RFC 6781 section 4.1.4: signatures come before their keys, and go after them.
    let early: Vec<&str> = P256
        .lines()
        .filter(|line| line.contains("\tRRSIG\t") && !line.contains("\tDNSKEY "))
        .collect();
    let zone = format!("{RSA256}\n{}", early.join("\n"));
    let report = examine(&zone, anchors(RSA256), TIME, 1);
    for check in [Check::Keys, Check::Signatures, Check::Denial] {
        assert_eq!(outcome(&report, check), "passed");
    }
    assert_eq!((report.proof.signatures, report.proof.rrsets), (13, 13));
}

#[test]
fn a_key_of_an_algorithm_that_does_not_sign_everything_is_told() {
    let lost = DOUBLE
        .lines()
        .find(|line| line.starts_with("own.") && line.contains("TXT 13"))
        .unwrap();
    let report = examine(&DOUBLE.replace(lost, ""), anchors(DOUBLE), TIME, 1);
    assert_eq!(outcome(&report, Check::Signatures), "passed");
    assert_eq!(
        report.proof.warnings,
        ["algorithm 13 is in the DNSKEY RRset, but signs only 12 of 13 RRsets"]
    );
}

#[test]
fn a_revoked_key_is_no_anchor() {
    let all = anchors(REVOKED);
    assert!(examine(REVOKED, all, TIME, 1).conclude().is_ok());
    let only = |tag: &str| {
        let line = REVOKED
            .lines()
            .find(|line| line.contains(tag) && line.starts_with("; ."));
        Anchors::read(line.unwrap().trim_start_matches("; ").as_bytes()).unwrap()
    };
    assert!(
        examine(REVOKED, only("DS 10560"), TIME, 1)
            .conclude()
            .is_ok()
    );
    let report = examine(REVOKED, only("DS 56665"), TIME, 1);
    assert_eq!(
        outcome(&report, Check::Keys),
        "no trust anchor (56665) is a usable key of . (17028 10560 56793); update the anchors, or \
         do not trust the zone"
    );
    // Nor is its DNSKEY record itself.
    let key = REVOKED
        .lines()
        .find(|line| line.contains("DNSKEY\t385"))
        .unwrap();
    let report = examine(REVOKED, Anchors::read(key.as_bytes()).unwrap(), TIME, 1);
    assert!(matches!(
        report.conclude(),
        Err(Unverified::NoAnchoredKey { .. })
    ));
}

#[test]
fn anchors_that_do_not_fit_are_told_apart() {
    let keys = |anchors| outcome(&examine(P256, anchors, TIME, 1), Check::Keys);
    assert_eq!(
        keys(Anchors::root()),
        "no trust anchor (20326 38696) is a usable key of . (861 4629); update the anchors, or do \
         not trust the zone"
    );
    assert_eq!(
        keys(Anchors::none(Name::root_bytes())),
        format!("no trust anchor for . is valid at {TIME}; give one that is, or check the clock")
    );
    assert_eq!(
        keys(Anchors::none("arpa.".parse().unwrap())),
        "the trust anchors are for arpa., the zone is .; configure its own"
    );
    // A DNSKEY record is an anchor as well.
    let key = line(".\t86400\tIN\tDNSKEY\t257");
    assert_eq!(keys(Anchors::read(key.as_bytes()).unwrap()), "passed");
}

#[test]
fn time_is_told_at_both_ends() {
    let at = |time| outcome(&examine(P256, anchors(P256), time, 1), Check::Keys);
    assert_eq!(at("2026-08-01T00:00:00Z"), "passed");
    assert_eq!(at("2026-09-01T00:00:00Z"), "passed");
    assert_eq!(
        at("2026-09-01T00:00:01Z"),
        ". DNSKEY is not validly signed by an anchored key (4629): the RRSIG by key 4629 expired \
         at 2026-09-01T00:00:00Z; get a newer zone, or check the clock"
    );
    assert_eq!(
        at("2026-07-31T23:59:59Z"),
        ". DNSKEY is not validly signed by an anchored key (4629): the RRSIG by key 4629 is valid \
         only from 2026-08-01T00:00:00Z; check the clock"
    );
}

#[test]
fn signatures_that_are_wrong_are_told_by_name() {
    let bad = "is not validly signed: the RRSIG by key 861 does not verify: records or signature \
               were changed";
    let absent = "is not validly signed: there is no RRSIG; a record was lost, or the zone is not \
                  wholly signed";
    let signatures = Check::Signatures;
    check(
        "12345 13 2 0001",
        "12345 13 2 0101",
        signatures,
        &format!("alpha. DS {bad}"),
    );
    check(
        "alpha.\t86400\tIN\tDS\t12345",
        "alpha.\t86400\tIN\tDS\t12346",
        signatures,
        &format!("alpha. DS {bad}"),
    );
    check(
        line("own.\t86400\tIN\tRRSIG\tTXT"),
        "",
        signatures,
        &format!("own. TXT {absent}"),
    );
    check(
        "\tTXT\t\"data of",
        "\tTXT\t\"Data of",
        signatures,
        &format!("own. TXT {bad}"),
    );
    // Of several the first in canonical order is told.
    let zone = P256
        .replace("data of", "Data of")
        .replace("below an", "Below an");
    let report = examine(&zone, anchors(P256), TIME, 4);
    assert_eq!(
        outcome(&report, signatures),
        format!("deep.empty. TXT {bad}")
    );
    check(
        line("own.\t86400\tIN\tTXT"),
        "",
        signatures,
        "own. has a signature over TXT, but no TXT; a record was lost, or the signature is left \
         over",
    );
}

#[test]
fn fields_of_a_signature_that_are_wrong_are_told() {
    let rrsig = line("own.\t86400\tIN\tRRSIG\tTXT");
    let edit = |from: &str, to: &str, words: &str| {
        assert!(rrsig.contains(from), "{from}");
        let expected = format!("own. TXT is not validly signed: {words}");
        check(
            rrsig,
            &rrsig.replace(from, to),
            Check::Signatures,
            &expected,
        );
    };
    edit(
        "TXT 13 1 86400",
        "TXT 13 0 86400",
        "the RRSIG by key 861 is for 0 labels, the owner has 1",
    );
    edit(
        "TXT 13 1 86400",
        "TXT 13 1 86401",
        "the RRSIG by key 861 is for a TTL of 86401, but the records have 86400 and it has 86400",
    );
    edit(
        "own.\t86400",
        "own.\t60",
        "the RRSIG by key 861 is for a TTL of 86400, but the records have 86400 and it has 60",
    );
    edit(
        "861 .",
        "862 .",
        "the RRSIG is by key 862 of algorithm 13, which is no key of the zone",
    );
    edit(
        "861 .",
        "861 test.",
        "the RRSIG is by test., which is not the zone",
    );
    edit(
        "TXT 13",
        "TXT 16",
        "the RRSIG is by key 861 of algorithm 16, which is no key of the zone",
    );
}

#[test]
fn a_wrong_signature_beside_a_good_one_is_a_failure() {
    let rrsig = line("own.\t86400\tIN\tRRSIG\tTXT");
    let forged = rrsig.replace("20260901000000", "20260902000000");
    check(
        rrsig,
        &format!("{rrsig}\n{forged}"),
        Check::Signatures,
        "own. TXT is not validly signed: the RRSIG by key 861 does not verify: records or \
         signature were changed",
    );
    // One whose time has gone does not count, and does no harm.
    let old = rrsig.replace("20260901000000", "20260802000000");
    let zone = P256.replace(rrsig, &format!("{rrsig}\n{old}"));
    let report = examine(&zone, anchors(P256), TIME, 1);
    assert_eq!(outcome(&report, Check::Signatures), "passed");
}

#[test]
fn delegations_and_glue_are_not_to_be_signed() {
    let rrsig = |owner: &str, rtype: &str| {
        format!(
            "\n{owner} 86400 IN RRSIG {rtype} 13 1 86400 20260901000000 20260801000000 861 . AAAA"
        )
    };
    let signed = |owner: &str, rtype: &str| {
        let end = line("own.\t86400\tIN\tTXT");
        check(
            end,
            &(end.to_owned() + &rrsig(owner, rtype)),
            Check::Signatures,
            &format!(
                "{owner} {rtype} is signed, but is delegation data or glue; sign the zone again"
            ),
        );
    };
    signed("beta.", "NS");
    signed("alpha.", "A");
    signed("ns1.alpha.", "AAAA");
}

#[test]
fn the_nsec_chain_is_complete_closed_and_right() {
    let denial = Check::Denial;
    let missing = "has no NSEC; each name with data of the zone or a delegation has one";
    check(
        line("beta.\t86400\tIN\tNSEC"),
        "",
        denial,
        &format!("beta. {missing}"),
    );
    check(
        "\tNSEC\tdeep.empty.",
        "\tNSEC\town.",
        denial,
        "the NSEC chain breaks at beta.: its next name is own., the zone's is deep.empty.",
    );
    check(
        "\tNSEC\t. NS",
        "\tNSEC\talpha. NS",
        denial,
        "the NSEC chain breaks at test.: its next name is alpha., the zone's is .",
    );
    check(
        "alpha. NS SOA",
        "alpha. NS MX SOA",
        denial,
        "the NSEC of . has wrong types: lacks [], has too many [MX]",
    );
    check(
        "beta. NS DS RRSIG",
        "beta. NS RRSIG",
        denial,
        "the NSEC of alpha. has wrong types: lacks [DS], has too many []",
    );
    check(
        "deep.empty. NS RRSIG",
        "deep.empty. A NS RRSIG",
        denial,
        "the NSEC of beta. has wrong types: lacks [], has too many [A]",
    );
    let end = line("own.\t86400\tIN\tTXT");
    let more = |record: &str| format!("{end}\n{record}");
    check(
        end,
        &more("other. 60 IN TXT x"),
        denial,
        &format!("other. {missing}"),
    );
    check(
        end,
        &more("new. 60 IN NS ns1.alpha."),
        denial,
        &format!("new. {missing}"),
    );
    check(
        end,
        &more("beta. 86400 IN NSEC own. NS"),
        denial,
        "beta. has more than one NSEC; a name has one",
    );
    check(
        end,
        &more("ns2.beta. 60 IN NSEC own. A"),
        denial,
        "ns2.beta. has an NSEC, but is below a delegation; sign the zone again",
    );
}

#[test]
fn what_signatures_do_not_cover_the_digest_does() {
    let changed = "the SHA-384 ZONEMD of serial 2026080100 disagrees with the records; some were \
                   changed, lost or added on the way: fetch the zone again";
    check("192.0.2.2", "192.0.2.3", Check::Digest, changed);
    check(
        line("beta.\t86400\tIN\tNS\t"),
        "beta. 86400 IN NS ns.other.",
        Check::Digest,
        changed,
    );
    check(line("ns2.beta.\t86400\tIN\tA"), "", Check::Digest, changed);
    check(line("a.ns.test.\t86400\tIN\tA"), "", Check::Digest, changed);
    let end = line("own.\t86400\tIN\tTXT");
    check(
        end,
        &format!("{end}\nns3.beta. 60 IN A 192.0.2.9"),
        Check::Digest,
        changed,
    );
}

#[test]
fn an_unsigned_zone_is_served_only_where_the_policy_allows() {
    let zone = "example. 60 IN SOA a. b. 1 2 3 4 5\nexample. 60 IN NS a.";
    let report = examine(zone, anchors(P256), TIME, 1);
    assert_eq!(
        outcome(&report, Check::Keys),
        "example. has no DNSKEY RRset: the zone is unsigned; serve it with dnssec = \"off\" if it \
         should be"
    );
    assert_eq!(
        outcome(&report, Check::Signatures),
        "skipped: there are no proven keys"
    );
    let candidate = Candidate::new(read(zone.as_bytes(), None).unwrap(), &Limits::default());
    let policy = Policy {
        digest: Demand::Off,
        signatures: Demand::Off,
        anchors: Anchors::root(),
    };
    let effort = Effort::silent(NonZeroUsize::MIN);
    let zone = candidate
        .unwrap()
        .verify(&policy, UnixTime(0), &effort)
        .unwrap();
    assert!(!zone.proof().is_secure);
    assert_eq!(
        zone.delegation(&"example.".parse().unwrap()),
        Delegation::Unproven
    );
}

#[test]
fn a_proven_zone_proves_what_it_delegates() {
    let zone = verify(P256).unwrap();
    let of = |name: &str| zone.delegation(&name.parse().unwrap());
    match of("ALPHA.") {
        Delegation::Secure(anchors) => {
            assert_eq!(anchors.zone().to_string(), "ALPHA");
            let tags: Vec<u16> = anchors
                .valid_at(UnixTime(0))
                .map(|key| key.key_tag())
                .collect();
            assert_eq!(tags, [12345]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(of("beta."), Delegation::Insecure);
    for name in ["ns1.alpha.", "own.", "nosuch.", "."] {
        assert_eq!(of(name), Delegation::Unproven, "{name}");
    }
}

#[test]
fn progress_ends_with_all_signatures() {
    let records = read(DOUBLE.as_bytes(), None).unwrap();
    let candidate = Candidate::new(records, &Limits::default()).unwrap();
    let seen = std::sync::Mutex::new((0, 0));
    let effort = Effort {
        workers: NonZeroUsize::new(3).unwrap(),
        progress: &|done, total| {
            let mut seen = seen.lock().unwrap();
            *seen = (seen.0.max(done), total);
        },
    };
    let policy = policy(Demand::Require, anchors(DOUBLE));
    candidate.examine(&policy, UnixTime::parse(TIME).unwrap(), &effort);
    assert_eq!(seen.into_inner().unwrap(), (26, 26));
}
