//! Different numbers: a sorted list of them up to a budget, above it a sketch.

use super::sketch::Sketch;
use super::{Figure, Method};
use crate::limits::{FRESH_MIN, FRESH_OCTETS, FRESH_SHARE};
use std::collections::BTreeSet;

/// What can be kept: an address or a prefix as a number.
pub(super) trait Key: Copy + Ord + Default + std::fmt::Debug {
    /// As a number that a sketch and a file take.
    fn widen(self) -> u128;

    /// Back from it, if it is one.
    fn narrow(wide: u128) -> Option<Self>;
}

/// Different numbers.
#[derive(Clone, Debug)]
pub(super) struct Distinct<K> {
    state: State<K>,
    budget_octets: usize,
}

#[derive(Clone, Debug)]
enum State<K> {
    Exact(Exact<K>),
    Sketch(Sketch),
}

/// Each number once.
#[derive(Clone, Debug)]
struct Exact<K> {
    sorted: Vec<K>,
    /// Those that are not among the sorted ones yet, few.
    fresh: BTreeSet<K>,
}

impl Key for u128 {
    fn widen(self) -> u128 {
        self
    }

    fn narrow(wide: u128) -> Option<Self> {
        Some(wide)
    }
}

impl Key for u64 {
    fn widen(self) -> u128 {
        u128::from(self)
    }

    fn narrow(wide: u128) -> Option<Self> {
        u64::try_from(wide).ok()
    }
}

impl<K: Key> Distinct<K> {
    pub(super) fn new(budget_octets: usize) -> Self {
        Distinct::of_sorted(Vec::new(), budget_octets)
    }

    /// Of numbers that are sorted and different.
    pub(super) fn of_sorted(sorted: Vec<K>, budget_octets: usize) -> Self {
        let exact = Exact {
            sorted,
            fresh: BTreeSet::new(),
        };
        let mut distinct = Distinct {
            state: State::Exact(exact),
            budget_octets,
        };
        distinct.hold_budget();
        distinct
    }

    pub(super) fn of_sketch(sketch: Sketch, budget_octets: usize) -> Self {
        Distinct {
            state: State::Sketch(sketch),
            budget_octets,
        }
    }

    /// Adds a number. Whether it may be new: a sketch cannot tell.
    pub(super) fn insert(&mut self, key: K) -> bool {
        let exact = match &mut self.state {
            State::Exact(exact) => exact,
            State::Sketch(sketch) => {
                sketch.insert(key.widen());
                return true;
            }
        };
        if exact.sorted.binary_search(&key).is_ok() || !exact.fresh.insert(key) {
            return false;
        }
        if exact.fresh.len() >= (exact.sorted.len() / FRESH_SHARE).max(FRESH_MIN) {
            exact.settle();
        }
        self.hold_budget();
        true
    }

    pub(super) fn merge(&mut self, other: &Self) {
        match (&mut self.state, &other.state) {
            (State::Exact(exact), State::Exact(other)) => {
                exact.settle();
                let unknown = exact.unknown_of(&other.sorted);
                exact.weave(&unknown);
                let fresh: Vec<K> = exact.unknown_of(other.fresh.iter());
                exact.weave(&fresh);
                self.hold_budget();
            }
            (State::Sketch(sketch), State::Exact(other)) => {
                other.each(|key| sketch.insert(key.widen()));
            }
            (State::Sketch(sketch), State::Sketch(other)) => sketch.merge(other),
            (State::Exact(exact), State::Sketch(other)) => {
                let mut sketch = other.clone();
                exact.each(|key| sketch.insert(key.widen()));
                self.state = State::Sketch(sketch);
            }
        }
    }

    pub(super) fn figure(&self) -> Figure {
        match &self.state {
            State::Exact(exact) => Figure {
                value: exact.len() as u64,
                method: Method::Exact,
            },
            State::Sketch(sketch) => Figure {
                value: sketch.estimate(),
                method: Method::Sketch {
                    error_ppm: Sketch::error_ppm(),
                },
            },
        }
    }

    pub(super) fn octets(&self) -> usize {
        match &self.state {
            State::Exact(exact) => exact.octets(),
            State::Sketch(sketch) => sketch.registers().len(),
        }
    }

    /// The numbers in order, or the sketch of them.
    pub(super) fn content(&self) -> Result<Vec<K>, &Sketch> {
        match &self.state {
            State::Exact(exact) => {
                let mut exact = exact.clone();
                exact.settle();
                Ok(exact.sorted)
            }
            State::Sketch(sketch) => Err(sketch),
        }
    }

    /// Becomes a sketch if the numbers take too many octets. Those that wait to be sorted count
    /// like the others, so that the same numbers always have the same form.
    fn hold_budget(&mut self) {
        if let State::Exact(exact) = &self.state
            && exact.len() * size_of::<K>() > self.budget_octets
        {
            let mut sketch = Sketch::new();
            exact.each(|key| sketch.insert(key.widen()));
            self.state = State::Sketch(sketch);
        }
    }
}

impl<K: Key> PartialEq for Distinct<K> {
    fn eq(&self, other: &Self) -> bool {
        match (self.content(), other.content()) {
            (Ok(keys), Ok(others)) => keys == others,
            (Err(sketch), Err(other)) => sketch == other,
            _ => false,
        }
    }
}

impl<K: Key> Exact<K> {
    fn len(&self) -> usize {
        self.sorted.len() + self.fresh.len()
    }

    fn octets(&self) -> usize {
        self.sorted.len() * size_of::<K>() + self.fresh.len() * FRESH_OCTETS
    }

    fn each(&self, mut take: impl FnMut(K)) {
        self.sorted
            .iter()
            .chain(&self.fresh)
            .copied()
            .for_each(&mut take);
    }

    /// Sorts those in that are fresh.
    fn settle(&mut self) {
        let fresh: Vec<K> = std::mem::take(&mut self.fresh).into_iter().collect();
        self.weave(&fresh);
    }

    /// Those of `others`, which are sorted, that are not among the sorted ones.
    fn unknown_of<'a>(&self, others: impl IntoIterator<Item = &'a K>) -> Vec<K>
    where
        K: 'a,
    {
        let mut known = self.sorted.iter().peekable();
        let mut unknown = Vec::new();
        for other in others {
            while known.next_if(|key| *key < other).is_some() {}
            if known.peek() != Some(&other) {
                unknown.push(*other);
            }
        }
        unknown
    }

    /// Puts numbers that are sorted and unknown among the sorted ones, from the end on and in
    /// place, so that memory is never needed twice.
    fn weave(&mut self, unknown: &[K]) {
        let mut old = self.sorted.len();
        self.sorted.reserve_exact(unknown.len());
        self.sorted.resize(old + unknown.len(), K::default());
        let mut left = unknown.len();
        while let Some(key) = left.checked_sub(1).and_then(|at| unknown.get(at)) {
            let to = old + left - 1;
            match old.checked_sub(1).and_then(|at| self.sorted.get(at)) {
                Some(before) if before > key => {
                    old -= 1;
                    self.sorted.swap(old, to);
                }
                _ => {
                    left -= 1;
                    if let Some(place) = self.sorted.get_mut(to) {
                        *place = *key;
                    }
                }
            }
        }
    }
}
