//! Zones of files, of the test root and of primaries: what is held, served and refused.

use super::*;
use imrs_zone::Record;
use imrs_zone::plausible::Bounds;
use imrs_zone::synth::{self, Algorithm, Plan};

#[test]
fn a_zone_stands_until_its_first_signature_runs_out() {
    let check = |expires: Option<u64>, now, expected| {
        assert_eq!(
            standing(expires.map(UnixTime), UnixTime(now)),
            expected,
            "{expires:?}"
        );
    };
    let alarm = limits::EXPIRY_ALARM.as_secs();
    check(None, u64::MAX, Standing::Holds);
    check(Some(1_000_000), 1_000_000 - alarm, Standing::Holds);
    check(Some(1_000_000), 1_000_001 - alarm, Standing::EndsSoon);
    check(Some(1_000_000), 1_000_000, Standing::EndsSoon);
    check(Some(1_000_000), 1_000_001, Standing::Ended);
}

#[test]
fn the_next_end_is_that_of_a_zone_in_service() {
    let now = UnixTime(1_790_000_000);
    let mut hosting = test_root(now);
    let end = hosting.zones[0].held().unwrap().expires.unwrap();
    let in_seconds = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(hosting.ends_in(now), in_seconds(end.0 + 1 - now.0));
    assert_eq!(hosting.ends_in(end), in_seconds(1));
    hosting.look(UnixTime(end.0 + 1));
    assert_eq!(hosting.ends_in(UnixTime(end.0 + 1)), None);
}

fn test_root(now: UnixTime) -> Hosting {
    first(Source::test_root(), now)
}

/// A node that has loaded what it can of its sources.
fn first(sources: Vec<Source>, now: UnixTime) -> Hosting {
    let mut job = Job {
        held: vec![None; sources.len()],
        sources,
        scope: Scope::Files,
        anchors: Vec::new(),
        limits: Limits::default(),
        now,
        threads: NonZeroUsize::MIN,
        hasher: RandomState::new(),
    };
    let results = load::load(&mut job, &|_, _, _| {});
    Hosting::new(job, results, now).unwrap()
}

fn served(hosting: &Hosting) -> Vec<(String, bool)> {
    let service = hosting.service(Service::default());
    let zones = service.zones.iter();
    let mut served: Vec<_> = zones
        .map(|(name, image)| (name.to_string(), image.is_some()))
        .collect();
    served.sort();
    served
}

#[test]
fn a_zone_is_withdrawn_when_it_ends_and_back_when_the_clock_is_set_back() {
    let made = UnixTime(1_800_000_000);
    let mut hosting = test_root(made);
    let all = |signed: bool| {
        let names = [(".", signed), ("arpa", signed), ("root-servers.net", true)];
        names
            .map(|(name, is_served)| (name.to_owned(), is_served))
            .to_vec()
    };
    assert_eq!(served(&hosting), all(true));
    assert!(!hosting.look(made));
    let end = hosting.zones()[0].held().unwrap().expires.unwrap();
    assert!(hosting.look(end));
    assert!(hosting.zones()[0].is_degraded());
    assert_eq!(served(&hosting), all(true));
    assert!(hosting.look(UnixTime(end.0 + 1)));
    assert_eq!(served(&hosting), all(false));
    assert!(hosting.look(made));
    assert_eq!(served(&hosting), all(true));
}

#[test]
fn a_test_root_near_its_end_is_made_anew_as_a_whole() {
    let made = UnixTime(1_800_000_000);
    let mut hosting = test_root(made);
    let mut reload = |now: UnixTime| {
        let mut job = hosting.job(Scope::Files, now, NonZeroUsize::MIN);
        let results = load::load(&mut job, &|_, _, _| {});
        hosting.take(results, now, now);
        hosting
            .zones()
            .iter()
            .map(|zone| zone.attempt.clone().unwrap().result)
            .collect::<Vec<_>>()
    };
    assert_eq!(reload(made), vec![AttemptResult::Unchanged; 3]);
    let later = UnixTime(made.0 + 13 * 86_400);
    assert_eq!(reload(later), vec![AttemptResult::Loaded; 3]);
    assert_eq!(reload(later), vec![AttemptResult::Unchanged; 3]);
}

/// The time at which the zones of these tests are made and judged.
const MADE: UnixTime = UnixTime(1_800_000_000);

/// A small root of a serial, with so many delegations.
fn root(serial: u32, tlds: usize) -> synth::TestRoot {
    let plan = Plan {
        tlds,
        algorithms: vec![Algorithm::Ed25519],
        serial: Serial(serial),
        ..Plan::new(MADE)
    };
    synth::make(&plan).unwrap()
}

/// A node that fetches the root and, below it, `arpa`.
fn fetching(folder: &std::path::Path) -> Hosting {
    let anchors = folder.join("anchors.ds");
    std::fs::write(&anchors, root(1, 5).anchors_ds).unwrap();
    let source = |name: &str| Source {
        name: Some(name.parse().unwrap()),
        plausible: Some(Bounds {
            delegations: 2,
            ..Bounds::default()
        }),
        ..Source::of(Origin::Primaries(Vec::new()))
    };
    let sources = vec![
        Source {
            anchors: Some(anchors),
            ..source(".")
        },
        source("arpa."),
    ];
    first(sources, MADE)
}

/// Hands something to a zone, and says what came of it.
fn deliver(hosting: &mut Hosting, number: usize, what: Offered, accepted: Option<u32>) -> String {
    let accepted = accepted.map(Serial);
    let scope = Scope::Offer(number, Offer { what, accepted });
    let mut job = hosting.job(scope, MADE, NonZeroUsize::MIN);
    let results = load::load(&mut job, &|_, _, _| {});
    hosting.take(results, MADE, MADE);
    match &hosting.zones[number].attempt.as_ref().unwrap().result {
        AttemptResult::Loaded => format!("serial {}", hosting.zones[number].serial().unwrap()),
        AttemptResult::Unchanged => "unchanged".to_owned(),
        AttemptResult::Refused(reason) => reason.clone(),
    }
}

fn whole(records: &[Record]) -> Offered {
    Offered::Whole(records.to_vec())
}

#[test]
fn what_a_primary_sends_is_served_once_it_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let mut hosting = fetching(folder.path());
    let none_served = [(".".to_owned(), false), ("arpa".to_owned(), false)];
    assert_eq!(served(&hosting), none_served);
    let check = |hosting: &mut Hosting, records: &[Record], expected: &str| {
        let found = deliver(hosting, 0, whole(records), None);
        assert!(found.starts_with(expected), "{found}");
    };
    check(&mut hosting, &root(7, 5).records, "serial 7");
    assert!(hosting.zones[0].is_served());
    check(
        &mut hosting,
        &root(6, 5).records,
        "zone .: serial 6 is older than 7",
    );
    let forged = root(8, 5).records;
    let forged: Vec<Record> = { forged.into_iter() }
        .filter(|record| record.rtype() != domain::base::iana::Rtype::DS)
        .collect();
    check(&mut hosting, &forged, "zone . of serial 8 is not proven: ");
    assert!(hosting.zones[0].is_served());
    assert!(hosting.zones[0].is_degraded());
    check(&mut hosting, &root(8, 5).records, "serial 8");
    assert!(!hosting.zones[0].is_degraded());
}

#[test]
fn a_child_waits_for_the_parent_that_vouches_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut hosting = fetching(folder.path());
    let made = root(7, 5);
    let found = deliver(&mut hosting, 1, whole(&made.arpa), None);
    assert!(found.contains("no version is held yet"), "{found}");
    deliver(&mut hosting, 0, whole(&made.records), None);
    assert_eq!(
        deliver(&mut hosting, 1, whole(&made.arpa), None),
        "serial 7"
    );
}

#[test]
fn differences_lead_from_what_is_held_or_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let mut hosting = fetching(folder.path());
    let [one, two, three] = [1, 2, 3].map(|serial| root(serial, 5).records);
    deliver(&mut hosting, 0, whole(&one), None);
    let to_two = Difference::between(&one, &two);
    let to_three = Difference::between(&two, &three);
    let found = deliver(
        &mut hosting,
        0,
        Offered::Differences(vec![to_three.clone()]),
        None,
    );
    assert!(
        found.starts_with("the difference from serial 2 to 3 does not apply"),
        "{found}"
    );
    let chain = Offered::Differences(vec![to_two, to_three]);
    assert_eq!(deliver(&mut hosting, 0, chain, None), "serial 3");
    let version = hosting.zones[0].version.as_ref().unwrap();
    let [difference] = version.differences() else {
        panic!("one step was taken");
    };
    assert_eq!((difference.from, difference.to), (Serial(1), Serial(3)));
    assert_eq!(version.held().packed.records(), three);
}

#[test]
fn a_step_that_is_too_large_is_refused_until_an_operator_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut hosting = fetching(folder.path());
    deliver(&mut hosting, 0, whole(&root(1, 5).records), None);
    let larger = root(2, 9).records;
    let found = deliver(&mut hosting, 0, whole(&larger), None);
    assert!(
        found.starts_with("zone . of serial 2 is not plausible"),
        "{found}"
    );
    let found = deliver(&mut hosting, 0, whole(&larger), Some(3));
    assert!(found.contains("not plausible"), "{found}");
    assert_eq!(
        deliver(&mut hosting, 0, whole(&larger), Some(2)),
        "serial 2"
    );
}

#[test]
fn a_zone_that_is_not_fresh_is_withdrawn_or_degraded() {
    let folder = tempfile::tempdir().unwrap();
    let mut hosting = fetching(folder.path());
    deliver(&mut hosting, 0, whole(&root(1, 5).records), None);
    let mut check = |freshness, is_served, is_degraded| {
        hosting.refreshed(0, freshness);
        let zone = &hosting.zones[0];
        assert_eq!(
            (zone.is_served(), zone.is_degraded()),
            (is_served, is_degraded),
            "{freshness:?}"
        );
    };
    check(Freshness::Fresh, true, false);
    check(Freshness::Ageing, true, true);
    check(Freshness::Stale, true, true);
    check(Freshness::Unconfirmed, false, true);
    check(Freshness::Expired, false, true);
}

#[test]
fn an_image_that_answers_otherwise_than_its_zone_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut hosting = fetching(folder.path());
    deliver(&mut hosting, 0, whole(&root(1, 5).records), None);
    let image = Arc::clone(&hosting.zones[0].version.as_ref().unwrap().image);
    let verified = |records: Vec<Record>| {
        let policy = imrs_zone::verify::Policy {
            digest: imrs_zone::verify::Demand::Require,
            signatures: imrs_zone::verify::Demand::Require,
            anchors: imrs_zone::Anchors::read(root(1, 5).anchors_ds.as_bytes()).unwrap(),
        };
        let effort = imrs_zone::verify::Effort::silent(NonZeroUsize::MIN);
        let candidate = imrs_zone::Candidate::new(records, &Limits::default()).unwrap();
        candidate.verify(&policy, MADE, &effort).unwrap()
    };
    let of_its_own = selftest::run(&verified(root(1, 5).records), &image, 1).unwrap();
    assert!(of_its_own.questions > 10);
    let of_another = selftest::run(&verified(root(2, 5).records), &image, 1).unwrap_err();
    assert_eq!(of_another.to_string(), ". SOA over UDP");
}
