//! Makes the file of a day with a shape like that of a busy node, to look at how it is drawn.
//!
//! `cargo run -p imrs-telemetry --example day FILE` writes a closed day of 60 million queries in the mix of
//! L-Root of 2025 (`rssac002` of the data folder: 55 % NXDOMAIN, 21 % IPv6, 1 % TCP), which rise and fall
//! with the day. The server did not run for twelve minutes, and was flooded for half an hour. All
//! numbers are made up.

use anyhow::{Context, Result};
use imrs_telemetry::counts::{Asked, AskedEdns, Counts, Exchange, Flow, Sent, Transport};
use imrs_telemetry::day::{Curve, Days, Lost, Settings};
use imrs_telemetry::limits::CURVE_SLOT_S;
use imrs_telemetry::{Day, Moment};
use imrs_wire::Family;
use imrs_wire::{Rcode, Rtype};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::TAU;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Queries of which the mix is made, and that of the whole day in the mean of five minutes.
const MIX: u64 = 2000;
const SLOT_QUERIES: f64 = 60e6 / 288.0;

/// The slots without a server, and those of the flood with what was lost of it.
const DOWN: std::ops::Range<usize> = 38..40;
const FLOOD: std::ops::Range<usize> = 170..176;
const FLOOD_QUERIES: u64 = 300_000;
const FLOOD_LOST: u64 = 900_000;

fn main() -> Result<()> {
    let file = std::env::args().nth(1).context("name the file to write")?;
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mix = mix(&mut random);
    let day = Day::parse("2026-11-24").context("a day")?;
    let at = |unix_s: u64| Moment {
        unix_ms: unix_s * 1000,
        steady_ms: unix_s * 1000,
    };
    let mut days = Days::start(Settings::default(), at(day.start_s()), Vec::new(), None);
    let mut sum = Counts::new();
    for slot in 0..Curve::SLOTS {
        let start_s = day.start_s() + slot as u64 * CURVE_SLOT_S;
        if DOWN.contains(&slot) {
            continue;
        }
        if slot == DOWN.end {
            let kept = days.accounts().cloned().collect();
            days = Days::start(Settings::default(), at(start_s), kept, None);
            sum = Counts::new();
        }
        days.handle_time(at(start_s + CURVE_SLOT_S - 1));
        let hour = slot as f64 / 12.0;
        let shape =
            1.0 + 0.32 * ((hour - 9.0) / 24.0 * TAU).sin() + random.random_range(-0.03..0.03);
        let mut queries = (SLOT_QUERIES * shape) as u64;
        if FLOOD.contains(&slot) {
            queries += FLOOD_QUERIES;
            days.handle_lost(Lost {
                queue: 9_000 * (slot - FLOOD.start + 1) as u64,
                filter: FLOOD_LOST * (slot - FLOOD.start + 1) as u64,
            });
        }
        sum.add(&times(&mix, queries / MIX));
        days.handle_counts(day, &sum);
    }
    for number in 0..90_000_u32 {
        let bits: u32 = random.random();
        days.handle_source(day, IpAddr::V4(Ipv4Addr::from_bits(bits)));
        if number % 6 == 0 {
            let high = 0x2001_0db8_u128 << 96 | u128::from(bits >> 12) << 64;
            days.handle_source(
                day,
                IpAddr::V6(Ipv6Addr::from_bits(high | u128::from(number))),
            );
        }
    }
    days.handle_time(at(day.end_s()));
    days.handle_time(at(day.end_s() + Settings::default().late_ms / 1000));
    let sealed = days.poll_sealed().context("the day is closed")?;
    std::fs::write(&file, sealed.encode())?;
    Ok(())
}

/// Queries in the mix of L-Root.
fn mix(random: &mut ChaCha8Rng) -> Counts {
    let mut counts = Counts::new();
    for number in 0..MIX {
        let chance = |random: &mut ChaCha8Rng, percent| random.random_range(0..100) < percent;
        let transport = match number % 100 {
            0 => Transport::Tcp,
            1 if number % 400 == 1 => Transport::Tls,
            2 if number % 800 == 2 => Transport::Quic,
            _ => Transport::Udp,
        };
        let family = if chance(random, 21) {
            Family::V6
        } else {
            Family::V4
        };
        let rcode = match random.random_range(0..200) {
            0..110 => Rcode::NXDOMAIN,
            110..198 => Rcode::NOERROR,
            198 => Rcode::REFUSED,
            _ => Rcode::FORMERR,
        };
        let qtypes = [
            Rtype::A,
            Rtype::A,
            Rtype::A,
            Rtype::AAAA,
            Rtype::NS,
            Rtype::DS,
        ];
        let (has_edns, dnssec) = (chance(random, 88), chance(random, 80));
        let octets = match (rcode, dnssec && has_edns) {
            (Rcode::NXDOMAIN, true) => random.random_range(640..760),
            (Rcode::NOERROR, true) => random.random_range(480..1232),
            (Rcode::NXDOMAIN | Rcode::NOERROR, false) => random.random_range(100..420),
            _ => 40,
        };
        let sizes = [512, 1232, 1232, 1232, 1410, 4096];
        let exchange = Exchange {
            request_octets: random.random_range(28..90),
            asked: Asked {
                qtype: Some(qtypes[random.random_range(0..qtypes.len())]),
                recursion_desired: chance(random, 3),
                checking_disabled: chance(random, 20),
                edns: has_edns.then(|| AskedEdns {
                    udp_len_max: sizes[random.random_range(0..sizes.len())],
                    dnssec,
                    nsid: chance(random, 1),
                    cookie: chance(random, 12),
                }),
            },
            sent: Some(Sent {
                octets,
                rcode,
                truncated: octets > 1200,
            }),
        };
        counts.record(Flow::new(transport, family), &exchange);
    }
    counts
}

/// The same so many times.
fn times(counts: &Counts, mut factor: u64) -> Counts {
    let (mut sum, mut doubled) = (Counts::new(), counts.clone());
    while factor > 0 {
        if factor & 1 == 1 {
            sum.add(&doubled);
        }
        let same = doubled.clone();
        doubled.add(&same);
        factor >>= 1;
    }
    sum
}
