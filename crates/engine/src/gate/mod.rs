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
use prefix::{LEVELS_MAX, key, levels};
use rates::Limit;
use std::net::IpAddr;

/// Limits responses by the prefix that they go to. One per worker: no locks, fixed memory.
///
/// Counts at several prefix lengths, as Knot does, each with a multiple of the rate of one address:
/// IPv4 /32 × 1, /24 × 4, /20 × 16, /18 × 48; IPv6 /128 × 1, /64 × 2, /56 × 3, /48 × 4, /32 × 48.
/// At each of them a response is charged to its kind, then to all kinds together, from the narrowest
/// prefix to the widest. The first load that is over its limit ends it: the response is limited, and
/// nothing further is charged. So an address under flood takes nothing from its network, and a kind
/// nothing from the others, beyond what they are given.
///
/// That load itself is charged with what it refuses, as in BIND, up to twice its limit. Whoever stays
/// above its rate gets nothing but what slips, and who then is quiet is answered again after ln 2 of
/// a window.
///
/// # Amplification
///
/// A response costs by its octets per octet of query. Of queries of `q` octets in the name of one
/// prefix, whole responses with at most `16 R f q` octets a second come in the long run, where `R` is the
/// rate and `f` the multiple of the prefix, in whatever rhythm the queries come. Of `N` a second, with
/// the truncated ones, which are no longer than their queries, that is in octets of theirs:
///
/// ```text
/// cost a tenth or more above the rate    1 / slip, as nothing passes
/// cost below the rate                    what each response has
/// shaped to the limits                   16 R f / N + 1 / slip at most
/// ```
///
/// Shaped is a flood of which a part stays below a limit, and the rest above one that ends it earlier:
/// two kinds, or one address and its network. The part that passes is what it would be alone.
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
        let spending = Spending::new(rates, response);
        if self.charge(step, &spending, address) {
            return Verdict::PASS;
        }
        self.limited(step, &spending, address)
    }

    /// Whether there is room at every prefix length; it is taken up to the first that has none.
    #[inline]
    fn charge(&mut self, step: Step, spending: &Spending<'_>, address: IpAddr) -> bool {
        let bits = prefix::bits(address);
        let levels = levels(address);
        let mut places = [Place::default(); LEVELS_MAX];
        let places = places.get_mut(..levels.len()).unwrap_or_default();
        for (place, level) in places.iter_mut().zip(levels) {
            *place = self.loads.place(key(bits, level));
        }
        self.loads.decay(step, places);
        levels.iter().zip(places).all(|(level, place)| {
            let loads = { spending.loads }.map(|(of, limit)| (of, limit.times(level.factor)));
            self.loads.charge_each(*place, spending.price, loads)
        })
    }

    /// What becomes of a response over its limit.
    #[cold]
    fn limited(&mut self, step: Step, spending: &Spending<'_>, address: IpAddr) -> Verdict {
        let rates = spending.rates;
        let single = prefix::single(address);
        let rate = match (rates.all, rates.of(spending.kind)) {
            (0, own) => own,
            (all, _) => all,
        };
        let limit = rates
            .limit(rate)
            .times(single.factor.saturating_mul(CONDEMNED_FROM));
        let place = self.loads.place(key(prefix::bits(address), single));
        let excess = place.of(EXCESS);
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
    /// The loads it adds to in this order, with the limits of one address.
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
                (class(kind), rates.limit(rates.of(kind))),
                (ALL, rates.limit(rates.all)),
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
