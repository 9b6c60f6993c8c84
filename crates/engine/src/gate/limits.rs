//! The bounds of the gate, with unit and reason.

/// Buckets of a gate unless told otherwise: 2^16 of 64 octets are 4 MiB a worker and hold 458,752
/// loads, about as many as L-Root has sources at its largest sites in a window.
pub const BUCKETS: usize = 1 << 16;

/// Buckets of the largest table: 4 GiB. More than that is a mistake.
pub const BUCKETS_MAX: usize = 1 << 26;

/// Seconds a burst may be remembered; an hour, as in BIND.
pub const WINDOW_S_MAX: u32 = 3600;

/// Responses per second of the largest rate. Above it a limit is none for the fastest link.
pub const RATE_MAX: u32 = 1_000_000;

/// Units of load that a response of [`WHOLE_AMPLIFICATION`] costs: fine enough that a rate of one
/// per second still decays evenly.
pub(crate) const UNITS: u32 = 64;

/// Octets of response per octet of query at which a response costs one whole response: about what
/// a signed NXDOMAIN of the root has (1,030 for 55 to 65).
pub const WHOLE_AMPLIFICATION: u32 = 16;

/// Units that the cheapest response costs: a quarter, since it costs time and a datagram however
/// short it is.
pub(crate) const PRICE_MIN: u32 = UNITS / 4;

/// How many times its limit an address may go on sending before it is condemned.
pub const CONDEMNED_FROM: u32 = 20;
