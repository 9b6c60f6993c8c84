//! No input makes the reader or the checks panic.

#![allow(clippy::unwrap_used, reason = "a test that fails here should stop")]

use imrs_zone::read::read;
use imrs_zone::record::UnixTime;
use imrs_zone::verify::{Demand, Effort, Policy};
use imrs_zone::{Anchors, Candidate, Limits, zonemd};
use proptest::prelude::*;
use std::num::NonZeroUsize;

const ZONE: &str = include_str!("signed/algorithm-8.zone");

/// Its trust anchor, which the comment at its head tells as well.
const DS: &str = ". IN DS 39175 8 2 \
    2c18c2378257c1cee25183071a927090d61af34b86c1b5fb3540ac80b279a616";

/// Takes a text through all stages as far as it goes. Says whether it is proven.
fn run(text: &[u8]) -> bool {
    let _ = Anchors::read(text);
    let origin = "example.".parse().unwrap();
    let Ok(records) = read(text, Some(&origin)) else {
        return false;
    };
    let _ = zonemd::check(&records);
    let Ok(candidate) = Candidate::new(records, &Limits::default()) else {
        return false;
    };
    let policy = Policy {
        digest: Demand::Require,
        signatures: Demand::Require,
        anchors: Anchors::read(DS.as_bytes()).unwrap(),
    };
    let now = UnixTime::parse("2026-08-15T00:00:00Z").unwrap();
    let report = candidate.examine(&policy, now, &Effort::silent(NonZeroUsize::MIN));
    report.conclude().is_ok()
}

#[test]
fn the_zone_that_is_changed_here_is_proven() {
    assert!(run(ZONE.as_bytes()));
}

/// What zone files are made of, and what breaks them.
const TOKENS: &[&str] = &[
    "\n",
    "\n",
    "\n",
    " ",
    "\t",
    "(",
    ")",
    "\"",
    ";",
    "\\",
    "\\#",
    "\\300",
    "\\065",
    "@",
    ".",
    "..",
    "$TTL",
    "$ORIGIN",
    "$INCLUDE",
    "$",
    "IN",
    "CH",
    "CLASS7",
    "60",
    "1h",
    "4294967296",
    "SOA",
    "NS",
    "A",
    "AAAA",
    "TXT",
    "DS",
    "RRSIG",
    "NSEC",
    "DNSKEY",
    "ZONEMD",
    "NSEC3",
    "NAPTR",
    "SVCB",
    "HTTPS",
    "CAA",
    "IPSECKEY",
    "TYPE63",
    "TYPE47",
    "TYPE99999",
    "OPENPGPKEY",
    "192.0.2.1",
    "2001:db8::",
    "a.",
    "b",
    "1",
    "2",
    "8",
    "13",
    "20260801000000",
    "00ff",
    "0",
    "257",
    "3",
    "AwEAAQ==",
    "alpn=h2",
    "key1=\"x",
    "mandatory=",
    "port=",
    "ipv4hint=1",
    "\u{e9}",
    "\r",
    "\0",
];

fn token() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::sample::select(TOKENS).prop_map(str::to_owned),
        1 => "[a-z0-9.\\\\]{1,70}",
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_octets_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        run(&text);
    }

    #[test]
    fn arbitrary_tokens_are_read_or_refused(
        tokens in proptest::collection::vec(token(), 0..60),
        joint in proptest::sample::select(vec!["", " "]),
    ) {
        run(tokens.join(joint).as_bytes());
    }

    #[test]
    fn a_changed_zone_is_read_or_refused(
        at in 0..ZONE.len(),
        removed in 0..40usize,
        inserted in token(),
    ) {
        let end = (at + removed).min(ZONE.len());
        let text = [&ZONE.as_bytes()[..at], inserted.as_bytes(), &ZONE.as_bytes()[end..]].concat();
        run(&text);
    }

    #[test]
    fn arbitrary_data_of_any_type_is_taken_or_refused(
        owner in proptest::sample::select(vec![".", "alpha.", "ns1.alpha.", "own.", "new."]),
        rtype in prop_oneof![0..260u16, any::<u16>(), Just(46), Just(47), Just(48), Just(63)],
        data in proptest::collection::vec(any::<u8>(), 0..80),
        replaced in any::<bool>(),
    ) {
        let hexadecimal: String = data.iter().map(|octet| format!("{octet:02x}")).collect();
        let line = format!("{owner} 86400 TYPE{rtype} \\# {} {hexadecimal}\n", data.len());
        let old = format!("{owner}\t86400\tIN\tNSEC");
        let kept = ZONE.lines().filter(|line| !(replaced && line.starts_with(&old)));
        run(format!("{}\n{line}", kept.collect::<Vec<_>>().join("\n")).as_bytes());
    }

    #[test]
    fn a_zone_cut_short_is_read_or_refused(at in 0..ZONE.len()) {
        run(&ZONE.as_bytes()[..at]);
    }
}
