//! Floods, simulated: what passes, what a victim gets, and who is condemned.

#![expect(clippy::arithmetic_side_effects, reason = "a wrong sum fails the test")]

use super::*;
use crate::prefixes::Prefixes;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const VICTIM: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// One address.
const ALONE: Victims = Victims {
    first: VICTIM,
    count: 1,
    shift: 0,
};

/// All addresses of a /24.
const NETWORK: Victims = ipv4_prefix(24);

/// Addresses in whose name queries are forged: so many, as far apart as a bit is high.
#[derive(Clone, Copy, Debug)]
struct Victims {
    first: IpAddr,
    count: u32,
    shift: u32,
}

impl Victims {
    fn one(self, at: u64) -> IpAddr {
        // An odd multiple, so that the turns jump about: counts are powers of two.
        let other = at.wrapping_mul(0x9e37_79b1) % u64::from(self.count);
        match self.first {
            IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits() + other as u32).into(),
            IpAddr::V6(first) => {
                Ipv6Addr::from_bits(first.to_bits() + (u128::from(other) << self.shift)).into()
            }
        }
    }
}

/// All addresses of a prefix.
const fn ipv4_prefix(len: u32) -> Victims {
    Victims {
        first: IpAddr::V4(Ipv4Addr::new(198, 51, 192, 0)),
        count: 1 << (32 - len),
        shift: 0,
    }
}

/// An address in each prefix of length `apart` within one of length `len`.
const fn ipv6_prefix(len: u32, apart: u32) -> Victims {
    Victims {
        first: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0)),
        count: 1 << (apart - len),
        shift: 128 - apart,
    }
}

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
    fn add(&mut self, response: Response, verdict: Verdict) {
        self.queries += 1;
        self.query_octets += response.query_len as u64;
        self.condemned += u64::from(verdict.condemn);
        match verdict.action {
            Action::Pass => {
                self.passed += 1;
                self.octets += response.len as u64;
            }
            Action::Slip => {
                self.slipped += 1;
                self.octets += response.query_len as u64;
            }
            Action::Drop => {}
        }
    }

    fn amplification(&self) -> f64 {
        self.octets as f64 / self.query_octets as f64
    }
}

/// `per_second` responses in these seconds, of the mixture in turns, spread evenly over the victims.
fn flood(
    gate: &mut Gate,
    defence: &Defence,
    seconds: std::ops::Range<u64>,
    per_second: u64,
    victims: Victims,
    mixture: &[Response],
) -> Drawn {
    let mut drawn = Drawn::default();
    for at in seconds.start * per_second..seconds.end * per_second {
        let response = mixture[at as usize % mixture.len()];
        let now_ms = at * 1000 / per_second;
        let verdict = gate.judge(defence, now_ms, victims.one(at), response);
        drawn.add(response, verdict);
    }
    drawn
}

/// What comes of a flood once its burst is spent.
fn steady(rates: Rates, per_second: u64, victims: Victims, mixture: &[Response]) -> Drawn {
    let (mut gate, defence) = (Gate::new([11, 12], 1 << 14), defence(rates));
    let mut flood = |seconds| flood(&mut gate, &defence, seconds, per_second, victims, mixture);
    // By then a flood just above the rate has spent its burst too.
    flood(0..60);
    flood(60..80)
}

/// Queries a second at which responses like this one are at a rate of one address.
fn full(rate: u32, response: Response) -> f64 {
    f64::from(rate * UNITS) / f64::from(price(response))
}

#[test]
fn without_rates_everything_passes() {
    let drawn = flood(
        &mut gate(),
        &Defence::default(),
        0..5,
        10_000,
        ALONE,
        &[DNSKEY],
    );
    assert_eq!(drawn.passed, drawn.queries);
}

/// Rates that are a tenth of the defaults, for floods that take less time.
fn low_rates() -> Rates {
    Rates {
        answers: 10,
        nx_domain: 30,
        all: 40,
        ..Rates::default()
    }
}

#[test]
fn a_flood_in_the_name_of_any_prefix_draws_less_than_one_and_a_half_of_its_octets() {
    let victims = [
        (ALONE, 1.0),
        (ipv4_prefix(24), 4.0),
        (ipv4_prefix(20), 16.0),
        (ipv4_prefix(18), 48.0),
        (ipv6_prefix(128, 128), 1.0),
        (ipv6_prefix(64, 76), 2.0),
        (ipv6_prefix(56, 64), 3.0),
        (ipv6_prefix(48, 56), 4.0),
        (ipv6_prefix(32, 44), 48.0),
    ];
    let rates = low_rates();
    let kinds = [(DNSKEY, rates.answers), (NXDOMAIN, rates.nx_domain)];
    for (victims, factor) in victims {
        for (response, rate) in kinds {
            for times in [1.2, 2.0, 10.0] {
                let per_second = (full(rate, response) * factor * times).ceil() as u64;
                let drawn = steady(rates, per_second, victims, &[response]);
                let amplification = drawn.amplification();
                assert!(
                    amplification < 1.5,
                    "{victims:?} × {times}: {amplification}"
                );
                assert_eq!(drawn.passed, 0, "{victims:?} × {times}");
            }
        }
    }
}

#[test]
fn the_default_rates_hold_a_flood_over_a_whole_network() {
    let drawn = steady(Rates::default(), 10_400, NETWORK, &[NXDOMAIN]);
    assert!(drawn.amplification() < 1.5, "{}", drawn.amplification());
    assert_eq!((drawn.passed, drawn.condemned), (0, 0));
}

#[test]
fn below_the_rate_of_a_prefix_everything_passes() {
    for (victims, factor) in [(ALONE, 1.0), (NETWORK, 4.0)] {
        let per_second = full(Rates::default().nx_domain, NXDOMAIN) * factor * 0.95;
        let drawn = steady(Rates::default(), per_second as u64, victims, &[NXDOMAIN]);
        assert_eq!(drawn.passed, drawn.queries);
    }
}

/// What is limited is not charged further. So a flood can be shaped to have a part that passes, by
/// several kinds or by sources that are not evenly spread: at most the rate of the widest load.
#[test]
fn a_flood_that_is_shaped_to_the_limits_draws_as_much_as_is_documented() {
    let rates = Rates::default();
    let (mut gate, defence) = (gate(), defence(rates));
    let mut drawn = Drawn::default();
    for ms in 0..80_000u64 {
        // 7,000 a second for DNSKEY, and as much NXDOMAIN as passes.
        let mixture = [(DNSKEY, 7), (NXDOMAIN, u64::from(ms % 8 == 0))];
        for (response, count) in mixture {
            for _ in 0..count {
                let verdict = gate.judge(&defence, ms, VICTIM, response);
                if ms >= 60_000 {
                    drawn.add(response, verdict);
                }
            }
        }
    }
    assert!(drawn.passed >= 20 * 125, "{}", drawn.passed);
    let bound = f64::from(16 * rates.all) / 7_125.0 + 0.5;
    assert!(drawn.amplification() < bound, "{}", drawn.amplification());
}

#[test]
fn an_address_under_flood_takes_nothing_from_its_neighbours() {
    let (mut gate, defence) = (gate(), defence(Rates::default()));
    let neighbour = IpAddr::from([192, 0, 2, 77]);
    let per_second = 10_400;
    for at in 0..60 * per_second {
        let now_ms = at * 1000 / per_second;
        gate.judge(&defence, now_ms, VICTIM, NXDOMAIN);
        // A hundred a second, from the beginning.
        if at % (per_second / 100) == 0 {
            let verdict = gate.judge(&defence, now_ms, neighbour, NXDOMAIN);
            assert_eq!(verdict, Verdict::PASS, "at {now_ms} ms");
        }
    }
}

#[test]
fn who_was_flooded_is_answered_again_within_a_window() {
    let window_ms = 1000 * u64::from(Rates::default().window_s);
    for victims in [ALONE, NETWORK] {
        for per_second in [4_000, 50_000] {
            let (mut gate, defence) = (gate(), defence(Rates::default()));
            flood(&mut gate, &defence, 0..40, per_second, victims, &[NXDOMAIN]);
            let mut judge = |ms: u64| gate.judge(&defence, 40_000 + ms, victims.one(0), NXDOMAIN);
            assert!(judge(0).is_limited);
            // It goes on asking ten times a second.
            let answers: Vec<_> = (1..300).map(|at| judge(at * 100)).collect();
            let limited = answers.iter().rposition(|verdict| verdict.is_limited);
            let last_ms = limited.expect("the flood is not forgotten at once") as u64 * 100;
            assert!(last_ms < window_ms * 8 / 10, "{last_ms}");
        }
    }
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
        let drawn = steady(rates, 10_000, ALONE, &[DNSKEY]);
        let share = drawn.slipped as f64 / (drawn.queries - drawn.passed) as f64;
        assert!(least <= share && share <= most, "slip {slip}: {share}");
    }
}

#[test]
fn errors_never_slip() {
    let drawn = steady(Rates::default(), 10_000, ALONE, &[REFUSED]);
    assert_eq!(drawn.slipped, 0);
    assert_eq!(drawn.passed, 0);
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
        let drawn = flood(&mut gate(), defence, 0..5, 10_000, ALONE, &[response]);
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
        ALONE,
        &[silent],
    );
    assert_eq!(drawn.passed, drawn.queries);
}

#[test]
fn one_kind_at_its_limit_leaves_the_others() {
    let (mut gate, defence) = (gate(), defence(Rates::default()));
    flood(&mut gate, &defence, 0..30, 10_000, ALONE, &[DNSKEY]);
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
    let drawn = steady(rates, 10_000, ALONE, &[DNSKEY]);
    assert_eq!(drawn.passed, drawn.queries);
}

#[test]
fn who_sends_far_beyond_the_limit_is_condemned_and_others_are_not() {
    let rates = Rates {
        all: 50,
        ..Rates::default()
    };
    let at = |times: u64| steady(rates, 50 * times, ALONE, &[NXDOMAIN]).condemned;
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
    flood(&mut gate, &defence, 0..60, 5_000, ALONE, &[NXDOMAIN]);
    let verdict = gate.judge(&defence, 75_000, VICTIM, NXDOMAIN);
    assert_eq!(verdict, Verdict::PASS);
}

#[test]
fn an_address_of_ipv6_cannot_be_changed_to_escape() {
    let (mut gate, defence) = (gate(), defence(Rates::default()));
    let address = |at: u64| IpAddr::from([0x2001, 0xdb8, 1, 2, 3, 4, (at >> 16) as u16, at as u16]);
    let passed = (0..600_000u64)
        .filter(|&at| gate.judge(&defence, at / 10, address(at), DNSKEY).action == Action::Pass);
    // Twice the burst of one address, at the price of DNSKEY.
    assert!(passed.count() < 2 * 100 * 15 / 2);
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
