//! How much each client may get: what the operator says, and what it is when nothing is said.
//!
//! The defaults are derived in `docs/decisions/0010-rate-limits-from-captures.md`.

use super::limits::{RATE_MAX, UNITS, WINDOW_S_MAX};
use crate::outcome::Kind;
use crate::prefixes::Prefixes;

/// What the server does against those who mean harm. Immutable; a reload makes a new one.
#[derive(Clone, Debug, Default)]
pub struct Defence {
    /// Response rate limits over UDP; none if they are off.
    pub rates: Option<Rates>,
    /// Clients that are never limited.
    pub exempt: Prefixes,
    /// Clients that are not answered at all.
    pub blocked: Prefixes,
    /// Answers nobody over UDP without a valid cookie: BADCOOKIE to who has a client cookie
    /// (RFC 7873 section 5.2.3), TC to others.
    pub require_cookies: bool,
}

/// Response rate limits, in the terms of BIND where it has them.
///
/// Rates are whole responses per second to one IPv4 address or IPv6 /128; wider prefixes get a
/// multiple (see [`Gate`](super::Gate)). A response of sixteen octets per octet of its query is one
/// whole response; others cost by that measure, but at least a quarter. A rate of 0 limits nothing.
/// A client that was quiet has `rate * window_s` responses at once.
///
/// Each [`Gate`](super::Gate) counts for itself: a client that is spread over `n` workers gets up to
/// `n` times as much. See [`Rates::shared_among`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// The time constant in seconds, in which a load decays to 1/e.
    pub window_s: u32,
    /// Answers, such as priming, SOA, DNSKEY and DS.
    pub answers: u32,
    /// Referrals.
    pub referrals: u32,
    /// NODATA.
    pub no_data: u32,
    /// NXDOMAIN, of whatever name.
    pub nx_domain: u32,
    /// Errors.
    pub errors: u32,
    /// All of these together.
    pub all: u32,
    /// Of limited responses one in `slip` goes out truncated: 1 all, 2 every second on average, 0
    /// none.
    pub slip: u8,
    /// Counts what would be limited, and limits nothing.
    pub log_only: bool,
}

impl Default for Rates {
    fn default() -> Self {
        Rates {
            window_s: 15,
            answers: 100,
            referrals: 300,
            no_data: 100,
            nx_domain: 300,
            errors: 100,
            all: 400,
            slip: 2,
            log_only: false,
        }
    }
}

impl Rates {
    /// The rates that each of `workers` gates must hold for all of them together to hold these,
    /// where a client's packets spread evenly over workers. At least one per second.
    #[must_use]
    pub fn shared_among(self, workers: u32) -> Rates {
        let share = |rate: u32| match rate {
            0 => 0,
            _ => rate.div_ceil(workers.max(1)),
        };
        Rates {
            answers: share(self.answers),
            referrals: share(self.referrals),
            no_data: share(self.no_data),
            nx_domain: share(self.nx_domain),
            errors: share(self.errors),
            all: share(self.all),
            ..self
        }
    }

    /// The rate of a kind of response.
    #[inline]
    pub fn of(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Dropped => 0,
            Kind::Answer => self.answers,
            Kind::Referral => self.referrals,
            Kind::NoData => self.no_data,
            Kind::NxDomain => self.nx_domain,
            Kind::Error => self.errors,
        }
    }

    /// The load in units at which one address is at the limit of a rate.
    #[inline]
    pub(super) fn limit(&self, rate: u32) -> Limit {
        let window = self.window_s.clamp(1, WINDOW_S_MAX);
        let rate = u64::from(rate.min(RATE_MAX));
        Limit(rate.saturating_mul(u64::from(window.saturating_mul(UNITS))))
    }
}

/// A load in units that is not to be passed; 0 is without limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit(u64);

impl Limit {
    /// That of so many addresses.
    #[inline]
    pub(super) fn times(self, factor: u32) -> u32 {
        match self.0.saturating_mul(u64::from(factor)) {
            // The largest load: nothing is above it.
            0 => u32::MAX,
            // The largest that can be passed. Only with windows of minutes is it less than asked for.
            limit => limit.min(u64::from(u32::MAX - 1)) as u32,
        }
    }
}
