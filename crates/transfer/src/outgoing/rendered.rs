//! A version of a zone, or what leads to it, as the answer sections of messages.

use super::names::Names;
use crate::limits::{MESSAGE_OCTETS_MAX, OUTGOING_MESSAGE_OCTETS, OUTGOING_RESERVED_OCTETS};
use domain::base::iana::Rtype;
use imrs_wire::limits::{HEADER_LEN, QUESTION_TAIL_LEN};
use imrs_zone::difference::Difference;
use imrs_zone::packed::Packed;
use imrs_zone::{Name, Record};
use std::sync::Arc;

/// The answer sections of the messages of one transfer, ready to be sent to many.
#[derive(Debug)]
pub struct Rendered {
    messages: Vec<Section>,
}

/// The answer section of one message.
#[derive(Debug)]
pub(super) struct Section {
    /// Its records.
    pub(super) count: u16,
    /// Their octets.
    pub(super) octets: Vec<u8>,
}

/// A record that fits into no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{owner} {rtype} is too large for a message")]
pub struct Oversized {
    /// Its owner.
    pub owner: Name,
    /// Its type.
    pub rtype: Rtype,
}

impl Rendered {
    /// A whole zone (RFC 5936 section 2.2).
    pub fn axfr(zone: &Packed) -> Result<Self, Oversized> {
        let records = zone.records();
        let (soa, others): (Vec<&Record>, Vec<&Record>) =
            records.iter().partition(|record| is_soa(record));
        let soa = soa.into_iter().take(1);
        render(zone.apex(), soa.clone().chain(others).chain(soa))
    }

    /// The differences that lead to the version with the record `soa`, oldest first (RFC 1995
    /// section 4). They must be a chain that ends there; none at all is [`Rendered::current`].
    pub fn ixfr(differences: &[Arc<Difference>], soa: &Record) -> Result<Self, Oversized> {
        if differences.is_empty() {
            return Rendered::current(soa);
        }
        let halves = differences
            .iter()
            .flat_map(|difference| [&difference.removed, &difference.added]);
        let middle = halves.flat_map(|half| {
            let soa = half.iter().filter(|record| is_soa(record));
            soa.chain(half.iter().filter(|record| !is_soa(record)))
        });
        let ends = std::iter::once(soa);
        render(soa.owner(), ends.clone().chain(middle).chain(ends))
    }

    /// The SOA record alone: what the client holds is current, or it shall come over TCP (RFC
    /// 1995 section 2).
    pub fn current(soa: &Record) -> Result<Self, Oversized> {
        render(soa.owner(), std::iter::once(soa))
    }

    /// One message without records.
    pub(super) fn nothing() -> Self {
        let octets = Vec::new();
        let messages = vec![Section { count: 0, octets }];
        Rendered { messages }
    }

    /// Octets of all answer sections: what it holds of memory, and about what it sends.
    pub fn octets(&self) -> usize {
        self.messages
            .iter()
            .map(|message| message.octets.len())
            .sum()
    }

    /// Messages that it is sent in.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether it has no message; it always has one.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn messages(&self) -> &[Section] {
        &self.messages
    }
}

fn is_soa(record: &Record) -> bool {
    record.rtype() == Rtype::SOA
}

fn render<'a>(
    zone: &Name,
    records: impl Iterator<Item = &'a Record>,
) -> Result<Rendered, Oversized> {
    render_within(ROOM, zone, records)
}

/// Parts records into messages: each takes what fits into `room`, and one record at least.
pub(super) fn render_within<'a>(
    room: usize,
    zone: &Name,
    records: impl Iterator<Item = &'a Record>,
) -> Result<Rendered, Oversized> {
    let mut messages = Vec::new();
    // The first message has the question, others have none.
    let mut names = Names::behind(HEADER_LEN + zone.len() + QUESTION_TAIL_LEN);
    let mut count = 0;
    for record in records {
        let before = names.len();
        let Ok(()) = record.compose(&mut names);
        if names.end() > room && count > 0 {
            let octets = names.take(before, HEADER_LEN);
            messages.push(Section { count, octets });
            count = 0;
            let Ok(()) = record.compose(&mut names);
        }
        if names.end() > ROOM_MAX {
            return Err(Oversized {
                owner: record.owner().clone(),
                rtype: record.rtype(),
            });
        }
        count += 1;
    }
    let octets = names.take(names.len(), HEADER_LEN);
    messages.push(Section { count, octets });
    Ok(Rendered { messages })
}

/// Octets of header, question and records in a message of several records.
const ROOM: usize = OUTGOING_MESSAGE_OCTETS - OUTGOING_RESERVED_OCTETS;

/// Octets of header, question and record in a message of one.
const ROOM_MAX: usize = MESSAGE_OCTETS_MAX - OUTGOING_RESERVED_OCTETS;
