//! Time per query in `respond`: the query mix of a root server, its parts, and what costs most; and
//! the time to compile the zone that answers.
//!
//! The zone is the real root of 2026-07-31 where the data folder is, next to the workspace or where
//! `IMRS_DATA` says; otherwise a made one with the same proportions. The queries are those of
//! `cargo xtask bench`. Each is answered in its turn, so that the image is met as cold as a server
//! meets it.

#[expect(dead_code, reason = "its own tests run where it is at home")]
#[path = "../../../xtask/src/bench/queries.rs"]
mod queries;
#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../tests/respond/world.rs"]
mod world;

use criterion::{Criterion, criterion_group, criterion_main};
use imrs_engine::{Service, Transport, respond};
use imrs_zone::record::UnixTime;
use imrs_zone::synth::{self, Plan};
use queries::{Delegations, Mix, corpus};
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;

fn compiling(criterion: &mut Criterion) {
    let zone = world::verified(world::records(&zone_text()));
    criterion.bench_function("compile", |bencher| {
        bencher.iter(|| black_box(&zone).compile());
    });
}

fn responding(criterion: &mut Criterion) {
    let text = zone_text();
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes())
        .expect("the zone is written");
    let delegations = Delegations::read(file.path()).expect("the zone delegates names");
    let (apex, image) = world::compile(world::records(&text));
    let service = world::service([(apex, Some(image))]);

    for mix in [Mix::Root, Mix::Nxdomain, Mix::Referral, Mix::Apex] {
        let queries = corpus(&delegations, mix, SEED, QUERIES);
        bench(criterion, &service, mix.name(), &queries);
    }
    for (name, query) in costly() {
        bench(criterion, &service, name, &[query]);
    }
}

fn bench(criterion: &mut Criterion, service: &Service, name: &str, queries: &[Vec<u8>]) {
    let mut turns = queries.iter().cycle();
    let mut out = [0; 1232];
    criterion.bench_function(&format!("respond/{name}"), |bencher| {
        bencher.iter(|| {
            let query = turns.next().map_or(&[][..], Vec::as_slice);
            respond(
                service,
                Transport::Udp.into(),
                black_box(query),
                black_box(&mut out),
            )
        });
    });
}

fn zone_text() -> String {
    let data = std::env::var_os("IMRS_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let real = data.join("zones/root-2026073102.zone");
    match std::fs::read_to_string(&real) {
        Ok(text) => text,
        Err(error) => {
            println!("{}: {error}; measuring a made root instead", real.display());
            let made_at = UnixTime(1_785_542_400);
            synth::make(&Plan::new(made_at))
                .expect("a plan of the right size")
                .text()
        }
    }
}

/// Queries that take a way of their own: many pointers to shift, the longest names, names that only
/// whole comparison tells apart, what does not fit, what is not answered.
fn costly() -> Vec<(&'static str, Vec<u8>)> {
    const DO: &[u8] = b"\0\0\x29\x04\xd0\0\0\x80\0\0\0";
    const DO_512: &[u8] = b"\0\0\x29\x02\0\0\0\x80\0\0\0";
    const DO_NSID: &[u8] = b"\0\0\x29\x04\xd0\0\0\x80\0\0\x04\0\x03\0\0";
    let long = |top: &str| format!("{}{top}", "abcdefgh.".repeat(27));
    let deep = |top: &str| format!("{}{top}", "a.".repeat(123));
    vec![
        ("net, 26 addresses", query("www.example.net", 1, DO)),
        ("net, long name", query(&long("net"), 1, DO)),
        ("net, 124 labels", query(&deep("net"), 1, DO)),
        ("com, no EDNS", query("www.example.com", 1, b"")),
        ("nxdomain, first octets shared", query("xn--mgbaqq", 1, DO)),
        ("nxdomain, long name", query(&long("nosuch"), 1, DO)),
        ("nxdomain, 124 labels", query(&deep("nosuch"), 1, DO)),
        ("priming", query("", 2, DO)),
        ("priming, 512 octets", query("", 2, b"")),
        ("soa, NSID", query("", 6, DO_NSID)),
        ("dnskey", query("", 48, DO)),
        ("any", query("", 255, DO)),
        ("rrsig", query("", 46, DO)),
        ("truncated", query("nosuch", 1, DO_512)),
        ("axfr refused", query("", 252, DO)),
        ("formerr", query("", 6, b"x")),
        ("dropped", query("", 6, b"")[..11].to_vec()),
    ]
}

fn query(name: &str, qtype: u16, opt: &[u8]) -> Vec<u8> {
    let mut packet = vec![
        0x1d,
        0x0c,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        u8::from(opt.len() > 1),
    ];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        packet.push(label.len() as u8);
        packet.extend_from_slice(label.as_bytes());
    }
    packet.push(0);
    packet.extend(qtype.to_be_bytes());
    packet.extend([0, 1]);
    packet.extend_from_slice(opt);
    packet
}

const SEED: u64 = 1;
const QUERIES: usize = 8192;

criterion_group!(benches, compiling, responding);
criterion_main!(benches);
