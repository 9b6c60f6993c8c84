//! What a network may spend per second of anything: connections, time.

use super::limits::WINDOW_S_MAX;
use super::loads::Loads;
use super::prefix::network;
use std::net::IpAddr;

/// A budget per network (IPv4 /24, IPv6 /56) of something that is counted per second, such as new
/// connections or microseconds of CPU time.
///
/// A network that was quiet may spend `per_second * window_s` at once. Fixed memory.
#[derive(Clone, Debug)]
pub struct Budget {
    loads: Loads,
    limit: u32,
    /// Loads are amounts times two to this, so that small ones decay evenly.
    shift: u32,
}

impl Budget {
    /// A budget of `per_second` over a window of seconds. 0 is without limit.
    pub fn new(seed: [u64; 2], buckets: usize, per_second: u32, window_s: u32) -> Self {
        let window_s = window_s.clamp(1, WINDOW_S_MAX);
        let limit = u64::from(per_second).saturating_mul(u64::from(window_s));
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        // Two bits are left, for what is spent beyond the limit.
        let shift = limit.leading_zeros().saturating_sub(2).min(16);
        Budget {
            loads: Loads::new(seed, buckets, window_s),
            limit: limit.checked_shl(shift).unwrap_or(u32::MAX),
            shift,
        }
    }

    /// Spends an amount, also beyond what there is: what was used is used. At most one window's
    /// debt is kept.
    pub fn spend(&mut self, now_ms: u64, address: IpAddr, amount: u32) {
        let price = u64::from(amount) << self.shift;
        let price = u32::try_from(price).unwrap_or(u32::MAX);
        let (step, place) = (self.loads.step(now_ms), self.loads.place(network(address)));
        self.loads.load(step, place);
        self.loads.add(place, price, self.limit.saturating_mul(2));
    }

    /// Whether nothing is left for the network of `address`.
    pub fn is_spent(&mut self, now_ms: u64, address: IpAddr) -> bool {
        let (step, place) = (self.loads.step(now_ms), self.loads.place(network(address)));
        self.limit > 0 && self.loads.load(step, place) >= self.limit
    }

    /// The memory of its counters in octets, which never changes.
    pub fn octets(&self) -> usize {
        self.loads.octets()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a wrong sum fails the test")]

    use super::*;

    /// Connections that a network gets in `seconds` when it tries 100 times a second.
    fn got(budget: &mut Budget, from_s: u64, seconds: u64, address: &str) -> usize {
        let address = address.parse().expect("an address");
        let times = (from_s * 100..(from_s + seconds) * 100).map(|at| at * 10);
        times
            .filter(|&now_ms| {
                let free = !budget.is_spent(now_ms, address);
                if free {
                    budget.spend(now_ms, address, 1);
                }
                free
            })
            .count()
    }

    #[test]
    fn a_network_gets_its_rate_and_others_theirs() {
        for per_second in [1u32, 2, 20] {
            let mut budget = Budget::new([1, 2], 64, per_second, 10);
            got(&mut budget, 0, 60, "192.0.2.1");
            let steady = got(&mut budget, 60, 100, "192.0.2.77");
            let expected = per_second as usize * 100;
            assert!(steady.abs_diff(expected) * 20 <= expected, "{steady}");
            assert!(got(&mut budget, 160, 1, "192.0.3.1") >= 10);
            assert!(got(&mut budget, 160, 1, "2001:db8::1") >= 10);
        }
    }

    #[test]
    fn a_debt_is_gone_in_a_window() {
        let mut budget = Budget::new([1, 2], 64, 5000, 10);
        let address = IpAddr::from([192, 0, 2, 1]);
        budget.spend(0, address, u32::MAX);
        assert!(budget.is_spent(5_000, address));
        assert!(!budget.is_spent(10_000, address));
    }

    #[test]
    fn zero_is_without_limit() {
        let mut budget = Budget::new([1, 2], 64, 0, 10);
        assert_eq!(got(&mut budget, 0, 10, "192.0.2.1"), 1000);
    }
}
