//! Tables of transfers as an operator writes them, before names are looked up.

use super::lists::List;
use super::values::{Described, KeyName, Limited};
use crate::limits::WORKERS_MAX;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::path::PathBuf;
use toml::Spanned;

/// One of `primaries`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenPrimary {
    pub(super) address: Spanned<String>,
    pub(super) key: Option<Spanned<KeyName>>,
    pub(super) tls: Option<Spanned<String>>,
    pub(super) priority: Option<Limited<0, { u16::MAX as u64 }>>,
    pub(super) weight: Option<Limited<0, { u16::MAX as u64 }>>,
}

impl Described for WrittenPrimary {
    const FORM: &'static str = "an address such as \"192.0.2.53\" or a table such as { address = \"192.0.2.53\", key = \"…\" }";
}

/// One of `notify`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenSecondary {
    pub(super) address: Spanned<String>,
    pub(super) key: Option<Spanned<KeyName>>,
}

impl Described for WrittenSecondary {
    const FORM: &'static str = WrittenPrimary::FORM;
}

/// One of `allow-transfer`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenRule {
    pub(super) from: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<KeyName>>,
    pub(super) tls: Option<Spanned<bool>>,
}

impl Described for WrittenRule {
    const FORM: &'static str = "a prefix such as \"192.0.2.0/24\" or a table such as { from = \"192.0.2.0/24\", key = \"…\" }";
}

/// One of `notify-from`: NOTIFY comes in the clear, so nothing is said of TLS.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenNotifier {
    from: Option<Spanned<String>>,
    key: Option<Spanned<KeyName>>,
}

impl Described for WrittenNotifier {
    const FORM: &'static str = WrittenRule::FORM;
}

impl From<WrittenNotifier> for WrittenRule {
    fn from(WrittenNotifier { from, key }: WrittenNotifier) -> Self {
        WrittenRule {
            from,
            key,
            tls: None,
        }
    }
}

/// `plausible`: bounds, or `false`.
#[derive(Clone, Copy, Debug)]
pub(super) enum WrittenPlausible {
    Off,
    Within(WrittenBounds),
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenBounds {
    pub(super) records: Option<Limited<0, { u32::MAX as u64 }>>,
    pub(super) delegations: Option<Limited<0, { u32::MAX as u64 }>>,
    pub(super) octets: Option<Limited<0, { u32::MAX as u64 }>>,
}

impl<'de> Deserialize<'de> for WrittenPlausible {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlausibleVisitor)
    }
}

struct PlausibleVisitor;

impl<'de> Visitor<'de> for PlausibleVisitor {
    type Value = WrittenPlausible;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bounds such as { records = 5000, delegations = 20, octets = 500000 } or false")
    }

    fn visit_bool<E: Error>(self, is_on: bool) -> Result<Self::Value, E> {
        match is_on {
            false => Ok(WrittenPlausible::Off),
            true => Err(E::custom(
                "the gate is on unless this is `false`; leave the key out, or write its bounds",
            )),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        WrittenBounds::deserialize(MapAccessDeserializer::new(map)).map(WrittenPlausible::Within)
    }
}

/// `[transfer]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenTransfer {
    pub(super) max_age_hours: Option<Limited<1, 8760>>,
    pub(super) versions: Option<Limited<1, 1000>>,
    pub(super) store_octets_limit: Option<Limited<1_048_576, 1_099_511_627_776>>,
    pub(super) outgoing_limit: Option<Limited<1, 10_000>>,
    pub(super) outgoing_octets_per_second: Option<Limited<1_000, 1_000_000_000_000>>,
    pub(super) wall_seconds: Option<Limited<1, 3600>>,
    pub(super) idle_seconds: Option<Spanned<Limited<1, 3600>>>,
    pub(super) tls: Option<WrittenListener>,
}

/// `[transfer.tls]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenListener {
    pub(super) listen: List<String>,
    pub(super) certificate: Spanned<PathBuf>,
    pub(super) private_key: Spanned<PathBuf>,
    pub(super) client_ca: Option<Spanned<PathBuf>>,
}

/// `[encrypted]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenEncrypted {
    pub(super) listen_tls: Option<List<String>>,
    pub(super) listen_quic: Option<List<String>>,
    pub(super) certificate: Spanned<PathBuf>,
    pub(super) private_key: Spanned<PathBuf>,
    pub(super) workers: Option<Limited<1, { WORKERS_MAX }>>,
    pub(super) connections: Option<Spanned<Limited<1, 65_536>>>,
    pub(super) connections_per_prefix: Option<Spanned<Limited<1, 65_536>>>,
    pub(super) new_per_second_per_prefix: Option<Limited<1, 1_000_000>>,
    pub(super) cpu_milliseconds_per_prefix: Option<Limited<1, 1000>>,
    pub(super) idle_seconds: Option<Limited<1, 600>>,
    pub(super) queries_per_connection: Option<Limited<1, 1_000_000_000>>,
    pub(super) streams_per_connection: Option<Limited<1, 1000>>,
}
