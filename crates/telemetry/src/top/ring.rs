//! A ring of samples with one writer and one reader that never wait for each other.
//!
//! It works as the ring of sources does: its places are atomic numbers, so there is nothing to tear
//! and nothing unsafe; the reader sees a place only after the writer moved `head` past it, and the
//! writer takes it again only after the reader moved `tail` past it.

use super::label::Label;
use super::sampler::Sample;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// The ring. [`Ring::push`] belongs to one thread, [`Ring::pop`] to one.
pub(super) struct Ring {
    places: Box<[Place]>,
    /// Samples ever pushed.
    head: Line,
    /// Samples ever popped.
    tail: Line,
    /// Samples that found no place.
    lost: Line,
}

/// What kind of sample it is, the address, and the label.
#[derive(Default)]
struct Place {
    kind: AtomicU64,
    client: [AtomicU64; 2],
    label: [AtomicU64; LABEL_WORDS],
}

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
            lost: Line::default(),
        }
    }

    /// Appends a sample, or counts it as lost where there is no place.
    pub(super) fn push(&self, sample: &Sample) {
        let head = self.head.0.load(Relaxed);
        if head.wrapping_sub(self.tail.0.load(Acquire)) >= self.places.len() as u64 {
            let lost = self.lost.0.load(Relaxed);
            return self.lost.0.store(lost.wrapping_add(1), Relaxed);
        }
        self.place(head).write(sample);
        self.head.0.store(head.wrapping_add(1), Release);
    }

    /// Takes the oldest sample.
    pub(super) fn pop(&self) -> Option<Sample> {
        let tail = self.tail.0.load(Relaxed);
        if tail == self.head.0.load(Acquire) {
            return None;
        }
        let sample = self.place(tail).read();
        self.tail.0.store(tail.wrapping_add(1), Release);
        Some(sample)
    }

    /// Samples that ever found no place.
    pub(super) fn lost(&self) -> u64 {
        self.lost.0.load(Relaxed)
    }

    fn place(&self, number: u64) -> &Place {
        &self.places[number as usize & (self.places.len() - 1)]
    }
}

impl Place {
    fn write(&self, sample: &Sample) {
        let mut kind = u64::from(sample.nxdomain) * IS_NXDOMAIN;
        let [high, low] = &self.client;
        match sample.client {
            IpAddr::V4(address) => low.store(u64::from(address.to_bits()), Relaxed),
            IpAddr::V6(address) => {
                kind |= IS_IPV6;
                let bits = address.to_bits();
                high.store((bits >> 64) as u64, Relaxed);
                low.store(bits as u64, Relaxed);
            }
        }
        if let Some(label) = &sample.label {
            let octets = label.octets();
            kind |= HAS_LABEL | (octets.len() as u64) << LEN_SHIFT;
            for (word, octets) in self.label.iter().zip(octets.chunks(8)) {
                let mut padded = [0; 8];
                for (place, octet) in padded.iter_mut().zip(octets) {
                    *place = *octet;
                }
                word.store(u64::from_le_bytes(padded), Relaxed);
            }
        }
        self.kind.store(kind, Relaxed);
    }

    fn read(&self) -> Sample {
        let kind = self.kind.load(Relaxed);
        let [high, low] = self.client.each_ref().map(|word| word.load(Relaxed));
        let client = if kind & IS_IPV6 == 0 {
            IpAddr::V4(Ipv4Addr::from_bits(low as u32))
        } else {
            let bits = u128::from(high) << 64 | u128::from(low);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        };
        let label = (kind & HAS_LABEL != 0).then(|| {
            let mut octets = [0; LABEL_WORDS * 8];
            for (place, word) in octets.chunks_mut(8).zip(&self.label) {
                place.copy_from_slice(&word.load(Relaxed).to_le_bytes());
            }
            let len = (kind >> LEN_SHIFT) as usize;
            octets.get(..len).and_then(Label::new)
        });
        Sample {
            client,
            label: label.flatten(),
            nxdomain: kind & IS_NXDOMAIN != 0,
        }
    }
}

const IS_IPV6: u64 = 1;
const IS_NXDOMAIN: u64 = 2;
const HAS_LABEL: u64 = 4;
const LEN_SHIFT: u32 = 8;

/// Words of 8 octets that hold a label.
const LABEL_WORDS: usize = super::label::LABEL_MAX.div_ceil(8);
