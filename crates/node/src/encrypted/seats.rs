//! The connections of one thread: whom to admit, who has to go, and why.
//!
//! A connection is a task that holds a [`Seat`] and listens to it. Whoever wants it gone takes it
//! out of the table, counts it under the reason, and tells it; so every connection is counted once.

use super::Medium;
use super::counters::Tally;
use super::limits::{EVICTION_SEARCH, HANDSHAKE};
use crate::transport::{Admission, Full, Ordered, Prefix};
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    HandshakeFailed,
    HandshakeSlow,
    Ended,
    Broken,
    Idle,
    Slow,
    Evicted,
    Spent,
    Overspent,
    Misused,
    Blocked,
    Shed,
    Stopped,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has no keys yet.
    Handshake,
    /// Nothing is owed on either side.
    Idle,
    /// A query is incomplete, or a response is not taken.
    Busy,
}

/// The connections of one thread.
pub(super) struct Seats {
    table: RefCell<Ordered<Entry>>,
    handshakes: Cell<usize>,
    admission: Arc<Admission>,
    tally: Arc<Tally>,
    /// Time without progress after which a connection is closed.
    idle: Duration,
}

struct Entry {
    medium: Medium,
    prefix: Prefix,
    phase: Phase,
    /// When it was opened, had its handshake, completed a query, or took its responses. Single
    /// octets either way are no progress, so nobody lives on them.
    progress: Instant,
    ending: Rc<Ending>,
}

/// How a connection hears that it is over.
#[derive(Default)]
struct Ending {
    reason: Cell<Option<Reason>>,
    told: Notify,
}

/// The place of one connection among the others.
pub(super) struct Seat {
    seats: Rc<Seats>,
    slot: u32,
    ending: Rc<Ending>,
}

impl Seats {
    pub(super) fn new(admission: Arc<Admission>, tally: Arc<Tally>, idle: Duration) -> Rc<Seats> {
        Rc::new(Seats {
            table: RefCell::new(Ordered::new()),
            handshakes: Cell::new(0),
            admission,
            tally,
            idle,
        })
    }

    /// Handshakes going on.
    pub(super) fn handshakes(&self) -> usize {
        self.handshakes.get()
    }

    /// Whether no connection is open.
    pub(super) fn is_empty(&self) -> bool {
        self.table.borrow().stalest().is_none()
    }

    /// Admits a connection and counts it, or counts that it is refused. Where a limit is reached,
    /// the one without progress for longest makes room.
    pub(super) fn take(
        self: &Rc<Self>,
        medium: Medium,
        peer: IpAddr,
        now: Instant,
    ) -> Option<Seat> {
        let prefix = Prefix::from(peer);
        if let Err(full) = self.admit(prefix) {
            self.tally.connections(medium).refuse(full);
            return None;
        }
        self.tally.connections(medium).opened.add(1);
        self.handshakes.set(self.handshakes.get() + 1);
        let ending = Rc::new(Ending::default());
        let slot = self.table.borrow_mut().insert(Entry {
            medium,
            prefix,
            phase: Phase::Handshake,
            progress: now,
            ending: Rc::clone(&ending),
        });
        let seats = Rc::clone(self);
        Some(Seat {
            seats,
            slot,
            ending,
        })
    }

    fn admit(&self, prefix: Prefix) -> Result<(), Full> {
        let Err(full) = self.admission.admit(prefix) else {
            return Ok(());
        };
        let stalest = {
            let table = self.table.borrow();
            let is_eligible =
                |(_, entry): &(u32, &Entry)| full == Full::All || entry.prefix == prefix;
            let mut looked_at = table.iter().take(EVICTION_SEARCH);
            looked_at.find(is_eligible).map(|(slot, _)| slot)
        };
        self.end(stalest.ok_or(full)?, Reason::Evicted);
        self.admission.admit(prefix)
    }

    /// Ends the connections whose time is over.
    pub(super) fn expire(&self, now: Instant) {
        self.end_those(|entry| {
            let (most, reason) = match entry.phase {
                Phase::Handshake => (HANDSHAKE, Reason::HandshakeSlow),
                Phase::Idle => (self.idle, Reason::Idle),
                Phase::Busy => (self.idle, Reason::Slow),
            };
            (now.saturating_duration_since(entry.progress) >= most).then_some(reason)
        });
    }

    /// Ends the connections on which nothing is owed.
    pub(super) fn end_idle(&self, reason: Reason) {
        self.end_those(|entry| (entry.phase == Phase::Idle).then_some(reason));
    }

    /// Ends those over one transport.
    pub(super) fn end_over(&self, medium: Medium, reason: Reason) {
        self.end_those(|entry| (entry.medium == medium).then_some(reason));
    }

    /// Ends all connections.
    pub(super) fn end_all(&self, reason: Reason) {
        self.end_those(|_| Some(reason));
    }

    fn end_those(&self, why: impl Fn(&Entry) -> Option<Reason>) {
        let found: Vec<(u32, Reason)> = {
            let table = self.table.borrow();
            let over = { table.iter() }.filter_map(|(slot, entry)| Some((slot, why(entry)?)));
            over.collect()
        };
        for (slot, reason) in found {
            self.end(slot, reason);
        }
    }

    /// Takes a connection out of all accounts, and tells it.
    fn end(&self, slot: u32, reason: Reason) {
        let Some(entry) = self.table.borrow_mut().remove(slot) else {
            return;
        };
        if entry.phase == Phase::Handshake {
            self.handshakes.set(self.handshakes.get() - 1);
        }
        self.admission.release(entry.prefix);
        self.tally.connections(entry.medium).close(reason);
        entry.ending.reason.set(Some(reason));
        entry.ending.told.notify_one();
    }
}

impl Seat {
    /// Waits until the connection is to end.
    pub(super) async fn is_over(&self) -> Reason {
        loop {
            match self.ending.reason.get() {
                Some(reason) => return reason,
                None => self.ending.told.notified().await,
            }
        }
    }

    /// Notes progress.
    pub(super) fn progressed(&self, phase: Phase) {
        self.note(phase, Some(Instant::now()));
    }

    /// Notes what the connection is doing, which is no progress.
    pub(super) fn is_now(&self, phase: Phase) {
        self.note(phase, None);
    }

    fn note(&self, phase: Phase, progress: Option<Instant>) {
        // One that is over has no slot any more; it may be another's.
        if self.ending.reason.get().is_some() {
            return;
        }
        let mut table = self.seats.table.borrow_mut();
        if let Some(entry) = table.get_mut(self.slot) {
            if entry.phase == Phase::Handshake && phase != Phase::Handshake {
                self.seats.handshakes.set(self.seats.handshakes.get() - 1);
            }
            entry.phase = phase;
            if let Some(now) = progress {
                entry.progress = now;
                table.refresh(self.slot);
            }
        }
    }

    /// Counts the connection under the reason why it is over, unless another ended it before.
    /// Returns the reason that counts.
    pub(super) fn leave(&self, reason: Reason) -> Reason {
        if let Some(earlier) = self.ending.reason.get() {
            return earlier;
        }
        self.seats.end(self.slot, reason);
        reason
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // A task that was dropped, as all are when the thread ends.
        self.leave(Reason::Stopped);
    }
}

#[cfg(test)]
mod tests {
    use super::{HANDSHAKE, Phase, Reason, Seat, Seats};
    use crate::encrypted::Medium;
    use crate::encrypted::counters::{Connections, Counters, Tally};
    use crate::transport::Admission;
    use std::rc::Rc;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    const IDLE: Duration = Duration::from_secs(10);

    struct Bed {
        seats: Rc<Seats>,
        tally: Arc<Tally>,
        start: Instant,
    }

    impl Bed {
        fn new(all: usize, per_prefix: usize) -> Bed {
            let tally = Arc::new(Tally::default());
            let admission = Arc::new(Admission::new(all, per_prefix));
            let seats = Seats::new(admission, Arc::clone(&tally), IDLE);
            let start = Instant::now();
            Bed {
                seats,
                tally,
                start,
            }
        }

        fn take(&self, peer: &str) -> Option<Seat> {
            self.seats
                .take(Medium::Tls, peer.parse().unwrap(), self.start)
        }

        fn check(&self, expected: Connections) {
            let mut sum = Counters::default();
            self.tally.add_to(&mut sum);
            assert_eq!(sum.tls, expected);
        }
    }

    fn reason(seat: &Seat) -> Option<Reason> {
        seat.ending.reason.get()
    }

    #[test]
    fn at_a_limit_the_one_without_progress_for_longest_makes_room() {
        let bed = Bed::new(3, 2);
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|peer| bed.take(peer).unwrap());
        a.progressed(Phase::Idle);
        let c = bed.take("192.0.2.3").unwrap();
        assert_eq!(
            [&a, &b, &c].map(reason),
            [None, Some(Reason::Evicted), None]
        );
        let d = bed.take("198.51.100.1").unwrap();
        let e = bed.take("203.0.113.1").unwrap();
        assert_eq!(reason(&a), Some(Reason::Evicted));
        assert_eq!(bed.seats.handshakes(), 3);
        drop([c, d, e]);
        assert!(bed.seats.is_empty());
        assert_eq!(bed.seats.handshakes(), 0);
        bed.check(Connections {
            opened: 5,
            evicted: 2,
            stopped: 3,
            ..Connections::default()
        });
    }

    #[test]
    fn a_connection_is_counted_once_under_its_first_reason() {
        let bed = Bed::new(2, 2);
        let seat = bed.take("192.0.2.1").unwrap();
        bed.seats.end_all(Reason::Shed);
        assert_eq!(seat.leave(Reason::Broken), Reason::Shed);
        let other = bed.take("192.0.2.1").unwrap();
        seat.progressed(Phase::Idle);
        drop(seat);
        assert_eq!(bed.seats.handshakes(), 1);
        assert_eq!(other.leave(Reason::Ended), Reason::Ended);
        bed.check(Connections {
            opened: 2,
            shed: 1,
            ended: 1,
            ..Connections::default()
        });
    }

    #[test]
    fn each_phase_has_its_time() {
        let bed = Bed::new(3, 3);
        let [hasty, idle, busy] = [(); 3].map(|()| bed.take("192.0.2.1").unwrap());
        idle.is_now(Phase::Idle);
        busy.is_now(Phase::Busy);
        bed.seats.expire(bed.start + HANDSHAKE);
        assert_eq!([&idle, &busy].map(reason), [None, None]);
        assert_eq!(reason(&hasty), Some(Reason::HandshakeSlow));
        bed.seats.expire(bed.start + IDLE);
        assert_eq!(reason(&idle), Some(Reason::Idle));
        assert_eq!(reason(&busy), Some(Reason::Slow));
    }

    #[test]
    fn who_owes_nothing_can_be_ended_alone() {
        let bed = Bed::new(2, 2);
        let [idle, busy] = [(); 2].map(|()| bed.take("192.0.2.1").unwrap());
        idle.is_now(Phase::Idle);
        busy.is_now(Phase::Busy);
        bed.seats.end_idle(Reason::Shed);
        assert_eq!([&idle, &busy].map(reason), [Some(Reason::Shed), None]);
    }
}
