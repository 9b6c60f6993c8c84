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
    /// The time that was last asked for, in milliseconds, and what it is in steps.
    now: (u64, Step),
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
            now: (0, Step(0)),
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
            self.now = (0, Step(0));
            self.buckets.fill(Bucket::default());
        }
    }

    /// The memory of the table in octets, which never changes.
    pub fn octets(&self) -> usize {
        size_of_val(&*self.buckets)
    }

    /// Adds `price` to the load of `key`; whether it then is at most `limit`.
    ///
    /// Who is refused pays as well, up to twice the limit. So nothing of a flood passes that stays
    /// above `limit / window` per second, and after it ln 2 of a window goes by until something
    /// does again. What passes is `limit / window` per second at most, in whatever rhythm it comes.
    pub fn charge(&mut self, now_ms: u64, key: [u64; 2], price: u32, limit: u32) -> bool {
        let (step, place) = (self.step(now_ms), self.place(key));
        self.decay(step, &[place]);
        self.charge_each(place, price, [(0, limit)])
    }

    /// Has the loads at these places decay to `step`.
    #[inline]
    pub(super) fn decay(&mut self, step: Step, places: &[Place]) {
        // All of them are looked at before a branch depends on one, so that memory is waited for
        // once: that is most of what the gate costs.
        let are_there = places.iter().fold(true, |are_there, place| {
            let bucket = self.buckets.get(place.bucket as usize);
            are_there & bucket.is_some_and(|bucket| bucket.at == step.0)
        });
        if !are_there {
            for place in places {
                if let Some(bucket) = self.buckets.get_mut(place.bucket as usize) {
                    bucket.decay(step);
                }
            }
        }
    }

    /// Charges loads of one key, each a class and its limit, in this order. The first that refuses
    /// ends it, so that none behind is charged with what does not pass. They have decayed before.
    #[inline]
    pub(super) fn charge_each<const N: usize>(
        &mut self,
        place: Place,
        price: u32,
        loads: [(u32, u32); N],
    ) -> bool {
        let Some(bucket) = self.buckets.get_mut(place.bucket as usize) else {
            return true;
        };
        loads
            .iter()
            .all(|&(class, limit)| bucket.charge(place.of(class).tag, price, limit))
    }

    /// The time in steps.
    #[inline]
    pub(super) fn step(&mut self, now_ms: u64) -> Step {
        // One division for all of a batch.
        if self.now.0 != now_ms {
            let steps = now_ms.saturating_mul(1000).checked_div(self.step_us);
            self.now = (now_ms, Step(steps.unwrap_or_default() as u32));
        }
        self.now.1
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
        let Some(load) = self.load_mut(tag) else {
            return 0;
        };
        *load = load.saturating_add(price).min(limit.max(*load));
        *load
    }

    #[inline]
    fn charge(&mut self, tag: u32, price: u32, limit: u32) -> bool {
        let Some(load) = self.load_mut(tag) else {
            return true;
        };
        let charged = load.saturating_add(price);
        *load = charged.min(limit.saturating_mul(2));
        charged <= limit
    }

    /// The load of a tag, which has a slot from now on.
    #[inline]
    fn load_mut(&mut self, tag: u32) -> Option<&mut u32> {
        let slot = match self.find(tag) {
            Some(slot) => slot,
            None => self.clear_least(tag),
        };
        self.loads.get_mut(slot)
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

    /// The price of one in these tests, and the window in seconds.
    const PRICE: u32 = 64;
    const WINDOW: u32 = 15;

    /// Charges `per_second` of a key for `seconds` from second `from` on, where `rate` are free; how
    /// many passed.
    fn flood(loads: &mut Loads, rate: u32, per_second: u64, from: u64, seconds: u64) -> u64 {
        let times = from * per_second..(from + seconds) * per_second;
        times
            .filter(|at| loads.charge(at * 1000 / per_second, KEY, PRICE, rate * PRICE * WINDOW))
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
    fn who_stays_below_the_rate_always_passes_and_above_it_never_after_a_burst() {
        for rate in [10u32, 50, 500] {
            let check = |tenths: u64, expected: u64| {
                let mut loads = Loads::new([3, 4], 16, WINDOW);
                let per_second = u64::from(rate) * tenths / 10;
                let burst = flood(&mut loads, rate, per_second, 0, 120);
                assert!(burst >= u64::from(rate * WINDOW), "{burst}");
                let passed = flood(&mut loads, rate, per_second, 120, 100);
                assert_eq!(passed, expected, "{tenths} tenths of {rate}");
            };
            check(9, u64::from(rate) * 90);
            check(11, 0);
            check(20, 0);
            check(1000, 0);
        }
    }

    #[test]
    fn no_rhythm_of_bursts_gets_more_than_the_rate() {
        let rate = 100;
        for quiet in [1, 5, 8, 12, 20, 60] {
            let mut loads = Loads::new([3, 4], 16, WINDOW);
            let bursts = 0..600 / (quiet + 1);
            let passed: u64 = bursts
                .map(|burst| flood(&mut loads, rate, 10_000, burst * (quiet + 1), 1))
                .sum();
            assert!(passed <= u64::from(rate * (600 + WINDOW)), "{passed}");
        }
    }

    #[test]
    fn after_any_flood_the_debt_is_gone_in_seven_tenths_of_the_window() {
        for per_second in [1_500, 10_000, 100_000] {
            let mut loads = Loads::new([3, 4], 16, WINDOW);
            flood(&mut loads, 100, per_second, 0, 60);
            assert_eq!(flood(&mut loads.clone(), 100, 10, 66, 1), 0);
            assert_eq!(flood(&mut loads.clone(), 100, 10, 71, 1), 10);
            // Who goes on at a tenth of the rate waits hardly longer.
            flood(&mut loads, 100, 10, 60, 12);
            assert_eq!(flood(&mut loads, 100, 10, 72, 100), 1000);
        }
    }

    #[test]
    fn what_one_load_refuses_is_not_charged_to_those_behind() {
        let mut loads = Loads::new([3, 4], 16, WINDOW);
        let (step, place) = (loads.step(0), loads.place(KEY));
        let mut passes = || loads.charge_each(place, PRICE, [(1, 2 * PRICE), (2, 9 * PRICE)]);
        let passed = [(); 8].map(|()| passes());
        assert_eq!(passed.iter().filter(|passed| **passed).count(), 2);
        assert_eq!(loads.load(step, place.of(1)), 4 * PRICE);
        assert_eq!(loads.load(step, place.of(2)), 2 * PRICE);
    }

    #[test]
    fn time_that_goes_backwards_decays_nothing_and_then_goes_on() {
        let mut loads = Loads::new([1, 2], 16, 10);
        assert!(loads.charge(1_000_000, KEY, 1000, 1000));
        assert!(!loads.charge(10, KEY, 100, 1000));
        assert!(loads.charge(10_010, KEY, 500, 1000));
    }

    #[test]
    fn time_may_pass_what_32_bits_hold() {
        let mut loads = Loads::new([1, 2], 16, 1);
        let wrap_ms = (1u64 << 32) * loads.step_us / 1000;
        assert!(loads.charge(wrap_ms - 50, KEY, 1000, 1000));
        assert!(!loads.charge(wrap_ms + 50, KEY, 100, 1000));
        assert!(loads.charge(wrap_ms + 1100, KEY, 500, 1000));
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
                let load = loads.load(step, place);
                prop_assert!(load <= limit.saturating_mul(2));
                prop_assert!(!fits || load <= limit);
            }
            prop_assert_eq!(loads.octets(), octets);
        }
    }
}
