//! `[[neighbor]]`: a router that is told of the prefixes.

use super::prefix::{Prefix, check_asn, is_unicast};
use super::secrets::read_secret;
use super::values::Limited;
use super::{Config, ConfigError, Mistake};
use crate::limits::{BGP_PASSWORD_OCTETS_MAX, NEIGHBOR_NAME_MAX, NEIGHBORS_MAX};
use imrs_fleet::anycast::Scope;
use imrs_wire::Family;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;
use zeroize::Zeroizing;

/// A router that is told of the prefixes of its family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbor {
    /// What operators call it: lower-case letters, digits and dashes.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its AS number.
    pub asn: u32,
    /// The address that the session comes from; the system chooses when absent.
    pub source: Option<IpAddr>,
    /// File of the password of TCP MD5 (RFC 2385).
    pub password_file: Option<PathBuf>,
    /// Time between two messages of BFD, three of which may be missing; none without BFD.
    pub bfd: Option<Duration>,
    /// Hops that it may be away; it is on the same link when absent.
    pub multihop: Option<u8>,
    /// How often our AS number is put ahead of the path once more.
    pub prepend: u8,
    /// How far the prefixes may travel.
    pub scope: Scope,
}

/// `[[neighbor]]`, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenNeighbor {
    name: Spanned<String>,
    address: Spanned<String>,
    asn: Spanned<u32>,
    source: Option<Spanned<String>>,
    password_file: Option<Spanned<PathBuf>>,
    bfd: Option<bool>,
    bfd_milliseconds: Option<Spanned<Limited<10, 10_000>>>,
    multihop: Option<Limited<2, 255>>,
    prepend: Option<Limited<0, 10>>,
    scope: Option<WrittenScope>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenScope {
    Global,
    NoExport,
    NoAdvertise,
}

/// A password of TCP MD5, which BIRD is given in quotes.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

/// The passwords of neighbors, by their names.
pub type Passwords = BTreeMap<String, Password>;

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl Password {
    /// One that nobody can guess: 128 bits.
    pub(crate) fn random() -> Self {
        let bits: u128 = rand::random();
        Password(Zeroizing::new(format!("{bits:032x}")))
    }

    /// What stands in its place where others read.
    pub(crate) fn hidden() -> Self {
        Password(Zeroizing::new("(hidden)".to_owned()))
    }

    /// The first line of a text, if it can be a password.
    pub fn new(text: &str) -> Result<Self, String> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let is_good = |octet: u8| octet.is_ascii_graphic() && octet != b'"';
        let length = line.len();
        if (1..=BGP_PASSWORD_OCTETS_MAX).contains(&length) && line.bytes().all(is_good) {
            return Ok(Password(Zeroizing::new(line.to_owned())));
        }
        Err(format!(
            "the password of a BGP session is one line of 1 to {BGP_PASSWORD_OCTETS_MAX} letters, \
             digits and signs but `\"`"
        ))
    }

    /// The password itself.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

/// What is ours, which no neighbor can have.
pub(super) struct Own<'a> {
    pub(super) addresses: &'a [IpAddr],
    pub(super) prefixes: &'a [Prefix],
    pub(super) listen: &'a [SocketAddr],
}

impl Neighbor {
    /// The family of its address, of which prefixes go to it.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.address)
    }
}

impl WrittenNeighbor {
    /// The file of its password, if it has one.
    pub(super) fn file(&self) -> Option<&Spanned<PathBuf>> {
        self.password_file.as_ref()
    }

    /// The same, to be changed.
    pub(super) fn file_mut(&mut self) -> Option<&mut PathBuf> {
        self.password_file.as_mut().map(Spanned::get_mut)
    }

    fn resolve(&self, own: &Own<'_>) -> Result<Neighbor, Mistake> {
        let at = |place: usize| move |message: String| (place, message);
        let name = name(self.name.get_ref()).map_err(at(self.name.span().start))?;
        check_asn(*self.asn.get_ref()).map_err(at(self.asn.span().start))?;
        let address = self.address(own).map_err(at(self.address.span().start))?;
        let source = match &self.source {
            None => None,
            Some(text) => {
                Some(source(text.get_ref(), address, own).map_err(at(text.span().start))?)
            }
        };
        if let (Some(false), Some(time)) = (self.bfd, &self.bfd_milliseconds) {
            let message = "`bfd = false` says that there is no BFD; leave one of the two out";
            return Err((time.span().start, message.to_owned()));
        }
        let bfd = match self.bfd {
            Some(false) => None,
            _ => {
                let time = self.bfd_milliseconds.as_ref();
                let time = time.map_or(50, |time| time.get_ref().0);
                Some(Duration::from_millis(time))
            }
        };
        // The ranges above are within an octet.
        let octet = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
        Ok(Neighbor {
            name,
            address,
            asn: *self.asn.get_ref(),
            source,
            password_file: self.file().map(|file| file.get_ref().clone()),
            bfd,
            multihop: self.multihop.map(|Limited(hops)| octet(hops)),
            prepend: self.prepend.map_or(0, |Limited(times)| octet(times)),
            scope: match self.scope {
                None | Some(WrittenScope::Global) => Scope::Global,
                Some(WrittenScope::NoExport) => Scope::NoExport,
                Some(WrittenScope::NoAdvertise) => Scope::NoAdvertise,
            },
        })
    }

    fn address(&self, own: &Own<'_>) -> Result<IpAddr, String> {
        let text = self.address.get_ref();
        let address: IpAddr = text.parse().map_err(|_| {
            format!("`{text}` is not an address; write it as 203.0.113.1 or 2001:db8::1")
        })?;
        if !is_unicast(address) {
            return Err(format!(
                "`{address}` is not an address that a session can be had with; write the router's \
                 own global one"
            ));
        }
        if own.addresses.contains(&address) {
            return Err(format!(
                "`{address}` is a service address of ours; write the router's"
            ));
        }
        if own.listen.iter().any(|socket| socket.ip() == address) {
            return Err(format!(
                "`{address}` is an address of this node; write the router's"
            ));
        }
        let family = Family::of(address);
        if !own.prefixes.iter().any(|prefix| prefix.family() == family) {
            return Err(format!(
                "there is no {family} prefix to tell `{address}` of; add one to `prefixes` in \
                 [anycast], or leave the neighbor out"
            ));
        }
        Ok(address)
    }
}

fn name(text: &str) -> Result<String, String> {
    let is_good = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
    if begins && text.len() <= NEIGHBOR_NAME_MAX && text.bytes().all(is_good) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is not a name; write up to {NEIGHBOR_NAME_MAX} lower-case letters, digits and \
         dashes, a letter first"
    ))
}

fn source(text: &str, neighbor: IpAddr, own: &Own<'_>) -> Result<IpAddr, String> {
    let address: IpAddr = text
        .parse()
        .map_err(|_| format!("`{text}` is not an address; write one of this node"))?;
    if Family::of(address) != Family::of(neighbor) {
        return Err(format!(
            "`{address}` cannot reach `{neighbor}`, which is of the other family"
        ));
    }
    if address == neighbor || !is_unicast(address) {
        return Err(format!("`{address}` is not an address of this node"));
    }
    if own.addresses.contains(&address) {
        return Err(format!(
            "`{address}` is a service address, which other nodes have too; write this node's own"
        ));
    }
    Ok(address)
}

/// The neighbors as written, checked.
pub(super) fn neighbors(
    written: &[Spanned<WrittenNeighbor>],
    own: &Own<'_>,
) -> Result<Vec<Neighbor>, Mistake> {
    let mut neighbors: Vec<Neighbor> = Vec::with_capacity(written.len());
    for table in written {
        if neighbors.len() == NEIGHBORS_MAX {
            let message = super::lists::too_many(NEIGHBORS_MAX, "neighbors");
            return Err((table.span().start, message));
        }
        let table = table.get_ref();
        let neighbor = table.resolve(own)?;
        if let Some(other) = neighbors.iter().find(|other| other.name == neighbor.name) {
            let message = format!(
                "neighbor `{}` is there twice; keep one of the two",
                other.name
            );
            return Err((table.name.span().start, message));
        }
        if let Some(other) = { neighbors.iter() }.find(|other| other.address == neighbor.address) {
            let message = format!(
                "`{}` is the address of neighbor `{}` already; keep one of the two",
                other.address, other.name
            );
            return Err((table.address.span().start, message));
        }
        neighbors.push(neighbor);
    }
    Ok(neighbors)
}

impl Config {
    /// Reads the passwords of neighbors, which only who configures BIRD needs.
    pub fn read_passwords(&self, path: &Path) -> Result<Passwords, ConfigError> {
        let mut passwords = Passwords::new();
        for neighbor in self.written_neighbors.iter().map(Spanned::get_ref) {
            let Some(file) = neighbor.file() else {
                continue;
            };
            let password = read_secret(file.get_ref())
                .map(Zeroizing::new)
                .and_then(|octets| {
                    Password::new(std::str::from_utf8(&octets).unwrap_or_default())
                        .map_err(|message| format!("{}: {message}", file.get_ref().display()))
                })
                .map_err(|message| {
                    let text = std::fs::read_to_string(path).unwrap_or_default();
                    ConfigError::at(path, &text, file.span().start, message)
                })?;
            passwords.insert(neighbor.name.get_ref().clone(), password);
        }
        Ok(passwords)
    }
}
