//! The prefix lengths at which loads are counted, and what a prefix is as a key.

use std::net::IpAddr;

/// A prefix length and what such a prefix may get, in multiples of one address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    /// Which bits count, of 128; an IPv4 address stands at the upper end.
    mask: u128,
    /// How many times the rate of one address.
    pub(super) factor: u32,
    /// Tells the lengths of both families apart within a key.
    mark: u64,
}

/// The most lengths of a family.
pub(super) const LEVELS_MAX: usize = 5;

/// Narrow ones first: a flood from one address is then judged by one cache line, and takes nothing
/// from its network.
const IPV4: [Level; 4] = [
    level(32, 1, 0x400),
    level(24, 4, 0x400),
    level(20, 16, 0x400),
    level(18, 48, 0x400),
];

const IPV6: [Level; 5] = [
    level(128, 1, 0x600),
    level(64, 2, 0x600),
    level(56, 3, 0x600),
    level(48, 4, 0x600),
    level(32, 48, 0x600),
];

#[expect(
    clippy::arithmetic_side_effects,
    reason = "computed when compiled, which fails where this does"
)]
const fn level(len: u32, factor: u32, family: u64) -> Level {
    Level {
        mask: u128::MAX << (128 - len),
        factor,
        mark: family + len as u64,
    }
}

/// The lengths at which an address counts.
#[inline]
pub(super) fn levels(address: IpAddr) -> &'static [Level] {
    match address.to_canonical() {
        IpAddr::V4(_) => &IPV4,
        IpAddr::V6(_) => &IPV6,
    }
}

/// The bits of an address, at the upper end.
#[inline]
pub(super) fn bits(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The prefix of that length as a key.
#[inline]
pub(super) fn key(bits: u128, level: &Level) -> [u64; 2] {
    let bits = bits & level.mask;
    // The lower half of a /128 is an identifier without structure; the mark moves into its middle
    // by a multiplication that loses nothing.
    let low = (bits as u64) ^ level.mark.wrapping_mul(0x9fb2_1c65_1e98_df25);
    [(bits >> 64) as u64, low]
}

/// The length at which a source is condemned as one: an IPv4 address or an IPv6 /64.
#[inline]
pub(super) fn single(address: IpAddr) -> &'static Level {
    let [ipv4, ..] = &IPV4;
    let [_, ipv6, ..] = &IPV6;
    match address.to_canonical() {
        IpAddr::V4(_) => ipv4,
        IpAddr::V6(_) => ipv6,
    }
}

/// The network that connections are counted by: IPv4 /24, IPv6 /56.
#[inline]
pub(super) fn network(address: IpAddr) -> [u64; 2] {
    let [_, ipv4, ..] = &IPV4;
    let [_, _, ipv6, ..] = &IPV6;
    let level = match address.to_canonical() {
        IpAddr::V4(_) => ipv4,
        IpAddr::V6(_) => ipv6,
    };
    key(bits(address), level)
}
