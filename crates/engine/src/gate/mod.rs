//! The gate: which responses go out, so that a server is no use to who forges addresses.
//!
//! Start reading at [`Gate::judge`]. It is asked after a response is composed, since only then its
//! kind and size are known. Time and the seed are arguments; it knows no sockets and no counters
//! of statistics.

mod budget;
pub mod limits;
mod loads;
mod prefix;
mod rates;

pub use budget::Budget;
pub use loads::Loads;
pub use rates::{Defence, Rates};

use crate::outcome::Kind;
use limits::{CONDEMNED_FROM, PRICE_MIN, UNITS, WHOLE_AMPLIFICATION};
use loads::{Place, Step};
use prefix::{LEVELS_MAX, Level, key, levels};
use rates::Limit;
use std::net::IpAddr;

/// Limits responses by the prefix that they go to. One per worker: no locks, fixed memory.
///
/// Counts at several prefix lengths at once, as Knot does, each with a multiple of the rate of one
/// address: IPv4 /32 × 1, /24 × 4, /20 × 16, /18 × 48; IPv6 /128 × 1, /64 × 2, /56 × 3, /48 × 4,
/// /32 × 48. A response is limited when it is too much for its kind or for all kinds together, at
/// any of the lengths. What is limited is not counted, so a limited client gets its rate.
///
/// # Amplification
///
/// A response costs by its octets per octet of query, so a flood of `N` queries a second of `q`
/// octets in the name of one prefix draws at most `16 R f q` octets a second of whole responses in
/// the steady state, where `R` is the rate that limits it and `f` the multiple of the prefix,
/// and truncated ones, no longer than their queries, of `N q / slip`. In octets of the query that
/// is `16 R f / N + 1 / slip`, below 1.5 from this on:
///
/// ```text
/// slip 0: N > 10.7 R f      slip 1: N > 32 R f      slip 2: N > 16 R f
/// ```
///
/// By default, for one IPv4 address: from 1,600 queries a second for answers (DNSKEY), 4,800 for
/// NXDOMAIN or referrals, 6,400 for any mixture; at 32 times that for all of a /24. Below these the
/// victim gets at most `16 R f` times its query a second and nothing is gained by sending more.
#[derive(Clone, Debug)]
pub struct Gate {
    loads: Loads,
    chance: u64,
}

/// What the gate needs to know of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// Its kind.
    pub kind: Kind,
    /// Its octets.
    pub len: usize,
    /// The octets of its query.
    pub query_len: usize,
    /// The query had a valid cookie, so that its source is no forgery (RFC 7873 section 5.2.5).
    pub has_valid_cookie: bool,
}

/// What is to be done with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What is to be done.
    pub action: Action,
    /// It is over a limit. With `log_only` it passes all the same.
    pub is_limited: bool,
    /// The address (IPv4 /32, IPv6 /64) goes on sending [`CONDEMNED_FROM`] times its limit.
    pub condemn: bool,
}

/// What is to be done with a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is sent.
    Pass,
    /// A short one is sent instead: TC, or BADCOOKIE.
    Slip,
    /// Nothing is sent.
    Drop,
}

impl Verdict {
    /// It is sent, and within its limits.
    pub const PASS: Verdict = Verdict {
        action: Action::Pass,
        is_limited: false,
        condemn: false,
    };
}

/// The load of all kinds together.
const ALL: u32 = 0;

/// The load of what was limited.
const EXCESS: u32 = 1;

/// The load of a kind.
#[inline]
fn class(kind: Kind) -> u32 {
    (kind as u32).saturating_add(2)
}

impl Gate {
    /// A gate with at least `buckets` buckets of 64 octets. The seed is of chance, and secret.
    pub fn new(seed: [u64; 2], buckets: usize) -> Self {
        let [first, second] = seed;
        Gate {
            loads: Loads::new(seed, buckets, Rates::default().window_s),
            chance: first.rotate_left(32) ^ second,
        }
    }

    /// The memory of its counters in octets, which never changes.
    pub fn octets(&self) -> usize {
        self.loads.octets()
    }

    /// Judges a response over UDP to `address`. `now_ms` is the time since any fixed moment.
    #[inline]
    pub fn judge(
        &mut self,
        defence: &Defence,
        now_ms: u64,
        address: IpAddr,
        response: Response,
    ) -> Verdict {
        let Some(rates) = &defence.rates else {
            return Verdict::PASS;
        };
        if response.has_valid_cookie
            || response.kind == Kind::Dropped
            || defence.exempt.contains(address)
        {
            return Verdict::PASS;
        }
        self.loads.set_window(rates.window_s);
        let step = self.loads.step(now_ms);
        let bits = prefix::bits(address);
        let mut places = [Place::default(); LEVELS_MAX];
        for (place, level) in places.iter_mut().zip(levels(address)) {
            *place = self.loads.place(key(bits, level));
        }
        let spending = Spending::new(rates, response);
        if self.fits(step, &spending, levels(address), &places) {
            self.spend(&spending, levels(address), &places);
            return Verdict::PASS;
        }
        let single = prefix::single(address, &places);
        self.limited(step, &spending, single)
    }

    /// Whether there is room at every prefix length.
    #[inline]
    fn fits(
        &mut self,
        step: Step,
        spending: &Spending<'_>,
        levels: &[Level],
        places: &[Place],
    ) -> bool {
        levels.iter().zip(places).all(|(level, place)| {
            spending.loads.iter().all(|&(of, limit)| {
                let load = self.loads.load(step, place.of(of));
                load.saturating_add(spending.price) <= limit.times(level.factor)
            })
        })
    }

    #[inline]
    fn spend(&mut self, spending: &Spending<'_>, levels: &[Level], places: &[Place]) {
        for (level, place) in levels.iter().zip(places) {
            for &(of, limit) in &spending.loads {
                let limit = limit.times(level.factor);
                self.loads.add(place.of(of), spending.price, limit);
            }
        }
    }

    /// What becomes of a response over its limit.
    #[cold]
    fn limited(
        &mut self,
        step: Step,
        spending: &Spending<'_>,
        (single, factor): (Place, u32),
    ) -> Verdict {
        let rates = spending.rates;
        let rate = match (rates.all, rates.of(spending.kind)) {
            (0, own) => own,
            (all, _) => all,
        };
        let limit = rates
            .limit(rate)
            .times(factor.saturating_mul(CONDEMNED_FROM));
        let excess = single.of(EXCESS);
        self.loads.load(step, excess);
        // One whole response each, however cheap: what is to be saved is the packet. Just below
        // the limit, since the load decays in steps.
        let load = self.loads.add(excess, UNITS, limit);
        let condemn = load >= limit.saturating_sub(limit / 64);
        if rates.log_only {
            return Verdict {
                is_limited: true,
                ..Verdict::PASS
            };
        }
        Verdict {
            action: self.slip(rates.slip, spending.kind),
            is_limited: true,
            condemn,
        }
    }

    /// Chance chooses what slips, so that nobody can be kept from ever slipping. An error has
    /// nothing that a retry over TCP would bring, so it is dropped.
    fn slip(&mut self, slip: u8, kind: Kind) -> Action {
        // SplitMix64.
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        match mixed.checked_rem(u64::from(slip)) {
            Some(0) if kind != Kind::Error => Action::Slip,
            _ => Action::Drop,
        }
    }
}

/// One response as the loads see it.
struct Spending<'a> {
    rates: &'a Rates,
    kind: Kind,
    price: u32,
    /// The loads it adds to, with the limits of one address.
    loads: [(u32, Limit); 2],
}

impl<'a> Spending<'a> {
    #[inline]
    fn new(rates: &'a Rates, response: Response) -> Self {
        let kind = response.kind;
        Spending {
            rates,
            kind,
            price: price(response),
            loads: [
                (ALL, rates.limit(rates.all)),
                (class(kind), rates.limit(rates.of(kind))),
            ],
        }
    }
}

/// What a response costs, in units: octets of response per octet of query.
#[inline]
fn price(response: Response) -> u32 {
    let len = u32::try_from(response.len).unwrap_or(u32::MAX);
    let query_len = u32::try_from(response.query_len.max(1)).unwrap_or(u32::MAX);
    len.saturating_mul(UNITS / WHOLE_AMPLIFICATION)
        .div_ceil(query_len)
        .max(PRICE_MIN)
}

#[cfg(test)]
mod tests;
