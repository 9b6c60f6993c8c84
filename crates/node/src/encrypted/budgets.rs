//! What each client prefix may cost one thread in a second: new connections, and time.
//!
//! Whoever is counted has shown that its address is its own, so nobody spends what is another's.

use super::limits::{BUDGET_BUCKETS, BUDGET_WINDOW_S};
use imrs_engine::gate::Budget;
use std::cell::RefCell;
use std::net::IpAddr;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

/// The budgets of all prefixes.
pub(super) struct Budgets {
    start: Instant,
    /// New connections.
    new: RefCell<Budget>,
    /// Microseconds of this thread's time.
    busy: RefCell<Budget>,
}

impl Budgets {
    /// So many new connections and so much time in a second.
    pub(super) fn new(connections: u32, busy: Duration) -> Self {
        let of = |per_second| {
            let seed = rand::random();
            RefCell::new(Budget::new(
                seed,
                BUDGET_BUCKETS,
                per_second,
                BUDGET_WINDOW_S,
            ))
        };
        Budgets {
            start: Instant::now(),
            new: of(connections),
            busy: of(micros(busy)),
        }
    }

    /// Whether the prefix may open no connection now.
    pub(super) fn is_spent(&self, peer: IpAddr) -> bool {
        self.is_overspent(peer) || self.new.borrow_mut().is_spent(self.now_ms(), peer)
    }

    /// Whether the prefix has taken all the time that it may.
    pub(super) fn is_overspent(&self, peer: IpAddr) -> bool {
        self.busy.borrow_mut().is_spent(self.now_ms(), peer)
    }

    /// Counts a new connection.
    pub(super) fn open(&self, peer: IpAddr) {
        self.new.borrow_mut().spend(self.now_ms(), peer, 1);
    }

    /// Counts time.
    pub(super) fn spend(&self, peer: IpAddr, took: Duration) {
        let now = self.now_ms();
        self.busy.borrow_mut().spend(now, peer, micros(took));
    }

    /// Does some work and counts the time that it takes, without that in which it waits.
    pub(super) async fn metered<T>(&self, peer: IpAddr, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let step = |context: &mut std::task::Context<'_>| -> Poll<T> {
            let began = Instant::now();
            let done = work.as_mut().poll(context);
            self.spend(peer, began.elapsed());
            done
        };
        std::future::poll_fn(step).await
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Budgets;
    use std::net::IpAddr;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    const NEAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const FAR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));

    #[test]
    fn a_prefix_spends_what_is_its_own() {
        let budgets = Budgets::new(1000, Duration::from_millis(100));
        (0..6000).for_each(|_| budgets.open(NEAR));
        assert!(budgets.is_spent(NEAR) && !budgets.is_spent(FAR));
        assert!(!budgets.is_overspent(NEAR));
        budgets.spend(FAR, Duration::from_secs(1));
        assert!(budgets.is_overspent(FAR) && budgets.is_spent(FAR));
        assert!(!budgets.is_overspent(NEAR));
    }

    #[test]
    fn work_is_metered_at_each_step() {
        // A microsecond in a second: any step that can be measured is too much.
        let budgets = Budgets::new(1, Duration::from_micros(1));
        let mut steps = 0;
        let work = std::future::poll_fn(|_| {
            steps += 1;
            std::hint::black_box(vec![0_u8; 1 << 20]);
            if steps < 100 {
                Poll::Pending
            } else {
                Poll::Ready(7)
            }
        });
        let mut metered = std::pin::pin!(budgets.metered(NEAR, work));
        let mut context = Context::from_waker(Waker::noop());
        let done = (0..100).find_map(|_| match metered.as_mut().poll(&mut context) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        });
        assert_eq!(done, Some(7));
        assert!(budgets.is_overspent(NEAR));
    }
}
