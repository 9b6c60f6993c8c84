//! Answers a file of queries from a zone file, so often as asked: something to count or profile.
//!
//! `mix ZONE QUERIES ROUNDS`. A query stands behind its length in two octets, as over TCP. The
//! zone is served as it is: nothing about it is proven.

use imrs_engine::{Identity, Service, Transport, respond};
use imrs_zone::Limits;
use imrs_zone::anchors::Anchors;
use imrs_zone::record::UnixTime;
use imrs_zone::verify::{Demand, Effort, Policy};
use imrs_zone::{Candidate, Zones, read};
use std::error::Error;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [zone, queries, rounds] = arguments.as_slice() else {
        return Err("usage: mix ZONE QUERIES ROUNDS".into());
    };
    let service = service(&std::fs::read(zone)?)?;
    let file = std::fs::read(queries)?;
    let queries = unframed(&file);
    let mut response = [0; 1232];
    let mut octets = 0;
    for _ in 0..rounds.parse()? {
        for query in &queries {
            octets += respond(
                &service,
                Transport::Udp.into(),
                query,
                black_box(&mut response),
            )
            .len;
        }
    }
    println!("{} queries a round, {octets} octets in all", queries.len());
    Ok(())
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

fn unframed(mut file: &[u8]) -> Vec<&[u8]> {
    let mut queries = Vec::new();
    while let Some((length, rest)) = file.split_first_chunk() {
        let (query, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        queries.push(query);
        file = rest;
    }
    queries
}
