//! Flags, opcodes, classes and counts that differ from those of a usual query.

use super::Maker;
use crate::differential::constants::rtype::{A, ANY, AXFR, IXFR, NS, SOA, TXT};
use crate::differential::constants::{DO, class, flag};
use crate::differential::facts::Facts;
use crate::differential::name::{ROOT, child, plain};
use crate::differential::query::{Builder, Kind};

/// Adds the queries.
pub(super) fn add(maker: &mut Maker<'_>, zones: &[Facts]) {
    let Some(zone) = zones.first() else { return };
    let top = zone
        .delegations
        .first()
        .cloned()
        .unwrap_or_else(|| zone.apex.clone());
    let names = [
        zone.apex.clone(),
        top.clone(),
        child(b"nosuch-name", &zone.apex),
    ];
    flags(maker, &names);
    opcodes(maker, &names);
    classes(maker, &names);
    sections(maker, &top);
}

/// Every combination of the seven bits that a query may set.
fn flags(maker: &mut Maker<'_>, names: &[Vec<u8>]) {
    let bits = [
        flag::AA,
        flag::TC,
        flag::RD,
        flag::RA,
        flag::Z,
        flag::AD,
        flag::CD,
    ];
    for choice in 0..1_u32 << bits.len() {
        let flags = bits
            .iter()
            .enumerate()
            .filter(|(place, _)| choice >> place & 1 == 1)
            .fold(0, |flags, (_, bit)| flags | bit);
        for name in names {
            maker.push(Kind::Flags, &Builder::ask(name, NS).flags(flags));
            maker.push(
                Kind::Flags,
                &Builder::ask(name, NS).flags(flags).edns(1232, DO),
            );
        }
        maker.push(
            Kind::Flags,
            &Builder::ask(&names[0], SOA).flags(flags | flag::QR),
        );
    }
    for code in 0..16 {
        maker.push(Kind::Flags, &Builder::ask(&names[0], SOA).flags(code));
    }
}

fn opcodes(maker: &mut Maker<'_>, names: &[Vec<u8>]) {
    for opcode in 1..16 {
        let flags = opcode << 11;
        for name in names {
            for rtype in [A, SOA, ANY] {
                let builder = Builder::ask(name, rtype).flags(flags);
                maker.push(Kind::Opcode, &builder);
                maker.push(Kind::Opcode, &builder.clone().edns(1232, DO));
                maker.push(Kind::Opcode, &builder.clone().opt(1232, 1, 0, &[]));
                maker.push(Kind::Opcode, &builder.flags(flag::RD | flag::CD));
            }
        }
        maker.push(Kind::Opcode, &Builder::new().flags(flags));
        maker.push(Kind::Opcode, &Builder::new().flags(flags).edns(1232, 0));
        maker.push(Kind::Opcode, &Builder::new().flags(flags).tail(b"\0\0"));
    }
}

fn classes(maker: &mut Maker<'_>, names: &[Vec<u8>]) {
    let classes = [
        0,
        2,
        class::CH,
        class::HS,
        5,
        class::NONE,
        class::ANY,
        256,
        0xfffe,
        0xffff,
    ];
    for class in classes {
        for name in names {
            for rtype in [A, NS, SOA, TXT, ANY] {
                let builder = Builder::new().question(name, rtype, class);
                maker.push(Kind::Class, &builder);
                maker.push(Kind::Class, &builder.edns(1232, DO));
            }
        }
    }
    for text in [
        "id.server",
        "hostname.bind",
        "version.server",
        "version.bind",
        "authors.bind",
    ] {
        for name in [
            plain(text),
            plain(&text.to_uppercase()),
            child(b"x", &plain(text)),
        ] {
            for rtype in [TXT, ANY, A, NS, SOA] {
                for class in [class::IN, class::CH, class::HS, class::ANY] {
                    let builder = Builder::new().question(&name, rtype, class);
                    maker.push(Kind::Class, &builder);
                    maker.push(Kind::Class, &builder.edns(1232, DO));
                }
            }
        }
    }
    for name in ["server", "bind", "id", "example"] {
        maker.push(
            Kind::Class,
            &Builder::new().question(&plain(name), TXT, class::CH),
        );
    }
    for name in names {
        for rtype in [AXFR, IXFR] {
            maker.push(Kind::Class, &Builder::ask(name, rtype));
            maker.push(Kind::Class, &Builder::ask(name, rtype).edns(1232, DO));
        }
    }
}

fn sections(maker: &mut Maker<'_>, top: &[u8]) {
    let ask = || Builder::ask(top, NS);
    let address = [192, 0, 2, 1];
    let variants = [
        Builder::new(),
        Builder::new().edns(1232, 0),
        Builder::new().opt(1232, 0, 0, &[0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]),
        ask().question(top, A, class::IN),
        ask().question(ROOT, SOA, class::IN).edns(1232, DO),
        ask().question(top, NS, class::IN),
        ask().record(1, ROOT, [A, class::IN], 0, &address),
        ask()
            .record(1, ROOT, [A, class::IN], 0, &address)
            .edns(1232, DO),
        ask().record(2, ROOT, [A, class::IN], 0, &address),
        ask()
            .record(2, ROOT, [A, class::IN], 0, &address)
            .edns(1232, DO),
        ask().record(3, ROOT, [A, class::IN], 0, &address),
        ask()
            .record(3, ROOT, [A, class::IN], 0, &address)
            .edns(1232, DO),
        ask()
            .edns(1232, DO)
            .record(3, ROOT, [A, class::IN], 0, &address),
        // A SIG(0) and a TSIG without a key that anybody knows.
        ask().record(3, ROOT, [24, class::ANY], 0, &[0; 19]),
        ask().record(3, &plain("key"), [250, class::ANY], 0, &tsig()),
        ask()
            .edns(1232, DO)
            .record(3, &plain("key"), [250, class::ANY], 0, &tsig()),
        ask()
            .record(3, &plain("key"), [250, class::ANY], 0, &tsig())
            .edns(1232, DO),
        ask().record(3, &plain("key"), [250, class::ANY], 0, &[1, 2, 3]),
    ];
    for variant in variants {
        maker.push(Kind::Sections, &variant);
        maker.push(Kind::Sections, &variant.clone().flags(flag::RD));
    }
    for section in 0..4 {
        for by in [1, 2, 0xff, 0xfffe] {
            maker.push(Kind::Sections, &ask().miscount(section, by));
            maker.push(Kind::Sections, &ask().edns(1232, DO).miscount(section, by));
        }
    }
}

/// The data of a TSIG record (RFC 8945 section 4.2) with an unknown key and an empty MAC.
fn tsig() -> Vec<u8> {
    let mut data = plain("hmac-sha256");
    data.extend_from_slice(&[0, 0, 0x6a, 0, 0, 0, 1, 44, 0, 0, 0, 0, 0, 0, 0, 0]);
    data
}
