//! Forms of EDNS (RFC 6891): none of them may change what is said about the zone.

use super::Maker;
use crate::differential::constants::rtype::{A, DNSKEY, DS, NS, OPT, SOA};
use crate::differential::constants::{DO, option as code};
use crate::differential::facts::Facts;
use crate::differential::name::{Name, ROOT, child, plain};
use crate::differential::query::{Builder, Kind, option};

/// Adds the queries.
pub(super) fn add(maker: &mut Maker<'_>, zones: &[Facts]) {
    for zone in zones {
        let top = zone
            .delegations
            .first()
            .cloned()
            .unwrap_or_else(|| zone.apex.clone());
        let questions = [
            (zone.apex.clone(), SOA),
            (zone.apex.clone(), NS),
            (zone.apex.clone(), DNSKEY),
            (child(b"www", &top), A),
            (top, DS),
            (child(b"nosuch-name", &zone.apex), A),
        ];
        versions(maker, &questions);
        sizes(maker, &questions);
        options(maker, &questions);
        misplaced(maker, &questions);
    }
}

fn versions(maker: &mut Maker<'_>, questions: &[(Name, u16)]) {
    for (name, rtype) in questions {
        for version in [0, 1, 2, 100, 255] {
            for flags in [0, DO, 0x4000, 0x0001, 0x7fff, 0xffff] {
                let builder = Builder::ask(name, *rtype).opt(1232, version, flags, &[]);
                maker.push(Kind::Edns, &builder);
            }
            let options = [option(code::NSID, b""), option(100, b"x")].concat();
            maker.push(
                Kind::Edns,
                &Builder::ask(name, *rtype).opt(1232, version, DO, &options),
            );
        }
        // The upper bits of the RCODE mean nothing in a query.
        maker.push(
            Kind::Edns,
            &Builder::ask(name, *rtype).record(3, ROOT, [OPT, 1232], 0xff00_8000, &[]),
        );
    }
}

fn sizes(maker: &mut Maker<'_>, questions: &[(Name, u16)]) {
    let sizes = [
        0, 1, 12, 100, 511, 512, 513, 600, 700, 800, 900, 1000, 1100, 1200, 1220, 1231, 1232, 1233,
        1400, 1452, 1500, 4096, 16_384, 65_535,
    ];
    for (name, rtype) in questions {
        for size in sizes {
            maker.push(Kind::Edns, &Builder::ask(name, *rtype).edns(size, 0));
            maker.push(Kind::Edns, &Builder::ask(name, *rtype).edns(size, DO));
        }
    }
}

fn options(maker: &mut Maker<'_>, questions: &[(Name, u16)]) {
    let mut sets: Vec<Vec<u8>> = Vec::new();
    for unknown in [
        0, 1, 2, 4, 5, 6, 7, 9, 13, 14, 16, 17, 18, 20, 100, 26_946, 65_001, 65_535,
    ] {
        sets.push(option(unknown, b""));
        sets.push(option(unknown, b"imrs"));
    }
    for known in [
        code::NSID,
        code::EDE,
        code::ZONEVERSION,
        code::KEEPALIVE,
        code::PADDING,
    ] {
        for len in [0, 1, 2, 3, 4, 64, 300] {
            sets.push(option(known, &vec![0; len]));
        }
        sets.push([option(known, b""), option(known, b"")].concat());
    }
    for len in [0, 1, 7, 8, 9, 15, 16, 23, 24, 32, 40, 41] {
        sets.push(option(code::COOKIE, &vec![7; len]));
    }
    sets.push([option(code::COOKIE, &[7; 8]), option(code::COOKIE, &[8; 8])].concat());
    let subnets: [&[u8]; 10] = [
        &[0, 1, 0, 0],
        &[0, 1, 24, 0, 192, 0, 2],
        &[0, 1, 24, 24, 192, 0, 2],
        &[0, 2, 48, 0, 0x20, 1, 0x0d, 0xb8, 0, 0],
        &[0, 1, 33, 0, 1, 2, 3, 4, 5],
        &[0, 1, 20, 0, 255, 255, 255],
        &[0, 1, 24, 0, 192, 0],
        &[0, 3, 0, 0],
        &[0, 0, 0, 0],
        &[0],
    ];
    sets.extend(
        subnets
            .iter()
            .map(|subnet| option(code::CLIENT_SUBNET, subnet)),
    );
    // One of each, as a curious resolver may send.
    let all =
        [code::NSID, code::ZONEVERSION, code::KEEPALIVE, 65_001].map(|code| option(code, b""));
    sets.push(
        [
            all.concat(),
            option(code::COOKIE, &[7; 8]),
            option(code::PADDING, &[0; 99]),
        ]
        .concat(),
    );
    // Options that run past the end of the record.
    sets.extend([
        vec![0],
        vec![0, 3],
        vec![0, 3, 0],
        vec![0, 3, 0, 1],
        vec![0xff; 5],
    ]);
    for (name, rtype) in questions {
        for set in &sets {
            maker.push(
                Kind::Edns,
                &Builder::ask(name, *rtype).opt(1232, 0, DO, set),
            );
        }
    }
}

fn misplaced(maker: &mut Maker<'_>, questions: &[(Name, u16)]) {
    for (name, rtype) in questions {
        let ask = || Builder::ask(name, *rtype);
        let opt = [OPT, 1232];
        let variants = [
            ask().edns(1232, DO).edns(1232, DO),
            ask().edns(1232, 0).edns(4096, DO),
            ask().opt(1232, 1, 0, &[]).edns(1232, DO),
            ask().edns(1232, DO).edns(1232, DO).edns(1232, DO),
            ask().record(3, &plain("com"), opt, 0, &[]),
            ask().record(3, &[0xc0, 0x0c], opt, 0x8000, &[]),
            ask().record(1, ROOT, opt, 0x8000, &[]),
            ask().record(2, ROOT, opt, 0x8000, &[]),
            ask().record(1, ROOT, opt, 0x8000, &[]).edns(1232, DO),
            ask().edns(1232, DO).tail(b"\0"),
            ask().edns(1232, DO).tail(&[0xff; 40]),
            ask().opt(1232, 1, 0, &[]).tail(b"\0"),
            ask().tail(b"\0"),
            ask().tail(&[0xff; 40]),
            Builder::ask(ROOT, OPT).edns(1232, DO),
        ];
        for variant in variants {
            maker.push(Kind::Edns, &variant);
        }
    }
}
