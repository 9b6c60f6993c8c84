//! The configuration file: one TOML document, checked whole before anything is done with it.
//!
//! The shape is in [`Config`]; `values` holds the kinds of value with their limits, and
//! [`ConfigError`] turns what went wrong into `file:line:column: what was wrong; what would be
//! right`. What zones say about transfers is checked and looked up by `transfers`, `[transfer]` by
//! `transfer`, `[encrypted]` by `encrypted`, `[metrics]` by `metrics`, `[[capture]]` by `capture`, keys and TLS by `secrets`; `written` has their tables as an operator writes them. This module does not know
//! what the node does with the values.

pub mod anycast;
pub mod capture;
mod defence;
mod encrypted;
mod error;
mod lists;
mod metrics;
mod neighbor;
mod paths;
mod prefix;
pub mod public;
mod reach;
mod sandbox;
mod secrets;
mod site;
mod statistics;
mod transfer;
mod transfers;
mod values;
mod written;

pub use defence::{Cookies, Defence};
pub use encrypted::Encrypted;
pub use error::ConfigError;
pub use metrics::Metrics;
pub use neighbor::{Neighbor, Password, Passwords};
pub use prefix::Prefix;
pub use reach::Reach;
pub use sandbox::{Sandbox, Wanted};
pub(crate) use secrets::is_public;
pub use secrets::{Identity, Pin, Tls};
pub use site::{Site, SiteNode};
pub use statistics::Statistics;
pub use transfer::{Listener, Transfer};
pub use transfers::{Primary, Secondary, Transfers, public_primaries};
pub use values::{Check, Limited, Told, ZoneName};

use crate::clock::At;
use crate::{chain, files, limits};
use anycast::{Anycast, WrittenAnycast};
use capture::{Capture, WrittenCapture};
use defence::{WrittenAccess, WrittenCookies, WrittenLimit};
use encrypted::Taken;
use imrs_transfer::key::Key;
use lists::List;
use metrics::WrittenMetrics;
use neighbor::WrittenNeighbor;
use secrets::{ReadSecret, WrittenKey, WrittenTls};
use serde::Deserialize;
use site::WrittenSite;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;
use transfers::Known;
use values::{KeyName, Listed};
use written::{
    WrittenEncrypted, WrittenNotifier, WrittenPlausible, WrittenPrimary, WrittenRule,
    WrittenSecondary, WrittenTransfer,
};
use zeroize::Zeroizing;

/// What is wrong at an offset of the text.
type Mistake = (usize, String);

/// A whole configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// `[node]`: this machine.
    #[serde(default)]
    pub node: Node,
    /// `[[zone]]`: what it answers for.
    #[serde(default, rename = "zone")]
    pub zones: Vec<Zone>,
    /// `[verify]`: how zones are judged.
    #[serde(default)]
    pub verify: Verify,
    /// `[sandbox]`: what the server may no longer do.
    #[serde(default)]
    pub sandbox: Sandbox,
    /// `[statistics]`: what becomes of what is counted.
    #[serde(default)]
    pub statistics: Statistics,
    /// `[[key]]`, as written.
    #[serde(default, rename = "key")]
    written_keys: Vec<WrittenKey>,
    /// `[[tls]]`, as written.
    #[serde(default, rename = "tls")]
    written_tls: Vec<WrittenTls>,
    /// `[transfer]`, as written.
    #[serde(default, rename = "transfer")]
    written_transfer: WrittenTransfer,
    /// `[limit]`, as written.
    #[serde(default, rename = "limit")]
    written_limit: WrittenLimit,
    /// `[cookies]`, as written.
    #[serde(default, rename = "cookies")]
    written_cookies: WrittenCookies,
    /// `[access]`, as written.
    #[serde(default, rename = "access")]
    written_access: WrittenAccess,
    /// `[encrypted]`, as written.
    #[serde(rename = "encrypted")]
    written_encrypted: Option<WrittenEncrypted>,
    /// `[metrics]`, as written.
    #[serde(rename = "metrics")]
    written_metrics: Option<Spanned<WrittenMetrics>>,
    /// `[[capture]]`, as written.
    #[serde(default, rename = "capture")]
    written_captures: Vec<Spanned<WrittenCapture>>,
    /// `[anycast]`, as written.
    #[serde(rename = "anycast")]
    written_anycast: Option<Spanned<WrittenAnycast>>,
    /// `[[neighbor]]`, as written.
    #[serde(default, rename = "neighbor")]
    written_neighbors: Vec<Spanned<WrittenNeighbor>>,
    /// What is announced to whom, if anything is.
    #[serde(skip)]
    pub anycast: Option<Anycast>,
    /// `[site]`, as written.
    #[serde(rename = "site")]
    written_site: Option<Spanned<WrittenSite>>,
    /// The nodes that know each other, if there are others.
    #[serde(skip)]
    pub site: Option<Site>,
    /// The secrets that are shared with peers.
    #[serde(skip)]
    pub keys: Vec<Key>,
    /// How to speak TLS to peers.
    #[serde(skip)]
    pub tls: Vec<Arc<Tls>>,
    /// Limits of transfers, and where they are given over TLS.
    #[serde(skip)]
    pub transfer: Transfer,
    /// What is done against attacks.
    #[serde(skip)]
    pub defence: Defence,
    /// Where DNS is answered over TLS and QUIC, if anywhere.
    #[serde(skip)]
    pub encrypted: Option<Encrypted>,
    /// Where metrics can be fetched, if anywhere.
    #[serde(skip)]
    pub metrics: Option<Metrics>,
    /// Where messages are written one by one.
    #[serde(skip)]
    pub captures: Vec<Capture>,
}

/// `[node]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Node {
    /// Addresses to answer on, as written; [`Node::addresses`] are what they say.
    listen: Option<Spanned<Vec<Spanned<String>>>>,
    /// Addresses to answer on; none where the configuration says nothing.
    #[serde(skip)]
    pub addresses: Vec<SocketAddr>,
    /// Worker threads; one per core when absent.
    pub workers: Option<Limited<1, { limits::WORKERS_MAX }>>,
    /// Whether worker n stays on core n.
    #[serde(default)]
    pub pin: bool,
    /// Whom to become when the sockets are open; who we are when absent.
    pub user: Option<Spanned<String>>,
    /// Folder of the node's state.
    pub state: Option<Spanned<PathBuf>>,
    /// Path of the control socket.
    pub control: Option<PathBuf>,
    /// NSID, `id.server` and `hostname.bind`; not told when absent.
    pub identity: Option<Spanned<Told>>,
    /// `version.server` and `version.bind`; not told when absent.
    pub version: Option<Told>,
    /// Largest response by UDP over IPv4, in octets.
    pub udp_payload_ipv4: Option<Limited<512, 4096>>,
    /// Largest response by UDP over IPv6, in octets.
    pub udp_payload_ipv6: Option<Limited<512, 4096>>,
    /// Time after which an idle TCP connection is closed.
    pub tcp_idle_seconds: Option<Limited<1, 600>>,
    /// TCP connections at once.
    pub tcp_connections: Option<Limited<1, 1_000_000>>,
    /// TCP connections at once from one client prefix.
    pub tcp_connections_per_prefix: Option<Limited<1, 1_000_000>>,
    /// New TCP connections in a second from one client prefix.
    pub tcp_new_per_second_per_prefix: Option<Limited<1, 1_000_000>>,
    /// Time that a worker spends on the TCP connections of one client prefix in a second.
    pub tcp_cpu_milliseconds_per_prefix: Option<Limited<1, 1000>>,
    /// Queries after which a TCP connection is closed.
    pub tcp_queries_per_connection: Option<Limited<1, 1_000_000_000>>,
}

/// `[[zone]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Zone {
    /// Name of the zone.
    pub name: Spanned<ZoneName>,
    /// Zone file; a zone without one is fetched.
    pub file: Option<Spanned<PathBuf>>,
    /// Trust anchors of the zone.
    pub anchors: Option<Spanned<PathBuf>>,
    /// What is asked of the digest.
    pub zonemd: Option<Check>,
    /// What is asked of the signatures.
    pub dnssec: Option<Check>,
    primaries: Option<List<Listed<WrittenPrimary>>>,
    notify_from: Option<List<Listed<WrittenNotifier>>>,
    allow_transfer: Option<List<Listed<WrittenRule>>>,
    notify: Option<List<Listed<WrittenSecondary>>>,
    plausible: Option<Spanned<WrittenPlausible>>,
    observers: Option<List<String>>,
    observers_limit_seconds: Option<Spanned<Limited<1, 604_800>>>,
    /// How it comes in and goes out.
    #[serde(skip)]
    pub transfers: Transfers,
}

/// `[verify]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Verify {
    /// The fixed time of verification.
    pub at: Option<At>,
    /// Most records of a zone.
    pub records_limit: Option<Limited<1, { u32::MAX as u64 }>>,
    /// Most octets of a zone, as uncompressed records on the wire.
    pub octets_limit: Option<Limited<1, { u32::MAX as u64 }>>,
}

impl Config {
    /// Reads a configuration and the secrets that it names. Relative paths in it count from the
    /// folder that it is in.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let octets = files::read_plain(path, "a configuration", limits::CONFIG_OCTETS_MAX)
            .map_err(|cause| ConfigError::unread(path, cause))?;
        // It may hold secrets.
        let octets = Zeroizing::new(octets);
        let config = Config::parse_with(path, &octets, &secrets::read_secret)?;
        for file in config.private_keys() {
            // One that is not there is missed by who needs it.
            if is_public(file.get_ref()).unwrap_or(false) {
                let text = String::from_utf8_lossy(&octets);
                let message = secrets::public_secret(file.get_ref());
                return Err(ConfigError::at(path, &text, file.span().start, message));
            }
        }
        Ok(config)
    }

    /// Folder of the node's state, if it has one.
    pub(crate) fn state(&self) -> Option<&Path> {
        let state = self.node.state.as_ref();
        state.map(|state| state.get_ref().as_path())
    }

    /// The files of private keys.
    fn private_keys(&self) -> impl Iterator<Item = &Spanned<PathBuf>> {
        let listener = self.written_transfer.tls.as_ref();
        let peers = self.written_tls.iter().filter_map(WrittenTls::private_key);
        let encrypted = self.written_encrypted.as_ref();
        { peers.chain(listener.map(|listener| &listener.private_key)) }
            .chain(encrypted.map(|encrypted| &encrypted.private_key))
    }

    /// Parses a configuration that names no secret in a file; `path` serves for messages, and
    /// for the folder that relative paths count from.
    pub fn parse(path: &Path, octets: &[u8]) -> Result<Self, ConfigError> {
        Config::parse_with(path, octets, &|_| {
            Err("files are not read here; write `secret` instead".to_owned())
        })
    }

    fn parse_with(path: &Path, octets: &[u8], read: ReadSecret<'_>) -> Result<Self, ConfigError> {
        let text = std::str::from_utf8(octets)
            .map_err(|error| ConfigError::not_utf8(path, octets, error.valid_up_to()))?;
        let mut config: Config =
            toml::from_str(text).map_err(|error| ConfigError::of_toml(path, text, &error))?;
        if let Some(folder) = path.parent() {
            config.rebase(folder);
        }
        config
            .check()
            .and_then(|()| config.resolve(read))
            .map_err(|(place, message)| ConfigError::at(path, text, place, message))?;
        Ok(config)
    }

    /// Checks that the files named can be read, so that the error can say where they are named.
    pub fn check_files(&self, path: &Path) -> Result<(), ConfigError> {
        for file in self.files() {
            files::open(file.get_ref())
                .map_err(|error| self.error_of(path, file.get_ref(), chain(&error)))?;
        }
        Ok(())
    }

    /// The key of a name, or that there is none.
    pub fn key(&self, name: &str) -> Result<Key, String> {
        let name = KeyName::try_from(name.to_owned())?;
        secrets::find_key(&self.keys, &name).cloned()
    }

    /// The way to speak TLS of a name, or that there is none.
    pub fn tls(&self, name: &str) -> Result<Arc<Tls>, String> {
        secrets::find_tls(&self.tls, name)
    }

    /// Whether secrets stand in the configuration at `path`, and every user can read it.
    pub fn bares_secrets(&self, path: &Path) -> bool {
        self.written_keys.iter().any(WrittenKey::is_inline) && is_public(path).unwrap_or(false)
    }

    /// What no single value can tell. The error has the offset of its place.
    fn check(&mut self) -> Result<(), Mistake> {
        if let Some(listen) = &self.node.listen {
            self.node.addresses = addresses(listen)?;
        }
        let mut names = HashSet::new();
        for zone in &self.zones {
            let ZoneName(name) = zone.name.get_ref();
            if !names.insert(name) {
                let message = format!(
                    "zone `{}` is configured twice; keep one of the two",
                    name.fmt_with_dot()
                );
                return Err((zone.name.span().start, message));
            }
        }
        match self.zones.get(limits::ZONES_MAX) {
            None => Ok(()),
            Some(zone) => {
                let most = limits::ZONES_MAX;
                let message = format!("more than {most} zones; this is the limit of one server");
                Err((zone.name.span().start, message))
            }
        }
    }

    /// Looks names up and reads secrets.
    fn resolve(&mut self, read: ReadSecret<'_>) -> Result<(), Mistake> {
        self.keys = secrets::keys(&self.written_keys, read)?;
        self.tls = secrets::tls(&self.written_tls)?;
        self.transfer = Transfer::resolve(&self.written_transfer, &self.node.addresses)?;
        self.defence = Defence::resolve(
            &self.written_limit,
            &self.written_cookies,
            &self.written_access,
        )?;
        if let Some(written) = &self.written_encrypted {
            let transfers = self.transfer.tls.as_ref();
            let taken = Taken {
                node: &self.node.addresses,
                transfers: transfers.map_or(&[], |listener| &listener.listen),
            };
            self.encrypted = Some(Encrypted::resolve(written, &taken)?);
        }
        if let Some(written) = &self.written_metrics {
            let tls = self.transfer.tls.as_ref();
            let encrypted = self.encrypted.as_ref();
            let taken = [
                ("node", self.node.addresses.as_slice()),
                ("transfer.tls", tls.map_or(&[][..], |tls| &tls.listen)),
                ("encrypted", encrypted.map_or(&[][..], |all| &all.tls)),
            ];
            self.metrics = Some(Metrics::resolve(written, &taken)?);
        }
        self.resolve_anycast()?;
        self.resolve_site()?;
        self.captures = Capture::resolve(&self.written_captures)?;
        self.statistics.check(self.node.state.is_some())?;
        let known = Known {
            keys: &self.keys,
            tls: &self.tls,
            listens_for_tls: self.transfer.tls.is_some(),
        };
        for zone in &mut self.zones {
            zone.transfers = Transfers::resolve(zone, &known)?;
        }
        Ok(())
    }
}

/// The addresses of `listen`. The error has the offset of its place.
fn addresses(listen: &Spanned<Vec<Spanned<String>>>) -> Result<Vec<SocketAddr>, Mistake> {
    let at_list = |message: String| Err((listen.span().start, message));
    let listed = listen.get_ref();
    if listed.is_empty() {
        let message = "`listen` is empty; name an address and port, such as \"192.0.2.1:53\"";
        return at_list(message.to_owned());
    }
    if listed.len() > limits::LISTEN_MAX {
        let most = limits::LISTEN_MAX;
        return at_list(format!(
            "more than {most} addresses; this is the limit of one server"
        ));
    }
    let mut addresses: Vec<SocketAddr> = Vec::with_capacity(listed.len());
    for text in listed {
        let at_text = |message: String| Err((text.span().start, message));
        let text = text.get_ref();
        let address = match address(text) {
            Ok(address) => address,
            Err(message) => return at_text(message),
        };
        // Port 0 lets the system choose, each time anew.
        if address.port() != 0 && addresses.contains(&address) {
            return at_text(format!("`{address}` is listed twice; keep one of the two"));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

/// An address and port to listen on, as an operator writes it.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not an address and port; write it as 192.0.2.1:53 or [2001:db8::1]:53")
    })
}

#[cfg(test)]
mod tests;
