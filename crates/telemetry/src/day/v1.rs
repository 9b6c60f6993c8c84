//! Accounts as files have them, first version.
//!
//! ```text
//! imrs day v1 sealed LF     what it is; or `open` for one that is kept in case of a restart
//! payload                   postcard of AccountForm
//! 48 octets                 SHA-384 over everything before
//! ```
//!
//! It grows with the sources: about 2 octets for one of IPv4, 12 for one of IPv6. Reading refuses
//! whatever is not exactly that, so a torn or changed file is an error and never a wrong number.

use super::loads::Load;
use super::{Account, Curve, Gap, Gaps, Loads, Lost, Sealed, Why};
use crate::counts::Counts;
use crate::limits::{GAPS_MAX, SERIALS_MAX};
use crate::sources::{self, Sources};
use crate::time::Day;
use ring::digest::{SHA384, SHA384_OUTPUT_LEN, digest};
use serde::{Deserialize, Serialize};

/// Why octets are no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Corrupt {
    /// It does not begin like one: another file, another version, or open where sealed is wanted.
    #[error("it is not an account of this kind in version 1")]
    Kind,
    /// The checksum is another one.
    #[error("its checksum is wrong: it was cut or changed")]
    Checksum,
    /// The checksum is right and the form is wrong.
    #[error("its form is not that of version 1")]
    Form,
    /// The same of the sources in it.
    #[error("its sources cannot be read")]
    Sources(#[source] sources::Corrupt),
}

#[derive(Serialize, Deserialize)]
struct AccountForm<'a> {
    day: u32,
    until_s: u64,
    nodes: u32,
    counts: Counts,
    curve: Curve,
    lost: Lost,
    #[serde(borrow)]
    sources: &'a [u8],
    loads: Vec<(u32, Option<u64>, Vec<u64>)>,
    gaps: Vec<(u64, u64, u8)>,
    untold: (u64, u64),
}

impl Sealed {
    /// Its file.
    pub fn encode(&self) -> Vec<u8> {
        encode(SEALED, &self.0)
    }

    /// Reads a file. IPv6 sources beyond the budget become a sketch.
    pub fn decode(octets: &[u8], sources_octets: usize) -> Result<Sealed, Corrupt> {
        decode(SEALED, octets, sources_octets).map(Sealed)
    }
}

impl Account {
    /// A file of an account that is open.
    pub fn encode(&self) -> Vec<u8> {
        encode(OPEN, self)
    }

    /// Reads the file of an account that was open.
    pub fn decode(octets: &[u8], sources_octets: usize) -> Result<Account, Corrupt> {
        decode(OPEN, octets, sources_octets)
    }
}

fn encode(kind: &[u8], account: &Account) -> Vec<u8> {
    let sources = account.sources.encode();
    let loads = account.loads.serials().iter();
    let gaps = account.gaps.told().iter();
    let form = AccountForm {
        day: account.day.number(),
        until_s: account.until_s,
        nodes: account.nodes,
        counts: account.counts.clone(),
        curve: account.curve.clone(),
        lost: account.lost,
        sources: &sources,
        loads: loads
            .map(|(serial, load)| (*serial, load.notified_ms, load.served_ms.clone()))
            .collect(),
        gaps: gaps
            .map(|gap| (gap.from_s, gap.to_s, gap.why as u8))
            .collect(),
        untold: account.gaps.untold(),
    };
    // Writing to memory does not fail, and every part has a form; a reader would refuse less.
    let mut octets = postcard::to_extend(&form, kind.to_vec()).unwrap_or_default();
    let checksum = digest(&SHA384, &octets);
    octets.extend_from_slice(checksum.as_ref());
    octets
}

fn decode(kind: &[u8], octets: &[u8], sources_octets: usize) -> Result<Account, Corrupt> {
    if !octets.starts_with(kind) {
        return Err(Corrupt::Kind);
    }
    let (content, checksum) = octets
        .split_last_chunk::<SHA384_OUTPUT_LEN>()
        .ok_or(Corrupt::Checksum)?;
    if digest(&SHA384, content).as_ref() != checksum {
        return Err(Corrupt::Checksum);
    }
    let payload = content.get(kind.len()..).ok_or(Corrupt::Checksum)?;
    let (form, rest): (AccountForm<'_>, _) =
        postcard::take_from_bytes(payload).map_err(|_| Corrupt::Form)?;
    if !rest.is_empty() || form.gaps.len() > GAPS_MAX || form.loads.len() > SERIALS_MAX {
        return Err(Corrupt::Form);
    }
    let gaps = form.gaps.iter().map(|(from_s, to_s, why)| {
        Some(Gap {
            from_s: *from_s,
            to_s: *to_s,
            why: *Why::ALL.get(usize::from(*why))?,
        })
    });
    let gaps: Option<Vec<Gap>> = gaps.collect();
    let loads = form
        .loads
        .into_iter()
        .map(|(serial, notified_ms, mut served_ms)| {
            served_ms.sort_unstable();
            let load = Load {
                notified_ms,
                served_ms,
            };
            (serial, load)
        });
    Ok(Account {
        day: Day::new(form.day).ok_or(Corrupt::Form)?,
        until_s: form.until_s,
        nodes: form.nodes,
        counts: form.counts,
        curve: form.curve,
        lost: form.lost,
        sources: Sources::decode(form.sources, sources_octets).map_err(Corrupt::Sources)?,
        loads: Loads::of(loads.collect()),
        gaps: Gaps::of(gaps.ok_or(Corrupt::Form)?, form.untold),
    })
}

const SEALED: &[u8] = b"imrs day v1 sealed\n";
const OPEN: &[u8] = b"imrs day v1 open\n";
