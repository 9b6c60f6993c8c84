//! A ring of words with one writer and one reader that never wait for each other.
//!
//! Its words are atomic numbers, so there is nothing to tear and nothing unsafe: the reader sees
//! words only after the writer moved `head` past them, and the writer takes them again only after
//! the reader moved `tail` past them. Octets lie eight to a word, the first one lowest. The words
//! of a record follow each other, at the end of the ring from its start on.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

/// What both ends share.
pub(super) struct Ring {
    words: Box<[AtomicU64]>,
    /// Words ever written.
    head: Line,
    /// Words ever read.
    tail: Line,
    pub(super) missed: MissedLine,
}

/// A number on cache lines of its own.
#[derive(Default)]
#[repr(align(128))]
struct Line(AtomicU64);

/// What the writer counts, on cache lines of their own.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct MissedLine {
    pub(super) lost: AtomicU64,
    pub(super) sampled_away: AtomicU64,
}

/// The writer's place, which belongs to one thread.
#[derive(Default)]
pub(super) struct Head {
    at: u64,
    /// The reader's place when it was looked at last: it is on a cache line of another core.
    tail: u64,
}

/// The reader's place, which belongs to one thread.
#[derive(Default)]
pub(super) struct Tail {
    at: u64,
    /// The writer's place when it was looked at last.
    head: u64,
}

impl Ring {
    pub(super) fn new(octets: usize) -> Ring {
        let words = octets.div_ceil(WORD_OCTETS).max(1).next_power_of_two();
        Ring {
            words: (0..words).map(|_| AtomicU64::default()).collect(),
            head: Line::default(),
            tail: Line::default(),
            missed: MissedLine::default(),
        }
    }

    /// Whether so many words can be written.
    #[inline]
    pub(super) fn has_room(&self, head: &mut Head, words: usize) -> bool {
        let size = self.words.len() as u64;
        let fits = |tail: u64| head.at.wrapping_sub(tail) + words as u64 <= size;
        if fits(head.tail) {
            return true;
        }
        head.tail = self.tail.0.load(Acquire);
        fits(head.tail)
    }

    /// Writes one word. There has to be room.
    #[inline]
    pub(super) fn write(&self, head: &mut Head, word: u64) {
        self.word(head.at).store(word, Relaxed);
        head.at = head.at.wrapping_add(1);
    }

    /// Writes octets, from the start of a word on. There has to be room.
    #[inline]
    pub(super) fn write_octets(&self, head: &mut Head, octets: &[u8]) {
        let (whole, rest) = octets.as_chunks();
        for chunk in whole {
            self.write(head, u64::from_le_bytes(*chunk));
        }
        if !rest.is_empty() {
            let mut last = [0; WORD_OCTETS];
            last[..rest.len()].copy_from_slice(rest);
            self.write(head, u64::from_le_bytes(last));
        }
    }

    /// Shows the reader what was written.
    #[inline]
    pub(super) fn publish(&self, head: &Head) {
        self.head.0.store(head.at, Release);
    }

    /// Whether there is something to read.
    #[inline]
    pub(super) fn has_words(&self, tail: &mut Tail) -> bool {
        if tail.at == tail.head {
            tail.head = self.head.0.load(Acquire);
        }
        tail.at != tail.head
    }

    /// Reads one word. There has to be one.
    #[inline]
    pub(super) fn read(&self, tail: &mut Tail) -> u64 {
        let word = self.word(tail.at).load(Relaxed);
        tail.at = tail.at.wrapping_add(1);
        word
    }

    /// Appends so many octets to `out`, and zeros up to the end of their last word.
    #[inline]
    pub(super) fn read_octets(&self, tail: &mut Tail, octets: usize, out: &mut Vec<u8>) {
        for _ in 0..words_of(octets) {
            out.extend_from_slice(&self.read(tail).to_le_bytes());
        }
    }

    /// Gives what was read back to the writer.
    #[inline]
    pub(super) fn release(&self, tail: &Tail) {
        self.tail.0.store(tail.at, Release);
    }

    #[inline]
    fn word(&self, number: u64) -> &AtomicU64 {
        &self.words[number as usize & (self.words.len() - 1)]
    }
}

/// Words that so many octets take.
#[inline]
pub(super) fn words_of(octets: usize) -> usize {
    octets.div_ceil(WORD_OCTETS)
}

pub(super) const WORD_OCTETS: usize = size_of::<u64>();
