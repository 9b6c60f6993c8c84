//! Unique sources, against plain sets.

use super::{Corrupt, Figure, FrontSize, Method, Noted, Sources, front};
use crate::Day;
use crate::limits::SOURCES_OCTETS;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const DAY: Day = match Day::new(20_000) {
    Some(day) => day,
    None => Day::MAX,
};

fn exact(value: u64) -> Figure {
    Figure {
        value,
        method: Method::Exact,
    }
}

fn of(addresses: &[IpAddr], budget_octets: usize) -> Sources {
    let mut sources = Sources::new(budget_octets);
    for address in addresses {
        sources.insert(*address);
    }
    sources
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..500u32).prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits << 9))),
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        (0..30u128, 0..30u128).prop_map(|(net, host)| {
            IpAddr::V6(Ipv6Addr::from_bits(0x2001 << 112 | net << 64 | host))
        }),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
    ]
}

fn addresses(len: usize) -> impl Strategy<Value = Vec<IpAddr>> {
    prop::collection::vec(address(), 0..len)
}

/// Addresses of one family by chance.
fn random(count: usize, seed: u64, is_ipv6: bool) -> Vec<IpAddr> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut next = || {
        if is_ipv6 {
            let high = 0x2001 << 48 | u128::from(random.next_u32());
            IpAddr::V6(Ipv6Addr::from_bits(
                high << 64 | u128::from(random.next_u64()),
            ))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(random.next_u32()))
        }
    };
    (0..count).map(|_| next()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn within_the_budget_each_figure_is_that_of_a_plain_set(list in addresses(3000)) {
        let sources = of(&list, SOURCES_OCTETS);
        let canonical: HashSet<IpAddr> = list.iter().map(IpAddr::to_canonical).collect();
        let ipv6: Vec<u128> = canonical
            .iter()
            .filter_map(|address| match address {
                IpAddr::V4(_) => None,
                IpAddr::V6(address) => Some(address.to_bits()),
            })
            .collect();
        let prefixes: HashSet<u128> = ipv6.iter().map(|bits| bits >> 64).collect();
        prop_assert_eq!(sources.ipv4(), exact((canonical.len() - ipv6.len()) as u64));
        prop_assert_eq!(sources.ipv6(), exact(ipv6.len() as u64));
        prop_assert_eq!(sources.prefixes(), exact(prefixes.len() as u64));
    }

    #[test]
    fn what_is_merged_is_what_one_place_would_have_seen(
        first in addresses(1500),
        second in addresses(1500),
        budgets in prop::sample::select(vec![(1 << 20, 1 << 20), (1 << 20, 4096), (0, 1 << 20)]),
    ) {
        let mut merged = of(&first, budgets.0);
        merged.merge(&of(&second, budgets.1));
        let all: Vec<IpAddr> = first.iter().chain(&second).copied().collect();
        let whole = of(&all, budgets.0);
        prop_assert_eq!(merged.ipv4(), whole.ipv4());
        if merged.ipv6().method == whole.ipv6().method {
            prop_assert_eq!(&merged.ipv6, &whole.ipv6);
        } else {
            prop_assert_eq!(whole.ipv6().method, Method::Exact);
        }
    }

    #[test]
    fn what_is_written_is_read_again(
        list in addresses(1500),
        budget in prop::sample::select(vec![0, 4096, 1 << 20]),
        missed in any::<u64>(),
    ) {
        let mut sources = of(&list, budget);
        sources.note_missed(missed);
        let octets = sources.encode();
        prop_assert_eq!(Sources::decode(&octets, budget), Ok(sources));
    }

    #[test]
    fn octets_that_are_cut_or_changed_are_an_error_or_sources_and_never_a_panic(
        list in addresses(300),
        budget in prop::sample::select(vec![64, 1 << 20]),
        at in any::<prop::sample::Index>(),
        to in any::<u8>(),
    ) {
        let octets = of(&list, budget).encode();
        let at = at.index(octets.len());
        prop_assert!(Sources::decode(&octets[..at], budget).is_err());
        let mut changed = octets;
        changed[at] = to;
        if let Ok(sources) = Sources::decode(&changed, budget) {
            sources.prefixes();
        }
    }

    #[test]
    fn any_octets_are_an_error_or_sources(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Sources::decode(&octets, 1 << 20);
    }

    #[test]
    fn a_front_hands_over_each_address_at_least_once_a_day(
        list in prop::collection::vec((0..3u32, address()), 0..2000),
        buckets in 1..8usize,
    ) {
        let size = FrontSize { ipv4_buckets: buckets, ipv6_buckets: buckets, ring: 4096 };
        let (mut front, mut drain) = front(size, 7);
        let mut seen = HashSet::new();
        for (after, address) in list {
            let day = Day::new(DAY.number() + after).unwrap();
            let is_new = seen.insert((day, address.to_canonical()));
            let noted = front.note(day, address);
            prop_assert!(!is_new || noted == Noted::Handed);
        }
        let mut handed = HashSet::new();
        while let Some(pair) = drain.pop() {
            handed.insert(pair);
        }
        prop_assert_eq!(handed, seen);
    }
}

#[test]
fn above_the_budget_a_sketch_errs_by_what_it_states() {
    let list = random(150_000, 1, true);
    let sources = of(&list, 100 * 1024);
    for figure in [sources.ipv6(), sources.prefixes()] {
        let Method::Sketch { error_ppm } = figure.method else {
            panic!("{figure:?} is no sketch");
        };
        assert_eq!(error_ppm, 4059);
        let error = (figure.value as f64 / 150_000.0 - 1.0).abs() * 1e6;
        assert!(error < 3.0 * f64::from(error_ppm), "{figure:?}");
    }
    assert!(sources.octets() < 200 * 1024, "{}", sources.octets());
}

#[test]
fn sketches_merge_to_the_same_in_any_order() {
    let parts: Vec<Sources> = (0..6)
        .map(|seed| of(&random(5000, seed, true), 1024))
        .collect();
    let merge = |order: &[usize]| {
        let mut sum = Sources::new(1 << 20);
        for part in order {
            sum.merge(&parts[*part]);
        }
        sum
    };
    let (first, second) = (merge(&[0, 1, 2, 3, 4, 5]), merge(&[5, 2, 0, 4, 1, 3]));
    assert_eq!(first, second);
    assert_eq!(first.ipv6(), second.ipv6());
}

#[test]
fn memory_stays_within_the_budget_and_a_fifth() {
    let budget = 1 << 20;
    let mut sources = Sources::new(budget);
    for address in random(60_000, 3, true) {
        sources.insert(address);
        assert!(sources.ipv6.octets() <= budget + budget / 5);
    }
    assert_eq!(sources.ipv6(), exact(60_000));
}

#[test]
fn broken_sources_are_named_by_what_is_broken() {
    let check = |octets: &[u8], error| {
        assert_eq!(Sources::decode(octets, 1 << 20).unwrap_err(), error);
    };
    let good = Sources::new(1 << 20).encode();
    assert_eq!(good, [0, 0, 8, 0x3a, 0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    check(&[], Corrupt::Form);
    check(&[&good[..], &[0]].concat(), Corrupt::Form);
    check(&[0, 0, 2, 1, 2, 0, 0, 0, 0], Corrupt::Ipv4);
    check(&[0, 1, 2, 1, 2, 0, 0, 0, 0], Corrupt::Sketch);
    let with = |ipv6: &[u8], prefixes: &[u8]| [&good[..11], ipv6, prefixes].concat();
    check(&with(&[0, 2, 5, 0], &[0, 0]), Corrupt::Order);
    let wide = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2];
    check(
        &with(&[0, 0], &[&[0, 1], &wide[..]].concat()),
        Corrupt::Order,
    );
    check(&with(&[1, 1, 0], &[0, 0]), Corrupt::Sketch);
}

#[test]
fn a_full_ring_defers_an_address_and_counts_it() {
    let size = FrontSize {
        ipv4_buckets: 16,
        ipv6_buckets: 16,
        ring: 4,
    };
    let (mut front, mut drain) = front(size, 1);
    let list = random(6, 9, false);
    let noted: Vec<Noted> = list
        .iter()
        .map(|address| front.note(DAY, *address))
        .collect();
    assert_eq!(noted[..4], [Noted::Handed; 4]);
    assert_eq!(noted[4..], [Noted::Deferred; 2]);
    assert_eq!(drain.take_deferred(DAY.next()), 0);
    assert_eq!(drain.take_deferred(DAY), 2);
    assert_eq!(drain.take_deferred(DAY), 0);
    assert_eq!(drain.pop(), Some((DAY, list[0])));
    assert_eq!(front.note(DAY, list[5]), Noted::Handed);
    assert_eq!(front.note(DAY, list[5]), Noted::Known);
    assert_eq!(front.note(DAY, list[0]), Noted::Known);
}

#[test]
fn nothing_is_lost_between_a_worker_and_a_thread_that_drains() {
    let size = FrontSize {
        ipv4_buckets: 64,
        ipv6_buckets: 64,
        ring: 64,
    };
    let (mut front, mut drain) = front(size, 5);
    let list = [random(4000, 4, false), random(4000, 4, true)].concat();
    let drained = std::thread::scope(|scope| {
        let drained = scope.spawn(|| {
            let mut sources = Sources::new(SOURCES_OCTETS);
            while let Some((_, address)) = next(&mut drain) {
                sources.insert(address);
            }
            sources
        });
        for address in list.iter().chain([&END]) {
            while front.note(DAY, *address) == Noted::Deferred {
                std::thread::yield_now();
            }
        }
        drained.join().unwrap()
    });
    assert_eq!(drained, of(&list, SOURCES_OCTETS));
}

/// The next address; none after the last.
fn next(drain: &mut super::Drain) -> Option<(Day, IpAddr)> {
    loop {
        match drain.pop() {
            Some((_, END)) => return None,
            Some(pair) => return Some(pair),
            None => std::thread::yield_now(),
        }
    }
}

const END: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
