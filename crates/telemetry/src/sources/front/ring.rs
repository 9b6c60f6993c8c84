//! A ring of addresses with one writer and one reader that never wait for each other.
//!
//! Its places are atomic numbers, so there is nothing to tear and nothing unsafe: the reader sees a
//! place only after the writer moved `head` past it, and the writer takes it again only after the
//! reader moved `tail` past it.

use crate::time::Day;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// The ring. [`Ring::push`] and [`Ring::defer`] belong to one thread, [`Ring::pop`] to one.
pub(super) struct Ring {
    places: Box<[Place]>,
    /// Addresses ever pushed.
    head: Line,
    /// Addresses ever popped.
    tail: Line,
    /// Addresses that found no place, on even and on odd days.
    deferred: [Line; 2],
}

/// Day and family, and the address.
#[derive(Default)]
struct Place([AtomicU64; 3]);

/// A number on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Line(AtomicU64);

impl Ring {
    pub(super) fn new(places: usize) -> Ring {
        let places = places.max(1).next_power_of_two();
        Ring {
            places: (0..places).map(|_| Place::default()).collect(),
            head: Line::default(),
            tail: Line::default(),
            deferred: Default::default(),
        }
    }

    /// Appends an address; whether there was a place.
    #[inline]
    pub(super) fn push(&self, day: Day, address: IpAddr) -> bool {
        let head = self.head.0.load(Relaxed);
        if head.wrapping_sub(self.tail.0.load(Acquire)) >= self.places.len() as u64 {
            return false;
        }
        let [kind, high, low] = &self.place(head).0;
        let day = u64::from(day.number()) << 1;
        match address {
            IpAddr::V4(address) => {
                kind.store(day, Relaxed);
                low.store(u64::from(address.to_bits()), Relaxed);
            }
            IpAddr::V6(address) => {
                let halves = super::super::halves(address);
                kind.store(day | IS_IPV6, Relaxed);
                high.store(halves[0], Relaxed);
                low.store(halves[1], Relaxed);
            }
        }
        self.head.0.store(head.wrapping_add(1), Release);
        true
    }

    /// Takes the oldest address.
    pub(super) fn pop(&self) -> Option<(Day, IpAddr)> {
        let tail = self.tail.0.load(Relaxed);
        if tail == self.head.0.load(Acquire) {
            return None;
        }
        let [kind, high, low] = self.place(tail).0.each_ref().map(|word| word.load(Relaxed));
        self.tail.0.store(tail.wrapping_add(1), Release);
        let address = if kind & IS_IPV6 == 0 {
            IpAddr::V4(Ipv4Addr::from_bits(low as u32))
        } else {
            let bits = u128::from(high) << 64 | u128::from(low);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        };
        let day = Day::new((kind >> 1) as u32).unwrap_or(Day::MAX);
        Some((day, address))
    }

    /// Counts an address that found no place.
    #[inline]
    pub(super) fn defer(&self, day: Day) {
        let count = &self.deferred[usize::from(day.is_odd())].0;
        count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Addresses that found no place on days that are as even or odd as this one.
    pub(super) fn deferred(&self, day: Day) -> u64 {
        self.deferred[usize::from(day.is_odd())].0.load(Relaxed)
    }

    #[inline]
    fn place(&self, number: u64) -> &Place {
        &self.places[number as usize & (self.places.len() - 1)]
    }
}

const IS_IPV6: u64 = 1;
