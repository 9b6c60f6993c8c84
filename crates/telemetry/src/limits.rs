//! The sizes and numbers of statistics. Each has a name, a unit and a reason.

/// Octets in a bin of the sizes of messages (RSSAC002v5, traffic-sizes).
pub const BIN_OCTETS: usize = 16;

/// Octets from which on requests share one bin (RSSAC002v5, traffic-sizes).
pub const REQUEST_OPEN_OCTETS: usize = 288;

/// Octets from which on responses share one bin (RSSAC002v5, traffic-sizes).
pub const RESPONSE_OPEN_OCTETS: usize = 4096;

/// Query types that are counted each for itself, from 0 on: up to 264 they are assigned, and the
/// rest is room for those to come. All others are counted together.
pub const QTYPES: usize = 272;

/// RCODEs that are counted each for itself, from 0 on: up to 23 they are assigned, and the server
/// sends no other. All others are counted together.
pub const RCODES: usize = 32;
