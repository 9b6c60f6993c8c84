//! The files of the store, first version.
//!
//! ```text
//! imrs zone copy v1 LF                         what it is
//! {"generation":12,"zone":"example.",…} LF     facts, JSON on one line
//! payload                                      records in uncompressed wire form
//! 48 octets                                    SHA-384 over everything before
//! ```
//!
//! A difference has the records removed and then those added as its payload; the confirmation has
//! none. Nothing here is one of our own types: they are converted into, so that these can stay as
//! they are when those change.

use super::error::Reason;
use super::{Confirmed, Facts, Generation, Header, Link};
use bytes::Bytes;
use imrs_wire::Serial;
use imrs_zone::difference::Difference;
use imrs_zone::packed::{Packed, pack};
use imrs_zone::record::UnixTime;
use ring::digest::{SHA384, SHA384_OUTPUT_LEN, digest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A copy as octets.
pub(super) fn write_copy(generation: Generation, zone: &Packed, facts: &Facts) -> Vec<u8> {
    let meta = CopyMeta {
        generation: generation.0,
        zone: zone.apex().fmt_with_dot().to_string(),
        serial: zone.serial().0,
        source: facts.source.clone(),
        fetched_at: facts.fetched_at.0,
        proven_at: facts.proven_at.0,
        expires: facts.expires.map(|time| time.0),
        verdicts: facts.verdicts.clone(),
        octets: zone.octets().len() as u64,
    };
    seal(&meta, &[zone.octets()])
}

/// The facts of a copy, the zone that it says it is of, and its records.
pub(super) fn read_copy(octets: &Bytes) -> Result<(Header, String, Bytes), Reason> {
    let (meta, payload) = unseal::<CopyMeta>(octets)?;
    let header = Header {
        generation: Generation(meta.generation),
        serial: Serial(meta.serial),
        facts: Facts {
            source: meta.source,
            fetched_at: UnixTime(meta.fetched_at),
            proven_at: UnixTime(meta.proven_at),
            expires: meta.expires.map(UnixTime),
            verdicts: meta.verdicts,
        },
        zone_octets: meta.octets,
        file_octets: octets.len() as u64,
    };
    Ok((header, meta.zone, payload))
}

/// A difference as octets, and as the store keeps it in memory.
pub(super) fn write_difference(
    generation: Generation,
    base: Generation,
    zone: &Packed,
    difference: &Difference,
) -> (Vec<u8>, Link) {
    let removed = Bytes::from(pack(&difference.removed));
    let added = Bytes::from(pack(&difference.added));
    let meta = DifferenceMeta {
        generation: generation.0,
        base: base.0,
        zone: zone.apex().fmt_with_dot().to_string(),
        from: difference.from.0,
        to: difference.to.0,
        removed: removed.len() as u64,
        added: added.len() as u64,
    };
    let octets = seal(&meta, &[&removed, &added]);
    let link = Link {
        generation,
        base,
        from: difference.from,
        to: difference.to,
        removed,
        added,
        file_octets: octets.len() as u64,
    };
    (octets, link)
}

/// A difference and the zone that it says it is of.
pub(super) fn read_difference(octets: &Bytes) -> Result<(Link, String), Reason> {
    let (meta, payload) = unseal::<DifferenceMeta>(octets)?;
    let unfit = |what: &str| Reason::Unfit { what: what.into() };
    if meta.base >= meta.generation {
        return Err(unfit("it leads back in time"));
    }
    let at = usize::try_from(meta.removed)
        .ok()
        .filter(|&at| at <= payload.len())
        .ok_or_else(|| unfit("more records are removed than are there"))?;
    let link = Link {
        generation: Generation(meta.generation),
        base: Generation(meta.base),
        from: Serial(meta.from),
        to: Serial(meta.to),
        removed: payload.slice(..at),
        added: payload.slice(at..),
        file_octets: octets.len() as u64,
    };
    Ok((link, meta.zone))
}

/// A confirmation as octets.
pub(super) fn write_confirmed(confirmed: Confirmed) -> Vec<u8> {
    let meta = ConfirmedMeta {
        serial: confirmed.serial.0,
        at: confirmed.at.0,
    };
    seal(&meta, &[])
}

/// A confirmation.
pub(super) fn read_confirmed(octets: &Bytes) -> Result<Confirmed, Reason> {
    let (meta, _) = unseal::<ConfirmedMeta>(octets)?;
    Ok(Confirmed {
        serial: Serial(meta.serial),
        at: UnixTime(meta.at),
    })
}

/// Times are in seconds since 1970.
#[derive(Serialize, Deserialize)]
struct CopyMeta {
    generation: u64,
    zone: String,
    serial: u32,
    source: String,
    fetched_at: u64,
    proven_at: u64,
    expires: Option<u64>,
    verdicts: Vec<String>,
    octets: u64,
}

/// `removed` and `added` are octets of the payload.
#[derive(Serialize, Deserialize)]
struct DifferenceMeta {
    generation: u64,
    base: u64,
    zone: String,
    from: u32,
    to: u32,
    removed: u64,
    added: u64,
}

#[derive(Serialize, Deserialize)]
struct ConfirmedMeta {
    serial: u32,
    at: u64,
}

trait Meta: Serialize + DeserializeOwned {
    /// The first line.
    const MAGIC: &'static str;

    /// Octets of the payload.
    fn payload_octets(&self) -> u64;
}

impl Meta for CopyMeta {
    const MAGIC: &'static str = "imrs zone copy v1";

    fn payload_octets(&self) -> u64 {
        self.octets
    }
}

impl Meta for DifferenceMeta {
    const MAGIC: &'static str = "imrs zone difference v1";

    fn payload_octets(&self) -> u64 {
        self.removed.saturating_add(self.added)
    }
}

impl Meta for ConfirmedMeta {
    const MAGIC: &'static str = "imrs zone confirmed v1";

    fn payload_octets(&self) -> u64 {
        0
    }
}

fn seal<M: Meta>(meta: &M, payload: &[&[u8]]) -> Vec<u8> {
    let line = serde_json::to_string(meta).expect("strings and numbers have a JSON form");
    let length: usize = payload.iter().map(|part| part.len()).sum();
    let mut octets =
        Vec::with_capacity(M::MAGIC.len() + line.len() + 2 + length + SHA384_OUTPUT_LEN);
    octets.extend_from_slice(M::MAGIC.as_bytes());
    octets.push(b'\n');
    octets.extend_from_slice(line.as_bytes());
    octets.push(b'\n');
    for part in payload {
        octets.extend_from_slice(part);
    }
    let sum = digest(&SHA384, &octets);
    octets.extend_from_slice(sum.as_ref());
    octets
}

/// Nothing of the content is believed before the digest was compared, but for the length that it
/// promises, which tells a torn file from a corrupted one.
fn unseal<M: Meta>(octets: &Bytes) -> Result<(M, Bytes), Reason> {
    let (first, rest) = split_line(octets);
    if first != M::MAGIC.as_bytes() {
        return Err(other_magic::<M>(first, octets));
    }
    let (line, _) = split_line(rest);
    let meta = serde_json::from_slice::<M>(line);
    let start = first.len() + line.len() + 2;
    if !is_sealed(octets) {
        let present = octets.len() as u64;
        return Err(match meta {
            Ok(meta) if present < file_octets(start, &meta) => Reason::Torn {
                present,
                expected: file_octets(start, &meta),
            },
            _ => Reason::Corrupted,
        });
    }
    let unfit = |what: String| Reason::Unfit { what };
    let meta =
        meta.map_err(|error| unfit(format!("its second line is not understood: {error}")))?;
    let end = octets.len() - SHA384_OUTPUT_LEN;
    if start > end || (end - start) as u64 != meta.payload_octets() {
        return Err(unfit("its length is not what it promises".into()));
    }
    Ok((meta, octets.slice(start..end)))
}

/// Octets of the whole file, of which `start` are ahead of the payload.
fn file_octets<M: Meta>(start: usize, meta: &M) -> u64 {
    (start as u64)
        .saturating_add(meta.payload_octets())
        .saturating_add(SHA384_OUTPUT_LEN as u64)
}

/// A damaged digit of the version looks like another version; such a file is left alone, which
/// does no harm.
fn other_magic<M: Meta>(first: &[u8], octets: &[u8]) -> Reason {
    if M::MAGIC.as_bytes().starts_with(first) {
        let expected = (M::MAGIC.len() + SHA384_OUTPUT_LEN + 2) as u64;
        let present = octets.len() as u64;
        return Reason::Torn { present, expected };
    }
    let (family, _) = M::MAGIC
        .rsplit_once(" v")
        .expect("each magic names a version");
    let version = first
        .strip_prefix(family.as_bytes())
        .and_then(|rest| rest.strip_prefix(b" v"));
    match version {
        Some(digits) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            Reason::OtherVersion {
                found: String::from_utf8_lossy(first).into_owned(),
            }
        }
        _ => Reason::Corrupted,
    }
}

fn is_sealed(octets: &[u8]) -> bool {
    octets
        .len()
        .checked_sub(SHA384_OUTPUT_LEN)
        .is_some_and(|at| {
            let (content, sum) = octets.split_at(at);
            digest(&SHA384, content).as_ref() == sum
        })
}

/// The octets before the first line feed and those after it.
fn split_line(octets: &[u8]) -> (&[u8], &[u8]) {
    match octets.iter().position(|&octet| octet == b'\n') {
        Some(at) => (&octets[..at], &octets[at + 1..]),
        None => (octets, &[]),
    }
}
