//! A sketch of a set: HyperLogLog with 2^16 registers (Flajolet and others, 2007; the estimate is
//! that of LogLog-Beta, Qin and others, 2016).
//!
//! The hash has a key that is the same everywhere, or sketches of two places would not merge.

use crate::limits::SKETCH_PRECISION;
use hyperloglockless::HyperLogLog;
use siphasher::sip::SipHasher13;
use std::hash::BuildHasherDefault;

/// A sketch of a set of numbers.
#[derive(Clone)]
pub(super) struct Sketch(HyperLogLog<Hasher>);

/// What the library would hash by; it gets hashes only.
type Hasher = BuildHasherDefault<SipHasher13>;

impl Sketch {
    pub(super) fn new() -> Sketch {
        Sketch(HyperLogLog::with_hasher(SKETCH_PRECISION, Hasher::new()))
    }

    pub(super) fn insert(&mut self, number: u128) {
        let hash = SipHasher13::new_with_keys(KEYS[0], KEYS[1]).hash(&number.to_be_bytes());
        self.0.insert_hash(hash);
    }

    pub(super) fn merge(&mut self, other: &Sketch) {
        // Fails for sketches of different sizes only, and there is one size.
        let merged = self.0.union(&other.0);
        debug_assert!(merged.is_ok(), "sketches have one size");
    }

    pub(super) fn estimate(&self) -> u64 {
        // Summed anew, so that it does not depend on the order in which sketches were merged.
        let fresh = Sketch::of_registers(self.registers());
        fresh.map_or(0, |sketch| sketch.0.raw_count().round() as u64)
    }

    /// The standard error in millionths.
    pub(super) fn error_ppm() -> u32 {
        (hyperloglockless::error_for_precision(SKETCH_PRECISION) * 1e6).ceil() as u32
    }

    pub(super) fn registers(&self) -> &[u8] {
        self.0.parts().0
    }

    /// The sketch with these registers, if they can be those of one.
    pub(super) fn of_registers(registers: &[u8]) -> Option<Sketch> {
        if registers.len() != 1 << SKETCH_PRECISION {
            return None;
        }
        if registers.iter().any(|register| *register > REGISTER_MAX) {
            return None;
        }
        let zeros = registers.iter().filter(|register| **register == 0).count();
        let sum = registers
            .iter()
            .map(|register| (-f64::from(*register)).exp2())
            .sum();
        let parts = HyperLogLog::from_parts(registers.into(), Hasher::new(), zeros, sum);
        Some(Sketch(parts))
    }
}

impl PartialEq for Sketch {
    fn eq(&self, other: &Self) -> bool {
        self.registers() == other.registers()
    }
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sketch").field(&self.estimate()).finish()
    }
}

/// A register holds how many zeros a hash of 64 bits ends in, and one.
const REGISTER_MAX: u8 = 65;

/// Any numbers, but always these.
const KEYS: [u64; 2] = [0x696d_7273_2d73_6f75, 0x7263_6573_2d76_3031];
