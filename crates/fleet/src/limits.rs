//! Every limit of this crate: a number, its unit, and why.

use std::time::Duration;

/// Greatest number of a node in a site: two digits are what names have room for.
pub const NODE_NUMBER_MAX: u8 = 99;

// Health.

/// Wrong probes of one path in a row that make its family unfit: with probes every 500 ms a second
/// after the first, and one datagram lost on the way is none of them.
pub const WRONG_IN_A_ROW: u32 = 3;

/// Age of the last result of a path beyond which the prober itself counts as silent.
pub const PROBES_MAX_AGE: Duration = Duration::from_secs(2);

/// Right rounds of each path before a node that started is fit for the first time.
pub const ROUNDS_AT_START: u32 = 3;

/// Unbroken good evidence before a family that was unfit returns; doubles with each flap.
pub const PROBATION: Duration = Duration::from_secs(30);

/// Longest probation: who waits longer than this wants an operator.
pub const PROBATION_MAX: Duration = Duration::from_secs(600);

/// Time for which a flap is remembered.
pub const FLAPS_FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);

/// Flaps that are remembered: far more than reach the longest probation.
pub const FLAPS_MAX: usize = 16;

/// Age of the zone beyond which a node no longer stands for it: monitors compare responses with the
/// versions of the last 48 hours (RSSAC047v2 section 5.3).
pub const ZONE_AGE_MAX: Duration = Duration::from_secs(48 * 3600);

/// Life left of the first signature, or of the zone, below which operators are told.
pub const ENDS_SOON: Duration = Duration::from_secs(24 * 3600);

/// Life left of the first signature below which a node withdraws while others stand: resolvers
/// keep an answer no longer than its signature.
pub const SIGNATURES_LEFT_MIN: Duration = Duration::from_secs(3600);

/// Error of the clock of which operators are told.
pub const CLOCK_ERROR_TOLD: Duration = Duration::from_secs(1);

/// Error of the clock beyond which TSIG fails (RFC 8945 section 10) and proofs are doubtful.
pub const CLOCK_ERROR_MAX: Duration = Duration::from_secs(300);

/// Standstill of a worker beyond which the share of flows that it has counts as unanswered:
/// resolvers have gone elsewhere by then.
pub const STALL_MAX: Duration = Duration::from_secs(2);

/// Share of the queries that may be dropped for overload before operators are told.
pub const DROPPED_TOLD: f64 = 0.01;

// Leases.

/// Time for which a promise binds. Who answers wrongly promises nothing more from its first wrong
/// probe on, so that a bound node can ask for its own lease within 5 s of it.
pub const LEASE: Duration = Duration::from_secs(4);

/// A lease counts this much less for who holds it: in that time it is announced again.
pub const MARGIN: Duration = Duration::from_millis(1250);

/// A promise is renewed when one part in so many of it is over: a question that is lost, and asked
/// again, still comes in time.
pub const RENEWALS: u32 = 4;

/// Time after which a question to a peer counts as unanswered: twice the longest way round Earth.
pub const ASK_TIMEOUT: Duration = Duration::from_millis(700);

/// Time before a peer that refused or said nothing is asked again.
pub const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Time for which a node that started may stay withdrawn without a lease: it has yet to look at
/// itself.
pub const START_PATIENCE: Duration = Duration::from_secs(60);

/// The same for a node whose zone is proven again: enough to ask every few peers.
pub const RETURN_PATIENCE: Duration = Duration::from_secs(5);

// Drains.

/// Time with GRACEFUL_SHUTDOWN before the withdrawal (RFC 8326 section 4.1: until all is moved).
pub const LEAVING: Duration = Duration::from_secs(10);

/// Queries a second up to which a withdrawn family counts as quiet: strays never end.
pub const QUIET_RATE: f64 = 1.0;

/// Longest wait for quiet after the withdrawal.
pub const QUIET_PATIENCE: Duration = Duration::from_secs(120);
