//! The response shapes by which root servers are measured (RSSAC047v2 section 5.3): exact, for
//! every top-level domain.

use super::Verdict;
use crate::differential::constants::rtype::{A, AAAA, DNSKEY, DS, NS, NSEC, RRSIG, SOA};
use crate::differential::constants::{DO, flag, rcode};
use crate::differential::exchange::{Responses, Via, exchange};
use crate::differential::facts::Facts;
use crate::differential::message::{Key, Message, RrSets, Section};
use crate::differential::name::{ROOT, canonical_key, child, text};
use crate::differential::query::{Builder, Kind, Query};
use anyhow::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::net::SocketAddr;

/// The buffer size that the probes announce.
const BUFFER: u16 = 1220;
/// Queries for names that do not exist.
const NEGATIVE: usize = 500;

type Shape = fn(&Facts, &[u8], &Message) -> Result<(), &'static str>;

/// Checks the root zone, if it is among the zones.
pub(super) fn check(server: SocketAddr, zones: &[Facts]) -> Result<Vec<Verdict>> {
    let Some(root) = zones
        .iter()
        .find(|zone| zone.apex == ROOT && zone.is_signed())
    else {
        return Ok(Vec::new());
    };
    // Another zone that is served here answers for itself, not as a delegation.
    let delegations: Vec<Vec<u8>> = root
        .delegations
        .iter()
        .filter(|name| zones.iter().all(|zone| zone.apex != **name))
        .cloned()
        .collect();
    let signed: Vec<Vec<u8>> = root
        .delegations
        .iter()
        .filter(|name| root.rrset(name, DS).is_some())
        .cloned()
        .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(47);
    let negative = (0..NEGATIVE)
        .map(|_| {
            let letters: Vec<u8> = (0..10).map(|_| rng.random_range(b'a'..=b'z')).collect();
            child(b"www", &child(b"rssac047-test", &child(&letters, ROOT)))
        })
        .collect();
    let apex = || vec![ROOT.to_vec()];
    let families: [(&str, u16, Vec<Vec<u8>>, Shape); 6] = [
        ("TLD/NS", NS, delegations, referral),
        ("TLD/DS", DS, signed, ds),
        ("./SOA", SOA, apex(), soa),
        ("./NS", NS, apex(), ns),
        ("./DNSKEY", DNSKEY, apex(), dnskey),
        ("negative", A, negative, nxdomain),
    ];
    let mut verdicts = Vec::new();
    for (name, rtype, names, shape) in families {
        let failures = failures(server, root, rtype, &names, shape)?;
        verdicts.push(Verdict::of(
            format!("RSSAC047 {name}"),
            names.len(),
            &failures,
        ));
    }
    Ok(verdicts)
}

/// Asks over UDP, and over TCP where the response is truncated, as the probes do.
fn failures(
    server: SocketAddr,
    root: &Facts,
    rtype: u16,
    names: &[Vec<u8>],
    shape: Shape,
) -> Result<Vec<String>> {
    let ask = |name: &Vec<u8>| {
        Builder::ask(name, rtype)
            .edns(BUFFER, DO)
            .build(Kind::ZoneName)
    };
    let queries: Vec<Query> = names.iter().map(ask).collect();
    let udp: Responses = exchange(server, Via::Udp, &queries)?;
    let tcp: Responses = exchange(server, Via::Tcp, &queries)?;
    let mut failures = Vec::new();
    for (name, (udp, tcp)) in names.iter().zip(udp.iter().zip(&tcp)) {
        for (via, octets) in [("UDP", udp), ("TCP", tcp)] {
            let message = octets.as_deref().map(Message::parse);
            let result = match &message {
                Some(Ok(message)) if message.is_truncated() && via == "UDP" => Ok(()),
                Some(Ok(message)) => shape(root, name, message),
                _ => Err("no response"),
            };
            if let Err(what) = result {
                failures.push(format!("{} over {via}: {what}", text(name)));
            }
        }
    }
    Ok(failures)
}

fn ensure(holds: bool, what: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(what) }
}

fn key(owner: &[u8], rtype: u16) -> Key {
    Key {
        owner: owner.to_vec(),
        rtype,
        class: 1,
        covered: 0,
    }
}

/// The section holds exactly these RRsets of the zone, each with its signatures.
fn holds_signed(root: &Facts, sets: &RrSets, wanted: &[(&[u8], u16)]) -> bool {
    let mut keys = Vec::new();
    for &(owner, rtype) in wanted {
        keys.push(key(owner, rtype));
        keys.push(Key {
            owner: owner.to_vec(),
            rtype: RRSIG,
            class: 1,
            covered: rtype,
        });
    }
    keys.sort();
    keys.dedup();
    let of_zone = |key: &Key| sets.contains_key(key) && sets.get(key) == root.rrsets.get(key);
    keys.len() == sets.len() && keys.iter().all(of_zone)
}

fn authoritative(message: &Message, code: u16) -> Result<(), &'static str> {
    ensure(message.rcode == code, "RCODE")?;
    ensure(message.has(flag::QR | flag::AA), "AA is not set")
}

fn is_empty(message: &Message, section: Section) -> bool {
    message.section(section).is_empty()
}

fn referral(root: &Facts, name: &[u8], message: &Message) -> Result<(), &'static str> {
    ensure(message.rcode == rcode::NOERROR, "RCODE")?;
    ensure(!message.has(flag::AA), "AA is set")?;
    ensure(is_empty(message, Section::Answer), "answer is not empty")?;
    let mut authority = message.section(Section::Authority).clone();
    let servers = authority.remove(&key(name, NS)).ok_or("no NS")?;
    ensure(
        Some(&servers) == root.rrset(name, NS),
        "NS RRset is not the zone's",
    )?;
    let proof = if root.rrset(name, DS).is_some() {
        DS
    } else {
        NSEC
    };
    ensure(
        holds_signed(root, &authority, &[(name, proof)]),
        "DS or NSEC, and nothing else",
    )?;
    let additional = message.section(Section::Additional);
    ensure(!additional.is_empty(), "no address of any server")?;
    let glue = |key: &Key| {
        [A, AAAA].contains(&key.rtype)
            && servers.data.contains(&key.owner)
            && additional.get(key) == root.rrsets.get(key)
    };
    ensure(
        additional.keys().all(glue),
        "additional holds what is not glue of the zone",
    )
}

fn ds(root: &Facts, name: &[u8], message: &Message) -> Result<(), &'static str> {
    answer(root, name, DS, message)?;
    nothing_else(message)
}

fn soa(root: &Facts, name: &[u8], message: &Message) -> Result<(), &'static str> {
    answer(root, name, SOA, message)?;
    let authority = message.section(Section::Authority);
    let empty_or_ns = authority.is_empty() || holds_signed(root, authority, &[(name, NS)]);
    ensure(empty_or_ns, "authority is neither the signed NS nor empty")
}

fn ns(root: &Facts, name: &[u8], message: &Message) -> Result<(), &'static str> {
    answer(root, name, NS, message)?;
    ensure(
        is_empty(message, Section::Authority),
        "authority is not empty",
    )
}

fn dnskey(root: &Facts, name: &[u8], message: &Message) -> Result<(), &'static str> {
    answer(root, name, DNSKEY, message)?;
    nothing_else(message)
}

fn nothing_else(message: &Message) -> Result<(), &'static str> {
    ensure(
        is_empty(message, Section::Authority),
        "authority is not empty",
    )?;
    ensure(
        is_empty(message, Section::Additional),
        "additional is not empty",
    )
}

/// The response is authoritative, and its answer is this RRset of the zone.
fn answer(root: &Facts, name: &[u8], rtype: u16, message: &Message) -> Result<(), &'static str> {
    authoritative(message, rcode::NOERROR)?;
    ensure(
        holds_signed(root, message.section(Section::Answer), &[(name, rtype)]),
        "answer is not the signed RRset",
    )
}

fn nxdomain(root: &Facts, name: &[u8], message: &Message) -> Result<(), &'static str> {
    authoritative(message, rcode::NXDOMAIN)?;
    ensure(is_empty(message, Section::Answer), "answer is not empty")?;
    ensure(
        is_empty(message, Section::Additional),
        "additional is not empty",
    )?;
    let wanted = canonical_key(name);
    let place = root
        .chain
        .partition_point(|owner| canonical_key(owner) < wanted);
    let covering = place
        .checked_sub(1)
        .map_or(ROOT, |before| &root.chain[before]);
    let authority = message.section(Section::Authority);
    let exact = holds_signed(
        root,
        authority,
        &[(ROOT, SOA), (covering, NSEC), (ROOT, NSEC)],
    );
    ensure(
        exact,
        "authority is not the SOA, the covering NSEC and that of the apex, signed",
    )
}
