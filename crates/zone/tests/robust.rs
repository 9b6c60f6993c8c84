//! No input makes the reader or the checks panic.

#![allow(clippy::unwrap_used, reason = "a test that fails here should stop")]

use imrs_zone::read::read;
use imrs_zone::record::UnixTime;
use imrs_zone::verify::{Demand, Effort, Policy};
use imrs_zone::{Anchors, Candidate, Limits, zonemd};
use proptest::prelude::*;
use std::num::NonZeroUsize;

const ZONE: &str = include_str!("signed/algorithm-8.zone");

/// Takes a text through all stages as far as it goes.
fn run(text: &[u8]) {
    let anchors = Anchors::read(text);
    let origin = "example.".parse().unwrap();
    let Ok(records) = read(text, Some(&origin)) else {
        return;
    };
    let _ = zonemd::check(&records);
    let Ok(candidate) = Candidate::new(records, &Limits::default()) else {
        return;
    };
    let policy = Policy {
        digest: Demand::Require,
        signatures: Demand::Require,
        anchors: anchors.unwrap_or_else(|_| Anchors::none(candidate.apex().clone())),
    };
    let now = UnixTime::parse("2026-08-15T00:00:00Z").unwrap();
    candidate.examine(&policy, now, &Effort::silent(NonZeroUsize::MIN));
}

/// What zone files are made of, and what breaks them.
fn token() -> impl Strategy<Value = String> {
    let fixed = [
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
    prop_oneof![
        8 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
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
    fn a_zone_cut_short_is_read_or_refused(at in 0..ZONE.len()) {
        run(&ZONE.as_bytes()[..at]);
    }
}
