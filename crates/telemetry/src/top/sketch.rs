//! The most frequent of many things in fixed memory: Space-Saving (Metwally, Agrawal and El Abbadi,
//! "Efficient computation of frequent and top-k elements in data streams", 2005).
//!
//! A thing that is not known takes the entry of the least frequent one and its count with it. So a
//! count is never too low, and too high by no more than what was taken over; of N things in E
//! entries, every one that came more than N / E times is there.

use std::collections::BTreeMap;

/// Things with their counts, [`Sketch::new`]'s number of them at most.
#[derive(Clone, Debug)]
pub(super) struct Sketch<K> {
    /// Where a thing is among the entries. Ordered, since no client can make that slow.
    places: BTreeMap<K, usize>,
    entries: Vec<Entry<K>>,
    entries_max: usize,
}

/// A thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<K> {
    pub(super) key: K,
    /// How often it came at most.
    pub(super) count: u64,
    /// What of it may be too much.
    pub(super) excess: u64,
}

impl<K: Copy + Ord> Sketch<K> {
    pub(super) fn new(entries_max: usize) -> Self {
        Sketch {
            places: BTreeMap::new(),
            entries: Vec::with_capacity(entries_max),
            entries_max,
        }
    }

    /// Counts a thing.
    pub(super) fn add(&mut self, key: K) {
        if let Some(entry) = self.place(&key) {
            entry.count = entry.count.saturating_add(1);
            return;
        }
        if self.entries.len() < self.entries_max {
            self.places.insert(key, self.entries.len());
            self.entries.push(Entry {
                key,
                count: 1,
                excess: 0,
            });
            return;
        }
        // A few hundred numbers in a row are looked through faster than an order of them is kept.
        let places = self.entries.iter_mut().enumerate();
        let Some((place, least)) = places.min_by_key(|(_, entry)| entry.count) else {
            return;
        };
        self.places.remove(&least.key);
        self.places.insert(key, place);
        *least = Entry {
            key,
            count: least.count.saturating_add(1),
            excess: least.count,
        };
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.entries.clear();
    }

    /// All entries, in no order.
    pub(super) fn entries(&self) -> &[Entry<K>] {
        &self.entries
    }

    /// How often a thing may have come that has no entry.
    pub(super) fn unseen_max(&self) -> u64 {
        if self.entries.len() < self.entries_max {
            return 0;
        }
        let counts = self.entries.iter().map(|entry| entry.count);
        counts.min().unwrap_or(0)
    }

    fn place(&mut self, key: &K) -> Option<&mut Entry<K>> {
        let place = self.places.get(key)?;
        self.entries.get_mut(*place)
    }
}
