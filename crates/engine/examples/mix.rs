//! Answers a file of queries from a zone file, so often as asked: something to count or profile.
//!
//! `mix ZONE QUERIES ROUNDS [SECRET TIME]`. A query stands behind the IPv4 address of its client and
//! its length in two octets. The zone is served as it is: nothing about it is proven. With the secret
//! of cookies, in hexadecimal, and a time of Unix, there are cookies and limits on responses.

use imrs_engine::cookie::{Secret, Secrets};
use imrs_engine::gate::{Action, Response, limits};
use imrs_engine::{
    Claim, Client, Defence, Gate, Identity, Outcome, Peer, Pressure, Rates, Service, Transport,
    respond,
};
use imrs_zone::Limits;
use imrs_zone::anchors::Anchors;
use imrs_zone::record::UnixTime;
use imrs_zone::verify::{Demand, Effort, Policy};
use imrs_zone::{Candidate, Zones, read};
use std::error::Error;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::num::NonZeroUsize;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (zone, queries, rounds, defence) = match arguments[..] {
        [zone, queries, rounds] => (zone, queries, rounds, None),
        [zone, queries, rounds, secret, time] => (zone, queries, rounds, Some((secret, time))),
        _ => return Err("usage: mix ZONE QUERIES ROUNDS [SECRET TIME]".into()),
    };
    let mut service = service(&std::fs::read(zone)?)?;
    let mut now = 0;
    if let Some((secret, time)) = defence {
        let secret = u128::from_str_radix(secret, 16)?.to_be_bytes();
        let secrets = Secrets::new(Secret::from_octets(secret), None, None);
        service.cookies = Some(Arc::new(secrets));
        service.defence = Arc::new(Defence {
            rates: Some(Rates::default()),
            ..Defence::default()
        });
        now = time.parse()?;
    }
    let file = std::fs::read(queries)?;
    let queries = unframed(&file);
    let mut node = Node {
        service,
        gate: Gate::new([1, 2], limits::BUCKETS),
        now,
        answered: 0,
    };
    let mut response = [0; 1232];
    let (mut octets, mut limited) = (0, 0);
    for _ in 0..rounds.parse()? {
        for (address, query) in &queries {
            let (outcome, action) = node.answer(*address, query, black_box(&mut response));
            octets += outcome.len;
            limited += u64::from(action != Action::Pass);
        }
    }
    println!(
        "{} queries a round, {octets} octets in all, {limited} limited",
        queries.len()
    );
    Ok(())
}

/// What a worker has.
struct Node {
    service: Service,
    gate: Gate,
    now: u32,
    answered: u64,
}

impl Node {
    #[inline(never)]
    fn answer(&mut self, address: Ipv4Addr, query: &[u8], out: &mut [u8]) -> (Outcome, Action) {
        let client = Client {
            transport: Transport::Udp,
            peer: Some(Peer {
                address: address.into(),
                now: self.now,
                pressure: Pressure::Calm,
                is_known: false,
            }),
        };
        let outcome = respond(&self.service, client, query, out);
        let response = Response {
            kind: outcome.kind,
            len: outcome.len,
            query_len: query.len(),
            has_valid_cookie: outcome.cookie == Claim::Valid,
        };
        self.answered += 1;
        // 50 queries in a millisecond, which is a batch.
        let now_ms = self.answered / 50;
        let defence = &self.service.defence;
        let verdict = self.gate.judge(defence, now_ms, address.into(), response);
        (outcome, verdict.action)
    }
}

fn service(text: &[u8]) -> Result<Service, Box<dyn Error>> {
    let candidate = Candidate::new(read::read(text, None)?, &Limits::default())?;
    let policy = Policy {
        digest: Demand::Off,
        signatures: Demand::Off,
        anchors: Anchors::root(),
    };
    let effort = Effort {
        workers: NonZeroUsize::MIN,
        progress: &|_, _| {},
    };
    let verified = candidate.verify(&policy, UnixTime(0), &effort)?;
    let image = Arc::new(verified.compile()?);
    let zones = Zones::new([(verified.apex().clone(), Some(image))]);
    Ok(Service {
        zones,
        identity: Identity::default(),
        ..Service::default()
    })
}

fn unframed(mut file: &[u8]) -> Vec<(Ipv4Addr, &[u8])> {
    let mut queries = Vec::new();
    while let Some(([a, b, c, d, high, low], rest)) = file.split_first_chunk() {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (query, rest) = rest.split_at(len.min(rest.len()));
        queries.push((Ipv4Addr::new(*a, *b, *c, *d), query));
        file = rest;
    }
    queries
}
