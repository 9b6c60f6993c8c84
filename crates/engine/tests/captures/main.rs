//! The default rates against what was captured at L-Root: nobody there is limited, by far.
//!
//! The captures are not part of the repository; where they are absent, a test says so and passes.
//! `--nocapture` prints the fullest load of each kind, which is the table of
//! `docs/decisions/0010-rate-limits-from-captures.md`.

mod packets;
mod sample;

use imrs_engine::gate::{Action, Response};
use imrs_engine::{Defence, Gate, Kind, Rates};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A response that was sent.
struct Sent {
    at_ms: u64,
    client: IpAddr,
    response: Response,
}

/// How much fuller the load of a capture's busiest client may be before it is limited.
const MARGIN: u32 = 10;

const CAPTURES: [&str; 2] = [
    "root-20161006-nsd-live-anon.pcapng.xz",
    "root-20161006-knot-live-anon.pcapng.xz",
];

const SAMPLE: &str = "l-root-lax-20170523-cdns-sample.csv";

const KINDS: [Kind; 5] = [
    Kind::Answer,
    Kind::Referral,
    Kind::NoData,
    Kind::NxDomain,
    Kind::Error,
];

/// The folder of captures; none if it is absent.
fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let named = std::env::var_os("IMRS_DATA").map(PathBuf::from);
    let found = named
        .into_iter()
        .chain([beside])
        .map(|folder| folder.join("querymix"))
        .find(|folder| folder.is_dir());
    if found.is_none() {
        println!("skipped: no data folder; name one by IMRS_DATA");
    }
    found
}

fn captures(folder: &Path) -> Vec<(&'static str, Vec<Sent>)> {
    let captured = CAPTURES.map(|file| (file, packets::read(&folder.join(file))));
    captured
        .into_iter()
        .chain([(SAMPLE, sample::read(&folder.join(SAMPLE)))])
        .collect()
}

/// How many of these are limited.
fn limited<'a>(rates: Rates, sent: impl Iterator<Item = &'a Sent>) -> usize {
    let defence = Defence {
        rates: Some(rates),
        ..Defence::default()
    };
    let mut gate = Gate::new([1, 2], 1 << 16);
    let verdicts = sent.map(|sent| gate.judge(&defence, sent.at_ms, sent.client, sent.response));
    verdicts
        .filter(|verdict| verdict.action != Action::Pass)
        .count()
}

/// The rates with one rate for a kind alone, or for all together, and no other.
fn only(kind: Option<Kind>, rate: u32) -> Rates {
    let of = |other| if kind == Some(other) { rate } else { 0 };
    Rates {
        answers: of(Kind::Answer),
        referrals: of(Kind::Referral),
        no_data: of(Kind::NoData),
        nx_domain: of(Kind::NxDomain),
        errors: of(Kind::Error),
        all: if kind.is_none() { rate } else { 0 },
        ..Rates::default()
    }
}

/// The least rate that limits nothing of a capture, by kind or for all.
fn least(kind: Option<Kind>, sent: &[Sent]) -> u32 {
    let rates = 1..=1000;
    let mut found = rates.filter(|&rate| limited(only(kind, rate), sent.iter()) == 0);
    found.next().expect("some rate limits nothing")
}

#[test]
fn no_response_of_the_captures_is_limited() {
    let Some(folder) = folder() else { return };
    for (file, sent) in captures(&folder) {
        assert!(sent.len() > 4_000, "{file}: read {} responses", sent.len());
        assert_eq!(limited(Rates::default(), sent.iter()), 0, "{file}");
    }
}

#[test]
fn the_captures_could_be_ten_times_as_busy_by_every_client() {
    let Some(folder) = folder() else { return };
    for (file, sent) in captures(&folder) {
        let busier = sent
            .iter()
            .flat_map(|sent| std::iter::repeat_n(sent, MARGIN as usize));
        assert_eq!(limited(Rates::default(), busier), 0, "{file}");
    }
}

#[test]
fn the_fullest_load_of_each_kind_is_under_a_tenth_of_its_limit() {
    let Some(folder) = folder() else { return };
    let rates = Rates::default();
    let kinds = KINDS.into_iter().map(|kind| (Some(kind), rates.of(kind)));
    for (file, sent) in captures(&folder) {
        println!("{file}: {} responses", sent.len());
        for (kind, rate) in kinds.clone().chain([(None, rates.all)]) {
            let least = least(kind, &sent);
            let name = kind.map_or_else(|| "All".to_owned(), |kind| format!("{kind:?}"));
            println!("  {name}: full at {least} of {rate} per second");
            assert!(least * MARGIN <= rate, "{file}: {name} needs {least}");
        }
    }
}
