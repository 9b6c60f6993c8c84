//! What is counted, once a second: offered, answered, dropped by reason.
//!
//! Start reading at [`Meter::start`]. Two threads on the core of the generator: one reads what the
//! kernel and the generator count, the other asks the server, which may not have the time to
//! answer; what it said last counts until it does.

use super::field::{Field, Kernel, VICTIMS};
use super::flood::Flood;
use super::teller::{Reasons, Teller};
use crate::bench::kernel;
use anyhow::Result;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Sums since the start, at one time.
#[derive(Clone, Debug, Default)]
pub(super) struct Point {
    /// Since the start of the clients.
    pub(super) at: Duration,
    /// Frames and connections that attackers sent.
    pub(super) offered: u64,
    /// Datagrams of theirs that met a full queue ahead of the server's interfaces.
    pub(super) link: u64,
    /// Octets of DNS sent in the name of each victim.
    pub(super) named: [u64; VICTIMS],
    /// What the kernel counted.
    pub(super) kernel: Kernel,
    /// What the server counted.
    pub(super) reasons: Reasons,
}

/// What is counted of.
pub(super) struct Meter<'a> {
    /// Of it the kernel's counts.
    pub(super) field: &'a Field,
    /// The generator of datagrams.
    pub(super) flood: &'a Flood,
    /// Connections that attackers began.
    pub(super) opened: Arc<AtomicU64>,
    /// Asks the server.
    pub(super) teller: Teller,
    /// What times count from.
    pub(super) start: Instant,
    /// The core to do so on.
    pub(super) core: usize,
}

impl Meter<'_> {
    /// Counts while `work` runs. Gives what it gave, and the points.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(T, Vec<Point>)> {
        let ends = AtomicBool::new(false);
        let told = Mutex::new(Reasons::new());
        thread::scope(|scope| {
            scope.spawn(|| self.listen(&told, &ends));
            let counting = scope.spawn(|| self.count(&told, &ends));
            let outcome = work();
            ends.store(true, Relaxed);
            let points = counting
                .join()
                .map_err(|_| anyhow::anyhow!("what counts panicked"))??;
            Ok((outcome?, points))
        })
    }

    fn listen(&self, told: &Mutex<Reasons>, ends: &AtomicBool) {
        let _ = kernel::pin_this_thread(self.core);
        while !ends.load(Relaxed) {
            if let Some(reasons) = self.teller.ask() {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = reasons;
            }
            thread::sleep(SECOND);
        }
    }

    fn count(&self, told: &Mutex<Reasons>, ends: &AtomicBool) -> Result<Vec<Point>> {
        let _ = kernel::pin_this_thread(self.core);
        let mut points = Vec::new();
        while !ends.load(Relaxed) {
            let reasons = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let sent = self.flood.sent();
            points.push(Point {
                at: self.start.elapsed(),
                offered: sent.frames + self.opened.load(Relaxed),
                link: sent.datagrams.saturating_sub(sent.taken),
                named: self.flood.named(),
                kernel: self.field.kernel()?,
                reasons,
            });
            let next = self.start + SECOND * points.len() as u32;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        Ok(points)
    }
}

const SECOND: Duration = Duration::from_secs(1);
