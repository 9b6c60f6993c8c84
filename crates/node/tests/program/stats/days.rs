//! Days that are made here: sealed as a node seals them.

use imrs_telemetry::counts::{Asked, AskedEdns, Counts, Exchange, Flow, Sent, Transport};
use imrs_telemetry::day::{Account, Days, Gap, Sealed, Settings, Why};
use imrs_telemetry::limits::SOURCES_OCTETS;
use imrs_telemetry::{Day, Moment};
use imrs_wire::Family;
use imrs_wire::{Rcode, Rtype, Serial};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::f64::consts::TAU;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The day that tests are about.
pub(super) fn day() -> Day {
    Day::parse("2025-10-01").unwrap()
}

/// Seals an account as a node does: it was kept, and its day is over.
pub(super) fn seal(mut account: Account) -> Sealed {
    account.until_s = account.day.end_s();
    let now = Moment {
        unix_ms: account.day.end_s() * 1000 + 1,
        steady_ms: 1,
    };
    let mut days = Days::start(Settings::default(), now, vec![account], None);
    days.poll_sealed().unwrap()
}

/// An account of one node with so many queries over UDP and IPv4, each answered with NXDOMAIN, and
/// a source each.
pub(super) fn plain(day: Day, queries: u32, first_source: u32) -> Account {
    let mut account = Account::new(day, SOURCES_OCTETS);
    for number in 0..queries {
        let flow = Flow::new(Transport::Udp, Family::V4);
        account.counts.record(flow, &exchange(45, 1, Some(3), 600));
        let source = Ipv4Addr::from_bits(first_source + number);
        account.sources.insert(source.into());
    }
    account
}

/// A query of this type and size, and what was sent.
pub(super) fn exchange(
    request: usize,
    qtype: u16,
    rcode: Option<u16>,
    response: usize,
) -> Exchange {
    Exchange {
        request_octets: request,
        asked: Asked {
            qtype: Some(Rtype(qtype)),
            edns: Some(AskedEdns {
                udp_len_max: 1232,
                dnssec: true,
                ..AskedEdns::default()
            }),
            ..Asked::default()
        },
        sent: rcode.map(|rcode| Sent {
            octets: response,
            rcode: Rcode(rcode),
            truncated: false,
        }),
    }
}

/// A node's day that looks like one: more by day than by night, an attack at 14:00, and a pause.
pub(super) fn lively(seed: u64) -> Account {
    let day = day();
    let mut random = StdRng::seed_from_u64(seed);
    let mut account = Account::new(day, SOURCES_OCTETS);
    for slot in 0..288_u64 {
        let at_s = day.start_s() + slot * 300;
        let is_paused = (40..47).contains(&slot);
        if is_paused {
            continue;
        }
        let light = 1.0 + 0.35 * ((slot as f64 / 288.0 - 0.3) * TAU).sin();
        let calm = (light * random.random_range(0.94..1.06) * 900.0) as u64;
        let mut growth = times(&mixed(&mut random), calm);
        if (168..175).contains(&slot) {
            growth.add(&times(&attack(&mut random), 1800));
            account.curve.note_lost(day, at_s, 30_000_000);
            account.lost.queue += 30_000_000;
        }
        account.curve.add(day, at_s, &growth);
        account.counts.add(&growth);
    }
    account.gaps.add(Gap {
        from_s: day.start_s() + 40 * 300,
        to_s: day.start_s() + 47 * 300,
        why: Why::Down,
    });
    for _ in 0..34_000 {
        account
            .sources
            .insert(Ipv4Addr::from_bits(random.random()).into());
    }
    for _ in 0..6000 {
        let prefix = 0x2001_0db8_u128 << 96 | u128::from(random.random_range(0..2500_u32)) << 64;
        let address = prefix | u128::from(random.random::<u64>());
        account
            .sources
            .insert(IpAddr::V6(Ipv6Addr::from_bits(address)));
    }
    let serial = Serial(2_025_100_100);
    account
        .loads
        .note_notified(serial, day.start_s() * 1000 + 17_000_000);
    account
        .loads
        .note_served(serial, day.start_s() * 1000 + 17_003_200);
    account
}

/// Some hundred exchanges in the proportions of a root server.
fn mixed(random: &mut StdRng) -> Counts {
    let mut counts = Counts::new();
    for _ in 0..300 {
        let transport = match random.random_range(0..100) {
            0..92 => Transport::Udp,
            92..98 => Transport::Tcp,
            98 => Transport::Tls,
            _ => Transport::Quic,
        };
        let family = match random.random_range(0..10) {
            0..7 => Family::V4,
            _ => Family::V6,
        };
        let qtype = [1, 1, 1, 28, 28, 2, 43, 48, 6, 65, 12, 16][random.random_range(0..12)];
        let (rcode, response) = match random.random_range(0..100) {
            0..58 => (3, random.random_range(690..800)),
            58..97 => (0, random.random_range(240..1150)),
            97 => (5, 45),
            98 => (1, 23),
            _ => (2, 40),
        };
        let mut one = exchange(random.random_range(28..90), qtype, Some(rcode), response);
        one.asked.edns = match random.random_range(0..10) {
            0 => None,
            other => Some(AskedEdns {
                udp_len_max: [512, 1232, 1232, 1400, 4096][random.random_range(0..5)],
                dnssec: other > 2,
                nsid: false,
                cookie: other > 7,
            }),
        };
        one.asked.recursion_desired = random.random_range(0..20) == 0;
        counts.record(Flow::new(transport, family), &one);
    }
    counts
}

fn attack(random: &mut StdRng) -> Counts {
    let mut counts = Counts::new();
    for _ in 0..300 {
        let sent = (random.random_range(0..3) == 0).then_some(3);
        let flow = Flow::new(Transport::Udp, Family::V4);
        counts.record(flow, &exchange(random.random_range(40..60), 1, sent, 720));
    }
    counts
}

/// The same counts so many times.
fn times(counts: &Counts, mut times: u64) -> Counts {
    let mut doubled = counts.clone();
    let mut sum = Counts::new();
    while times > 0 {
        if times % 2 == 1 {
            sum.add(&doubled);
        }
        let same = doubled.clone();
        doubled.add(&same);
        times /= 2;
    }
    sum
}
