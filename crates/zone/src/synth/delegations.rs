//! The delegations of a test root: name servers, their addresses, and DS records, by chance, in
//! the proportions of the real root.
//!
//! The tables at the end were counted in the IANA root zone of serial 2026073102: 1438
//! delegations with 7564 NS, 1483 DS and 5911 name servers, of which every one has glue (5925 A,
//! 5630 AAAA). There are 1127 distinct sets of servers: 356 delegations share 45 sets, which are
//! those of the registry back-ends. 947 delegations have in-domain servers only, 117 some, 374
//! none; the others' servers are below another top-level domain (sibling glue).

use super::addresses::Addresses;
use super::contents::{ARPA_SIGNED, DAY, TWO_DAYS, name, record};
use crate::record::{Name, Record};
use bytes::Bytes;
use domain::base::iana::{DigestAlgorithm, SecurityAlgorithm};
use domain::rdata::{A, Aaaa, Ds, Ns};
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::iter;

/// A choice and how often the real root makes it.
type Weighted<T> = (u16, T);

/// Makes the delegations of all of `tlds` but `arpa`, which is a zone of its own here.
pub(super) fn make(tlds: &BTreeSet<String>, rng: &mut ChaCha8Rng) -> Vec<Record> {
    let registry = Registry::new(tlds, rng);
    let mut addresses = Addresses::new(rng);
    let mut glued = BTreeSet::new();
    let mut records = Vec::new();
    for tld in tlds.iter().filter(|tld| *tld != "arpa") {
        let owner = name(tld);
        for server in registry.servers(tld, rng) {
            let host = name(&server);
            records.push(record(&owner, TWO_DAYS, Ns::new(host.clone())));
            if !glued.contains(&server) {
                let families = if server.ends_with(WIDE) {
                    (1, 1)
                } else {
                    *draw(ADDRESSES, rng)
                };
                glue(&host, families, &mut addresses, rng, &mut records);
                glued.insert(server);
            }
        }
        let keys = draw(DS_SETS, rng);
        records.extend(keys.iter().map(|key| ds(&owner, *key, rng)));
    }
    records
}

/// DS records for those delegations of `arpa` that have some.
pub(super) fn arpa_ds(rng: &mut ChaCha8Rng) -> Vec<Record> {
    ARPA_SIGNED
        .iter()
        .map(|child| ds(&name(&format!("{child}.arpa")), (13, 2), rng))
        .collect()
}

/// How the names of the thirteen servers of the widest referrals end.
const WIDE: &str = "-servers.net";

/// Knows who serves whom.
struct Registry {
    /// Top-level domains below which registry back-ends have their names.
    homes: Vec<Weighted<String>>,
    /// The servers of each back-end.
    backends: Vec<Weighted<Vec<String>>>,
}

impl Registry {
    fn new(tlds: &BTreeSet<String>, rng: &mut ChaCha8Rng) -> Self {
        let homes: Vec<_> = HOMES
            .iter()
            .filter(|(_, home)| tlds.contains(*home))
            .map(|(weight, home)| (*weight, (*home).to_owned()))
            .collect();
        let sets = BACKENDS
            .iter()
            .flat_map(|(weight, size, sets)| iter::repeat_n((*weight, *size), *sets));
        let backend = |(index, (weight, size)): (usize, Weighted<usize>)| {
            let homes = [draw(&homes, rng).clone(), draw(&homes, rng).clone()];
            let servers = (0..size).map(|server| {
                let home = &homes[server % homes.len()];
                format!("ns{}.test-backend-{index:02}.{home}", server + 1)
            });
            (weight, servers.collect())
        };
        let backends = sets.enumerate().map(backend).collect();
        Registry { homes, backends }
    }

    /// The name servers of one delegation.
    fn servers(&self, tld: &str, rng: &mut ChaCha8Rng) -> BTreeSet<String> {
        // The widest referrals: thirteen servers with addresses of both families.
        match tld {
            "com" | "net" => return thirteen("test-gtld"),
            "edu" => return thirteen("test-edu"),
            _ => {}
        }
        match draw(ARRANGEMENTS, rng) {
            Arrangement::Backend => draw(&self.backends, rng).iter().cloned().collect(),
            Arrangement::InDomain => {
                let labels = draw(IN_DOMAIN, rng);
                labels
                    .iter()
                    .map(|label| format!("{label}.{tld}"))
                    .collect()
            }
            Arrangement::Mixed => {
                let size = *draw(MIXED_SIZES, rng);
                let inside = rng.random_range(1..size);
                let mut servers = self.elsewhere(tld, size - inside, rng);
                servers.extend((1..=inside).map(|index| format!("ns{index}.nic.{tld}")));
                servers
            }
            Arrangement::Elsewhere => {
                let size = *draw(ELSEWHERE_SIZES, rng);
                self.elsewhere(tld, size, rng)
            }
        }
    }

    /// Servers below other top-level domains: half are for this delegation alone, half are those of
    /// operators who serve several.
    fn elsewhere(&self, tld: &str, size: usize, rng: &mut ChaCha8Rng) -> BTreeSet<String> {
        let mut servers = BTreeSet::new();
        while servers.len() < size {
            let home = draw(&self.homes, rng);
            let operator = rng.random_range(0..OPERATORS);
            servers.insert(if rng.random() {
                format!("{tld}.test-operator-{operator:02}.{home}")
            } else {
                format!("anycast.test-operator-{operator:02}.net")
            });
        }
        servers
    }
}

fn thirteen(whose: &str) -> BTreeSet<String> {
    ('a'..='m')
        .map(|letter| format!("{letter}.{whose}{WIDE}"))
        .collect()
}

/// Adds the addresses of one name server.
fn glue(
    host: &Name,
    (v4, v6): (u8, u8),
    addresses: &mut Addresses,
    rng: &mut ChaCha8Rng,
    records: &mut Vec<Record>,
) {
    for _ in 0..v4 {
        records.push(record(host, TWO_DAYS, A::new(addresses.next_v4())));
    }
    for _ in 0..v6 {
        records.push(record(host, TWO_DAYS, Aaaa::new(addresses.next_v6(rng))));
    }
}

/// The DS of a key that does not exist.
fn ds(owner: &Name, (algorithm, digest): (u8, u8), rng: &mut ChaCha8Rng) -> Record {
    let digest = DigestAlgorithm::from_int(digest);
    let size = match digest {
        DigestAlgorithm::SHA1 => 20,
        DigestAlgorithm::SHA256 => 32,
        _ => 48,
    };
    let octets: Bytes = (0..size).map(|_| rng.random::<u8>()).collect();
    let data = Ds::new(
        rng.random(),
        SecurityAlgorithm::from_int(algorithm),
        digest,
        octets,
    );
    record(owner, DAY, data.expect("a digest is short"))
}

fn draw<'table, T>(table: &'table [Weighted<T>], rng: &mut ChaCha8Rng) -> &'table T {
    let (_, drawn) = table
        .choose_weighted(rng, |(weight, _)| *weight)
        .expect("no table is empty, and no weight is zero");
    drawn
}

/// Where the servers of a delegation have their names.
#[derive(Clone, Copy)]
enum Arrangement {
    /// A set of servers that several delegations share.
    Backend,
    /// All below the delegation.
    InDomain,
    /// Some below the delegation.
    Mixed,
    /// A set of its own below other delegations.
    Elsewhere,
}

const ARRANGEMENTS: &[Weighted<Arrangement>] = &[
    (356, Arrangement::Backend),
    (933, Arrangement::InDomain),
    (107, Arrangement::Mixed),
    (42, Arrangement::Elsewhere),
];

/// The shared sets of servers: how many delegations share one, how many servers it has, and how
/// many such sets there are.
const BACKENDS: &[(u16, usize, usize)] = &[
    (72, 4, 1),
    (46, 5, 1),
    (46, 4, 1),
    (25, 4, 1),
    (21, 8, 1),
    (18, 3, 1),
    (16, 4, 1),
    (10, 4, 1),
    (7, 8, 1),
    (7, 5, 1),
    (6, 6, 1),
    (5, 3, 1),
    (5, 4, 1),
    (5, 5, 1),
    (4, 6, 1),
    (3, 4, 1),
    (3, 5, 1),
    (3, 6, 1),
    (2, 3, 3),
    (2, 4, 5),
    (2, 5, 6),
    (2, 6, 7),
    (2, 7, 2),
    (2, 8, 2),
    (2, 9, 2),
];

/// The labels of in-domain servers. The numbers are the real ones, the labels are invented.
const IN_DOMAIN: &[Weighted<&[&str]>] = &[
    (
        292,
        &["aa.nic", "ab.nic", "ac.nic", "ad.nic", "ba.nic", "bb.nic"],
    ),
    (123, &["a.nic", "b.nic", "c.nic", "x.nic", "y.nic", "z.nic"]),
    (
        106,
        &[
            "a.nic",
            "b.nic",
            "c.nic",
            "ns1.dns.nic",
            "ns2.dns.nic",
            "ns3.dns.nic",
        ],
    ),
    (160, &["n1.nic", "n2.nic", "s1.nic", "w1.nic"]),
    (124, &["a.nic", "b.nic", "c.nic", "d.nic"]),
    (
        82,
        &[
            "dns1.nic", "dns2.nic", "dns3.nic", "dns4.nic", "dns5.nic", "dns6.nic", "dns7.nic",
            "dns8.nic",
        ],
    ),
    (22, &["a.dns.nic", "m.dns.nic", "z.dns.nic"]),
    (18, &["ns1", "ns2", "ns3", "ns4", "ns5"]),
    (7, &["a.ns", "b.ns", "c.ns", "d.ns", "e.ns", "f.ns", "g.ns"]),
    (5, &["ns1", "ns2"]),
    (
        3,
        &[
            "a.ns", "b.ns", "c.ns", "d.ns", "e.ns", "f.ns", "g.ns", "h.ns", "i.ns",
        ],
    ),
    (
        3,
        &[
            "a.ns", "b.ns", "c.ns", "d.ns", "e.ns", "f.ns", "g.ns", "h.ns", "i.ns", "j.ns",
        ],
    ),
];

const MIXED_SIZES: &[Weighted<usize>] = &[
    (22, 3),
    (29, 4),
    (22, 5),
    (17, 6),
    (18, 7),
    (3, 8),
    (3, 9),
    (1, 10),
];

const ELSEWHERE_SIZES: &[Weighted<usize>] = &[(9, 2), (8, 3), (12, 4), (6, 5), (3, 6), (4, 8)];

/// Below which top-level domain a server of someone else is.
const HOMES: &[Weighted<&str>] = &[
    (164, "net"),
    (42, "com"),
    (28, "org"),
    (27, "cn"),
    (26, "info"),
    (22, "uk"),
    (17, "fr"),
    (16, "cz"),
    (14, "au"),
];

/// Operators who serve a few delegations of others each.
const OPERATORS: u32 = 90;

/// How many IPv4 and IPv6 addresses a server has.
const ADDRESSES: &[Weighted<(u8, u8)>] = &[
    (5617, (1, 1)),
    (277, (1, 0)),
    (6, (2, 0)),
    (6, (2, 1)),
    (2, (0, 1)),
    (2, (2, 2)),
    (1, (3, 1)),
];

/// The DS records of a delegation: algorithm and digest type of each.
const DS_SETS: &[Weighted<&[(u8, u8)]>] = &[
    (988, &[(8, 2)]),
    (199, &[(13, 2)]),
    (89, &[]),
    (85, &[(8, 2), (8, 2)]),
    (27, &[(10, 2)]),
    (17, &[(13, 2), (13, 2)]),
    (8, &[(8, 1), (8, 2)]),
    (5, &[(13, 2), (13, 4)]),
    (4, &[(8, 2), (8, 2), (8, 2)]),
    (3, &[(15, 2)]),
    (3, &[(8, 2), (8, 4)]),
    (2, &[(7, 2), (7, 2)]),
    (2, &[(8, 1)]),
    (1, &[(8, 2), (8, 2), (8, 4)]),
    (1, &[(7, 1), (7, 2)]),
    (1, &[(14, 2)]),
    (1, &[(10, 2), (10, 2)]),
    (1, &[(7, 2)]),
    (1, &[(13, 1), (13, 2)]),
];
