//! Samples, sketches and windows, by what they say of traffic that is known.

use super::sketch::Sketch;
use super::{Label, Sample, SampleDrain, Sampler, Top, sampler};
use crate::limits::{SAMPLE_ONE_IN, SAMPLES_WAITING, TOP_ENTRIES};
use crate::time::Moment;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fn at(steady_ms: u64) -> Moment {
    Moment {
        unix_ms: 1_760_000_000_000 + steady_ms,
        steady_ms,
    }
}

fn client(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(number).into()
}

fn query(label: &str) -> Vec<u8> {
    let len = u8::try_from(label.len()).unwrap();
    [
        &[0; 12],
        [len].as_slice(),
        label.as_bytes(),
        b"\0\0\x01\0\x01",
    ]
    .concat()
}

fn label(text: &str) -> Label {
    Label::new(text.as_bytes()).unwrap()
}

fn sample(text: &str, nxdomain: bool) -> Sample {
    Sample {
        client: client(1),
        label: Some(label(text)),
        nxdomain,
    }
}

fn drained(drain: &mut SampleDrain) -> Vec<Sample> {
    std::iter::from_fn(|| drain.pop()).collect()
}

/// How many of `rounds` queries of client 1 are in the sample, that come every so many queries.
fn sampled_of_period(period: u32, rounds: u32) -> usize {
    let (mut sampler, mut drain) = sampler(7);
    let com = query("com");
    let mut found = 0;
    for _ in 0..rounds {
        for number in 1..=period {
            sampler.note(client(number), &com, false);
        }
        let samples = drained(&mut drain);
        found += samples.iter().filter(|s| s.client == client(1)).count();
    }
    found
}

#[test]
fn one_query_in_64_is_looked_at_in_whatever_pattern_they_come() {
    assert_eq!(SAMPLE_ONE_IN, 64);
    for period in [1, 2, 63, 64, 65, 128] {
        let found = sampled_of_period(period, 64_000);
        // 1000 are expected, and one in 16,000 such samples would be outside.
        assert!((870..=1130).contains(&found), "{found} for {period}");
    }
}

#[test]
fn a_sample_comes_out_as_it_was_noted() {
    let (mut sampler, mut drain) = sampler(1);
    let mut check = |noted: IpAddr, octets: &[u8], nxdomain, expected: (IpAddr, Option<Label>)| {
        for _ in 0..2 * SAMPLE_ONE_IN {
            sampler.note(noted, octets, nxdomain);
        }
        let samples = drained(&mut drain);
        assert!(!samples.is_empty());
        let (client, label) = expected;
        let expected = Sample {
            client,
            label,
            nxdomain,
        };
        assert!(samples.iter().all(|s| *s == expected), "{samples:?}");
    };
    let six: IpAddr = "2001:db8::53".parse().unwrap();
    let mapped: IpAddr = Ipv4Addr::new(192, 0, 2, 7).to_ipv6_mapped().into();
    let four: IpAddr = "192.0.2.7".parse().unwrap();
    let long = "y".repeat(63);
    check(six, &query(&long), true, (six, Some(label(&long))));
    check(
        four,
        &query("INVALID"),
        true,
        (four, Some(label("invalid"))),
    );
    check(mapped, &query(""), false, (four, Some(Label::ROOT)));
    check(
        IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        &[],
        false,
        (Ipv6Addr::UNSPECIFIED.into(), None),
    );
}

#[test]
fn samples_that_find_no_place_are_counted() {
    let (mut sampler, mut drain) = sampler(1);
    note_many(&mut sampler, 4 * SAMPLES_WAITING as u32 * SAMPLE_ONE_IN);
    let kept = drained(&mut drain).len();
    assert_eq!(kept, SAMPLES_WAITING);
    let lost = drain.take_lost();
    assert!(lost > 2 * SAMPLES_WAITING as u64, "{lost}");
    assert_eq!(drain.take_lost(), 0);
    note_many(&mut sampler, 2 * SAMPLE_ONE_IN);
    assert!(drain.pop().is_some());
}

fn note_many(sampler: &mut Sampler, queries: u32) {
    let com = query("com");
    for _ in 0..queries {
        sampler.note(client(1), &com, false);
    }
}

#[test]
fn domains_that_exist_and_those_that_do_not_are_ranked_apart() {
    let mut top = Top::start(at(0));
    for (text, nxdomain, times) in [("com", false, 9), ("net", false, 4), ("lan", true, 6)] {
        for _ in 0..times {
            top.handle_sample(&sample(text, nxdomain));
        }
    }
    top.handle_lost(2);
    let existing = top.top_existing(10);
    let ranks: Vec<_> = existing.iter().map(|r| (r.key, r.queries)).collect();
    assert_eq!(ranks, [(label("com"), 9 * 64), (label("net"), 4 * 64)]);
    assert_eq!(
        (existing[0].excess_max, existing[0].sampling_error),
        (0, 3 * 64)
    );
    assert_eq!(top.top_missing(10)[0].key, label("lan"));
    assert_eq!(top.top_existing(1).len(), 1);
    assert_eq!(top.top_clients(10)[0].queries, 19 * 64);
    assert_eq!((top.samples(), top.lost()), (19, 2));
}

#[test]
fn what_is_older_than_a_minute_is_forgotten() {
    let mut top = Top::start(at(5000));
    top.handle_sample(&sample("old", false));
    top.handle_lost(1);
    // When it is looked at, how long a time that covers, and what is known of it.
    for (now_ms, covered_ms, known) in [
        (5000, 0, 1),
        (14_999, 9999, 1),
        (15_000, 10_000, 1),
        (64_999, 59_999, 1),
        (65_000, 50_000, 0),
        (1_000_000, 55_000, 0),
        // A steady clock does not go back; if it does, nothing changes.
        (10, 55_000, 0),
    ] {
        top.handle_time(at(now_ms));
        assert_eq!(top.covered_ms(), covered_ms, "{now_ms}");
        assert_eq!(top.top_existing(10).len(), known, "{now_ms}");
        assert_eq!((top.samples(), top.lost()), (known as u64, known as u64));
    }
}

#[test]
fn a_busy_client_is_found_in_a_flood_of_others() {
    let mut top = Top::start(at(0));
    for number in 0..60_000_u32 {
        let client = match number % 20 {
            0 => client(1),
            _ => client(1000 + number),
        };
        top.handle_time(at(u64::from(number)));
        top.handle_sample(&Sample {
            client,
            label: None,
            nxdomain: false,
        });
    }
    let first = top.top_clients(1)[0];
    assert_eq!(first.key, client(1));
    let certain = first.queries - first.excess_max;
    assert!(
        certain <= 3000 * 64 && first.queries >= 3000 * 64,
        "{first:?}"
    );
    let shown = top.top_clients(1000);
    // What takes turns in an entry is never certain to have come more than once there.
    assert!(
        shown[1].queries - shown[1].excess_max <= 6 * 64,
        "{:?}",
        shown[1]
    );
}

#[test]
fn a_sketch_has_no_more_entries_than_it_may() {
    let mut sketch = Sketch::new(TOP_ENTRIES);
    for key in 0..100_000 {
        sketch.add(key);
    }
    assert_eq!(sketch.entries().len(), TOP_ENTRIES);
}

proptest! {
    #[test]
    fn counts_are_within_their_bounds(keys in prop::collection::vec(0_u8..40, 0..600)) {
        let mut sketch = Sketch::new(16);
        let mut exact: BTreeMap<u8, u64> = BTreeMap::new();
        for key in &keys {
            sketch.add(*key);
            *exact.entry(*key).or_default() += 1;
        }
        for entry in sketch.entries() {
            let real = exact[&entry.key];
            prop_assert!(real <= entry.count && entry.count - entry.excess <= real);
        }
        let has = |key: &u8| sketch.entries().iter().any(|entry| entry.key == *key);
        for (key, real) in exact.iter().filter(|(key, _)| !has(key)) {
            prop_assert!(*real <= sketch.unseen_max(), "{key} came {real} times");
        }
        prop_assert!(sketch.unseen_max() <= keys.len() as u64 / 16);
    }

    #[test]
    fn counts_over_windows_are_within_their_bounds(
        keys in prop::collection::vec((0_u32..3000, 0_u64..50), 0..3000),
    ) {
        let mut top = Top::start(at(0));
        let mut exact: BTreeMap<IpAddr, u64> = BTreeMap::new();
        let mut now_ms = 0;
        for (number, passed_ms) in keys {
            now_ms = (now_ms + passed_ms).min(59_000);
            top.handle_time(at(now_ms));
            // Few come often, and many once.
            let client = client(if number % 2 == 0 { number % 20 } else { number });
            top.handle_sample(&Sample { client, label: None, nxdomain: false });
            *exact.entry(client).or_default() += 1;
        }
        for ranked in top.top_clients(usize::MAX) {
            let real = exact[&ranked.key] * 64;
            prop_assert!(real <= ranked.queries, "{ranked:?} {real}");
            prop_assert!(ranked.queries - ranked.excess_max <= real, "{ranked:?} {real}");
        }
    }
}
