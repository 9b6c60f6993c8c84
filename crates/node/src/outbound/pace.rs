//! How fast zones are sent, all transfers together.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A rate that all transfers share. Whoever sends asks first how long to wait.
#[derive(Debug)]
pub(super) struct Pace {
    octets_per_second: u64,
    /// When everything that was let go has gone.
    free_at: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(octets_per_second: u64, now: Instant) -> Self {
        Pace {
            octets_per_second: octets_per_second.max(1),
            free_at: Mutex::new(now),
        }
    }

    /// Lets so many octets go, and says how long from `now` that is.
    pub(super) fn take(&self, octets: usize, now: Instant) -> Duration {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = now.max(*free_at);
        *free_at = start + Duration::from_secs_f64(octets as f64 / self.octets_per_second as f64);
        start - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_share_the_rate() {
        let start = Instant::now();
        let pace = Pace::new(1000, start);
        let after = |ms| start + Duration::from_millis(ms);
        let check = |octets, now, wait| {
            assert_eq!(pace.take(octets, now), Duration::from_millis(wait));
        };
        check(500, start, 0);
        check(500, start, 500);
        check(100, after(200), 800);
        check(100, after(5000), 0);
        check(100, after(5000), 100);
    }
}
