//! The cells of one worker: it writes them, anybody reads them, and nobody waits.
//!
//! A worker has two banks of cells and takes them by turns, a day each. So the bank of a day rests
//! soon after midnight, and what is read from it then is exact: no query is between two numbers.
//! What is read during its day may miss parts of the few queries that are being counted.

use super::exchange::each_cell_of_continued;
use super::layout::{CELLS, FLOW_CELLS};
use super::{Counts, Exchange, Flow};
use crate::time::Day;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The cells of one worker, 214 kB, of which traffic touches a few kB.
///
/// One thread alone may call [`Cells::record`]; if two did, queries would be missing in the counts.
pub struct Cells {
    banks: [Box<[Number]>; 2],
}

impl Cells {
    /// All at 0.
    pub fn new() -> Cells {
        Cells {
            banks: [(), ()].map(|()| (0..CELLS).map(|_| Number::default()).collect()),
        }
    }

    /// Counts one query, of this day, and what became of it.
    #[inline]
    pub fn record(&self, day: Day, flow: Flow, exchange: &Exchange) {
        let cells = self.cells(day, flow);
        exchange.each_cell(|cell| increment(cells, cell));
    }

    /// Counts one more message of a transfer, of this day and so many octets: its first one went
    /// with [`Cells::record`].
    pub fn record_continued(&self, day: Day, flow: Flow, octets: usize) {
        let cells = self.cells(day, flow);
        each_cell_of_continued(octets, |cell| increment(cells, cell));
    }

    /// Adds what the bank of this day holds to `sum`: all that was counted since the start on days
    /// that are as even or odd as this one.
    pub fn add_to(&self, day: Day, sum: &mut Counts) {
        for (sum, cell) in sum.cells.iter_mut().zip(self.bank(day)) {
            *sum = sum.saturating_add(cell.get());
        }
    }

    /// All that was counted since the start.
    pub fn total(&self) -> Counts {
        let mut counts = Counts::new();
        for bank in &self.banks {
            for (sum, cell) in counts.cells.iter_mut().zip(bank) {
                *sum = sum.saturating_add(cell.get());
            }
        }
        counts
    }

    /// Those of one flow.
    #[inline]
    fn cells(&self, day: Day, flow: Flow) -> &[Number] {
        let start = flow.index() * FLOW_CELLS;
        let cells = self.bank(day).get(start..start + FLOW_CELLS);
        cells.unwrap_or_default()
    }

    #[inline]
    fn bank(&self, day: Day) -> &[Number] {
        let [even, odd] = &self.banks;
        if day.is_odd() { odd } else { even }
    }
}

impl Default for Cells {
    fn default() -> Self {
        Cells::new()
    }
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cells").field(&self.total()).finish()
    }
}

#[inline]
fn increment(cells: &[Number], cell: usize) {
    if let Some(cell) = cells.get(cell) {
        cell.increment();
    }
}

/// One number that one thread writes and anybody reads.
#[derive(Default)]
struct Number(AtomicU64);

impl Number {
    /// Adds one without a locked instruction; right because there is one writer.
    #[inline]
    fn increment(&self) {
        self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
