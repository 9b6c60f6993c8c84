//! What a zone says about its transfers, checked, with names looked up.
//!
//! Start reading at [`Transfers`]; `resolve` makes them from what is written.

use super::lists::{List, check_length, twice};
use super::secrets::{self, Tls};
use super::values::{KeyName, Listed, PORT, TLS_PORT, server_or};
use super::written::{
    WrittenNotifier, WrittenPlausible, WrittenPrimary, WrittenRule, WrittenSecondary,
};
use super::{Mistake, Zone, public};
use crate::limits::{OBSERVERS_MAX, RULES_MAX, SECONDARIES_MAX};
use imrs_transfer::access::{NoPrefix, Prefix, Rule};
use imrs_transfer::key::Key;
use imrs_transfer::limits::PRIMARIES_MAX;
use imrs_zone::Name;
use imrs_zone::plausible::Bounds;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// How a zone comes in and goes out.
#[derive(Clone, Debug, Default)]
pub struct Transfers {
    /// Whom to fetch it from; nobody where it is of a file.
    pub primaries: Vec<Primary>,
    /// Whether the primaries are those of the public service, since the zone names none.
    pub is_public: bool,
    /// Whose NOTIFY is heard.
    pub notify_from: Vec<Rule>,
    /// Who may fetch it.
    pub allow_transfer: Vec<Rule>,
    /// Whom to tell of a new serial.
    pub notify: Vec<Secondary>,
    /// How much may change in one step; anything where there is nothing.
    pub plausible: Option<Bounds>,
    /// Who else serves the zone, to compare with.
    pub observers: Vec<SocketAddr>,
    /// How long they may be ahead before the zone counts as stale.
    pub observers_limit: Duration,
}

/// Where a zone is fetched from.
#[derive(Clone, Debug, PartialEq)]
pub struct Primary {
    /// Where it is.
    pub address: SocketAddr,
    /// By which key requests to it are signed.
    pub key: Option<Key>,
    /// How to speak TLS to it; never in the clear where this is there.
    pub tls: Option<Arc<Tls>>,
    /// Those of a lower number are asked first.
    pub priority: u16,
    /// Among those of one priority, how often it comes first.
    pub weight: u16,
}

/// Who is told of a new serial.
#[derive(Clone, Debug, PartialEq)]
pub struct Secondary {
    /// Where it is.
    pub address: SocketAddr,
    /// By which key the NOTIFY is signed.
    pub key: Option<Key>,
}

/// What zones may name.
pub(super) struct Known<'a> {
    pub(super) keys: &'a [Key],
    pub(super) tls: &'a [Arc<Tls>],
    /// Whether transfers over TLS are given.
    pub(super) listens_for_tls: bool,
}

/// How long observers may be ahead, where nothing is said: two refreshes of the root.
const OBSERVERS_LIMIT: Duration = Duration::from_secs(3600);

impl Primary {
    /// A primary at an address as an operator writes it; without a port it has that of DNS, or of
    /// DNS over TLS.
    pub fn at(text: &str, key: Option<Key>, tls: Option<Arc<Tls>>) -> Result<Self, String> {
        let port = if tls.is_some() { TLS_PORT } else { PORT };
        Ok(Primary {
            address: server_or(text, port)?,
            key,
            tls,
            priority: 0,
            weight: 1,
        })
    }
}

impl Transfers {
    /// What the zone says, checked.
    pub(super) fn resolve(zone: &Zone, known: &Known<'_>) -> Result<Self, Mistake> {
        let (primaries, is_public) = primaries(zone, known)?;
        let list = |written: &Option<List<Listed<WrittenRule>>>| match written {
            Some(list) => rules(list, known),
            None => Ok(Vec::new()),
        };
        let notify_from = match &zone.notify_from {
            Some(list) if zone.file.is_some() => {
                let message = "nothing is fetched for a zone of a file, so nobody's NOTIFY is \
                               heard; leave this out, or name `primaries` instead of the file";
                return Err((list.span().start, message.to_owned()));
            }
            Some(list) => rules(&as_rules(list), known)?,
            None if is_public => Vec::new(),
            None => primaries.iter().map(rule_of).collect(),
        };
        let observers = match &zone.observers {
            Some(list) => observers(list)?,
            None => Vec::new(),
        };
        if let (None, Some(limit)) = (&zone.observers, &zone.observers_limit_seconds) {
            let message = "there is nobody to compare with; add `observers`, or leave this out";
            return Err((limit.span().start, message.to_owned()));
        }
        Ok(Transfers {
            primaries,
            is_public,
            notify_from,
            allow_transfer: list(&zone.allow_transfer)?,
            notify: match &zone.notify {
                Some(list) => secondaries(list, known)?,
                None => Vec::new(),
            },
            plausible: plausible(zone.plausible.as_ref().map(Spanned::get_ref)),
            observers,
            observers_limit: { zone.observers_limit_seconds.as_ref() }
                .map_or(OBSERVERS_LIMIT, |limit| {
                    Duration::from_secs(limit.get_ref().0)
                }),
        })
    }
}

/// The primaries of a zone, and whether they are those of the public service.
fn primaries(zone: &Zone, known: &Known<'_>) -> Result<(Vec<Primary>, bool), Mistake> {
    let name = &zone.name.get_ref().0;
    match (&zone.file, &zone.primaries) {
        (Some(_), Some(primaries)) => {
            let message = "a zone comes from a file or from primaries, not from both; keep one of \
                           the two";
            Err((primaries.span().start, message.to_owned()))
        }
        (Some(_), None) => Ok((Vec::new(), false)),
        (None, Some(list)) => Ok((listed_primaries(list, known)?, false)),
        (None, None) => {
            let primaries = public_primaries(name);
            if primaries.is_empty() {
                let message = format!(
                    "nothing says where zone `{}` comes from; add `file = \"…\"` or `primaries = \
                     [\"…\"]`: the public service has the root, arpa and root-servers.net alone",
                    name.fmt_with_dot()
                );
                return Err((zone.name.span().start, message));
            }
            Ok((primaries, true))
        }
    }
}

/// The primaries of the public service; none for a zone that it does not have.
pub fn public_primaries(zone: &Name) -> Vec<Primary> {
    public::givers_of(zone).flat_map(of_public).collect()
}

fn of_public(giver: &public::Giver) -> impl Iterator<Item = Primary> {
    let priority = u16::from(!giver.is_for_transfers);
    giver.addresses.into_iter().map(move |address| Primary {
        address: SocketAddr::new(address, PORT),
        key: None,
        tls: None,
        priority,
        weight: 1,
    })
}

fn listed_primaries(
    list: &List<Listed<WrittenPrimary>>,
    known: &Known<'_>,
) -> Result<Vec<Primary>, Mistake> {
    let hint = "name one, such as \"192.0.2.53\", or leave it out for the public service of \
                the root";
    check_length(list, PRIMARIES_MAX, "primaries", hint)?;
    let mut primaries: Vec<Primary> = Vec::with_capacity(list.get_ref().len());
    for written in list.get_ref() {
        let primary = primary(written, known)?;
        let is_same = |other: &Primary| {
            (other.address, &other.key, &other.tls) == (primary.address, &primary.key, &primary.tls)
        };
        if primaries.iter().any(is_same) {
            return Err(twice(written, primary.address));
        }
        primaries.push(primary);
    }
    Ok(primaries)
}

fn primary(
    written: &Spanned<Listed<WrittenPrimary>>,
    known: &Known<'_>,
) -> Result<Primary, Mistake> {
    let table = match written.get_ref() {
        Listed::Table(table) => table,
        Listed::Alone(text) => {
            return Primary::at(text, None, None).map_err(|what| (written.span().start, what));
        }
    };
    let tls = match &table.tls {
        Some(name) => Some(
            secrets::find_tls(known.tls, name.get_ref())
                .map_err(|what| (name.span().start, what))?,
        ),
        None => None,
    };
    let key = key(table.key.as_ref(), known)?;
    let primary = Primary::at(table.address.get_ref(), key, tls)
        .map_err(|what| (table.address.span().start, what))?;
    let number = |number: u64| u16::try_from(number).expect("both are limited to 16 bits");
    Ok(Primary {
        priority: table.priority.map_or(0, |priority| number(priority.0)),
        weight: table.weight.map_or(1, |weight| number(weight.0)),
        ..primary
    })
}

fn secondaries(
    list: &List<Listed<WrittenSecondary>>,
    known: &Known<'_>,
) -> Result<Vec<Secondary>, Mistake> {
    let hint = "name a secondary, such as \"192.0.2.54\", or leave it out";
    check_length(list, SECONDARIES_MAX, "notify", hint)?;
    let mut secondaries: Vec<Secondary> = Vec::with_capacity(list.get_ref().len());
    for written in list.get_ref() {
        let secondary = match written.get_ref() {
            Listed::Alone(text) => Secondary {
                address: server_or(text, PORT).map_err(|what| (written.span().start, what))?,
                key: None,
            },
            Listed::Table(table) => Secondary {
                address: server(&table.address, PORT)?,
                key: key(table.key.as_ref(), known)?,
            },
        };
        if secondaries
            .iter()
            .any(|other| other.address == secondary.address)
        {
            return Err(twice(written, secondary.address));
        }
        secondaries.push(secondary);
    }
    Ok(secondaries)
}

fn rules(list: &List<Listed<WrittenRule>>, known: &Known<'_>) -> Result<Vec<Rule>, Mistake> {
    let hint = "name a prefix, such as \"192.0.2.0/24\", or leave it out to let nobody in";
    check_length(list, RULES_MAX, "rules", hint)?;
    list.get_ref()
        .iter()
        .map(|written| rule(written, known))
        .collect()
}

fn rule(written: &Spanned<Listed<WrittenRule>>, known: &Known<'_>) -> Result<Rule, Mistake> {
    let prefix = |text: &str, place: usize| -> Result<Prefix, Mistake> {
        text.parse()
            .map_err(|error: NoPrefix| (place, error.to_string()))
    };
    let table = match written.get_ref() {
        Listed::Table(table) => table,
        Listed::Alone(text) => {
            return Ok(Rule {
                from: Some(prefix(text, written.span().start)?),
                key: None,
                tls: false,
            });
        }
    };
    if table.from.is_none() && table.key.is_none() {
        let message = "the rule says neither `from` where nor by which `key`; add one: \
                       \"0.0.0.0/0\" and \"::/0\" are everywhere";
        return Err((written.span().start, message.to_owned()));
    }
    if let Some(tls) = &table.tls
        && *tls.get_ref()
        && !known.listens_for_tls
    {
        let message = "the rule lets nobody in: transfers over TLS are not given; add \
                       [transfer.tls] with `listen`, `certificate` and `private-key`";
        return Err((tls.span().start, message.to_owned()));
    }
    Ok(Rule {
        from: match &table.from {
            Some(text) => Some(prefix(text.get_ref(), text.span().start)?),
            None => None,
        },
        key: key(table.key.as_ref(), known)?.map(|key| key.name().clone()),
        tls: table.tls.as_ref().is_some_and(|tls| *tls.get_ref()),
    })
}

fn as_rules(list: &List<Listed<WrittenNotifier>>) -> List<Listed<WrittenRule>> {
    let rules = list.get_ref().iter().map(|written| {
        let rule = match written.get_ref().clone() {
            Listed::Alone(text) => Listed::Alone(text),
            Listed::Table(table) => Listed::Table(table.into()),
        };
        Spanned::new(written.span(), rule)
    });
    Spanned::new(list.span(), rules.collect())
}

/// Hears the NOTIFY of a primary (RFC 1996 section 3.10), signed where requests to it are.
fn rule_of(primary: &Primary) -> Rule {
    Rule {
        from: Some(Prefix::from(primary.address.ip())),
        key: primary.key.as_ref().map(|key| key.name().clone()),
        tls: false,
    }
}

fn observers(list: &List<String>) -> Result<Vec<SocketAddr>, Mistake> {
    let hint = "name a server, such as \"198.41.0.4\", or leave it out";
    check_length(list, OBSERVERS_MAX, "observers", hint)?;
    let mut observers = Vec::with_capacity(list.get_ref().len());
    for written in list.get_ref() {
        let address = server(written, PORT)?;
        if observers.contains(&address) {
            return Err(twice(written, address));
        }
        observers.push(address);
    }
    Ok(observers)
}

fn plausible(written: Option<&WrittenPlausible>) -> Option<Bounds> {
    let mut bounds = Bounds::default();
    let within = match written {
        None => return Some(bounds),
        Some(WrittenPlausible::Off) => return None,
        Some(WrittenPlausible::Within(within)) => within,
    };
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    for (bound, written) in [
        (&mut bounds.records, within.records),
        (&mut bounds.delegations, within.delegations),
        (&mut bounds.octets, within.octets),
    ] {
        *bound = written.map_or(*bound, |written| number(written.0));
    }
    Some(bounds)
}

fn key(name: Option<&Spanned<KeyName>>, known: &Known<'_>) -> Result<Option<Key>, Mistake> {
    let Some(name) = name else { return Ok(None) };
    let found = secrets::find_key(known.keys, name.get_ref());
    found
        .cloned()
        .map(Some)
        .map_err(|what| (name.span().start, what))
}

fn server(text: &Spanned<String>, port: u16) -> Result<SocketAddr, Mistake> {
    server_or(text.get_ref(), port).map_err(|what| (text.span().start, what))
}
