//! Reads C-DNS by what RFC 8618 says, and by nothing of the writer: strictly, so that a key, a type
//! or an index that the RFC does not have is an error.

use anyhow::{Context, Result, bail, ensure};
use ciborium::Value;
use std::collections::BTreeMap;

/// A whole file.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) private_version: Option<u64>,
    pub(crate) parameters: Vec<Parameters>,
    pub(crate) blocks: Vec<Block>,
}

/// `BlockParameters` (section 7.3.1.1).
#[derive(Debug)]
pub(crate) struct Parameters {
    pub(crate) ticks_per_second: u64,
    pub(crate) max_block_items: u64,
    /// Of items, signatures, records and other data.
    pub(crate) hints: [u64; 4],
    pub(crate) opcodes: Vec<u64>,
    pub(crate) rr_types: Vec<u64>,
    pub(crate) storage_flags: u64,
    pub(crate) sampling: Option<String>,
    pub(crate) anonymisation: Option<String>,
    pub(crate) servers: Vec<Vec<u8>>,
    pub(crate) generator: Option<String>,
    pub(crate) host: Option<String>,
}

/// `Block` (section 7.3.2).
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) statistics: BTreeMap<i128, u64>,
    pub(crate) items: Vec<Item>,
}

/// `QueryResponse` with its signature (sections 7.3.2.3.2 and 7.3.2.4).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Item {
    /// Ticks of Unix time.
    pub(crate) at: Option<u64>,
    pub(crate) client: Option<Vec<u8>>,
    pub(crate) client_port: Option<u64>,
    pub(crate) id: Option<u64>,
    pub(crate) hoplimit: Option<u64>,
    pub(crate) delay: Option<i128>,
    pub(crate) qname: Option<Vec<u8>>,
    pub(crate) query_size: Option<u64>,
    pub(crate) response_size: Option<u64>,
    pub(crate) signature: Signature,
}

/// `QueryResponseSignature`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) server: Option<Vec<u8>>,
    pub(crate) server_port: Option<u64>,
    pub(crate) transport_flags: Option<u64>,
    pub(crate) kind: Option<u64>,
    pub(crate) flags: Option<u64>,
    pub(crate) opcode: Option<u64>,
    pub(crate) dns_flags: Option<u64>,
    pub(crate) query_rcode: Option<u64>,
    /// Type and class.
    pub(crate) classtype: Option<(u64, u64)>,
    pub(crate) counts: [Option<u64>; 4],
    pub(crate) edns_version: Option<u64>,
    pub(crate) udp_size: Option<u64>,
    pub(crate) opt_rdata: Option<Vec<u8>>,
    pub(crate) response_rcode: Option<u64>,
}

/// Reads a file to its end.
pub(crate) fn decode(octets: &[u8]) -> Result<File> {
    let mut rest = octets;
    let value: Value = ciborium::from_reader(&mut rest).context("no CBOR")?;
    ensure!(rest.is_empty(), "{} octets behind the file", rest.len());
    let [kind, preamble, blocks] = array(value)?
        .try_into()
        .ok()
        .context("a file has three parts")?;
    ensure!(kind.as_text() == Some("C-DNS"), "no C-DNS");
    let mut preamble = Map::new(preamble, 0..=3)?;
    ensure!(preamble.uint(0)? == Some(1), "major version");
    let _minor = preamble.uint(1)?.context("no minor version")?;
    let private_version = preamble.uint(2)?;
    let parameters: Vec<Parameters> = each(preamble.need(3)?, parameters)?;
    ensure!(!parameters.is_empty(), "no block parameters");
    let blocks = array(blocks)?;
    let blocks = blocks.into_iter().map(|value| block(value, &parameters));
    let blocks = blocks.collect::<Result<_>>()?;
    Ok(File {
        private_version,
        parameters,
        blocks,
    })
}

fn parameters(value: Value) -> Result<Parameters> {
    let mut both = Map::new(value, 0..=1)?;
    let mut storage = Map::new(both.need(0)?, 0..=11)?;
    let mut hints = Map::new(storage.need(2)?, 0..=3)?;
    let hints = [0, 1, 2, 3].map(|key| hints.uint(key).ok().flatten());
    let empty = Value::Map(Vec::new());
    let mut collection = Map::new(both.take(1).unwrap_or(empty), 0..=9)?;
    let servers = collection
        .take(5)
        .map_or(Ok(Vec::new()), |v| each(v, bytes))?;
    Ok(Parameters {
        ticks_per_second: storage.uint(0)?.context("no ticks-per-second")?,
        max_block_items: storage.uint(1)?.context("no max-block-items")?,
        hints: [
            hints[0].context("no hints of items")?,
            hints[1].context("no hints of signatures")?,
            hints[2].context("no hints of records")?,
            hints[3].context("no hints of other data")?,
        ],
        opcodes: each(storage.need(3)?, uint)?,
        rr_types: each(storage.need(4)?, uint)?,
        storage_flags: storage.uint(5)?.unwrap_or(0),
        sampling: storage.text(10)?,
        anonymisation: storage.text(11)?,
        servers,
        generator: collection.text(8)?,
        host: collection.text(9)?,
    })
}

fn block(value: Value, parameters: &[Parameters]) -> Result<Block> {
    let mut block = Map::new(value, 0..=5)?;
    let mut preamble = Map::new(block.need(0)?, 0..=1)?;
    let number = preamble.uint(1)?.unwrap_or(0);
    let parameters = parameters
        .get(number as usize)
        .context("no such block parameters")?;
    let earliest = preamble
        .take(0)
        .map(|value| each(value, uint))
        .transpose()?;
    let earliest = match earliest.as_deref() {
        None => None,
        Some([seconds, ticks]) if *ticks < parameters.ticks_per_second => {
            Some(seconds * parameters.ticks_per_second + ticks)
        }
        Some(_) => bail!("earliest-time is no timestamp"),
    };
    let statistics = match block.take(1) {
        None => BTreeMap::new(),
        Some(value) => {
            let map = Map::new(value, 0..=5)?;
            let pairs = map.0.into_iter();
            pairs
                .map(|(key, value)| Ok((key, uint(value)?)))
                .collect::<Result<_>>()?
        }
    };
    let tables = Tables::new(block.take(2).unwrap_or(Value::Map(Vec::new())))?;
    let items = match block.take(3) {
        None => Vec::new(),
        Some(items) => filled(items)?
            .into_iter()
            .map(|value| item(value, earliest, &tables))
            .collect::<Result<_>>()?,
    };
    ensure!(
        items.len() as u64 <= parameters.max_block_items,
        "too many items"
    );
    Ok(Block { statistics, items })
}

/// The tables that items refer to.
struct Tables {
    addresses: Vec<Vec<u8>>,
    names: Vec<Vec<u8>>,
    signatures: Vec<Signature>,
}

impl Tables {
    fn new(value: Value) -> Result<Tables> {
        let mut tables = Map::new(value, 0..=8)?;
        let addresses: Vec<Vec<u8>> = tables.table(0, bytes)?;
        for address in &addresses {
            ensure!(
                address.len() <= 16,
                "an address of {} octets",
                address.len()
            );
        }
        let classtypes = tables.table(1, |value| {
            let mut map = Map::new(value, 0..=1)?;
            let rtype = map.uint(0)?.context("no type")?;
            Ok((rtype, map.uint(1)?.context("no class")?))
        })?;
        let names = tables.table(2, bytes)?;
        let signatures =
            tables.table(3, |value| signature(value, &addresses, &classtypes, &names))?;
        Ok(Tables {
            addresses,
            names,
            signatures,
        })
    }
}

fn signature(
    value: Value,
    addresses: &[Vec<u8>],
    classtypes: &[(u64, u64)],
    names: &[Vec<u8>],
) -> Result<Signature> {
    let mut map = Map::new(value, 0..=16)?;
    Ok(Signature {
        server: map.entry(0, addresses)?,
        server_port: map.uint(1)?,
        transport_flags: map.uint(2)?,
        kind: map.uint(3)?,
        flags: map.uint(4)?,
        opcode: map.uint(5)?,
        dns_flags: map.uint(6)?,
        query_rcode: map.uint(7)?,
        classtype: map.entry(8, classtypes)?,
        counts: [map.uint(9)?, map.uint(10)?, map.uint(11)?, map.uint(12)?],
        edns_version: map.uint(13)?,
        udp_size: map.uint(14)?,
        opt_rdata: map.entry(15, names)?,
        response_rcode: map.uint(16)?,
    })
}

fn item(value: Value, earliest: Option<u64>, tables: &Tables) -> Result<Item> {
    let mut map = Map::new(value, 0..=12)?;
    let at = match map.uint(0)? {
        None => None,
        Some(offset) => Some(earliest.context("an offset from no time")? + offset),
    };
    Ok(Item {
        at,
        client: map.entry(1, &tables.addresses)?,
        client_port: map.uint(2)?,
        id: map.uint(3)?,
        signature: map.entry(4, &tables.signatures)?.unwrap_or_default(),
        hoplimit: map.uint(5)?,
        delay: map.take(6).map(integer).transpose()?,
        qname: map.entry(7, &tables.names)?,
        query_size: map.uint(8)?,
        response_size: map.uint(9)?,
    })
}

/// A map with integers as keys, each once; those below 0 are anybody's own.
struct Map(BTreeMap<i128, Value>);

impl Map {
    fn new(value: Value, known: std::ops::RangeInclusive<i128>) -> Result<Map> {
        let Value::Map(pairs) = value else {
            bail!("{value:?} is no map");
        };
        let mut map = BTreeMap::new();
        for (key, value) in pairs {
            let key = integer(key)?;
            ensure!(key < 0 || known.contains(&key), "key {key} is unknown");
            ensure!(map.insert(key, value).is_none(), "key {key} is there twice");
        }
        Ok(Map(map))
    }

    fn take(&mut self, key: i128) -> Option<Value> {
        self.0.remove(&key)
    }

    fn need(&mut self, key: i128) -> Result<Value> {
        self.take(key).with_context(|| format!("no key {key}"))
    }

    fn uint(&mut self, key: i128) -> Result<Option<u64>> {
        self.take(key).map(uint).transpose()
    }

    fn text(&mut self, key: i128) -> Result<Option<String>> {
        let text = |value: Value| value.into_text().ok().context("no text");
        self.take(key).map(text).transpose()
    }

    /// What the index of this key leads to.
    fn entry<T: Clone>(&mut self, key: i128, table: &[T]) -> Result<Option<T>> {
        let Some(index) = self.uint(key)? else {
            return Ok(None);
        };
        let entry = table.get(index as usize).cloned();
        Ok(Some(entry.with_context(|| {
            format!("key {key}: index {index} of {}", table.len())
        })?))
    }

    fn table<T>(&mut self, key: i128, read: impl Fn(Value) -> Result<T>) -> Result<Vec<T>> {
        let Some(value) = self.take(key) else {
            return Ok(Vec::new());
        };
        filled(value)?.into_iter().map(read).collect()
    }
}

fn array(value: Value) -> Result<Vec<Value>> {
    value.into_array().ok().context("no array")
}

/// An array that may not be empty.
fn filled(value: Value) -> Result<Vec<Value>> {
    let values = array(value)?;
    ensure!(!values.is_empty(), "an array is empty that may not be");
    Ok(values)
}

fn each<T>(value: Value, read: impl Fn(Value) -> Result<T>) -> Result<Vec<T>> {
    array(value)?.into_iter().map(read).collect()
}

fn bytes(value: Value) -> Result<Vec<u8>> {
    value.into_bytes().ok().context("no byte string")
}

fn integer(value: Value) -> Result<i128> {
    Ok(value.into_integer().ok().context("no integer")?.into())
}

fn uint(value: Value) -> Result<u64> {
    u64::try_from(integer(value)?).context("a number below 0")
}
