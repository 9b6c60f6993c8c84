//! Merges a day of L-Root's size from 200 sites, and tells what that takes.
//!
//! `cargo run --release -p imrs-telemetry --example merge` makes 12 billion queries, 6.8 million
//! IPv4 sources and 1.2 million IPv6 sources in 0.6 million /64, each source at 1 to 20 sites, puts
//! the sealed days into a temporary folder and merges them from there, one after the other. A
//! number as argument makes it so many times smaller; a folder as second argument keeps the sealed
//! days there, to be merged by `imrs stats merge`.

use anyhow::{Context, Result, ensure};
use imrs_telemetry::counts::{Asked, Counts, Exchange, Flow, Sent};
use imrs_telemetry::day::{Account, Days, Sealed, Settings};
use imrs_telemetry::limits::{SOURCES_MERGED_OCTETS, SOURCES_OCTETS};
use imrs_telemetry::rssac002::{Letter, documents, violations};
use imrs_telemetry::{Day, Moment};
use imrs_wire::{Rcode, Rtype};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Instant;

const SITES: usize = 200;
const QUERIES: u64 = 12_000_000_000;
/// Those of a site that differ from each other.
const MESSAGES: u64 = 5000;
const IPV4: usize = 6_800_000;
const IPV6: usize = 1_200_000;
const PREFIXES: usize = 600_000;

fn main() -> Result<()> {
    let smaller = match std::env::args().nth(1) {
        Some(text) => text
            .parse()
            .context("the argument is how many times smaller")?,
        None => 1,
    };
    if let Some(folder) = std::env::args().nth(2) {
        let folder = Path::new(&folder);
        std::fs::create_dir_all(folder)?;
        let queries = make(folder, smaller)?;
        println!("{queries} queries are in {}", folder.display());
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let queries = make(folder.path(), smaller)?;
    let before_kb = peak_kb()?;
    // What making the days took does not count: the peak starts anew where the kernel allows it.
    let is_fresh = std::fs::write("/proc/self/clear_refs", "5").is_ok();

    let start = Instant::now();
    let (merged, octets) = merge(folder.path())?;
    let took = start.elapsed();
    let letter = Letter::new('l').context("L is a letter")?;
    let documents = documents(merged.account(), letter, SITES);
    let broken = violations(&documents);
    ensure!(broken.is_empty(), "{broken:?}");
    for document in &documents {
        println!("{document}");
    }
    let account = merged.account();
    let counted: u64 = Flow::ALL
        .iter()
        .map(|flow| account.counts.flow(*flow).queries())
        .sum();
    ensure!(counted == queries, "{counted} of {queries} queries");
    println!(
        "{} sites, {} MB on disk, {:?} + {:?} + {:?}",
        account.nodes,
        octets / 1_000_000,
        account.sources.ipv4(),
        account.sources.ipv6(),
        account.sources.prefixes()
    );
    let whose = if is_fresh {
        "of merging"
    } else {
        "of all, making included"
    };
    println!(
        "merged in {:.1} s, {} MB at the peak {whose} (making: {} MB)",
        took.as_secs_f64(),
        peak_kb()? / 1000,
        before_kb / 1000
    );
    Ok(())
}

/// Writes a sealed day for each site, and gives the queries in all of them.
fn make(folder: &Path, smaller: usize) -> Result<u64> {
    let day = Day::parse("2025-10-01").context("a day")?;
    let mut random = ChaCha8Rng::seed_from_u64(20_251_001);
    let ipv4: Vec<u32> = (0..IPV4 / smaller).map(|_| random.next_u32()).collect();
    let prefixes: Vec<u64> = (0..PREFIXES / smaller)
        .map(|_| 0x2000 << 48 | random.next_u64() >> 12)
        .collect();
    let ipv6: Vec<u128> = (0..IPV6 / smaller)
        .map(|at| {
            // Each prefix has one address at least.
            let prefix = prefixes[at % prefixes.len()];
            u128::from(prefix) << 64 | u128::from(random.next_u64())
        })
        .collect();
    let mut queries = 0;
    for site in 0..SITES {
        let mut account = Account::new(day, SOURCES_OCTETS);
        // A source is seen by one site in 20 of those that its place makes near.
        let is_near = |at: usize| (at * 7 + site) % SITES < 1 + at % 20;
        for (_, bits) in ipv4.iter().enumerate().filter(|(at, _)| is_near(*at)) {
            let address = IpAddr::V4(Ipv4Addr::from_bits(*bits));
            account.sources.insert(address);
        }
        for (_, bits) in ipv6.iter().enumerate().filter(|(at, _)| is_near(*at)) {
            let address = IpAddr::V6(Ipv6Addr::from_bits(*bits));
            account.sources.insert(address);
        }
        account.counts = counts(&mut random, QUERIES / SITES as u64 / smaller as u64);
        for flow in Flow::ALL {
            queries += account.counts.flow(flow).queries();
        }
        account.until_s = day.end_s();
        let octets = seal(account)?.encode();
        std::fs::write(folder.join(format!("{site}.day")), octets)?;
    }
    Ok(queries)
}

/// So many messages, to a few thousand: as many by chance, and these again and again.
fn counts(random: &mut ChaCha8Rng, queries: u64) -> Counts {
    let mut counts = Counts::new();
    for _ in 0..MESSAGES {
        let flow = Flow::ALL[random.random_range(0..6)];
        let rcode = [0, 0, 3, 3, 3, 5][random.random_range(0..6)];
        let exchange = Exchange {
            request_octets: random.random_range(17..100),
            asked: Asked {
                qtype: Some(Rtype(random.random_range(1..70))),
                ..Asked::default()
            },
            sent: Some(Sent {
                octets: random.random_range(100..1400),
                rcode: Rcode(rcode),
                truncated: random.random_range(0..50) == 0,
            }),
        };
        counts.record(flow, &exchange);
    }
    let mut times = queries / MESSAGES;
    let mut sum = Counts::new();
    while times > 0 {
        if times % 2 == 1 {
            sum.add(&counts);
        }
        let same = counts.clone();
        counts.add(&same);
        times /= 2;
    }
    sum
}

/// Seals an account in the way that a node does: it was kept, and its day is over.
fn seal(account: Account) -> Result<Sealed> {
    let now = Moment {
        unix_ms: account.day.end_s() * 1000 + 1,
        steady_ms: 1,
    };
    let mut days = Days::start(Settings::default(), now, vec![account], None);
    days.poll_sealed().context("the day is over")
}

/// Merges all files of a folder, one after the other; also how many octets they have.
fn merge(folder: &Path) -> Result<(Sealed, usize)> {
    let mut sum: Option<Sealed> = None;
    let mut octets_sum = 0;
    for site in 0..SITES {
        let octets = std::fs::read(folder.join(format!("{site}.day")))?;
        octets_sum += octets.len();
        let sealed = Sealed::decode(&octets, SOURCES_MERGED_OCTETS)?;
        sum = Some(match sum {
            None => sealed,
            Some(sum) => sum.merge(&sealed)?,
        });
    }
    Ok((sum.context("there are sites")?, octets_sum))
}

/// The most memory that this process had, in kB.
fn peak_kb() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no VmHWM")?.parse()?)
}
