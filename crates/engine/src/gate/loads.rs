//! Decaying counters in fixed memory: how much was spent lately under a key.
//!
//! Start reading at [`Loads::charge`]. A table of buckets, each one cache line: seven loads with
//! their tags, and the time to which they have decayed. A newcomer takes the place of the least
//! load, so that what is heavy stays and what is forgotten was light: who is forgotten is let
//! through. Knows no addresses, classes or limits.

use super::limits::{BUCKETS_MAX, WINDOW_S_MAX};

/// Loads by key. Each decays exponentially: in one window to 1/e of what it was.
///
/// Allocates once, when made. Single threaded: one table per worker.
#[derive(Clone, Debug)]
pub struct Loads {
    buckets: Box<[Bucket]>,
    seed: [u64; 2],
    window_s: u32,
    step_us: u64,
}

/// One cache line. A slot whose load is 0 is free, whatever its tag.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Bucket {
    tags: [u32; SLOTS],
    loads: [u32; SLOTS],
    /// The step to which the loads have decayed. Wraps.
    at: u32,
    /// Makes it 64 octets that are all written.
    unused: u32,
}

/// Where a key's load is: its bucket, and the tag that tells it from others there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    bucket: u32,
    tag: u32,
}

/// A time in steps of a table. Wraps after years.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step(u32);

const SLOTS: usize = 7;

/// Steps in which a load halves.
const STEPS: u32 = 64;

/// `2^31 * 2^(-k/64)` for each step `k`: 31 bits of fraction, so that the first fits.
const FACTORS: [u32; STEPS as usize] = factors();

const FACTOR_BITS: u32 = 31;

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "computed when compiled, which fails where this does"
)]
const fn factors() -> [u32; STEPS as usize] {
    /// `2^(-1/64)`.
    const RATIO: f64 = 0.989_228_013_193_975_5;
    let mut factors = [0; STEPS as usize];
    let mut factor = (1u32 << FACTOR_BITS) as f64;
    let mut k = 0;
    while k < factors.len() {
        factors[k] = factor as u32;
        factor *= RATIO;
        k += 1;
    }
    factors
}

impl Loads {
    /// An empty table of at least `buckets` buckets of 64 octets, rounded up to a power of two.
    ///
    /// `seed` keeps others from choosing keys that meet in one bucket. `window_s` is the time
    /// constant in seconds.
    pub fn new(seed: [u64; 2], buckets: usize, window_s: u32) -> Self {
        let buckets = buckets.clamp(1, BUCKETS_MAX).next_power_of_two();
        let mut loads = Loads {
            buckets: vec![Bucket::default(); buckets].into_boxed_slice(),
            seed,
            window_s: 0,
            step_us: 1,
        };
        loads.set_window(window_s);
        loads
    }

    /// Changes the time constant. Forgets all loads if it differs.
    pub fn set_window(&mut self, window_s: u32) {
        let window_s = window_s.clamp(1, WINDOW_S_MAX);
        if self.window_s != window_s {
            self.window_s = window_s;
            // ln 2 / 64 of the window: 64 steps halve a load.
            self.step_us = u64::from(window_s)
                .saturating_mul(693_147)
                .div_euclid(u64::from(STEPS));
            self.buckets.fill(Bucket::default());
        }
    }

    /// The memory of the table in octets, which never changes.
    pub fn octets(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// Adds `price` to the load of `key` if it then is at most `limit`; whether it was.
    ///
    /// Who is refused pays nothing, so that under a flood `limit / window` passes per second, and
    /// one window after it almost two thirds of the limit are free.
    pub fn charge(&mut self, now_ms: u64, key: [u64; 2], price: u32, limit: u32) -> bool {
        let (step, place) = (self.step(now_ms), self.place(key));
        let fits = self
            .load(step, place)
            .checked_add(price)
            .is_some_and(|load| load <= limit);
        if fits {
            self.add(place, price, limit);
        }
        fits
    }

    /// The time in steps.
    #[inline]
    pub(super) fn step(&self, now_ms: u64) -> Step {
        let steps = now_ms.saturating_mul(1000).checked_div(self.step_us);
        Step(steps.unwrap_or_default() as u32)
    }

    /// Where the load of `key` is. Folded multiplication: quick, and not to be foreseen without
    /// the seed.
    #[inline]
    pub(super) fn place(&self, key: [u64; 2]) -> Place {
        let [first, second] = key;
        let [seed, other] = self.seed;
        let hash = fold(
            fold(first ^ seed, second ^ other) ^ other,
            0x9e37_79b9_7f4a_7c15,
        );
        let mask = self.buckets.len().wrapping_sub(1);
        Place {
            bucket: (hash as usize & mask) as u32,
            tag: (hash >> 32) as u32,
        }
    }

    /// The load at `place`, decayed to `step`.
    #[inline]
    pub(super) fn load(&mut self, step: Step, place: Place) -> u32 {
        match self.buckets.get_mut(place.bucket as usize) {
            Some(bucket) => {
                bucket.decay(step);
                bucket.load(place.tag)
            }
            None => 0,
        }
    }

    /// Adds `price` to the load at `place`, which was looked at just before; at most up to
    /// `limit`. Returns the load.
    #[inline]
    pub(super) fn add(&mut self, place: Place, price: u32, limit: u32) -> u32 {
        match self.buckets.get_mut(place.bucket as usize) {
            Some(bucket) => bucket.add(place.tag, price, limit),
            None => 0,
        }
    }
}

impl Place {
    /// The place of another load of the same key, in the same bucket.
    #[inline]
    pub(super) fn of(self, class: u32) -> Place {
        Place {
            // An odd multiple spreads the few classes over the tags.
            tag: self.tag.wrapping_add(class.wrapping_mul(0x9e37_79b1)),
            ..self
        }
    }
}

impl Bucket {
    #[inline]
    fn decay(&mut self, now: Step) {
        let elapsed = now.0.wrapping_sub(self.at);
        if elapsed == 0 {
            return;
        }
        self.at = now.0;
        // Beyond half of the circle time went backwards (or stood still for years): nothing decays,
        // and what there is decays from now on.
        if elapsed > u32::MAX / 2 {
            return;
        }
        let halvings = elapsed.div_euclid(STEPS);
        let rest = elapsed.wrapping_rem(STEPS) as usize;
        let factor = u64::from(FACTORS.get(rest).copied().unwrap_or_default());
        let shift = halvings.saturating_add(FACTOR_BITS);
        for load in &mut self.loads {
            let product = u64::from(*load).wrapping_mul(factor);
            // Rounded down, so that nothing stays for ever.
            *load = product.checked_shr(shift).unwrap_or_default() as u32;
        }
    }

    /// The slot of a tag. There is one at most that has a load.
    #[inline]
    fn find(&self, tag: u32) -> Option<usize> {
        let mut found = 0u32;
        // Without branches: the whole line is compared at once.
        for (slot, own) in self.tags.iter().enumerate() {
            found |= u32::from(*own == tag) << slot;
        }
        (found != 0).then(|| found.trailing_zeros() as usize)
    }

    #[inline]
    fn load(&self, tag: u32) -> u32 {
        let load = self.find(tag).and_then(|slot| self.loads.get(slot));
        load.copied().unwrap_or_default()
    }

    #[inline]
    fn add(&mut self, tag: u32, price: u32, limit: u32) -> u32 {
        let slot = match self.find(tag) {
            Some(slot) => slot,
            None => self.clear_least(tag),
        };
        let Some(load) = self.loads.get_mut(slot) else {
            return 0;
        };
        *load = load.saturating_add(price).min(limit.max(*load));
        *load
    }

    /// Gives the slot of the least load to a newcomer.
    fn clear_least(&mut self, tag: u32) -> usize {
        let loads = self.loads.iter().enumerate();
        let least = loads.min_by_key(|(_, load)| **load);
        let slot = least.map_or(0, |(slot, _)| slot);
        if let (Some(own), Some(load)) = (self.tags.get_mut(slot), self.loads.get_mut(slot)) {
            (*own, *load) = (tag, 0);
        }
        slot
    }
}

/// Both halves of the product, folded into one.
#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one).wrapping_mul(u128::from(other));
    (product as u64) ^ ((product >> 64) as u64)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a wrong sum fails the test")]

    use super::*;
    use proptest::prelude::*;

    const KEY: [u64; 2] = [1, 2];

    /// Charges 1,000 a second of `key` for `seconds` from `from_ms` on; how many fitted.
    fn flood(loads: &mut Loads, from_ms: u64, seconds: u64, price: u32, limit: u32) -> u64 {
        (0..seconds * 1000)
            .filter(|ms| loads.charge(from_ms + ms, KEY, price, limit))
            .count() as u64
    }

    #[test]
    fn a_bucket_is_a_cache_line() {
        assert_eq!(size_of::<Bucket>(), 64);
        assert_eq!(Loads::new([1, 2], 1000, 15).octets(), 1024 * 64);
    }

    #[test]
    fn a_load_halves_in_seven_tenths_of_the_window_and_is_gone_after_many() {
        let mut loads = Loads::new([1, 2], 16, 10);
        assert!(loads.charge(0, KEY, 1000, 1000));
        let place = loads.place(KEY);
        for (now_ms, expected) in [(0, 1000), (6932, 500), (10_000, 370), (200_000, 0)] {
            let step = loads.step(now_ms);
            let load = loads.clone().load(step, place);
            assert!(load.abs_diff(expected) <= 4, "{load} at {now_ms}");
        }
    }

    #[test]
    fn a_flood_gets_its_burst_and_then_the_rate() {
        for rate in [1u32, 5, 50, 500] {
            let (price, window) = (64, 15);
            let limit = rate * price * window;
            let mut loads = Loads::new([3, 4], 16, window);
            let burst = flood(&mut loads, 0, 1, price, limit);
            assert!(burst >= u64::from((rate * window).min(1000)), "{burst}");
            flood(&mut loads, 1000, 59, price, limit);
            let passed = flood(&mut loads, 60_000, 100, price, limit);
            let expected = u64::from(rate) * 100;
            assert!(passed.abs_diff(expected) * 20 <= expected, "{passed}");
        }
    }

    #[test]
    fn one_window_after_a_flood_over_half_of_the_burst_is_free() {
        let (price, limit) = (64, 64 * 100 * 15);
        let mut loads = Loads::new([3, 4], 16, 15);
        flood(&mut loads, 0, 30, price, limit);
        let free = (0..1500).filter(|_| loads.charge(45_000, KEY, price, limit));
        assert!(free.count() > 900);
    }

    #[test]
    fn time_that_goes_backwards_decays_nothing_and_then_goes_on() {
        let mut loads = Loads::new([1, 2], 16, 10);
        assert!(loads.charge(1_000_000, KEY, 1000, 1000));
        assert!(!loads.charge(10, KEY, 100, 1000));
        assert!(loads.charge(10_010, KEY, 600, 1000));
    }

    #[test]
    fn time_may_pass_what_32_bits_hold() {
        let mut loads = Loads::new([1, 2], 16, 1);
        let wrap_ms = (1u64 << 32) * loads.step_us / 1000;
        assert!(loads.charge(wrap_ms - 50, KEY, 1000, 1000));
        assert!(!loads.charge(wrap_ms + 50, KEY, 500, 1000));
        assert!(loads.charge(wrap_ms + 1000, KEY, 600, 1000));
    }

    #[test]
    fn the_heavy_stay_when_many_come() {
        let mut loads = Loads::new([1, 2], 16, 10);
        for _ in 0..10 {
            assert!(loads.charge(0, KEY, 100, 1000));
        }
        for other in 10..100_000 {
            assert!(loads.charge(0, [other, other], 1, 1000));
        }
        assert!(!loads.charge(0, KEY, 1, 1000));
    }

    #[test]
    fn neighbours_spread_over_the_buckets() {
        for seed in [[7, 9], [u64::MAX, 7], [1 << 63, 1 << 31]] {
            let loads = Loads::new(seed, 1024, 10);
            let mut counts = vec![0; 1024];
            for key in 0..10_240 {
                counts[loads.place([key << 32, 3]).bucket as usize] += 1;
            }
            assert!(counts.iter().all(|&count| count < 60), "{seed:?}");
        }
    }

    proptest! {
        #[test]
        fn no_sequence_grows_the_table_or_passes_the_limit(
            calls in prop::collection::vec((any::<u64>(), 0..20u64, any::<u32>(), any::<u32>()), 0..200),
            window in any::<u32>(),
            buckets in 0..40usize,
        ) {
            let mut loads = Loads::new([5, 6], buckets, window);
            let octets = loads.octets();
            for (now, key, price, limit) in calls {
                let fits = loads.charge(now, [key, 0], price, limit);
                let (step, place) = (loads.step(now), loads.place([key, 0]));
                prop_assert!(!fits || loads.load(step, place) <= limit);
            }
            prop_assert_eq!(loads.octets(), octets);
        }
    }
}
