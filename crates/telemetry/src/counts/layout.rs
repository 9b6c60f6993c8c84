//! Where which number is among the cells.

use super::Qtype;
use crate::limits::{
    BIN_OCTETS, QTYPES, RCODES as RCODES_KNOWN, REQUEST_OPEN_OCTETS, RESPONSE_OPEN_OCTETS,
};

/// What was sent to a query, as far as it is told apart by query type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Fate {
    NoError,
    NxDomain,
    Other,
    Unanswered,
}

pub(super) const REQUEST_BINS: usize = REQUEST_OPEN_OCTETS / BIN_OCTETS + 1;
pub(super) const RESPONSE_BINS: usize = RESPONSE_OPEN_OCTETS / BIN_OCTETS + 1;

/// 5 bits of flags and 3 of a class of buffer sizes.
pub(super) const PROFILE_CELLS: usize = 256;

/// Query types, one row for all others and one for queries without.
pub(super) const ROWS: usize = QTYPES + 2;

const FATES: usize = 4;

pub(super) const REQUEST_SIZES: usize = 0;
pub(super) const RESPONSE_SIZES: usize = REQUEST_SIZES + REQUEST_BINS;
pub(super) const PROFILES: usize = RESPONSE_SIZES + RESPONSE_BINS;
pub(super) const QUESTIONS: usize = PROFILES + PROFILE_CELLS;
pub(super) const RCODES: usize = QUESTIONS + ROWS * FATES;
pub(super) const TRUNCATED: usize = RCODES + RCODES_KNOWN + 1;
pub(super) const CONTINUED: usize = TRUNCATED + 1;

/// Cells of one flow.
pub(super) const FLOW_CELLS: usize = CONTINUED + 1;

/// Cells of all flows.
pub(super) const CELLS: usize = super::Flow::ALL.len() * FLOW_CELLS;

/// The bin of a request among the cells of a flow.
#[inline]
pub(super) fn request_size(octets: usize) -> usize {
    REQUEST_SIZES + (octets / BIN_OCTETS).min(REQUEST_BINS - 1)
}

/// The bin of a response.
#[inline]
pub(super) fn response_size(octets: usize) -> usize {
    RESPONSE_SIZES + (octets / BIN_OCTETS).min(RESPONSE_BINS - 1)
}

/// The row of a query type.
#[inline]
pub(super) fn row(qtype: Qtype) -> usize {
    match qtype {
        Qtype::Type(rtype) => usize::from(rtype.0).min(QTYPES),
        Qtype::Other => QTYPES,
        Qtype::Absent => QTYPES + 1,
    }
}

/// The cell of a row of query types.
#[inline]
pub(super) fn question(row: usize, fate: Fate) -> usize {
    QUESTIONS + row * FATES + fate as usize
}

/// The cell of an RCODE.
#[inline]
pub(super) fn rcode(number: u16) -> usize {
    RCODES + usize::from(number).min(RCODES_KNOWN)
}
