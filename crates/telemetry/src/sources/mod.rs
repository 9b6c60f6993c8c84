//! The sources of one UTC day, each counted once (RSSAC002v5, unique-sources).
//!
//! Start reading at [`Sources`]. IPv4 addresses are kept in a compressed bitmap, which has 8 MB for a
//! busy day, IPv6 addresses and their /64 in a list. Each is exact up to a budget, since a flood in
//! forged names can make up any number of them; above it a sketch says how many they are, within an error that [`Method`] states. Both forms
//! merge with both. [`Front`] is what a worker has of it. This module does not know where days
//! begin.

mod distinct;
mod front;
mod ipv4;
mod sketch;
mod v1;

pub use front::{Drain, Front, FrontSize, Noted, front};
pub use v1::Corrupt;

use distinct::Distinct;
use ipv4::Ipv4;
use std::net::{IpAddr, Ipv6Addr};

/// The sources of one day.
#[derive(Clone, Debug)]
pub struct Sources {
    ipv4: Ipv4,
    ipv6: Distinct<u128>,
    prefixes: Distinct<u64>,
    /// Sources that may be missing.
    missed: u64,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// The number.
    pub value: u64,
    /// How it was found.
    pub method: Method,
}

/// How a number of different sources was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Each was kept, so it is the number.
    Exact,
    /// By a sketch of them.
    Sketch {
        /// The standard error in millionths of the number: two of three such numbers are within
        /// it, and all but one of 370 within three times as much. Who knows the sketch can choose
        /// addresses that it sees too few or too many of.
        error_ppm: u32,
    },
}

impl Sources {
    /// None yet. IPv6 addresses, and /64, are kept each in so many octets at most.
    pub fn new(budget_octets: usize) -> Sources {
        Sources {
            ipv4: Ipv4::new(),
            ipv6: Distinct::new(budget_octets),
            prefixes: Distinct::new(budget_octets),
            missed: 0,
        }
    }

    /// Adds a source, unless it is there. An IPv4 address within IPv6 (`::ffff:0:0/96`) is one of
    /// IPv4.
    pub fn insert(&mut self, address: IpAddr) {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                self.ipv4.insert(address.to_bits());
            }
            IpAddr::V6(address) => {
                let address = address.to_bits();
                // A known address has a known /64.
                if self.ipv6.insert(address) {
                    self.prefixes.insert(prefix(address));
                }
            }
        }
    }

    /// Says that up to so many sources were not inserted.
    pub fn note_missed(&mut self, sources: u64) {
        self.missed = self.missed.saturating_add(sources);
    }

    /// Adds the sources of another place on the same day.
    pub fn merge(&mut self, other: &Sources) {
        self.ipv4.merge(&other.ipv4);
        self.ipv6.merge(&other.ipv6);
        self.prefixes.merge(&other.prefixes);
        self.missed = self.missed.saturating_add(other.missed);
    }

    /// IPv4 addresses.
    pub fn ipv4(&self) -> Figure {
        self.ipv4.figure()
    }

    /// IPv6 addresses.
    pub fn ipv6(&self) -> Figure {
        self.ipv6.figure()
    }

    /// The /64 of IPv6 addresses.
    pub fn prefixes(&self) -> Figure {
        let prefixes = self.prefixes.figure();
        let addresses = self.ipv6.figure();
        Figure {
            // Two sketches err each for itself; there are no more /64 than addresses.
            value: prefixes.value.min(addresses.value),
            ..prefixes
        }
    }

    /// How many sources may be missing, at most, since whoever should have inserted them could not.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// About how many octets of memory this takes.
    pub fn octets(&self) -> usize {
        self.ipv4.octets() + self.ipv6.octets() + self.prefixes.octets()
    }
}

impl PartialEq for Sources {
    /// Whether both know the same sources in the same way.
    fn eq(&self, other: &Self) -> bool {
        self.ipv4 == other.ipv4
            && self.ipv6 == other.ipv6
            && self.prefixes == other.prefixes
            && self.missed == other.missed
    }
}

/// The /64 of an address.
fn prefix(address: u128) -> u64 {
    let [high, _] = halves(Ipv6Addr::from_bits(address));
    high
}

/// An address as two numbers.
fn halves(address: Ipv6Addr) -> [u64; 2] {
    let bits = address.to_bits();
    [(bits >> 64) as u64, bits as u64]
}

#[cfg(test)]
mod tests;
