//! How a thread ends: at once, or by leaving its sockets to another node first.

use super::limits::LEAVE;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// What a thread is told of its end.
pub(super) struct Ends {
    pub(super) stop: Arc<Notify>,
    pub(super) leave: Arc<Leave>,
    /// How long connections may go on once another node has the sockets.
    pub(super) linger: Duration,
}

/// To leave the sockets to another node, and that it is done.
#[derive(Debug, Default)]
pub(super) struct Leave {
    pub(super) asked: Notify,
    left: Mutex<bool>,
    changed: Condvar,
}

impl Ends {
    /// Connections go on for as long as one may say nothing, so that those end by themselves whose
    /// clients are done.
    pub(super) fn new(stop: Arc<Notify>, leave: Arc<Leave>, idle: Duration) -> Ends {
        Ends {
            stop,
            leave,
            linger: idle,
        }
    }

    /// Nothing is read from the sockets any more.
    pub(super) fn left(&self) {
        *{ self.leave.left.lock() }.unwrap_or_else(PoisonError::into_inner) = true;
        self.leave.changed.notify_all();
    }
}

impl Leave {
    /// Waits, for a bounded time, until nothing is read from the sockets any more.
    pub(super) fn wait(&self) {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever panicked over it reads nothing any more either.
        let _ = self.changed.wait_timeout_while(left, LEAVE, |left| !*left);
    }
}
