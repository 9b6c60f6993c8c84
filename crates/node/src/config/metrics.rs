//! `[metrics]`: where what is counted can be fetched, if anywhere.

use super::Mistake;
use super::encrypted::clash;
use super::lists::{check_length, twice};
use super::values::address_or;
use crate::limits::METRICS_LISTEN_MAX;
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::Spanned;

/// Where metrics can be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// By HTTP on these addresses.
    pub listen: Vec<SocketAddr>,
    /// By HTTP on this Unix socket.
    pub socket: Option<PathBuf>,
}

/// `[metrics]`, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenMetrics {
    listen: Option<Spanned<OneOrMany>>,
    pub(super) socket: Option<PathBuf>,
    beyond_loopback: Option<bool>,
}

/// The port, where only an address is written: one that no exporter in the list of Prometheus has.
pub(super) const METRICS_PORT: u16 = 9353;

impl Metrics {
    /// What the table says, checked. `taken` are addresses that DNS has by TCP, each with the table
    /// that says so.
    pub(super) fn resolve(
        written: &Spanned<WrittenMetrics>,
        taken: &[(&str, &[SocketAddr])],
    ) -> Result<Self, Mistake> {
        let table = written.get_ref();
        if table.listen.is_none() && table.socket.is_none() {
            let message = "nothing says where metrics can be fetched; add `listen = \
                           \"127.0.0.1:9353\"` or `socket = \"…\"`, or leave [metrics] out";
            return Err((written.span().start, message.to_owned()));
        }
        let mut listen = Vec::new();
        if let Some(list) = &table.listen {
            let texts = list.get_ref().spanned(list.span());
            let texts = Spanned::new(list.span(), texts);
            let hint = "name an address, such as \"127.0.0.1:9353\"";
            check_length(&texts, METRICS_LISTEN_MAX, "addresses", hint)?;
            for text in texts.get_ref() {
                let may_be_far = table.beyond_loopback == Some(true);
                listen.push(address(text, may_be_far, &listen, taken)?);
            }
        }
        Ok(Metrics {
            listen,
            socket: table.socket.clone(),
        })
    }
}

fn address(
    text: &Spanned<String>,
    may_be_far: bool,
    listed: &[SocketAddr],
    taken: &[(&str, &[SocketAddr])],
) -> Result<SocketAddr, Mistake> {
    let place = text.span().start;
    // Port 0 lets the system choose, as in `[node]`.
    let address: SocketAddr = match text.get_ref().parse() {
        Ok(address) => address,
        Err(_) => address_or(text.get_ref(), METRICS_PORT).map_err(|what| (place, what))?,
    };
    if !address.ip().is_loopback() && !may_be_far {
        let message = format!(
            "`{address}` is not loopback, and whoever reaches it reads metrics without a password; \
             write `127.0.0.1:{port}`, or `beyond-loopback = true` here if a packet filter lets \
             nobody but your Prometheus through",
            port = address.port()
        );
        return Err((place, message));
    }
    if address.port() != 0 && listed.contains(&address) {
        return Err(twice(text, address));
    }
    if let Some(other) = clash(address, listed) {
        let message = format!(
            "`{address}` and `{other}` of the same list cover each other; leave one of them out"
        );
        return Err((place, message));
    }
    for (table, others) in taken {
        if let Some(other) = clash(address, others) {
            let message =
                format!("`{address}` is where [{table}] listens, on `{other}`; write another port");
            return Err((place, message));
        }
    }
    Ok(address)
}

/// One address, or a list of them.
#[derive(Clone, Debug)]
enum OneOrMany {
    One(String),
    Many(Vec<Spanned<String>>),
}

impl OneOrMany {
    /// All of them with their places; of one that stands alone, `place`.
    fn spanned(&self, place: std::ops::Range<usize>) -> Vec<Spanned<String>> {
        match self {
            OneOrMany::One(text) => vec![Spanned::new(place, text.clone())],
            OneOrMany::Many(texts) => texts.clone(),
        }
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address such as \"127.0.0.1:9353\" or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(OneOrMany::One(text.to_owned()))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, texts: S) -> Result<Self::Value, S::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(texts)).map(OneOrMany::Many)
    }
}
