//! What stands in the three zones of a test root before they are signed: the root, and the
//! companions `root-servers.net` and `arpa`.

use super::addresses;
use crate::record::{Data, Name, Record};
use domain::base::iana::Class;
use domain::base::{Serial, Ttl};
use domain::rdata::{A, Aaaa, Ns, Soa};

/// TTL of SOA, DS, NSEC and ZONEMD, as in the real root.
pub(super) const DAY: Ttl = Ttl::from_secs(86_400);
/// TTL of delegations, glue and DNSKEY.
pub(super) const TWO_DAYS: Ttl = Ttl::from_secs(172_800);
/// TTL of what leads to the root servers.
const SIX_DAYS: Ttl = Ttl::from_secs(518_400);
/// TTL of all in `root-servers.net`.
const THOUSAND_HOURS: Ttl = Ttl::from_secs(3_600_000);

/// Makes a name of presentation form, with or without its last dot.
pub(super) fn name(text: &str) -> Name {
    text.parse()
        .expect("the names of a test root are short and of letters, digits and hyphens")
}

/// Makes a record of class IN.
pub(super) fn record(owner: &Name, ttl: Ttl, data: impl Into<Data>) -> Record {
    Record::new(owner.clone(), Class::IN, ttl, data.into())
}

/// The root: its apex and the addresses of the root servers.
pub(super) fn root(serial: Serial) -> Vec<Record> {
    let apex = Name::root_bytes();
    let timers = [1800, 900, 604_800, 86_400];
    let mut records = vec![record(&apex, DAY, soa(serial, timers))];
    for letter in 'a'..='m' {
        let server = root_server(letter);
        records.push(record(&apex, SIX_DAYS, Ns::new(server.clone())));
        host(
            &server,
            SIX_DAYS,
            addresses::of_root_server(letter),
            &mut records,
        );
    }
    records
}

/// `root-servers.net`, which is not signed: the root servers and their addresses.
pub(super) fn root_servers_net(serial: Serial) -> Vec<Record> {
    let apex = name("root-servers.net");
    let timers = [14_400, 7200, 1_209_600, 3_600_000];
    let mut records = vec![record(&apex, THOUSAND_HOURS, soa(serial, timers))];
    for letter in 'a'..='m' {
        let server = root_server(letter);
        records.push(record(&apex, THOUSAND_HOURS, Ns::new(server.clone())));
        let address = addresses::of_root_server(letter);
        host(&server, THOUSAND_HOURS, address, &mut records);
    }
    records
}

/// `arpa`: hosts below the empty non-terminal `ns.arpa`, and delegations with and without DS, whose
/// servers are in the zone, below one of its cuts, or out of the zone.
pub(super) fn arpa(serial: Serial) -> Vec<Record> {
    let apex = name("arpa");
    let timers = [1800, 900, 604_800, 86_400];
    let mut records = vec![record(&apex, DAY, soa(serial, timers))];
    for (server, address) in arpa_servers() {
        records.push(record(&apex, SIX_DAYS, Ns::new(server.clone())));
        host(&server, TWO_DAYS, address, &mut records);
    }
    for (child, parent) in ARPA_DELEGATIONS {
        let owner = name(&format!("{child}.arpa"));
        for letter in 'a'..='f' {
            let server = name(&format!("{letter}.{parent}"));
            records.push(record(&owner, TWO_DAYS, Ns::new(server)));
        }
    }
    for parent in ["in-addr-servers.arpa", "ip6-servers.arpa"] {
        for letter in 'a'..='f' {
            let server = name(&format!("{letter}.{parent}"));
            host(
                &server,
                TWO_DAYS,
                addresses::of_arpa_server(letter),
                &mut records,
            );
        }
    }
    records
}

/// The delegation of `arpa` in the root, but for its DS.
pub(super) fn arpa_delegation() -> Vec<Record> {
    let owner = name("arpa");
    let mut records = Vec::new();
    for (server, address) in arpa_servers() {
        records.push(record(&owner, TWO_DAYS, Ns::new(server.clone())));
        host(&server, TWO_DAYS, address, &mut records);
    }
    records
}

/// The delegations of `arpa` that have a DS.
pub(super) const ARPA_SIGNED: &[&str] = &["in-addr", "ip6", "uri", "urn", "ipv4only"];

/// The delegations of `arpa`, each with the parent of its servers `a` to `f`.
const ARPA_DELEGATIONS: &[(&str, &str)] = &[
    ("as112", "test-as112-servers.net"),
    ("e164", "test-e164-servers.net"),
    ("home", "test-as112-servers.net"),
    ("in-addr", "in-addr-servers.arpa"),
    ("in-addr-servers", "in-addr-servers.arpa"),
    ("ip6", "ip6-servers.arpa"),
    ("ip6-servers", "ip6-servers.arpa"),
    ("ipv4only", "ns.arpa"),
    ("service", "ns.arpa"),
    ("uri", "ns.arpa"),
    ("urn", "ns.arpa"),
];

fn root_server(letter: char) -> Name {
    name(&format!("{letter}.root-servers.net"))
}

/// All letters but `j`, which does not serve `arpa`.
fn arpa_servers() -> impl Iterator<Item = (Name, addresses::Pair)> {
    ('a'..='m').filter(|letter| *letter != 'j').map(|letter| {
        let server = name(&format!("{letter}.ns.arpa"));
        (server, addresses::of_arpa_server(letter))
    })
}

fn host(owner: &Name, ttl: Ttl, (v4, v6): addresses::Pair, records: &mut Vec<Record>) {
    records.push(record(owner, ttl, A::new(v4)));
    records.push(record(owner, ttl, Aaaa::new(v6)));
}

/// An SOA with timers in the order of its text: refresh, retry, expire, minimum.
fn soa(serial: Serial, timers: [u32; 4]) -> Soa<Name> {
    let [refresh, retry, expire, minimum] = timers.map(Ttl::from_secs);
    let primary = root_server('a');
    let mailbox = name("test-root.invalid");
    Soa::new(primary, mailbox, serial, refresh, retry, expire, minimum)
}
