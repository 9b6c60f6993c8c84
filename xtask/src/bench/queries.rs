//! The queries of a root server, made from a seed and the names that a zone delegates.

use anyhow::{Context, Result, ensure};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::iter;
use std::net::Ipv4Addr;
use std::path::Path;

/// Which kinds of query a corpus holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mix {
    /// 60 % names that do not exist, 35 % below a top-level domain, 5 % answered from the apex.
    Root,
    /// Only names that do not exist.
    Nxdomain,
    /// Only names below a top-level domain.
    Referral,
    /// Only what the zone itself answers: priming, SOA, DNSKEY, and the DS of delegations.
    Apex,
}

impl Mix {
    /// The name in tables and on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mix::Root => "root",
            Mix::Nxdomain => "nxdomain",
            Mix::Referral => "referral",
            Mix::Apex => "apex",
        }
    }
}

/// The names that a zone delegates, the busiest first.
#[derive(Debug)]
pub(crate) struct Delegations {
    names: Vec<String>,
    known: HashSet<String>,
    /// Sums of weights 1/rank up to each name.
    weights: Vec<f64>,
}

impl Delegations {
    /// Reads the top-level domains of a root zone file that has one record a line.
    pub(crate) fn read(zone: &Path) -> Result<Self> {
        let what = || format!("zone file {}", zone.display());
        Self::of(&fs::read_to_string(zone).with_context(what)?).with_context(what)
    }

    /// Takes them from the text of such a file.
    pub(crate) fn of(text: &str) -> Result<Self> {
        let names: BTreeSet<String> = text.lines().filter_map(delegated).collect();
        ensure!(
            !names.is_empty(),
            "it delegates nothing: is it a root zone?"
        );
        let known = names.iter().cloned().collect();
        let (mut busy, rest): (Vec<_>, Vec<_>) = names
            .into_iter()
            .partition(|name| BUSIEST.contains(&name.as_str()));
        busy.sort_by_key(|name| BUSIEST.iter().position(|busy| busy == name));
        busy.extend(shuffled(rest));
        let mut sum = 0.0;
        let weights = (1..=busy.len()).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        let weights = weights.collect();
        Ok(Delegations {
            names: busy,
            known,
            weights,
        })
    }

    /// One of the names, a busy one more often (Zipf).
    pub(crate) fn choose(&self, rng: &mut ChaCha8Rng) -> &str {
        let total = self.weights.last().copied().unwrap_or_default();
        let point = rng.random_range(0.0..total);
        let index = self.weights.partition_point(|sum| *sum <= point);
        &self.names[index.min(self.names.len() - 1)]
    }
}

/// The owner of an NS record directly below the root.
fn delegated(line: &str) -> Option<String> {
    let mut fields = line.split_whitespace();
    let owner = fields.next()?.strip_suffix('.')?;
    let is_ns = fields.take(3).any(|field| field.eq_ignore_ascii_case("NS"));
    (is_ns && !owner.is_empty() && !owner.contains('.')).then(|| owner.to_ascii_lowercase())
}

fn shuffled(mut names: Vec<String>) -> Vec<String> {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for index in (1..names.len()).rev() {
        names.swap(index, rng.random_range(0..=index));
    }
    names
}

/// Makes `count` queries.
pub(crate) fn corpus(delegations: &Delegations, mix: Mix, seed: u64, count: usize) -> Vec<Vec<u8>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..count)
        .map(|_| query(delegations, mix, &mut rng))
        .collect()
}

/// Addresses without end, by chance.
pub(crate) fn ipv4_seeded(seed: u64) -> impl Iterator<Item = Ipv4Addr> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    iter::repeat_with(move || Ipv4Addr::from_bits(rng.random()))
}

fn query(delegations: &Delegations, mix: Mix, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let kind = match mix {
        Mix::Root => match rng.random_range(0..100) {
            0..60 => Mix::Nxdomain,
            60..95 => Mix::Referral,
            _ => Mix::Apex,
        },
        other => other,
    };
    let (name, qtype) = match kind {
        Mix::Nxdomain => (absent_name(delegations, rng), host_type(rng)),
        Mix::Referral => {
            let top = delegations.choose(rng);
            (below(top, rng), host_type(rng))
        }
        Mix::Root | Mix::Apex => match rng.random_range(0..4) {
            0 => (String::new(), NS),
            1 => (String::new(), SOA),
            2 => (String::new(), DNSKEY),
            _ => (delegations.choose(rng).to_owned(), DS),
        },
    };
    encode(&name, qtype, rng)
}

/// Half are single random labels, half lie below a name that is not delegated.
fn absent_name(delegations: &Delegations, rng: &mut ChaCha8Rng) -> String {
    loop {
        let top = match rng.random_range(0..4) {
            0 => LEAKED[rng.random_range(0..LEAKED.len())].to_owned(),
            _ => label(rng, 7, 15),
        };
        if delegations.known.contains(&top) {
            continue;
        }
        return if rng.random_bool(0.5) {
            top
        } else {
            below(&top, rng)
        };
    }
}

/// A name one to three labels below `top`.
fn below(top: &str, rng: &mut ChaCha8Rng) -> String {
    let mut name = format!("{}.{top}", label(rng, 3, 14));
    for _ in 0..rng.random_range(0..3) {
        name = format!("{}.{name}", label(rng, 2, 8));
    }
    name
}

fn label(rng: &mut ChaCha8Rng, shortest: usize, longest: usize) -> String {
    let length = rng.random_range(shortest..=longest);
    (0..length)
        .map(|_| char::from(rng.random_range(b'a'..=b'z')))
        .collect()
}

/// The type of a query for a host, in the proportions that root servers see.
fn host_type(rng: &mut ChaCha8Rng) -> u16 {
    match rng.random_range(0..100) {
        0..63 => A,
        63..88 => AAAA,
        88..94 => NS,
        94..97 => PTR,
        _ => SRV,
    }
}

/// Four of five queries carry EDNS with DO and 1232 octets, the others no EDNS.
fn encode(name: &str, qtype: u16, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let edns = rng.random_bool(0.8);
    let mut query = rng.random::<u16>().to_be_bytes().to_vec();
    query.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(edns)]);
    for label in name.split('.').filter(|label| !label.is_empty()) {
        query.push(label.len() as u8);
        query.extend_from_slice(label.as_bytes());
    }
    query.push(0);
    query.extend_from_slice(&qtype.to_be_bytes());
    query.extend_from_slice(&IN.to_be_bytes());
    if edns {
        query.extend_from_slice(&OPT_DO_1232);
    }
    query
}

const A: u16 = 1;
const NS: u16 = 2;
const SOA: u16 = 6;
const PTR: u16 = 12;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const DS: u16 = 43;
const DNSKEY: u16 = 48;
const IN: u16 = 1;

/// Root owner, type 41, 1232 octets, version 0, DO, no options (RFC 6891 section 6.1.2).
pub(crate) const OPT_DO_1232: [u8; 11] = [0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0];

/// What root servers are asked about most, in this order.
const BUSIEST: [&str; 4] = ["com", "net", "org", "arpa"];

/// Names that leak from private networks most.
const LEAKED: [&str; 8] = [
    "local",
    "home",
    "corp",
    "lan",
    "internal",
    "localdomain",
    "dhcp",
    "workgroup",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn delegations() -> Delegations {
        let file = tempfile::NamedTempFile::new().unwrap();
        let zone = ". 86400 IN NS a.nic.aa.\nzz. 172800 IN NS a.nic.zz.\ncom. 172800 IN NS b.nic.com.\n\
                    a.nic.zz. 172800 IN A 192.0.2.1\n";
        fs::write(file.path(), zone).unwrap();
        Delegations::read(file.path()).unwrap()
    }

    #[test]
    fn delegations_are_the_owners_of_ns_records_with_the_busiest_first() {
        assert_eq!(delegations().names, ["com", "zz"]);
    }

    #[test]
    fn a_seed_gives_the_same_corpus_again() {
        let delegations = delegations();
        let corpus = |seed| corpus(&delegations, Mix::Root, seed, 100);
        assert_eq!(corpus(1), corpus(1));
        assert_ne!(corpus(1), corpus(2));
    }

    #[test]
    fn the_root_mix_keeps_its_proportions() {
        let corpus = corpus(&delegations(), Mix::Root, 1, 10_000);
        let with_edns = corpus
            .iter()
            .filter(|query| query.ends_with(&OPT_DO_1232))
            .count();
        let apex = corpus.iter().filter(|query| query[12] == 0).count();
        assert!(
            (7_800..8_200).contains(&with_edns),
            "{with_edns} of 10,000 with EDNS"
        );
        // Three of four apex queries ask for the root itself.
        assert!((300..450).contains(&apex), "{apex} of 10,000 for the root");
    }
}
