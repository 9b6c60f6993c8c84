//! Names in, below, between and beside the names of a zone, by many types.

use super::Maker;
use crate::differential::constants::DO;
use crate::differential::constants::rtype::{
    A, AAAA, ANY, AXFR, CNAME, DNAME, DNSKEY, DS, HINFO, HTTPS, IXFR, MX, NS, NSEC, PTR, RRSIG,
    SOA, SRV, TXT, ZONEMD,
};
use crate::differential::facts::Facts;
use crate::differential::name::{ROOT, child, labels, plain, suffix};
use crate::differential::query::{Builder, Kind};
use rand::RngExt;

/// Types asked of every name of the zone. The last is unassigned.
const TYPES: [u16; 14] = [
    A, AAAA, NS, DS, DNSKEY, SOA, NSEC, RRSIG, MX, TXT, ANY, CNAME, HTTPS, 65_534,
];

/// Types asked of the apex besides.
const APEX_TYPES: [u16; 14] = [
    ZONEMD, PTR, HINFO, SRV, DNAME, 0, 3, 24, 25, 30, 50, 51, 59, 0xffff,
];

/// Adds the queries for one zone.
pub(super) fn add(maker: &mut Maker<'_>, zone: &Facts) {
    apex(maker, zone);
    delegations(maker, zone);
    servers(maker, zone);
    between(maker, zone);
    odd(maker, zone);
}

fn apex(maker: &mut Maker<'_>, zone: &Facts) {
    for rtype in TYPES.into_iter().chain(APEX_TYPES) {
        maker.push_each_dress(Kind::ZoneName, &zone.apex, rtype);
        for _ in 0..3 {
            maker.push_varied(Kind::ZoneName, &zone.apex, rtype);
        }
    }
    for rtype in 249..=260 {
        // Transfers are another matter than questions; see the rule for them.
        let kind = if [AXFR, IXFR].contains(&rtype) {
            Kind::Class
        } else {
            Kind::ZoneName
        };
        maker.push_each_dress(kind, &zone.apex, rtype);
    }
}

fn delegations(maker: &mut Maker<'_>, zone: &Facts) {
    for owner in &zone.delegations {
        for rtype in [A, NS, DS] {
            let builder = Builder::ask(owner, rtype);
            maker.push(Kind::ZoneName, &builder);
            maker.push(Kind::ZoneName, &builder.edns(1232, DO));
        }
        for rtype in TYPES
            .into_iter()
            .filter(|rtype| ![A, NS, DS].contains(rtype))
        {
            maker.push_varied(Kind::ZoneName, owner, rtype);
        }
        let mut below = owner.clone();
        for depth in 1..=3_usize {
            let len = maker.rng.random_range(1..=12);
            let label = if depth == 1 {
                b"www".to_vec()
            } else {
                maker.letters(len)
            };
            below = child(&label, &below);
            let rtype = TYPES[maker.rng.random_range(0..TYPES.len())];
            maker.push_varied(Kind::Below, &below, rtype);
        }
        // A DS below a cut gets a referral, not an answer from this side (RFC 4035 3.1.4.1).
        maker.push_varied(Kind::Below, &child(b"ds", owner), DS);
    }
}

fn servers(maker: &mut Maker<'_>, zone: &Facts) {
    for server in &zone.servers {
        for rtype in [A, AAAA] {
            maker.push_varied(Kind::Server, server, rtype);
        }
        maker.push_varied(Kind::Server, &suffix(server, 2), TXT);
    }
}

fn between(maker: &mut Maker<'_>, zone: &Facts) {
    for owner in &zone.chain {
        let labels = labels(owner);
        let Some(&first) = labels.first() else {
            continue;
        };
        let parent = suffix(owner, labels.len() - 1);
        let mut neighbours = vec![[first, b"0"].concat(), [first, b"\0"].concat()];
        neighbours.push(first[..first.len() - 1].to_vec());
        let mut before = first.to_vec();
        if let Some(last) = before.last_mut() {
            *last = last.wrapping_sub(1);
        }
        neighbours.push([&before[..], b"\xff"].concat());
        for label in neighbours
            .iter()
            .filter(|label| (1..=63).contains(&label.len()))
        {
            let rtype = TYPES[maker.rng.random_range(0..TYPES.len())];
            maker.push_varied(Kind::Between, &child(label, &parent), rtype);
        }
    }
    for label in [
        &b"\0"[..],
        b"!",
        b"-",
        b"0",
        b"a",
        b"zzzz",
        b"~",
        b"\xff",
        &[0xff; 63],
    ] {
        maker.push_each_dress(Kind::Between, &child(label, &zone.apex), A);
        maker.push_each_dress(
            Kind::Between,
            &child(b"www", &child(label, &zone.apex)),
            AAAA,
        );
    }
    for _ in 0..300 {
        let len = maker.rng.random_range(1..=15);
        let name = child(&maker.letters(len), &zone.apex);
        maker.push_varied(Kind::Between, &name, A);
        maker.push_varied(
            Kind::Between,
            &child(b"www", &child(b"rssac047-test", &name)),
            A,
        );
    }
}

fn odd(maker: &mut Maker<'_>, zone: &Facts) {
    let top = zone
        .delegations
        .first()
        .cloned()
        .unwrap_or_else(|| zone.apex.clone());
    for octet in 0..=255_u8 {
        maker.push_varied(Kind::OddName, &child(&[octet], &zone.apex), A);
        maker.push_varied(Kind::OddName, &child(&[b'a', octet, b'z'], &top), NS);
    }
    for parent in [zone.apex.clone(), top] {
        let long = maker.letters(63);
        for label in [
            &b"."[..],
            b"a.b",
            b"com.",
            b"\\",
            b"*",
            b"a b",
            b"\"",
            b"@",
            &long,
        ] {
            maker.push_each_dress(Kind::OddName, &child(label, &parent), A);
            maker.push_each_dress(Kind::OddName, &child(b"x", &child(label, &parent)), DS);
        }
        // Names of 253, 254 and 255 octets, of few long labels and of many short ones.
        for len in 253..=255_usize {
            let mut name = parent.clone();
            while name.len() + 64 < len {
                name = child(&long, &name);
            }
            name = child(&long[..len - name.len() - 1], &name);
            maker.push_each_dress(Kind::OddName, &name, A);
        }
        let mut name = parent.clone();
        while name.len() + 2 <= 255 {
            name = child(b"a", &name);
            if name.len() > 245 || name.len().is_multiple_of(16) {
                maker.push_each_dress(Kind::OddName, &name, NS);
            }
        }
    }
    for text in [
        "xn--nonexistent",
        "in-addr.arpa",
        "root-servers.net",
        "localhost",
        "invalid",
    ] {
        maker.push_each_dress(Kind::OddName, &plain(text), A);
    }
    maker.push_each_dress(Kind::OddName, ROOT, NS);
}
