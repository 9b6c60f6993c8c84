//! A set of prefixes, for hundreds of thousands of them: who is blocked, who is exempt.
//!
//! Start reading at [`Prefixes::contains`]. Prefixes become ranges of addresses, sorted and apart
//! from each other, so that one range decides. Knows no text form.

use std::net::IpAddr;
use std::ops::Range;

/// An immutable set of IPv4 and IPv6 prefixes.
///
/// An IPv4 range is 8 octets, and found through a table by the first bits of the address: with
/// 500,000 prefixes that are spread as addresses are, the table's line and one or two more are read.
/// An IPv6 range is 32 octets and found through every 64th. The empty set costs two comparisons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    ipv4: Ipv4Ranges,
    ipv6: Ipv6Ranges,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ipv4Ranges {
    /// First and last address of each.
    ranges: Box<[(u32, u32)]>,
    /// For each value of the first bits of an address, how many ranges start below it; and their
    /// number at the end.
    firsts: Box<[u32]>,
    /// By how much an address is shifted for its first bits.
    shift: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ipv6Ranges {
    /// First and last address of each.
    ranges: Box<[(u128, u128)]>,
    /// The first address of every [`STRIDE`]th.
    samples: Box<[u128]>,
}

/// Bits of the largest table: 2^16 entries of 4 octets, which is half an octet per prefix of
/// 500,000.
const FIRST_BITS_MAX: u32 = 16;

/// IPv6 ranges per sample: samples of 500,000 are 125 kB, and the rest of the search is within
/// 2 kB.
const STRIDE: usize = 64;

impl Prefixes {
    /// The set of these. Bits behind a prefix's length are ignored, a length beyond the family's
    /// counts as a whole address, and IPv4 addresses in IPv6 form (RFC 4291 section 2.5.5.2) are
    /// IPv4 if the length covers the form.
    pub fn new(prefixes: impl IntoIterator<Item = (IpAddr, u8)>) -> Self {
        let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
        for (address, len) in prefixes {
            match (address, address.to_canonical()) {
                (IpAddr::V4(address), _) => ipv4.push(ipv4_range(address.to_bits(), len)),
                (IpAddr::V6(_), IpAddr::V4(address)) if len >= 96 => {
                    ipv4.push(ipv4_range(address.to_bits(), len.saturating_sub(96)));
                }
                (IpAddr::V6(address), _) => ipv6.push(ipv6_range(address.to_bits(), len)),
            }
        }
        Prefixes {
            ipv4: Ipv4Ranges::new(merge(ipv4, |last, next| {
                last.checked_add(1).is_none_or(|behind| next <= behind)
            })),
            ipv6: Ipv6Ranges::new(merge(ipv6, |last, next| {
                last.checked_add(1).is_none_or(|behind| next <= behind)
            })),
        }
    }

    /// Whether a prefix covers the address.
    #[inline]
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => self.ipv4.contains(address.to_bits()),
            IpAddr::V6(address) => self.ipv6.contains(address.to_bits()),
        }
    }

    /// How many ranges there are, after prefixes that overlap or touch became one.
    pub fn len(&self) -> usize {
        self.ipv4
            .ranges
            .len()
            .saturating_add(self.ipv6.ranges.len())
    }

    /// Whether it covers no address.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory of the set in octets.
    pub fn octets(&self) -> usize {
        [
            size_of::<Self>(),
            size_of_val(&*self.ipv4.ranges),
            size_of_val(&*self.ipv4.firsts),
            size_of_val(&*self.ipv6.ranges),
            size_of_val(&*self.ipv6.samples),
        ]
        .iter()
        .fold(0, |sum, octets| sum.saturating_add(*octets))
    }
}

impl Ipv4Ranges {
    fn new(ranges: Box<[(u32, u32)]>) -> Self {
        if ranges.is_empty() {
            return Ipv4Ranges::default();
        }
        // About as many entries as ranges, at least two.
        let bits = ranges.len().ilog2().clamp(1, FIRST_BITS_MAX);
        let shift = 32u32.saturating_sub(bits);
        let values = 0..1u32.checked_shl(bits).unwrap_or_default();
        let count = |value: u32| {
            let value = value.checked_shl(shift).unwrap_or_default();
            ranges.partition_point(|&(first, _)| first < value) as u32
        };
        let firsts = values.map(count).chain([ranges.len() as u32]).collect();
        Ipv4Ranges {
            ranges,
            firsts,
            shift,
        }
    }

    #[inline]
    fn contains(&self, address: u32) -> bool {
        if self.ranges.is_empty() {
            return false;
        }
        let value = address.checked_shr(self.shift).unwrap_or_default() as usize;
        let bound = |at: usize| self.firsts.get(at).copied().unwrap_or_default() as usize;
        holds(
            &self.ranges,
            bound(value)..bound(value.saturating_add(1)),
            address,
        )
    }
}

impl Ipv6Ranges {
    fn new(ranges: Box<[(u128, u128)]>) -> Self {
        let samples = ranges.iter().step_by(STRIDE).map(|&(first, _)| first);
        Ipv6Ranges {
            samples: samples.collect(),
            ranges,
        }
    }

    #[inline]
    fn contains(&self, address: u128) -> bool {
        let samples = self.samples.partition_point(|&first| first <= address);
        let end = samples.saturating_mul(STRIDE).min(self.ranges.len());
        let start = samples.saturating_sub(1).saturating_mul(STRIDE);
        holds(&self.ranges, start..end, address)
    }
}

/// Whether the last range that starts at or below `address` reaches it. It is among those of
/// `within`, or right ahead of them.
#[inline]
fn holds<T: Ord + Copy>(ranges: &[(T, T)], within: Range<usize>, address: T) -> bool {
    let start = within.start;
    let below = ranges
        .get(within)
        .unwrap_or_default()
        .partition_point(|&(first, _)| first <= address);
    start
        .saturating_add(below)
        .checked_sub(1)
        .and_then(|at| ranges.get(at))
        .is_some_and(|&(_, last)| address <= last)
}

fn ipv4_range(address: u32, len: u8) -> (u32, u32) {
    let rest = u32::MAX.checked_shr(u32::from(len)).unwrap_or_default();
    (address & !rest, address | rest)
}

fn ipv6_range(address: u128, len: u8) -> (u128, u128) {
    let rest = u128::MAX.checked_shr(u32::from(len)).unwrap_or_default();
    (address & !rest, address | rest)
}

/// Sorts ranges and joins those that overlap or touch.
fn merge<T: Ord + Copy>(mut ranges: Vec<(T, T)>, touches: impl Fn(T, T) -> bool) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    ranges.dedup_by(|next, kept| {
        let joins = touches(kept.1, next.0);
        if joins {
            kept.1 = kept.1.max(next.1);
        }
        joins
    });
    ranges.into_boxed_slice()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "a wrong sum fails the test")]

    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn set(prefixes: &[&str]) -> Prefixes {
        Prefixes::new(prefixes.iter().map(|prefix| {
            let (address, len) = prefix.split_once('/').expect("a slash");
            (
                address.parse().expect("an address"),
                len.parse().expect("a length"),
            )
        }))
    }

    fn check(prefixes: &[&str], address: &str, expected: bool) {
        let address = address.parse().expect("an address");
        assert_eq!(set(prefixes).contains(address), expected, "{address}");
    }

    #[test]
    fn the_empty_set_contains_nothing() {
        check(&[], "192.0.2.1", false);
        check(&[], "2001:db8::1", false);
        assert!(Prefixes::default().is_empty());
    }

    #[test]
    fn a_prefix_contains_its_first_and_last_address_and_no_more() {
        let prefixes = ["192.0.2.77/24", "2001:db8::/32"];
        check(&prefixes, "192.0.2.0", true);
        check(&prefixes, "192.0.2.255", true);
        check(&prefixes, "192.0.1.255", false);
        check(&prefixes, "192.0.3.0", false);
        check(&prefixes, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true);
        check(&prefixes, "2001:db9::", false);
        check(&prefixes, "2001:db7:ffff::", false);
    }

    #[test]
    fn the_whole_space_is_a_prefix() {
        check(&["0.0.0.0/0"], "255.255.255.255", true);
        check(&["0.0.0.0/0"], "::1", false);
        check(&["::/0"], "ffff::", true);
        check(&["::/0"], "192.0.2.1", false);
    }

    #[test]
    fn an_ipv4_address_in_ipv6_form_is_that_address() {
        check(&["192.0.2.0/24"], "::ffff:192.0.2.9", true);
        check(&["::ffff:192.0.2.0/120"], "192.0.2.9", true);
        check(&["::ffff:192.0.2.0/120"], "192.0.3.9", false);
    }

    #[test]
    fn overlapping_and_touching_prefixes_become_one_range() {
        assert_eq!(
            set(&["10.0.0.0/8", "10.1.0.0/16", "11.0.0.0/8", "10.0.0.0/8"]).len(),
            1
        );
        assert_eq!(set(&["10.0.0.0/9", "11.0.0.0/8"]).len(), 2);
    }

    #[test]
    fn half_a_million_ipv4_prefixes_take_under_ten_octets_each() {
        let mut chance = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let prefixes =
            Prefixes::new((0..500_000).map(|_| (Ipv4Addr::from_bits(chance.random()).into(), 32)));
        assert!(prefixes.len() > 499_000);
        assert!(prefixes.octets() < 10 * 500_000, "{}", prefixes.octets());
    }

    /// Addresses of few bits, so that they meet; and of many.
    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            (0..64u32, 0..3u32).prop_map(|(a, b)| Ipv4Addr::from_bits(a << 26 | b).into()),
            any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).into()),
            (0..64u128, 0..3u128).prop_map(|(a, b)| Ipv6Addr::from_bits(a << 122 | b).into()),
            any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).into()),
        ]
    }

    fn covers((prefix, len): (IpAddr, u8), address: IpAddr) -> bool {
        let same = |a: u128, b: u128, len: u32| len == 0 || (a ^ b) >> (128 - len) == 0;
        match (prefix.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(
                u128::from(a.to_bits()) << 96,
                u128::from(b.to_bits()) << 96,
                u32::from(len).min(32),
            ),
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                same(a.to_bits(), b.to_bits(), u32::from(len).min(128))
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_contains_what_a_list_contains(
            prefixes in prop::collection::vec((address(), any::<u8>()), 0..300),
            short in prop::collection::vec((address(), 0..33u8), 0..5),
            asked in prop::collection::vec(address(), 1..100),
        ) {
            let all: Vec<_> = prefixes.into_iter().chain(short).collect();
            let set = Prefixes::new(all.iter().copied());
            // The members themselves are asked too: their edges are where mistakes would be.
            for address in asked.into_iter().chain(all.iter().map(|(address, _)| *address)) {
                let expected = all.iter().any(|&prefix| covers(prefix, address));
                prop_assert_eq!(set.contains(address), expected, "{}", address);
            }
        }
    }
}
