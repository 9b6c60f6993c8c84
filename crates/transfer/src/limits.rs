//! Every limit of transfers: a name, a unit, a reason.

/// Octets of the largest message over TCP (RFC 1035 section 4.2.2): its length has 16 bits.
pub const MESSAGE_OCTETS_MAX: usize = 65_535;

/// Octets of the shortest MAC of any algorithm (RFC 8945 section 5.2.2.1).
pub const MAC_OCTETS_MIN: usize = 10;

/// Seconds by which the clocks of two peers may differ (RFC 8945 section 10: recommended).
pub const FUDGE_SECONDS: u16 = 300;
