//! Different IPv4 addresses: a compressed bitmap of them up to a budget, above it a sketch.
//!
//! The bitmap of a busy day has 8 MB. Only a flood in forged names gets beyond the budget: there are
//! so many addresses that all of them would need 512 MiB.

use super::sketch::Sketch;
use super::{Figure, Method};
use crate::limits::{SOURCES_IPV4_LOOK, SOURCES_IPV4_OCTETS};
use roaring::RoaringBitmap;

/// Different IPv4 addresses.
#[derive(Clone, Debug)]
pub(super) struct Ipv4 {
    state: State,
    budget_octets: usize,
    /// New addresses until the budget is looked at again.
    unlooked: u32,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Exact(RoaringBitmap),
    Sketch(Sketch),
}

impl Ipv4 {
    pub(super) fn new() -> Ipv4 {
        Ipv4::of(State::Exact(RoaringBitmap::new()), SOURCES_IPV4_OCTETS)
    }

    pub(super) fn of_bitmap(bitmap: RoaringBitmap) -> Ipv4 {
        Ipv4::of(State::Exact(bitmap), SOURCES_IPV4_OCTETS)
    }

    pub(super) fn of_sketch(sketch: Sketch) -> Ipv4 {
        Ipv4::of(State::Sketch(sketch), SOURCES_IPV4_OCTETS)
    }

    fn of(state: State, budget_octets: usize) -> Ipv4 {
        let mut all = Ipv4 {
            state,
            budget_octets,
            unlooked: SOURCES_IPV4_LOOK,
        };
        all.hold_budget();
        all
    }

    pub(super) fn insert(&mut self, address: u32) {
        match &mut self.state {
            State::Exact(bitmap) => {
                if bitmap.insert(address) {
                    self.unlooked -= 1;
                    if self.unlooked == 0 {
                        self.hold_budget();
                    }
                }
            }
            State::Sketch(sketch) => sketch.insert(u128::from(address)),
        }
    }

    pub(super) fn merge(&mut self, other: &Ipv4) {
        match (&mut self.state, &other.state) {
            (State::Exact(bitmap), State::Exact(other)) => {
                *bitmap |= other;
                self.hold_budget();
            }
            (State::Sketch(sketch), State::Exact(other)) => put(other, sketch),
            (State::Sketch(sketch), State::Sketch(other)) => sketch.merge(other),
            (State::Exact(bitmap), State::Sketch(other)) => {
                let mut sketch = other.clone();
                put(bitmap, &mut sketch);
                self.state = State::Sketch(sketch);
            }
        }
    }

    pub(super) fn figure(&self) -> Figure {
        match &self.state {
            State::Exact(bitmap) => Figure {
                value: bitmap.len(),
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
            State::Exact(bitmap) => bitmap.serialized_size(),
            State::Sketch(sketch) => sketch.registers().len(),
        }
    }

    /// The addresses, or the sketch of them.
    pub(super) fn content(&self) -> Result<&RoaringBitmap, &Sketch> {
        match &self.state {
            State::Exact(bitmap) => Ok(bitmap),
            State::Sketch(sketch) => Err(sketch),
        }
    }

    /// Becomes a sketch if the addresses take too many octets.
    fn hold_budget(&mut self) {
        self.unlooked = SOURCES_IPV4_LOOK;
        if let State::Exact(bitmap) = &self.state
            && bitmap.serialized_size() > self.budget_octets
        {
            let mut sketch = Sketch::new();
            put(bitmap, &mut sketch);
            self.state = State::Sketch(sketch);
        }
    }
}

impl PartialEq for Ipv4 {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state
    }
}

fn put(bitmap: &RoaringBitmap, sketch: &mut Sketch) {
    for address in bitmap {
        sketch.insert(u128::from(address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Ipv4 {
        Ipv4::of(State::Exact(RoaringBitmap::new()), 20_000)
    }

    /// Addresses spread over all of them, as in a flood in forged names.
    fn flood(n: u32) -> impl Iterator<Item = u32> {
        (0..n).map(|number| number.wrapping_mul(0x9e37_79b1))
    }

    #[test]
    fn a_flood_in_forged_names_ends_in_a_sketch_of_small_size() {
        let mut all = small();
        flood(1000).for_each(|address| all.insert(address));
        assert_eq!(all.figure().value, 1000);
        assert_eq!(all.figure().method, Method::Exact);
        flood(200_000).for_each(|address| all.insert(address));
        let Figure { value, method } = all.figure();
        assert!(matches!(method, Method::Sketch { error_ppm } if error_ppm < 5000));
        assert!((197_000..203_000).contains(&value), "{value}");
        assert!(all.octets() <= 1 << 16);
    }

    #[test]
    fn a_sketch_and_a_bitmap_merge_to_the_same_in_both_orders() {
        let mut sketch = small();
        flood(100_000).for_each(|address| sketch.insert(address));
        let mut bitmap = Ipv4::new();
        (0..1000).for_each(|address| bitmap.insert(address));
        let (mut forth, mut back) = (sketch.clone(), bitmap.clone());
        forth.merge(&bitmap);
        back.merge(&sketch);
        assert_eq!(forth, back);
        assert!(matches!(forth.figure().method, Method::Sketch { .. }));
    }
}
