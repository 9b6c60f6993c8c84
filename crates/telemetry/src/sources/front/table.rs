//! A table of addresses of fixed size: buckets of one cache line each, which hold whole addresses.
//!
//! ```text
//! IPv4   day 4 | length 1 | next 1 | 2 | 14 × 4
//! IPv6   day 4 | length 1 | next 1 | 10 | 3 × 16
//! ```
//!
//! A bucket of another day counts as empty. In a full one the oldest address gives way.

use crate::time::Day;

/// Buckets, a power of 2 of them.
pub(super) struct Table<B> {
    buckets: Box<[B]>,
}

/// Addresses of one day.
#[derive(Clone, Default)]
#[repr(align(64))]
pub(super) struct Bucket<K, const N: usize>
where
    [K; N]: Default,
{
    keys: [K; N],
    day: u32,
    len: u8,
    next: u8,
}

pub(super) type Ipv4Bucket = Bucket<u32, 14>;
pub(super) type Ipv6Bucket = Bucket<[u64; 2], 3>;

impl<B: Clone + Default> Table<B> {
    pub(super) fn new(buckets: usize) -> Self {
        let buckets = buckets.max(1).next_power_of_two();
        Table {
            buckets: vec![B::default(); buckets].into_boxed_slice(),
        }
    }

    #[inline]
    pub(super) fn bucket(&mut self, hash: u64) -> &mut B {
        let at = hash as usize & (self.buckets.len() - 1);
        &mut self.buckets[at]
    }
}

impl<K: Copy + PartialEq, const N: usize> Bucket<K, N>
where
    [K; N]: Default,
{
    /// Whether it has this address of this day. A bucket of another day is emptied.
    #[inline]
    pub(super) fn has(&mut self, day: Day, key: K) -> bool {
        if self.day != day.number() {
            self.day = day.number();
            self.len = 0;
            self.next = 0;
            return false;
        }
        self.keys
            .iter()
            .take(usize::from(self.len))
            .any(|kept| *kept == key)
    }

    /// Keeps an address of the same day.
    #[inline]
    pub(super) fn keep(&mut self, key: K) {
        if let Some(place) = self.keys.get_mut(usize::from(self.next)) {
            *place = key;
        }
        self.len = self.len.max(self.next + 1);
        self.next = if usize::from(self.next) + 1 == N {
            0
        } else {
            self.next + 1
        };
    }
}

const _: () = assert!(size_of::<Ipv4Bucket>() == 64 && size_of::<Ipv6Bucket>() == 64);
