//! The queries, made from the zones and a seed: the same arguments give the same octets.
//!
//! Each file below makes one family; this one puts them together, drops what is there twice, and
//! mixes the order so that no server sees one kind at a time.

mod edns;
mod header;
mod malformed;
mod names;

use super::constants::DO;
use super::facts::Facts;
use super::query::{Builder, Kind, Query};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;

/// All queries for these zones; at most `limit` of them when it is given.
pub(super) fn corpus(zones: &[Facts], seed: u64, limit: Option<usize>) -> Vec<Query> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut maker = Maker {
        rng: &mut rng,
        queries: Vec::new(),
    };
    for zone in zones {
        names::add(&mut maker, zone);
    }
    header::add(&mut maker, zones);
    edns::add(&mut maker, zones);
    malformed::add(&mut maker, zones);
    let mut queries = maker.queries;
    let mut known = HashSet::new();
    queries.retain(|query| known.insert(query.octets.clone()));
    queries.shuffle(&mut rng);
    queries.truncate(limit.unwrap_or(usize::MAX));
    queries
}

/// Collects queries.
struct Maker<'a> {
    rng: &'a mut ChaCha8Rng,
    queries: Vec<Query>,
}

impl Maker<'_> {
    fn push(&mut self, kind: Kind, builder: &Builder) {
        self.queries.push(builder.build(kind));
    }

    fn push_octets(&mut self, kind: Kind, octets: Vec<u8>) {
        self.queries.push(Query::new(kind, octets));
    }

    /// A query in one of the manners of real clients: letter case, EDNS, DO, buffer size.
    fn push_varied(&mut self, kind: Kind, name: &[u8], rtype: u16) {
        let name = if self.rng.random_ratio(1, 3) {
            self.mixed_case(name)
        } else {
            name.to_vec()
        };
        let builder = Builder::ask(&name, rtype);
        let builder = match self.rng.random_range(0..10_u32) {
            0 => builder,
            1 => builder.edns(512, DO),
            2 => builder.edns(1220, DO),
            3 => builder.edns(4096, DO),
            4 => builder.edns(1232, 0),
            5 => builder.edns(self.rng.random_range(512..1500), DO),
            _ => builder.edns(1232, DO),
        };
        self.push(kind, &builder);
    }

    /// The query without EDNS, with EDNS, and with DO.
    fn push_each_dress(&mut self, kind: Kind, name: &[u8], rtype: u16) {
        let builder = Builder::ask(name, rtype);
        self.push(kind, &builder);
        self.push(kind, &builder.clone().edns(1232, 0));
        self.push(kind, &builder.edns(1232, DO));
    }

    /// Letters in upper or lower case by chance ("0x20").
    fn mixed_case(&mut self, name: &[u8]) -> Vec<u8> {
        let flip = |octet: &u8| {
            let is_letter = octet.is_ascii_alphabetic();
            if is_letter && self.rng.random_bool(0.5) {
                octet ^ 0x20
            } else {
                *octet
            }
        };
        name.iter().map(flip).collect()
    }

    /// A label of `len` lower-case letters.
    fn letters(&mut self, len: usize) -> Vec<u8> {
        (0..len)
            .map(|_| self.rng.random_range(b'a'..=b'z'))
            .collect()
    }
}
