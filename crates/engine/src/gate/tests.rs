//! Floods, simulated: what passes, what a victim gets, and who is condemned.

#![expect(clippy::arithmetic_side_effects, reason = "a wrong sum fails the test")]

use super::*;
use crate::prefixes::Prefixes;
use proptest::prelude::*;
use std::net::Ipv4Addr;

const VICTIM: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

fn defence(rates: Rates) -> Defence {
    Defence {
        rates: Some(rates),
        ..Defence::default()
    }
}

fn gate() -> Gate {
    Gate::new([11, 12], 1 << 12)
}

/// A query for the root's DNSKEY with EDNS, and what it gets.
const DNSKEY: Response = Response {
    kind: Kind::Answer,
    len: 1_139,
    query_len: 28,
    has_valid_cookie: false,
};

/// NXDOMAIN for the shortest name that there is.
const NXDOMAIN: Response = Response {
    kind: Kind::NxDomain,
    len: 1_030,
    query_len: 30,
    has_valid_cookie: false,
};

/// As long as its query, but for an extended error.
const REFUSED: Response = Response {
    kind: Kind::Error,
    len: 46,
    query_len: 40,
    has_valid_cookie: false,
};

/// What came of a flood.
#[derive(Default)]
struct Drawn {
    queries: u64,
    passed: u64,
    slipped: u64,
    condemned: u64,
    octets: u64,
    query_octets: u64,
}

impl Drawn {
    fn amplification(&self) -> f64 {
        self.octets as f64 / self.query_octets as f64
    }
}

/// `per_second` responses from second `from` on, of the mixture in turns, to `count` addresses in
/// turns that follow each other.
fn flood(
    gate: &mut Gate,
    defence: &Defence,
    seconds: std::ops::Range<u64>,
    per_second: u64,
    victims: (IpAddr, u32),
    mixture: &[Response],
) -> Drawn {
    let mut drawn = Drawn::default();
    for at in seconds.start * per_second..seconds.end * per_second {
        let address = match victims.0 {
            IpAddr::V4(address) => {
                let other = (at % u64::from(victims.1)) as u32;
                Ipv4Addr::from_bits(address.to_bits().wrapping_add(other)).into()
            }
            address => address,
        };
        let response = mixture[at as usize % mixture.len()];
        let verdict = gate.judge(defence, at * 1000 / per_second, address, response);
        drawn.queries += 1;
        drawn.query_octets += response.query_len as u64;
        drawn.condemned += u64::from(verdict.condemn);
        match verdict.action {
            Action::Pass => {
                drawn.passed += 1;
                drawn.octets += response.len as u64;
            }
            Action::Slip => {
                drawn.slipped += 1;
                drawn.octets += response.query_len as u64;
            }
            Action::Drop => {}
        }
    }
    drawn
}

/// What comes of a flood on one address once its burst is spent.
fn steady(rates: Rates, per_second: u64, mixture: &[Response]) -> Drawn {
    let (mut gate, defence) = (gate(), defence(rates));
    // By then a flood just above the rate has spent its burst too.
    flood(&mut gate, &defence, 0..60, per_second, (VICTIM, 1), mixture);
    flood(
        &mut gate,
        &defence,
        60..80,
        per_second,
        (VICTIM, 1),
        mixture,
    )
}

#[test]
fn without_rates_everything_passes() {
    let drawn = flood(
        &mut gate(),
        &Defence::default(),
        0..5,
        10_000,
        (VICTIM, 1),
        &[DNSKEY],
    );
    assert_eq!(drawn.passed, drawn.queries);
}

#[test]
fn a_flood_on_one_address_draws_less_than_one_and_a_half_of_its_octets() {
    let rates = Rates::default();
    let drawn = |per_second, mixture: &[Response]| {
        let drawn = steady(rates, per_second, mixture);
        println!("{per_second} q/s: {:.2}", drawn.amplification());
        drawn.amplification()
    };
    for times in [1, 2, 5] {
        assert!(drawn(16 * u64::from(rates.answers) * times, &[DNSKEY]) < 1.5);
        assert!(drawn(16 * u64::from(rates.nx_domain) * times, &[NXDOMAIN]) < 1.5);
        assert!(
            drawn(
                16 * u64::from(rates.all) * times,
                &[NXDOMAIN, DNSKEY, REFUSED]
            ) < 1.5
        );
    }
}

#[test]
fn the_bound_holds_for_every_slip_from_the_flood_that_is_documented() {
    for (slip, times) in [(0, 10.7), (1, 32.0), (2, 16.0), (10, 11.5)] {
        for rate in [10, 100] {
            let rates = Rates {
                slip,
                answers: rate,
                ..Rates::default()
            };
            let per_second = (f64::from(rate) * times).ceil() as u64;
            let drawn = steady(rates, per_second, &[DNSKEY]);
            assert!(drawn.amplification() < 1.5, "slip {slip}, rate {rate}");
        }
    }
}

#[test]
fn a_flood_on_a_whole_network_draws_less_than_one_and_a_half_of_its_octets() {
    let rates = Rates {
        answers: 10,
        ..Rates::default()
    };
    let (mut gate, defence) = (gate(), defence(rates));
    let per_second = 16 * 10 * 4;
    let network = (IpAddr::from([192, 0, 2, 0]), 256);
    flood(&mut gate, &defence, 0..60, per_second, network, &[DNSKEY]);
    let drawn = flood(&mut gate, &defence, 60..80, per_second, network, &[DNSKEY]);
    assert!(drawn.amplification() < 1.5, "{}", drawn.amplification());
    assert_eq!(drawn.condemned, 0);
}

#[test]
fn every_second_limited_response_slips_on_average_and_all_or_none_if_told() {
    for (slip, least, most) in [
        (0, 0.0, 0.0),
        (1, 1.0, 1.0),
        (2, 0.48, 0.52),
        (5, 0.18, 0.22),
    ] {
        let rates = Rates {
            slip,
            ..Rates::default()
        };
        let drawn = steady(rates, 10_000, &[DNSKEY]);
        let share = drawn.slipped as f64 / (drawn.queries - drawn.passed) as f64;
        assert!(least <= share && share <= most, "slip {slip}: {share}");
    }
}

#[test]
fn errors_never_slip() {
    let drawn = steady(Rates::default(), 10_000, &[REFUSED]);
    assert_eq!(drawn.slipped, 0);
    assert!(drawn.passed < drawn.queries / 10);
}

#[test]
fn log_only_says_what_is_limited_and_lets_it_pass() {
    let rates = Rates {
        log_only: true,
        ..Rates::default()
    };
    let (mut gate, defence) = (gate(), defence(rates));
    let verdicts: Vec<_> = (0..100_000)
        .map(|at| gate.judge(&defence, at / 10, VICTIM, DNSKEY))
        .collect();
    assert!(
        verdicts
            .iter()
            .all(|verdict| verdict.action == Action::Pass && !verdict.condemn)
    );
    assert!(verdicts.iter().any(|verdict| verdict.is_limited));
}

#[test]
fn a_valid_cookie_and_an_exempt_prefix_pass() {
    let known = Response {
        has_valid_cookie: true,
        ..DNSKEY
    };
    let exempt = Defence {
        exempt: Prefixes::new([(VICTIM, 24)]),
        ..defence(Rates::default())
    };
    for (defence, response) in [(&defence(Rates::default()), known), (&exempt, DNSKEY)] {
        let drawn = flood(&mut gate(), defence, 0..5, 10_000, (VICTIM, 1), &[response]);
        assert_eq!(drawn.passed, drawn.queries);
    }
}

#[test]
fn what_is_not_sent_costs_nothing() {
    let silent = Response {
        kind: Kind::Dropped,
        len: 0,
        ..DNSKEY
    };
    let drawn = flood(
        &mut gate(),
        &defence(Rates::default()),
        0..5,
        10_000,
        (VICTIM, 1),
        &[silent],
    );
    assert_eq!(drawn.passed, drawn.queries);
}

#[test]
fn one_kind_at_its_limit_leaves_the_others() {
    let (mut gate, defence) = (gate(), defence(Rates::default()));
    flood(&mut gate, &defence, 0..30, 10_000, (VICTIM, 1), &[DNSKEY]);
    assert_ne!(
        gate.judge(&defence, 30_000, VICTIM, DNSKEY).action,
        Action::Pass
    );
    assert_eq!(
        gate.judge(&defence, 30_000, VICTIM, NXDOMAIN).action,
        Action::Pass
    );
}

#[test]
fn a_rate_of_zero_limits_nothing() {
    let rates = Rates {
        answers: 0,
        all: 0,
        ..Rates::default()
    };
    let drawn = steady(rates, 10_000, &[DNSKEY]);
    assert_eq!(drawn.passed, drawn.queries);
}

#[test]
fn who_sends_far_beyond_the_limit_is_condemned_and_others_are_not() {
    let rates = Rates {
        all: 50,
        ..Rates::default()
    };
    let at = |times: u64| steady(rates, 50 * times, &[NXDOMAIN]).condemned;
    assert_eq!(at(1), 0);
    assert_eq!(at(10), 0);
    assert!(at(25) > 0);
    assert!(at(100) > 20 * 50 * 95);
}

#[test]
fn a_condemned_address_that_stops_is_judged_anew_after_a_moment() {
    let rates = Rates {
        all: 50,
        ..Rates::default()
    };
    let (mut gate, defence) = (gate(), defence(rates));
    flood(&mut gate, &defence, 0..60, 5_000, (VICTIM, 1), &[NXDOMAIN]);
    let verdict = gate.judge(&defence, 70_000, VICTIM, NXDOMAIN);
    assert_eq!(verdict, Verdict::PASS);
}

#[test]
fn an_address_of_ipv6_cannot_be_changed_to_escape() {
    let (mut gate, defence) = (gate(), defence(Rates::default()));
    let address = |at: u64| IpAddr::from([0x2001, 0xdb8, 1, 2, 3, 4, (at >> 16) as u16, at as u16]);
    let passed = (0..600_000u64)
        .filter(|&at| gate.judge(&defence, at / 10, address(at), DNSKEY).action == Action::Pass);
    // Twice the rate for a minute and the burst, at the price of DNSKEY.
    assert!(passed.count() < 2 * 100 * (60 + 15) / 2);
}

#[test]
fn gates_that_share_hold_the_rates_together() {
    let share = Rates::default().shared_among(3);
    assert_eq!((share.answers, share.all, share.window_s), (34, 134, 15));
    assert_eq!(
        Rates {
            errors: 0,
            ..Rates::default()
        }
        .shared_among(3)
        .errors,
        0
    );
    assert_eq!(Rates::default().shared_among(0), Rates::default());
}

/// Any response at all.
fn response() -> impl Strategy<Value = Response> {
    let kinds = [
        Kind::Dropped,
        Kind::Answer,
        Kind::Referral,
        Kind::NoData,
        Kind::NxDomain,
        Kind::Error,
    ];
    (
        prop::sample::select(kinds.to_vec()),
        any::<usize>(),
        any::<usize>(),
        any::<bool>(),
    )
        .prop_map(|(kind, len, query_len, has_valid_cookie)| Response {
            kind,
            len,
            query_len,
            has_valid_cookie,
        })
}

fn rates() -> impl Strategy<Value = Rates> {
    (any::<[u32; 7]>(), any::<u8>(), any::<bool>()).prop_map(|(numbers, slip, log_only)| {
        let [
            window_s,
            answers,
            referrals,
            no_data,
            nx_domain,
            errors,
            all,
        ] = numbers;
        Rates {
            window_s,
            answers,
            referrals,
            no_data,
            nx_domain,
            errors,
            all,
            slip,
            log_only,
        }
    })
}

proptest! {
    #[test]
    fn any_sequence_is_judged_in_the_same_memory(
        rates in prop::collection::vec(rates(), 1..3),
        calls in prop::collection::vec((any::<u64>(), any::<IpAddr>(), response()), 0..200),
        seed in any::<[u64; 2]>(),
    ) {
        let mut gate = Gate::new(seed, 8);
        let octets = gate.octets();
        for (at, (now_ms, address, response)) in calls.into_iter().enumerate() {
            let defence = defence(rates[at % rates.len()]);
            let verdict = gate.judge(&defence, now_ms, address, response);
            prop_assert!(verdict.is_limited || verdict == Verdict::PASS);
        }
        prop_assert_eq!(gate.octets(), octets);
    }
}
