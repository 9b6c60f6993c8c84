//! How long responses took, from the receipt of the query until they were sent.

use crate::counts::Transport;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The upper bounds of what is told apart, in µs; what is longer than the last is one more. A
/// server that is not behind answers within the first few.
pub const BOUNDS_US: [u32; 14] = [
    10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 1_000_000,
];

/// Responses over one transport, by how long they took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// Responses within each of [`BOUNDS_US`] and not within the one before, then all others.
    pub counts: [u64; BOUNDS_US.len() + 1],
    /// All their times together, in µs.
    pub sum_us: u64,
}

/// The same for all transports, of one thread that writes and others that read.
#[derive(Debug, Default)]
pub struct DelayCells([Cells; TRANSPORTS]);

#[derive(Debug, Default)]
struct Cells {
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// One time, as it is counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delay {
    class: usize,
    us: u32,
}

impl Delay {
    /// This many µs.
    #[inline]
    pub fn new(us: u32) -> Delay {
        let class = BOUNDS_US.iter().position(|bound| us <= *bound);
        Delay {
            class: class.unwrap_or(BOUNDS_US.len()),
            us,
        }
    }

    /// Its µs.
    #[inline]
    pub fn us(self) -> u32 {
        self.us
    }
}

impl DelayCells {
    /// Counts one response.
    #[inline]
    pub fn record(&self, transport: Transport, delay: Delay) {
        let Some(cells) = self.0.get(transport as usize) else {
            return;
        };
        if let Some(count) = cells.counts.get(delay.class) {
            add(count, 1);
        }
        add(&cells.sum_us, u64::from(delay.us));
    }

    /// Adds what was counted to `sum`.
    pub fn add_to(&self, transport: Transport, sum: &mut Delays) {
        let Some(cells) = self.0.get(transport as usize) else {
            return;
        };
        for (sum, count) in sum.counts.iter_mut().zip(&cells.counts) {
            *sum = sum.saturating_add(count.load(Relaxed));
        }
        sum.sum_us = sum.sum_us.saturating_add(cells.sum_us.load(Relaxed));
    }
}

impl Delays {
    /// How many responses there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().copied().fold(0, u64::saturating_add)
    }
}

/// Adds without a locked instruction; right because there is one writer.
#[inline]
fn add(cell: &AtomicU64, n: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(n), Relaxed);
}

/// UDP, TCP, TLS and QUIC.
const TRANSPORTS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_counted_in_the_first_class_whose_bound_it_keeps() {
        let check = |us, class: usize| {
            let cells = DelayCells::default();
            cells.record(Transport::Quic, Delay::new(us));
            let mut delays = Delays::default();
            cells.add_to(Transport::Quic, &mut delays);
            let mut counts = [0; BOUNDS_US.len() + 1];
            counts[class] = 1;
            let sum_us = u64::from(us);
            assert_eq!(delays, Delays { counts, sum_us });
            assert_eq!(delays.count(), 1);
            cells.add_to(Transport::Udp, &mut delays);
            assert_eq!(delays.count(), 1);
        };
        check(0, 0);
        check(10, 0);
        check(11, 1);
        check(1_000_000, 13);
        check(u32::MAX, 14);
    }
}
