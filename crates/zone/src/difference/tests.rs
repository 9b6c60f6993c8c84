//! Tests of differences: each refusal by name, and random pairs of versions.

use super::*;
use crate::read::read;
use crate::record::sort_canonically;
use proptest::prelude::*;

const OLD: &str = "\
    example. 60 SOA ns.example. host.example. 7 1 2 3 4\n\
    example. 60 NS ns.example.\n\
    child.example. 60 NS ns.child.example.\n\
    ns.child.example. 60 A 192.0.2.2\n\
    ns.example. 60 A 192.0.2.1\n";

/// The SOA records of a difference from 7 to 8.
const SOA: &str = "example. 60 SOA ns.example. host.example. 7 1 2 3 4\n";
const NEXT: &str = "example. 60 SOA ns.example. host.example. 8 1 2 3 4\n";
/// The latter as it is shown.
const NEXT_LINE: &str = "example. 60 IN SOA ns.example. host.example. 8 1 2 3 4";

fn records(text: &str) -> Vec<Record> {
    let mut records = read(text.as_bytes(), None).unwrap();
    records.sort_by(canonical_cmp);
    records
}

fn apply(removed: &str, added: &str) -> Result<Vec<Record>, Inapplicable> {
    Difference::new(records(removed), records(added))?.apply(&records(OLD))
}

/// All there is to a record, letter case and TTL included.
fn lines(records: &[Record]) -> Vec<String> {
    records.iter().map(ToString::to_string).collect()
}

#[test]
fn a_difference_leads_to_the_next_version() {
    let check = |removed: &str, added: &str, expected: &[&str]| {
        let found = apply(&format!("{SOA}{removed}"), &format!("{NEXT}{added}"));
        let mut found = lines(&found.unwrap());
        let soa = found.extract_if(.., |line| line == NEXT_LINE);
        assert_eq!(soa.count(), 1, "{removed} {added}");
        assert_eq!(found, expected, "{removed} {added}");
    };
    let [ns, child, glue, server] = [
        "example. 60 IN NS ns.example.",
        "child.example. 60 IN NS ns.child.example.",
        "ns.child.example. 60 IN A 192.0.2.2",
        "ns.example. 60 IN A 192.0.2.1",
    ];
    check("", "", &[ns, child, glue, server]);
    check(child, "", &[ns, glue, server]);
    // Names compare without regard to case, and what comes in has the case it came with.
    let other = "Child.Example. 60 IN NS NS.child.example.";
    check(other, "", &[ns, glue, server]);
    check(child, other, &[ns, other, glue, server]);
    // A record may come back with another TTL, or as it was.
    let longer = "ns.example. 61 IN A 192.0.2.1";
    check(server, longer, &[ns, child, glue, longer]);
    check(server, server, &[ns, child, glue, server]);
    // At both ends, and several in one gap.
    check(
        &format!("{ns}\n{server}"),
        "example. 60 NS z.\nz.example. 60 A 192.0.2.2\nz.example. 60 A 192.0.2.1\n",
        &[
            "example. 60 IN NS z.",
            child,
            glue,
            "z.example. 60 IN A 192.0.2.1",
            "z.example. 60 IN A 192.0.2.2",
        ],
    );
}

#[test]
fn each_misfit_is_refused_by_name() {
    let check = |removed: &str, added: &str, expected: &str| {
        let error = apply(removed, added).unwrap_err();
        assert_eq!(error.to_string(), expected, "{removed} {added}");
    };
    let server = "ns.example. 60 A 192.0.2.1\n";
    check(server, NEXT, "there is no SOA record among those removed");
    check(SOA, server, "there is no SOA record among those added");
    check(
        &format!("{SOA}{NEXT}"),
        NEXT,
        "there are SOA records of serial 7 and 8 among those removed",
    );
    check(
        SOA,
        &format!("{NEXT}{server}Ns.example. 61 A 192.0.2.1"),
        "ns.example. A is added twice",
    );
    check(
        SOA,
        "other. 60 SOA a. b. 8 1 2 3 4",
        "a difference of example. has a SOA record of other.",
    );
    check(
        "other. 60 SOA a. b. 7 1 2 3 4",
        "other. 60 SOA a. b. 8 1 2 3 4",
        "a difference of example. has a SOA record of other.",
    );
    check(
        NEXT,
        SOA,
        "the difference starts from serial 8, and serial 7 is held",
    );
    check(
        &SOA.replace("60", "61"),
        NEXT,
        "example. SOA is to be removed with a TTL of 61 and is there with one of 60",
    );
    check(
        &SOA.replace("host", "mail"),
        NEXT,
        "example. SOA is to be removed and is not there",
    );
    check(
        &format!("{SOA}ns.example. 60 A 192.0.2.3"),
        NEXT,
        "ns.example. A is to be removed and is not there",
    );
    check(
        &format!("{SOA}z.example. 60 A 192.0.2.1"),
        NEXT,
        "z.example. A is to be removed and is not there",
    );
    check(
        SOA,
        &format!("{NEXT}NS.example. 60 A 192.0.2.1"),
        "NS.example. A is to be added and is there already",
    );
    // The same with another TTL is there as well.
    check(
        SOA,
        &format!("{NEXT}ns.example. 61 A 192.0.2.1"),
        "ns.example. A is to be added and is there already",
    );
}

#[test]
fn records_without_a_soa_are_no_version() {
    let difference = Difference::new(records(SOA), records(NEXT)).unwrap();
    assert_eq!(difference.apply(&[]), Err(Inapplicable::NotAZone));
}

/// One version: which of the records that there may be it has, with which TTL, in which case.
type Choice = Vec<Option<(bool, bool)>>;

/// All records that there may be: neighbours in owner, type and data.
fn universe() -> Vec<String> {
    let owners = ["", "a.", "b.a.", "ab.", "b.", "c."];
    let data = [
        "A 192.0.2.1",
        "A 192.0.2.9",
        "AAAA 2001:db8::1",
        "NS ns.a.example.",
        "NS ns.example.",
        "DS 1 8 2 00",
        "DS 1 8 2 01",
        "NSEC b.example. A RRSIG NSEC",
        "RRSIG A 8 2 60 20260814000000 20260731000000 1 example. AAAA",
        "RRSIG A 8 2 60 20260814000000 20260731000000 1 example. AAAB",
        "RRSIG NS 8 2 60 20260814000000 20260731000000 1 example. AAAA",
        r"TYPE65280 \# 2 0041",
    ];
    owners
        .iter()
        .flat_map(|owner| data.map(|data| format!("{owner}example. 60 IN {data}")))
        .collect()
}

fn version(serial: u32, choice: &Choice) -> Vec<Record> {
    let mut text = SOA.replace(" 7 ", &format!(" {serial} "));
    for (line, choice) in universe().iter().zip(choice) {
        let Some((is_longer, is_upper)) = choice else {
            continue;
        };
        let line = match is_longer {
            true => line.replace(" 60 IN", " 61 IN"),
            false => line.clone(),
        };
        text.push_str(&match is_upper {
            true => line.replace("example.", "EXAMPLE."),
            false => line,
        });
        text.push('\n');
    }
    let mut records = read(text.as_bytes(), None).unwrap();
    sort_canonically(&mut records);
    records
}

fn choice() -> impl Strategy<Value = Choice> {
    let one = proptest::option::of((proptest::bool::weighted(0.2), proptest::bool::weighted(0.1)));
    proptest::collection::vec(one, universe().len())
}

/// Two versions, the second with few changes or of its own.
fn pair() -> impl Strategy<Value = (Choice, Choice)> {
    let few = (
        choice(),
        choice(),
        proptest::collection::vec(0..12u8, universe().len()),
    );
    few.prop_flat_map(|(one, other, dice)| {
        let near = one
            .iter()
            .zip(&other)
            .zip(&dice)
            .map(|((one, other), dice)| if *dice == 0 { *other } else { *one })
            .collect();
        (Just(one), prop_oneof![Just(near), Just(other)])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn applying_what_is_between_gives_the_other_version((one, other) in pair(), serial in 0..3u32) {
        let (old, new) = (version(1, &one), version(serial, &other));
        let difference = Difference::between(&old, &new);
        prop_assert_eq!((difference.from, difference.to), (Serial(1), Serial(serial)));
        let reached = difference.apply(&old).unwrap();
        prop_assert!(reached.len() == new.len());
        prop_assert!(reached.iter().zip(&new).all(|(left, right)| is_identical(left, right)));
        prop_assert_eq!(lines(&reached), lines(&new));

        // It is what its own parts make, in whatever order they come.
        let reversed = |records: &[Record]| records.iter().rev().cloned().collect();
        let made = Difference::new(reversed(&difference.removed), reversed(&difference.added));
        let made = made.unwrap();
        prop_assert_eq!(lines(&made.removed), lines(&difference.removed));
        prop_assert_eq!(lines(&made.added), lines(&difference.added));
    }

    #[test]
    fn a_difference_applies_to_no_other_version((one, other) in pair(), third in choice()) {
        let (old, new) = (version(1, &one), version(2, &other));
        let difference = Difference::between(&old, &new);
        prop_assert!(difference.apply(&new).is_err());

        // Where the serial misleads, the records tell: unless all that is removed is there, and
        // nothing that is added.
        let third = version(1, &third);
        let has = |record: &Record| third.iter().find(|held| canonical_cmp(held, record).is_eq());
        let is_removed = |record: &Record| {
            let mut removed = difference.removed.iter();
            removed.any(|removed| canonical_cmp(removed, record).is_eq())
        };
        let fits = difference.removed.iter().all(|record| {
            has(record).is_some_and(|held| held.ttl() == record.ttl())
        }) && difference.added.iter().all(|record| has(record).is_none() || is_removed(record));
        prop_assert_eq!(difference.apply(&third).is_ok(), fits);
    }

    #[test]
    fn a_record_too_many_is_refused((one, other) in pair(), which in any::<prop::sample::Index>()) {
        let (old, new) = (version(1, &one), version(2, &other));
        let difference = Difference::between(&old, &new);
        let is_in = |records: &[Record], record: &Record| {
            records.iter().any(|other| canonical_cmp(other, record).is_eq())
        };

        // One that is removed and is not there.
        let (absent, added) = (version(1, &vec![Some((false, false)); one.len()]), &difference.added);
        let absent = which.get(&absent);
        if !is_in(&old, absent) {
            let removed = [&difference.removed, std::slice::from_ref(absent)].concat();
            let made = Difference::new(removed, added.clone()).unwrap();
            let (owner, rtype) = (absent.owner().clone(), absent.rtype());
            prop_assert_eq!(made.apply(&old), Err(Inapplicable::Absent { owner, rtype }));
        }

        // One that is added and is there.
        let present = which.get(&old);
        if !is_in(&difference.removed, present) {
            let added = [added, std::slice::from_ref(present)].concat();
            let made = Difference::new(difference.removed.clone(), added).unwrap();
            let (owner, rtype) = (present.owner().clone(), present.rtype());
            prop_assert_eq!(made.apply(&old), Err(Inapplicable::Present { owner, rtype }));
        }
    }
}
