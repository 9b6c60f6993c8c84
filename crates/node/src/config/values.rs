//! The kinds of value of a configuration. Each is checked where it is read, so that an error has
//! its place.

use crate::limits::TEXT_MAX;
use imrs_zone::Name;
use imrs_zone::verify::Demand;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use zeroize::Zeroize;

/// A whole number within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub struct Limited<const MIN: u64, const MAX: u64>(pub u64);

impl<const MIN: u64, const MAX: u64> TryFrom<i64> for Limited<MIN, MAX> {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        match u64::try_from(number) {
            Ok(number) if (MIN..=MAX).contains(&number) => Ok(Limited(number)),
            _ => Err(format!(
                "{number} is out of range; it may be {MIN} to {MAX}"
            )),
        }
    }
}

/// A text that the server tells about itself: one character-string (RFC 1035 section 3.3).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Told(pub String);

impl TryFrom<String> for Told {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.len() {
            0 => Err("the text is empty; leave the key out to tell nothing".to_owned()),
            octets if octets > TEXT_MAX => Err(format!(
                "the text has {octets} octets; it may have {TEXT_MAX}"
            )),
            _ => Ok(Told(text)),
        }
    }
}

/// The name of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ZoneName(pub Name);

impl TryFrom<String> for ZoneName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the name of the zone is empty; the root is \".\"".to_owned());
        }
        text.parse()
            .map(ZoneName)
            .map_err(|error| format!("`{text}` is not a domain name: {error}"))
    }
}

/// What is asked of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Check(pub Demand);

impl TryFrom<String> for Check {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "require" => Ok(Check(Demand::Require)),
            "warn" => Ok(Check(Demand::Warn)),
            "off" => Ok(Check(Demand::Off)),
            _ => Err(format!("`{text}` is not one of `require`, `warn`, `off`")),
        }
    }
}

/// The name of a key, which both sides know it by.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct KeyName(pub(super) Name);

impl TryFrom<String> for KeyName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse::<Name>() {
            Ok(name) if !name.is_root() => Ok(KeyName(name)),
            Ok(_) => Err("a key has a name of its own, such as \"xfr-key\"".to_owned()),
            Err(error) => Err(format!(
                "`{text}` is not a domain name, as keys have: {error}"
            )),
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A secret as written. Shown, it stays one; dropped, it is overwritten.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(pub(super) String);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// One of a list: its first value alone, or a table of all its values.
#[derive(Clone, Debug)]
pub(super) enum Listed<T> {
    /// Written as a string.
    Alone(String),
    /// Written as a table.
    Table(T),
}

/// What may be written as a string or as a table.
pub(super) trait Described {
    /// How it is written, for whoever wrote it otherwise.
    const FORM: &'static str;
}

impl<'de, T: Deserialize<'de> + Described> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListedVisitor(PhantomData))
    }
}

struct ListedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Described> Visitor<'de> for ListedVisitor<T> {
    type Value = Listed<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::FORM)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Listed::Alone(text.to_owned()))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Listed::Table)
    }
}

/// Port of DNS (RFC 1035 section 4.2).
pub(super) const PORT: u16 = 53;

/// Port of DNS over TLS (RFC 7858 section 3.1, RFC 9103 section 7.3).
pub(super) const TLS_PORT: u16 = 853;

/// The address of a server, with the port that is meant where none is written.
pub(super) fn address_or(text: &str, port: u16) -> Result<SocketAddr, String> {
    let address = text
        .parse()
        .or_else(|_| text.parse().map(|ip: IpAddr| SocketAddr::new(ip, port)))
        .map_err(|_| {
            format!(
                "`{text}` is not an address; write it as 192.0.2.53, 192.0.2.53:{port} or \
                 [2001:db8::53]:{port}"
            )
        })?;
    if address.port() == 0 {
        return Err(format!(
            "`{text}` has port 0, where no server is; write :{port}"
        ));
    }
    Ok(address)
}

/// The address of a server that is to be reached, which an unspecified one or a group is not.
pub(super) fn server_or(text: &str, port: u16) -> Result<SocketAddr, String> {
    let address = address_or(text, port)?;
    let canonical = address.ip().to_canonical();
    if canonical != address.ip() {
        return Err(format!(
            "`{text}` is an IPv4 address; write it as {canonical}"
        ));
    }
    if address.ip().is_unspecified() || address.ip().is_multicast() {
        return Err(format!("`{text}` is not the address of one server"));
    }
    Ok(address)
}
