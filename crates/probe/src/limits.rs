//! The sizes and numbers of probes. Each has a name, a unit and a reason.

/// Octets that a query over UDP offers to take (RSSAC047v2 section 5.3).
pub const UDP_LEN: u16 = 1220;

/// Octets that one message over TCP can have (RFC 1035 section 4.2.2).
pub const MESSAGE_LEN_MAX: usize = 65_535;

/// Negative questions about one zone: RSSAC047 wants one in ten to be negative, and the root has
/// about 2,900 positive ones.
pub const NEGATIVES: usize = 300;

/// Letters of a label that is to exist nowhere (RSSAC047v2 section 5.3).
pub const ABSENT_LETTERS: usize = 10;
