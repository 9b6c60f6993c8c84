//! What is read of statistics: sources of a day, and RSSAC002 documents of any operator.
#![no_main]

use imrs_telemetry::rssac002::{Document, violations};
use imrs_telemetry::sources::Sources;
use libfuzzer_sys::fuzz_target;

/// Octets that IPv6 sources may have: so few that inputs get beyond them.
const BUDGET: usize = 256;

fuzz_target!(|octets: &[u8]| {
    // The first octet says what the rest is.
    let Some((kind, octets)) = octets.split_first() else {
        return;
    };
    if kind % 2 == 0 {
        judge_sources(octets);
    } else {
        judge_document(octets);
    }
});

/// Sources that can be read are the same once they are written.
fn judge_sources(octets: &[u8]) {
    let Ok(sources) = Sources::decode(octets, BUDGET) else {
        return;
    };
    let again = Sources::decode(&sources.encode(), BUDGET);
    assert_eq!(again.as_ref(), Ok(&sources));
    let mut both = sources.clone();
    both.merge(&sources);
    assert_eq!(both.ipv4(), sources.ipv4());
    assert!(sources.prefixes().value <= sources.ipv6().value);
}

/// A document that can be read is written as it was.
fn judge_document(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    if let Ok(document) = Document::read(text) {
        assert_eq!(Document::read(&document.to_string()), Ok(document.clone()));
        violations(&[document]);
    }
}
