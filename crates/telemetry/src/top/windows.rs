//! The last minute, as six sketches of ten seconds each: as one begins, the oldest is forgotten.

use super::label::Label;
use super::sampler::Sample;
use super::sketch::Sketch;
use crate::limits::{SAMPLE_ONE_IN, TOP_ENTRIES, TOP_WINDOW_MS, TOP_WINDOWS};
use crate::time::Moment;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The busiest clients and top-level domains of the last minute.
#[derive(Debug)]
pub struct Top {
    /// In a ring; the one at `newest` is being filled.
    windows: Vec<Window>,
    newest: usize,
    /// When it began to look, and when `newest` began, by the steady clock in ms.
    since_ms: u64,
    newest_ms: u64,
    now_ms: u64,
}

/// A client or domain with an estimate of its queries in the time that [`Top::covered_ms`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranked<K> {
    /// The client or domain.
    pub key: K,
    /// How many queries it sent, estimated: [`SAMPLE_ONE_IN`] times those in the sample.
    pub queries: u64,
    /// By how many this may be too high, since the sketch has few entries. 0 while all that came
    /// has one.
    pub excess_max: u64,
    /// The standard error of the sample, up and down: two of three such estimates are within it.
    pub sampling_error: u64,
}

#[derive(Debug)]
struct Window {
    existing: Sketch<Label>,
    missing: Sketch<Label>,
    clients: Sketch<IpAddr>,
    samples: u64,
    lost: u64,
}

impl Top {
    /// Begins to look.
    pub fn start(now: Moment) -> Top {
        Top {
            windows: (0..TOP_WINDOWS).map(|_| Window::new()).collect(),
            newest: 0,
            since_ms: now.steady_ms,
            newest_ms: now.steady_ms,
            now_ms: now.steady_ms,
        }
    }

    /// Takes the time; to be called with every drain, every second or so.
    pub fn handle_time(&mut self, now: Moment) {
        self.now_ms = self.now_ms.max(now.steady_ms);
        let passed = (self.now_ms - self.newest_ms) / TOP_WINDOW_MS;
        for _ in 0..passed.min(TOP_WINDOWS as u64) {
            self.newest = (self.newest + 1) % TOP_WINDOWS;
            if let Some(window) = self.windows.get_mut(self.newest) {
                window.clear();
            }
        }
        self.newest_ms += passed * TOP_WINDOW_MS;
    }

    /// Takes a sample of a worker.
    pub fn handle_sample(&mut self, sample: &Sample) {
        let Some(window) = self.windows.get_mut(self.newest) else {
            return;
        };
        window.samples = window.samples.saturating_add(1);
        window.clients.add(sample.client);
        if let Some(label) = sample.label {
            match sample.nxdomain {
                true => window.missing.add(label),
                false => window.existing.add(label),
            }
        }
    }

    /// Takes how many samples a worker could not hand over.
    pub fn handle_lost(&mut self, samples: u64) {
        if let Some(window) = self.windows.get_mut(self.newest) {
            window.lost = window.lost.saturating_add(samples);
        }
    }

    /// How long the time is that all figures are of, in ms: the last 50 to 60 seconds.
    pub fn covered_ms(&self) -> u64 {
        let whole = (TOP_WINDOWS as u64 - 1) * TOP_WINDOW_MS;
        let from_ms = self.newest_ms.saturating_sub(whole).max(self.since_ms);
        self.now_ms - from_ms
    }

    /// Queries in the sample.
    pub fn samples(&self) -> u64 {
        self.windows.iter().map(|window| window.samples).sum()
    }

    /// Queries that should be in the sample and are not, since too many waited to be looked at. All
    /// estimates are too low by their share.
    pub fn lost(&self) -> u64 {
        self.windows.iter().map(|window| window.lost).sum()
    }

    /// The top-level domains most asked for that exist, or of which the response says nothing
    /// else; the root itself among them. The busiest come first.
    pub fn top_existing(&self, n: usize) -> Vec<Ranked<Label>> {
        self.top(n, |window| &window.existing)
    }

    /// The top-level domains most asked for that do not exist.
    pub fn top_missing(&self, n: usize) -> Vec<Ranked<Label>> {
        self.top(n, |window| &window.missing)
    }

    /// The clients that ask most.
    pub fn top_clients(&self, n: usize) -> Vec<Ranked<IpAddr>> {
        self.top(n, |window| &window.clients)
    }

    /// The most frequent over all windows. Where a window has no entry of a thing, it may have come
    /// there as often as the least frequent that has one.
    fn top<K: Copy + Ord>(&self, n: usize, of: fn(&Window) -> &Sketch<K>) -> Vec<Ranked<K>> {
        let sketches = || self.windows.iter().map(of);
        let unseen: u64 = sketches().map(Sketch::unseen_max).sum();
        let mut sums: BTreeMap<K, (u64, u64)> = BTreeMap::new();
        for sketch in sketches() {
            let unseen_here = sketch.unseen_max();
            for entry in sketch.entries() {
                let (count, excess) = sums.entry(entry.key).or_insert((unseen, unseen));
                *count = (*count - unseen_here).saturating_add(entry.count);
                *excess = (*excess - unseen_here).saturating_add(entry.excess);
            }
        }
        let mut all: Vec<_> = sums.into_iter().collect();
        // What is certain comes before what only may be.
        all.sort_by_key(|(_, (count, excess))| Reverse((count - excess, *count)));
        all.truncate(n);
        all.into_iter()
            .map(|(key, (count, excess))| Ranked::new(key, count, excess))
            .collect()
    }
}

impl<K> Ranked<K> {
    fn new(key: K, sampled: u64, excess: u64) -> Self {
        let scale = u64::from(SAMPLE_ONE_IN);
        Ranked {
            key,
            queries: sampled.saturating_mul(scale),
            excess_max: excess.saturating_mul(scale),
            sampling_error: sampled.isqrt().saturating_mul(scale),
        }
    }
}

impl Window {
    fn new() -> Window {
        Window {
            existing: Sketch::new(TOP_ENTRIES),
            missing: Sketch::new(TOP_ENTRIES),
            clients: Sketch::new(TOP_ENTRIES),
            samples: 0,
            lost: 0,
        }
    }

    fn clear(&mut self) {
        self.existing.clear();
        self.missing.clear();
        self.clients.clear();
        self.samples = 0;
        self.lost = 0;
    }
}
