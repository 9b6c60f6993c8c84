//! The tests of RFC 8906 section 8: a server answers all that parses, and says so when it does
//! not know something.

use super::Verdict;
use crate::differential::compare::Said;
use crate::differential::constants::rtype::{DNSKEY, SOA};
use crate::differential::constants::{DO, NOTIFY, flag, opcode, option as code, rcode};
use crate::differential::exchange::{ask_tcp, ask_udp};
use crate::differential::facts::Facts;
use crate::differential::message::{Message, Section};
use crate::differential::name::text;
use crate::differential::query::{Builder, Kind, option};
use crate::differential::render;
use anyhow::Result;
use std::net::SocketAddr;

/// One test: its name, its query for a zone, and what the response must be.
struct Test {
    name: &'static str,
    query: fn(&[u8]) -> Builder,
    expect: fn(&Message) -> bool,
}

/// Section 8.1, basic DNS.
const BASIC: [Test; 6] = [
    Test {
        name: "8.1 configured for the zone",
        query: |zone| Builder::ask(zone, SOA),
        expect: |message| is_plain_soa(message) && !message.has(flag::RD) && !message.has(flag::AD),
    },
    Test {
        name: "8.1 unknown type",
        query: |zone| Builder::ask(zone, 1000),
        expect: |message| {
            let empty = message.section(Section::Answer).is_empty();
            message.rcode == rcode::NOERROR && empty && message.has(flag::AA) && is_bare(message)
        },
    },
    Test {
        name: "8.1 CD=1",
        query: |zone| Builder::ask(zone, SOA).flags(flag::CD),
        expect: is_plain_soa,
    },
    Test {
        name: "8.1 AD=1",
        query: |zone| Builder::ask(zone, SOA).flags(flag::AD),
        expect: is_plain_soa,
    },
    Test {
        name: "8.1 reserved bit",
        query: |zone| Builder::ask(zone, SOA).flags(flag::Z),
        expect: |message| is_plain_soa(message) && !message.has(flag::Z),
    },
    Test {
        name: "8.1 recursive query",
        query: |zone| Builder::ask(zone, SOA).flags(flag::RD),
        expect: |message| is_plain_soa(message) && message.has(flag::RD),
    },
];

/// Section 8.2, EDNS.
const EXTENDED: [Test; 10] = [
    Test {
        name: "8.2 minimal EDNS",
        query: |zone| Builder::ask(zone, SOA).edns(1232, 0),
        expect: is_soa_with_edns,
    },
    Test {
        name: "8.2 EDNS version negotiation",
        query: |zone| Builder::ask(zone, SOA).opt(1232, 1, 0, &[]),
        expect: is_bad_version,
    },
    Test {
        name: "8.2 unknown EDNS options",
        query: |zone| Builder::ask(zone, SOA).opt(1232, 0, 0, &option(100, b"")),
        expect: |message| is_soa_with_edns(message) && message.option(100).is_none(),
    },
    Test {
        name: "8.2 unknown EDNS flags",
        query: |zone| Builder::ask(zone, SOA).edns(1232, 0x40),
        expect: |message| is_soa_with_edns(message) && edns_flags(message) == 0,
    },
    Test {
        name: "8.2 EDNS version negotiation with unknown flags",
        query: |zone| Builder::ask(zone, SOA).opt(1232, 1, 0x40, &[]),
        expect: |message| is_bad_version(message) && edns_flags(message) == 0,
    },
    Test {
        name: "8.2 EDNS version negotiation with unknown options",
        query: |zone| Builder::ask(zone, SOA).opt(1232, 1, 0, &option(100, b"")),
        expect: |message| is_bad_version(message) && message.option(100).is_none(),
    },
    Test {
        name: "8.2 truncated response keeps OPT",
        query: |zone| Builder::ask(zone, DNSKEY).edns(512, DO),
        expect: |message| message.opt.as_ref().is_some_and(|opt| opt.version == 0),
    },
    Test {
        name: "8.2 DO=1",
        query: |zone| Builder::ask(zone, SOA).edns(1232, DO),
        expect: |message| is_soa_with_edns(message) && edns_flags(message) == DO,
    },
    Test {
        name: "8.2 EDNS version negotiation with DO=1",
        query: |zone| Builder::ask(zone, SOA).opt(1232, 1, DO, &[]),
        expect: is_bad_version,
    },
    Test {
        name: "8.2 several defined EDNS options",
        query: |zone| {
            let options = [
                option(code::NSID, b""),
                option(code::CLIENT_SUBNET, &[0, 1, 0, 0]),
                option(9, b""),
                option(code::COOKIE, &[7; 8]),
            ];
            Builder::ask(zone, SOA).opt(1232, 0, 0, &options.concat())
        },
        expect: is_soa_with_edns,
    },
];

/// Runs every test for every zone.
pub(super) fn check(server: SocketAddr, zones: &[Facts]) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for zone in zones {
        for test in BASIC.iter().chain(&EXTENDED) {
            let query = (test.query)(&zone.apex).build(Kind::ZoneName);
            let response = ask_udp(server, &query)?;
            verdicts.push(verdict(zone, test.name, response.as_deref(), test.expect));
        }
        let query = Builder::ask(&zone.apex, SOA).build(Kind::ZoneName);
        let response = ask_tcp(server, &query)?;
        verdicts.push(verdict(zone, "8.1 TCP", response.as_deref(), is_plain_soa));
        for number in 1..16 {
            let query = Builder::new().flags(number << 11).build(Kind::Opcode);
            let response = ask_udp(server, &query)?;
            let name = format!("8.1 opcode {number} without a question");
            verdicts.push(verdict(
                zone,
                &name,
                response.as_deref(),
                is_refusal_of_opcode,
            ));
        }
    }
    Ok(verdicts)
}

fn verdict(
    zone: &Facts,
    name: &str,
    response: Option<&[u8]>,
    expect: fn(&Message) -> bool,
) -> Verdict {
    let said = Said::read(response);
    let holds = said.response().is_some_and(expect);
    Verdict {
        name: format!("RFC 8906 section {name}, zone {}", text(&zone.apex)),
        failure: (!holds).then(|| render::said(&said)),
    }
}

fn has_soa(message: &Message) -> bool {
    message
        .section(Section::Answer)
        .keys()
        .any(|key| key.rtype == SOA)
}

fn is_bare(message: &Message) -> bool {
    message.opt.is_none() && message.has(flag::QR)
}

fn is_plain_soa(message: &Message) -> bool {
    let authoritative = message.has(flag::AA | flag::QR);
    message.rcode == rcode::NOERROR && has_soa(message) && authoritative && is_bare(message)
}

fn is_soa_with_edns(message: &Message) -> bool {
    let version = message.opt.as_ref().map(|opt| opt.version);
    let authoritative = message.has(flag::AA | flag::QR);
    message.rcode == rcode::NOERROR && has_soa(message) && authoritative && version == Some(0)
}

fn is_bad_version(message: &Message) -> bool {
    let version = message.opt.as_ref().map(|opt| opt.version);
    message.rcode == rcode::BADVERS && !has_soa(message) && version == Some(0)
}

fn edns_flags(message: &Message) -> u16 {
    message.opt.as_ref().map_or(0, |opt| opt.flags)
}

/// NOTIMP, or FORMERR of a NOTIFY, which is known and has to have a question; and nothing of what
/// a question would have brought.
fn is_refusal_of_opcode(message: &Message) -> bool {
    let empty = message.sections.iter().all(|section| section.is_empty());
    let refusal = match opcode(message.flags) {
        NOTIFY => rcode::FORMERR,
        _ => rcode::NOTIMP,
    };
    message.rcode == refusal && empty && opcode(message.flags) != 0 && is_bare(message)
}
