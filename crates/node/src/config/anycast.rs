//! `[anycast]`: what is announced to whom, and when.
//!
//! Start reading at `Anycast::resolve`. `[[neighbor]]` is in `neighbor`. Whatever BIRD is given
//! is of a checked type, so that no value can say anything else there.

use super::lists::{List, check_length};
use super::neighbor::{Neighbor, Own, WrittenNeighbor, neighbors};
use super::prefix::{Prefix, check_asn, is_private, is_unicast};
use super::values::{Limited, Told};
use super::{Config, Mistake};
use crate::limits::{PREFIXES_MAX, SERVICE_ADDRESSES_MAX};
use imrs_wire::Family;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use toml::Spanned;

/// What is announced to whom, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anycast {
    /// Service addresses, which other nodes have too.
    pub addresses: Vec<IpAddr>,
    /// What is announced.
    pub prefixes: Vec<Prefix>,
    /// Our AS number.
    pub asn: u32,
    /// What the node is known by in BGP (RFC 4271 section 4.2).
    pub router_id: Ipv4Addr,
    /// The interface that the keeper puts the service addresses on.
    pub interface: Option<Interface>,
    /// The keeper's socket.
    pub keeper: PathBuf,
    /// BIRD's control socket.
    pub bird: PathBuf,
    /// Folder of what BIRD is configured with.
    pub folder: PathBuf,
    /// Time that changed settings have to bring all sessions back, else they are undone.
    pub trial: Duration,
    /// The order of a drain.
    pub drain: Drain,
    /// When the node is well.
    pub health: Health,
    /// When a soft reason may withdraw.
    pub guard: Guard,
    /// Whom it is announced to.
    pub neighbors: Vec<Neighbor>,
}

/// The order of a drain: say that we leave, wait, withdraw, wait until nobody asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Time between GRACEFUL_SHUTDOWN and the withdrawal (RFC 8326).
    pub leaving: Duration,
    /// Queries in a second below which nobody asks any more.
    pub quiet_rate: u64,
    /// Time after the withdrawal for which that is waited for.
    pub patience: Duration,
}

/// When the node is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Time between two probes.
    pub interval: Duration,
    /// Time for which a node that was unfit has to be well before it announces.
    pub probation: Duration,
    /// Age of a zone beyond which it is stale.
    pub zone_age: Duration,
    /// Time before the end of its signatures at which a zone is unfit.
    pub signature_left: Duration,
}

/// When a soft reason may withdraw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Others that have to go on announcing.
    pub floor: u64,
    /// What a node does that has no others.
    pub alone: Alone,
}

/// What a node without others does for a soft reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alone {
    /// It withdraws: the operator knows that others announce the prefix.
    #[default]
    Withdraw,
    /// It goes on announcing.
    Announce,
}

/// The name of a network interface, as the kernel takes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Interface(String);

impl Interface {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Interface {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_good = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
        // IFNAMSIZ is 16 with the zero; a leading dash would be an option of `ip`.
        if (1..=15).contains(&text.len())
            && text.bytes().all(is_good)
            && !text.starts_with(['-', '.'])
        {
            return Ok(Interface(text));
        }
        Err(format!(
            "`{text}` is not the name of an interface, such as \"lo\""
        ))
    }
}

/// `[anycast]`, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenAnycast {
    addresses: List<String>,
    prefixes: List<String>,
    long_prefixes: Option<bool>,
    asn: Spanned<u32>,
    router_id: Option<Spanned<Ipv4Addr>>,
    interface: Option<Interface>,
    keeper: Option<PathBuf>,
    bird: Option<PathBuf>,
    folder: Option<PathBuf>,
    trial_seconds: Option<Limited<5, 600>>,
    drain: Option<WrittenDrain>,
    health: Option<WrittenHealth>,
    guard: Option<WrittenGuard>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenDrain {
    leaving_seconds: Option<Limited<0, 3600>>,
    quiet_queries_per_second: Option<Limited<0, 1_000_000>>,
    patience_seconds: Option<Limited<0, 86_400>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenHealth {
    interval_milliseconds: Option<Limited<100, 60_000>>,
    probation_seconds: Option<Limited<0, 86_400>>,
    zone_age_hours: Option<Limited<1, 8760>>,
    signature_hours: Option<Limited<0, 8760>>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenGuard {
    floor: Option<Limited<0, 1000>>,
    alone: Option<Alone>,
}

/// Where the keeper and BIRD have their files unless the operator says otherwise.
pub(crate) const FOLDER: &str = "/run/imrs-route";

/// The name of BIRD's control socket in it.
pub(crate) const BIRD: &str = "bird.ctl";

impl WrittenAnycast {
    /// Its paths.
    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.keeper, &mut self.bird, &mut self.folder]
            .into_iter()
            .flatten()
    }
}

impl Anycast {
    /// What the tables say, checked. `listen` is that of `[node]`.
    pub(super) fn resolve(
        written: &Spanned<WrittenAnycast>,
        written_neighbors: &[Spanned<WrittenNeighbor>],
        listen: &[SocketAddr],
    ) -> Result<Self, Mistake> {
        let table = written.get_ref();
        let asn = *table.asn.get_ref();
        check_asn(asn).map_err(|message| (table.asn.span().start, message))?;
        let prefixes = prefixes(&table.prefixes)?;
        let addresses = addresses(&table.addresses, &prefixes, listen)?;
        if written_neighbors.is_empty() {
            let message = "nobody is told of the prefixes; add a [[neighbor]] with `name`, \
                           `address` and `asn`";
            return Err((written.span().start, message.to_owned()));
        }
        let own = Own {
            addresses: &addresses,
            prefixes: &prefixes,
            listen,
        };
        let neighbors = neighbors(written_neighbors, &own)?;
        check_prefixes(table, &prefixes, &addresses, &neighbors)?;
        let router_id = match &table.router_id {
            Some(id) if id.get_ref().is_unspecified() => {
                let message =
                    "the router ID is not 0.0.0.0 (RFC 6286); write an address of the node";
                return Err((id.span().start, message.to_owned()));
            }
            Some(id) => *id.get_ref(),
            None => router_id(&neighbors, &addresses, listen).ok_or_else(|| {
                let message = "no neighbor has an IPv4 `source` and [node] no IPv4 address of its \
                               own to be known by; add `router-id = \"…\"`";
                (written.span().start, message.to_owned())
            })?,
        };
        let folder = { table.folder.clone() }.unwrap_or_else(|| FOLDER.into());
        let path =
            |path: &Option<PathBuf>, name: &str| path.clone().unwrap_or_else(|| folder.join(name));
        Ok(Anycast {
            keeper: path(&table.keeper, "route.sock"),
            bird: path(&table.bird, BIRD),
            addresses,
            prefixes,
            asn,
            router_id,
            interface: table.interface.clone(),
            trial: seconds(table.trial_seconds, 60),
            drain: table.drain.unwrap_or_default().resolve(),
            health: table.health.unwrap_or_default().resolve(),
            guard: table.guard.unwrap_or_default().resolve(),
            neighbors,
            folder,
        })
    }

    /// The neighbors of a family.
    pub fn neighbors_of(&self, family: Family) -> impl Iterator<Item = &Neighbor> {
        { self.neighbors.iter() }.filter(move |neighbor| neighbor.family() == family)
    }

    /// The prefixes of a family.
    pub fn prefixes_of(&self, family: Family) -> impl Iterator<Item = Prefix> {
        let prefixes = self.prefixes.iter().copied();
        prefixes.filter(move |prefix| prefix.family() == family)
    }
}

fn seconds<const MIN: u64, const MAX: u64>(
    written: Option<Limited<MIN, MAX>>,
    default: u64,
) -> Duration {
    Duration::from_secs(written.map_or(default, |Limited(seconds)| seconds))
}

impl WrittenDrain {
    fn resolve(self) -> Drain {
        Drain {
            leaving: seconds(self.leaving_seconds, 10),
            quiet_rate: { self.quiet_queries_per_second }.map_or(1, |Limited(rate)| rate),
            patience: seconds(self.patience_seconds, 120),
        }
    }
}

impl WrittenHealth {
    fn resolve(self) -> Health {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let interval = { self.interval_milliseconds }.map_or(500, |Limited(number)| number);
        Health {
            interval: Duration::from_millis(interval),
            probation: seconds(self.probation_seconds, 30),
            zone_age: hours(self.zone_age_hours.map_or(48, |Limited(number)| number)),
            signature_left: hours(self.signature_hours.map_or(1, |Limited(number)| number)),
        }
    }
}

impl WrittenGuard {
    fn resolve(self) -> Guard {
        Guard {
            floor: self.floor.map_or(1, |Limited(floor)| floor),
            alone: self.alone.unwrap_or_default(),
        }
    }
}

fn prefixes(list: &List<String>) -> Result<Vec<Prefix>, Mistake> {
    let hint = "name what is announced, such as \"192.0.2.0/24\"";
    check_length(list, PREFIXES_MAX, "prefixes", hint)?;
    let mut prefixes: Vec<Prefix> = Vec::new();
    for text in list.get_ref() {
        let at = |message: String| (text.span().start, message);
        let prefix: Prefix = text.get_ref().parse().map_err(at)?;
        if prefixes.contains(&prefix) {
            return Err(at(format!(
                "`{prefix}` is listed twice; keep one of the two"
            )));
        }
        prefixes.push(prefix);
    }
    Ok(prefixes)
}

fn addresses(
    list: &List<String>,
    prefixes: &[Prefix],
    listen: &[SocketAddr],
) -> Result<Vec<IpAddr>, Mistake> {
    let hint = "name the service addresses, such as \"192.0.2.53\"";
    check_length(list, SERVICE_ADDRESSES_MAX, "addresses", hint)?;
    let mut addresses: Vec<IpAddr> = Vec::new();
    for text in list.get_ref() {
        let at = |message: String| (text.span().start, message);
        let address: IpAddr = text.get_ref().parse().map_err(|_| {
            at(format!(
                "`{}` is not an address; write it as 192.0.2.53 or 2001:db8:53::53, without a port",
                text.get_ref()
            ))
        })?;
        if !is_unicast(address) {
            return Err(at(format!(
                "`{address}` is not an address that others reach"
            )));
        }
        if addresses.contains(&address) {
            return Err(at(format!(
                "`{address}` is listed twice; keep one of the two"
            )));
        }
        if !prefixes.iter().any(|prefix| prefix.contains(address)) {
            return Err(at(format!(
                "`{address}` is in none of `prefixes`, so nothing leads to it; correct one of the two"
            )));
        }
        if !listen.iter().any(|socket| covers(socket.ip(), address)) {
            let socket = SocketAddr::new(address, 53);
            return Err(at(format!(
                "nothing answers on `{address}`; add \"{socket}\" to `listen` in [node]"
            )));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

/// Whether who listens on `ip` answers on `address`.
fn covers(ip: IpAddr, address: IpAddr) -> bool {
    ip == address || ip.is_unspecified() && Family::of(ip) == Family::of(address)
}

/// What prefixes have to do with addresses and neighbors.
fn check_prefixes(
    table: &WrittenAnycast,
    prefixes: &[Prefix],
    addresses: &[IpAddr],
    neighbors: &[Neighbor],
) -> Result<(), Mistake> {
    for (prefix, text) in prefixes.iter().zip(table.prefixes.get_ref()) {
        let at = |message: String| Err((text.span().start, message));
        if !addresses.iter().any(|&address| prefix.contains(address)) {
            return at(format!(
                "none of `addresses` is in `{prefix}`, so nothing would answer what it attracts; \
                 correct one of the two"
            ));
        }
        let family = prefix.family();
        let mut hearing = { neighbors.iter() }
            .filter(|neighbor| neighbor.family() == family)
            .peekable();
        if hearing.peek().is_none() {
            return at(format!(
                "no [[neighbor]] has an {family} address, so nobody is told of `{prefix}`; add one, \
                 or leave the prefix and its addresses out"
            ));
        }
        let is_internal = hearing.all(|neighbor| is_private(neighbor.asn));
        if prefix.is_long() && !is_internal && table.long_prefixes != Some(true) {
            return at(format!(
                "networks drop `{prefix}`, as it is longer than a /{}; write the prefix that \
                 contains it, or add `long-prefixes = true` if your neighbors take it",
                prefix.longest()
            ));
        }
    }
    Ok(())
}

/// The first IPv4 address that is this node's alone.
fn router_id(
    neighbors: &[Neighbor],
    addresses: &[IpAddr],
    listen: &[SocketAddr],
) -> Option<Ipv4Addr> {
    let sources = neighbors.iter().filter_map(|neighbor| neighbor.source);
    let own = listen.iter().map(SocketAddr::ip);
    let own = own.filter(|ip| is_unicast(*ip) && !addresses.contains(ip));
    sources.chain(own).find_map(|ip| match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    })
}

impl Config {
    /// Looks at the two tables, if they are there.
    pub(super) fn resolve_anycast(&mut self) -> Result<(), Mistake> {
        let Some(written) = &self.written_anycast else {
            return match self.written_neighbors.first() {
                None => Ok(()),
                Some(neighbor) => {
                    let message = "there is nothing to tell a neighbor of; add [anycast] with \
                                   `addresses`, `prefixes` and `asn`";
                    Err((neighbor.span().start, message.to_owned()))
                }
            };
        };
        if let Some(identity) = &self.node.identity {
            check_identity(identity)?;
        }
        let listen = &self.node.addresses;
        self.anycast = Some(Anycast::resolve(written, &self.written_neighbors, listen)?);
        Ok(())
    }
}

/// What is wrong with the identity of a node that is one of a site.
pub(super) fn check_identity(identity: &Spanned<Told>) -> Result<(), Mistake> {
    let Told(text) = identity.get_ref();
    let parts: Vec<&str> = text.split('-').collect();
    let is_node = |part: &str| {
        let number = { part.strip_prefix('n') }.filter(|digits| !digits.starts_with(['0', '+']));
        number.is_some_and(|digits| digits.parse::<u8>().is_ok())
    };
    let is_good = match parts.as_slice() {
        [label, country, airport, rest @ ..] => {
            let is_site = is_label(label) && is_lower(country, 2) && is_lower(airport, 3);
            is_site && (rest.is_empty() || rest.len() == 1 && is_node(rest[0]))
        }
        _ => false,
    };
    if is_good {
        return Ok(());
    }
    let message = format!(
        "`{text}` does not tell which site this is; write two letters and two digits, the country \
         and the airport, as in \"aa01-ke-nbo\", and \"-n3\" after it for the third node of a \
         Cluster"
    );
    Err((identity.span().start, message))
}

fn is_label(text: &str) -> bool {
    let digits = text.get(2..).unwrap_or_default();
    text.get(..2).is_some_and(|letters| is_lower(letters, 2))
        && digits.len() == 2
        && digits.bytes().all(|octet| octet.is_ascii_digit())
}

fn is_lower(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|octet| octet.is_ascii_lowercase())
}
