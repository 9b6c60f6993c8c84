//! Tables of a block: each value once, and its number.
//!
//! They are emptied and filled again from block to block, so that a writer that is warm allocates
//! nothing. Their hashes have a secret seed: names and addresses are chosen by others.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hash};

/// Octet strings.
pub(super) struct Strings {
    octets: Vec<u8>,
    /// Where each string ends in `octets`; it starts where the one before it ends.
    ends: Vec<u32>,
    numbers: HashTable<u32>,
    hasher: FixedState,
}

/// Values of a fixed size.
pub(super) struct Values<T> {
    values: Vec<T>,
    numbers: HashTable<u32>,
    hasher: FixedState,
}

impl Strings {
    pub(super) fn new(seed: u64) -> Strings {
        Strings {
            octets: Vec::new(),
            ends: Vec::new(),
            numbers: HashTable::new(),
            hasher: FixedState::with_seed(seed),
        }
    }

    /// The number of a string.
    #[inline]
    pub(super) fn number(&mut self, string: &[u8]) -> u32 {
        let Strings {
            octets,
            ends,
            numbers,
            hasher,
        } = self;
        let hash = hasher.hash_one(string);
        if let Some(number) = numbers.find(hash, |number| at(octets, ends, *number) == string) {
            return *number;
        }
        let number = ends.len() as u32;
        octets.extend_from_slice(string);
        ends.push(octets.len() as u32);
        numbers.insert_unique(hash, number, |number| {
            hasher.hash_one(at(octets, ends, *number))
        });
        number
    }

    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|number| at(&self.octets, &self.ends, number as u32))
    }

    /// Octets of all.
    pub(super) fn octets(&self) -> usize {
        self.octets.len()
    }

    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.ends.clear();
        self.numbers.clear();
    }
}

impl<T: Hash + Eq + Copy> Values<T> {
    pub(super) fn new(seed: u64) -> Values<T> {
        Values {
            values: Vec::new(),
            numbers: HashTable::new(),
            hasher: FixedState::with_seed(seed),
        }
    }

    /// The number of a value.
    #[inline]
    pub(super) fn number(&mut self, value: T) -> u32 {
        let Values {
            values,
            numbers,
            hasher,
        } = self;
        let hash = hasher.hash_one(value);
        if let Some(number) = numbers.find(hash, |number| values[*number as usize] == value) {
            return *number;
        }
        let number = values.len() as u32;
        values.push(value);
        numbers.insert_unique(hash, number, |number| {
            hasher.hash_one(values[*number as usize])
        });
        number
    }

    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.values.iter()
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.numbers.clear();
    }
}

#[inline]
fn at<'a>(octets: &'a [u8], ends: &[u32], number: u32) -> &'a [u8] {
    let number = number as usize;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    &octets[start as usize..ends[number] as usize]
}
