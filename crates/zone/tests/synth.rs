//! The test root has the shape and the proportions of the real one, whatever the plan.

#![allow(clippy::unwrap_used, reason = "a test that fails here should stop")]

use domain::base::iana::Rtype;
use domain::rdata::ZoneRecordData;
use imrs_zone::record::{Name, Record, UnixTime};
use imrs_zone::synth::{Algorithm, Plan, REAL_TLDS, TestRoot, make, text};
use std::collections::{BTreeMap, BTreeSet};

/// 2026-08-01T12:00:00Z.
const NOON: UnixTime = UnixTime(1_785_585_600);

fn test_root(change: impl FnOnce(&mut Plan)) -> TestRoot {
    let mut plan = Plan::new(NOON);
    change(&mut plan);
    make(&plan).unwrap()
}

fn of_type(records: &[Record], rtype: Rtype) -> impl Iterator<Item = &Record> {
    records.iter().filter(move |record| record.rtype() == rtype)
}

fn server(record: &Record) -> Option<&Name> {
    match record.data() {
        ZoneRecordData::Ns(ns) => Some(ns.nsdname()),
        _ => None,
    }
}

/// The servers of each delegation.
fn delegations(root: &TestRoot) -> BTreeMap<&Name, Vec<&Name>> {
    let mut delegations: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for record in root
        .records
        .iter()
        .filter(|record| !record.owner().is_root())
    {
        if let Some(server) = server(record) {
            delegations.entry(record.owner()).or_default().push(server);
        }
    }
    delegations
}

/// Everything but keys, what is made with them, and the digest of it all.
fn content(root: &TestRoot) -> String {
    let depends_on_keys = |record: &Record| {
        matches!(record.rtype(), Rtype::RRSIG | Rtype::DNSKEY | Rtype::ZONEMD)
            || (record.rtype() == Rtype::DS && record.owner().to_string() == "arpa")
    };
    let mut records = root.records.clone();
    records.retain(|record| !depends_on_keys(record));
    text(&records)
}

#[test]
fn one_seed_gives_one_content_and_another_a_different_one() {
    let with_seed = |seed| test_root(|plan| plan.seed = seed);
    let one = with_seed(5);
    assert_eq!(content(&one), content(&with_seed(5)));
    assert_ne!(content(&one), content(&with_seed(6)));
}

#[test]
fn with_ed25519_the_seed_gives_every_octet() {
    let zones = || {
        let root = test_root(|plan| plan.algorithms = vec![Algorithm::Ed25519]);
        (root.text(), text(&root.arpa), root.anchors_ds)
    };
    assert_eq!(zones(), zones());
}

#[test]
fn there_are_as_many_delegations_as_asked_for() {
    for tlds in [2, 3, 25, 400, REAL_TLDS, 2000] {
        let root = test_root(|plan| plan.tlds = tlds);
        assert_eq!(delegations(&root).len(), tlds);
        // The apex and each delegation has an NSEC record, and nothing else.
        assert_eq!(of_type(&root.records, Rtype::NSEC).count(), tlds + 1);
    }
}

#[test]
fn every_server_is_below_a_delegation_and_has_glue_and_nothing_else_has() {
    for tlds in [2, 40, REAL_TLDS] {
        let root = test_root(|plan| plan.tlds = tlds);
        let is_address = |record: &&Record| matches!(record.rtype(), Rtype::A | Rtype::AAAA);
        let addresses = root.records.iter().filter(is_address);
        let glue: BTreeSet<&Name> = addresses.map(Record::owner).collect();
        let servers: BTreeSet<&Name> = root.records.iter().filter_map(server).collect();
        assert_eq!(glue, servers);
        let delegations = delegations(&root);
        let is_below = |server: &&&Name| delegations.keys().any(|tld| server.ends_with(tld));
        assert_eq!(servers.iter().filter(is_below).count(), servers.len());
    }
}

#[test]
fn addresses_are_for_documentation_only() {
    let root = test_root(|_| {});
    for records in [&root.records, &root.arpa, &root.root_servers_net] {
        for record in records {
            match record.data() {
                ZoneRecordData::A(a) => assert!(a.addr().is_documentation(), "{record}"),
                ZoneRecordData::Aaaa(aaaa) => {
                    assert_eq!(aaaa.addr().segments()[..2], [0x2001, 0xdb8], "{record}");
                }
                _ => {}
            }
        }
    }
}

/// Compares counts with those of the IANA root zone of serial 2026073102.
#[test]
fn proportions_are_those_of_the_real_root() {
    for seed in 0..5 {
        let root = test_root(|plan| plan.seed = seed);
        let close = |what: &str, count: usize, real: usize, percent: usize| {
            let off = count.abs_diff(real) * 100;
            assert!(
                off <= real * percent,
                "{count} {what}, in the real root {real}, seed {seed}"
            );
        };
        let count = |rtype| of_type(&root.records, rtype).count();
        close("records", root.records.len(), 24_877, 4);
        close("NS", count(Rtype::NS), 7577, 4);
        close("A", count(Rtype::A), 5938, 6);
        close("AAAA", count(Rtype::AAAA), 5643, 6);
        close("DS", count(Rtype::DS), 1483, 5);
        close("RRSIG", count(Rtype::RRSIG), 2792, 3);

        let delegations = delegations(&root);
        let sets: BTreeSet<_> = delegations.values().collect();
        close("sets of servers", sets.len(), 1127, 6);
        let of_size = |size| delegations.values().filter(|set| set.len() == size).count();
        close("delegations to 4 servers", of_size(4), 499, 20);
        close("delegations to 6 servers", of_size(6), 574, 20);
        assert_eq!(of_size(13), 3);
        let in_domain = delegations
            .iter()
            .filter(|(tld, set)| set.iter().all(|server| server.ends_with(tld)));
        close(
            "delegations with in-domain servers only",
            in_domain.count(),
            947,
            10,
        );
    }
}

#[test]
fn an_algorithm_roll_signs_everything_twice() {
    let once = test_root(|_| {});
    let twice = test_root(|plan| {
        plan.algorithms = vec![Algorithm::RsaSha256, Algorithm::EcdsaP256Sha256];
    });
    let count = |root: &TestRoot, rtype| of_type(&root.records, rtype).count();
    assert_eq!(count(&twice, Rtype::RRSIG), 2 * count(&once, Rtype::RRSIG));
    assert_eq!(count(&once, Rtype::DNSKEY), 3);
    assert_eq!(count(&twice, Rtype::DNSKEY), 5);
    assert_eq!(once.anchors_ds.lines().count(), 1);
    assert_eq!(twice.anchors_ds.lines().count(), 2);
}

#[test]
fn the_text_has_one_record_a_line_and_begins_with_the_soa() {
    let root = test_root(|plan| plan.tlds = 30);
    let text = root.text();
    assert_eq!(text.lines().count(), root.records.len());
    assert!(text.starts_with(". 86400 IN SOA a.root-servers.net. "));
    assert!(text.contains(" RRSIG SOA 13 0 86400 20260814120000 20260801110000 "));
}
