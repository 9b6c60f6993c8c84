//! What a worker has of the sources: a table of those it saw of late, and a ring to hand new ones
//! over.
//!
//! ```text
//! worker: Front ── known? ── no ──▶ ring ──▶ Drain: one thread ──▶ Sources
//!                   └ yes: nothing           (of fixed size)
//! ```
//!
//! A worker may neither allocate nor wait, so the set itself is out of its reach. Its table is of
//! fixed size, and forgets what it has no room for: then an address is handed over again, which
//! costs time and changes nothing. It never takes a new address for a known one: it keeps whole
//! addresses. Where the ring is full, the address is not marked as known and will be handed over
//! when it asks again; it is counted, and is missing only if it does not ask again that day. This
//! module does not know the set.

mod ring;
mod table;

use crate::limits::{FRONT_IPV4_BUCKETS, FRONT_IPV6_BUCKETS, RING_ADDRESSES};
use crate::time::Day;
use ring::Ring;
use std::net::IpAddr;
use std::sync::Arc;
use table::{Ipv4Bucket, Ipv6Bucket, Table};

/// Makes a front, and what drains it. `seed` is secret, or others could choose addresses that push
/// each other out of the table.
pub fn front(size: FrontSize, seed: u64) -> (Front, Drain) {
    let ring = Arc::new(Ring::new(size.ring));
    let front = Front {
        ipv4: Table::new(size.ipv4_buckets),
        ipv6: Table::new(size.ipv6_buckets),
        seed,
        ring: Arc::clone(&ring),
    };
    let drain = Drain {
        ring,
        deferred: [0; 2],
    };
    (front, drain)
}

/// How large a front is. All are rounded up to a power of 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrontSize {
    /// Cache lines of 14 IPv4 addresses.
    pub ipv4_buckets: usize,
    /// Cache lines of 3 IPv6 addresses.
    pub ipv6_buckets: usize,
    /// Addresses that can wait to be drained.
    pub ring: usize,
}

/// The worker's end.
pub struct Front {
    ipv4: Table<Ipv4Bucket>,
    ipv6: Table<Ipv6Bucket>,
    seed: u64,
    ring: Arc<Ring>,
}

/// The end of the thread that fills the set.
pub struct Drain {
    ring: Arc<Ring>,
    /// What was taken of the counts of deferred sources.
    deferred: [u64; 2],
}

/// What became of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noted {
    /// It was handed over on that day.
    Known,
    /// It is handed over now.
    Handed,
    /// The ring is full. It stays unknown, and is counted.
    Deferred,
}

impl Default for FrontSize {
    fn default() -> Self {
        FrontSize {
            ipv4_buckets: FRONT_IPV4_BUCKETS,
            ipv6_buckets: FRONT_IPV6_BUCKETS,
            ring: RING_ADDRESSES,
        }
    }
}

impl Front {
    /// Notes that a query came from this address. One cache line if the address is known.
    #[inline]
    pub fn note(&mut self, day: Day, address: IpAddr) -> Noted {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let bits = address.to_bits();
                let bucket = self.ipv4.bucket(mix(self.seed, u64::from(bits), 0));
                if bucket.has(day, bits) {
                    return Noted::Known;
                }
                if self.ring.push(day, IpAddr::V4(address)) {
                    bucket.keep(bits);
                    return Noted::Handed;
                }
            }
            IpAddr::V6(address) => {
                let [high, low] = super::halves(address);
                let bucket = self.ipv6.bucket(mix(self.seed, high, low));
                if bucket.has(day, [high, low]) {
                    return Noted::Known;
                }
                if self.ring.push(day, IpAddr::V6(address)) {
                    bucket.keep([high, low]);
                    return Noted::Handed;
                }
            }
        }
        self.ring.defer(day);
        Noted::Deferred
    }
}

impl Drain {
    /// The next address that was handed over.
    pub fn pop(&mut self) -> Option<(Day, IpAddr)> {
        self.ring.pop()
    }

    /// How many times an address was deferred on this day, since this was asked last: so many
    /// sources can be missing, at most. Days are told apart as even and odd ones.
    pub fn take_deferred(&mut self, day: Day) -> u64 {
        let now = self.ring.deferred(day);
        let taken = &mut self.deferred[usize::from(day.is_odd())];
        now.wrapping_sub(std::mem::replace(taken, now))
    }
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Drain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drain").finish_non_exhaustive()
    }
}

/// Spreads addresses over buckets by two multiplications to 128 bits, each folded.
#[inline]
fn mix(seed: u64, high: u64, low: u64) -> u64 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product >> 64) as u64 ^ product as u64
    };
    let first = fold(high ^ seed, FIRST);
    fold(first ^ low ^ seed.rotate_left(32), SECOND)
}

/// Odd numbers without a pattern: the digits of √2 and √3.
const FIRST: u64 = 0x6a09_e667_f3bc_c909;
const SECOND: u64 = 0xbb67_ae85_84ca_a73b;
