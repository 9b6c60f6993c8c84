//! Time of a verdict of the gate, and of a look-up among half a million prefixes.

use criterion::{Criterion, criterion_group, criterion_main};
use imrs_engine::gate::{Response, limits};
use imrs_engine::{Defence, Gate, Kind, Prefixes, Rates};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that are asked about, in turns: more than the caches of a core remember.
const ADDRESSES: usize = 1 << 18;

const PREFIXES: usize = 500_000;

const NXDOMAIN: Response = Response {
    kind: Kind::NxDomain,
    len: 1_030,
    query_len: 55,
    has_valid_cookie: false,
};

/// Makes an address by chance.
type Make = fn(&mut ChaCha8Rng) -> IpAddr;

fn ipv4(chance: &mut ChaCha8Rng) -> IpAddr {
    Ipv4Addr::from_bits(chance.random()).into()
}

fn ipv6(chance: &mut ChaCha8Rng) -> IpAddr {
    Ipv6Addr::from_bits(0x2000 << 112 | chance.random::<u128>() >> 3).into()
}

fn addresses(count: usize, one: Make) -> Vec<IpAddr> {
    let mut chance = ChaCha8Rng::seed_from_u64(7);
    (0..count).map(|_| one(&mut chance)).collect()
}

fn judging(criterion: &mut Criterion) {
    let limited = Defence {
        rates: Some(Rates::default()),
        ..Defence::default()
    };
    let cases = [
        ("off", &Defence::default(), addresses(1_000, ipv4)),
        ("quiet", &limited, addresses(1_000, ipv4)),
        ("one-victim", &limited, addresses(1, ipv4)),
        ("random-ipv4", &limited, addresses(ADDRESSES, ipv4)),
        ("quiet-ipv6", &limited, addresses(1_000, ipv6)),
        ("random-ipv6", &limited, addresses(ADDRESSES, ipv6)),
    ];
    for (name, defence, addresses) in cases {
        let mut gate = Gate::new([1, 2], limits::BUCKETS);
        let mut turns = addresses.iter().cycle();
        let mut queries = 0u64;
        criterion.bench_function(&format!("judge/{name}"), |bencher| {
            bencher.iter(|| {
                let address = *turns.next().unwrap_or(&IpAddr::V4(Ipv4Addr::LOCALHOST));
                queries += 1;
                // 100 queries a millisecond.
                gate.judge(
                    black_box(defence),
                    queries / 100,
                    address,
                    black_box(NXDOMAIN),
                )
            });
        });
    }
}

fn containing(criterion: &mut Criterion) {
    let cases: [(&str, Make, u8); 2] = [("ipv4", ipv4, 24), ("ipv6", ipv6, 48)];
    for (name, one, len) in cases {
        let prefixes = Prefixes::new(addresses(PREFIXES, one).into_iter().map(|at| (at, len)));
        let mut chance = ChaCha8Rng::seed_from_u64(8);
        let asked: Vec<IpAddr> = (0..ADDRESSES).map(|_| one(&mut chance)).collect();
        let mut turns = asked.iter().cycle();
        criterion.bench_function(&format!("contains/{name}"), |bencher| {
            bencher.iter(|| turns.next().map(|address| prefixes.contains(*address)));
        });
    }
    let none = Prefixes::default();
    criterion.bench_function("contains/empty", |bencher| {
        bencher.iter(|| black_box(&none).contains(black_box(IpAddr::V4(Ipv4Addr::LOCALHOST))));
    });
}

criterion_group!(benches, judging, containing);
criterion_main!(benches);
