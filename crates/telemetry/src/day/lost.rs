//! What never reached a worker, so that nobody could count it by its contents.

use serde::{Deserialize, Serialize};

/// Datagrams that the kernel dropped before they were received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Since a queue was full.
    pub queue: u64,
    /// Since the filter ahead of the sockets turned them away in a flood.
    pub filter: u64,
}

impl Lost {
    /// Whether nothing was lost.
    pub fn is_none(self) -> bool {
        self == Lost::default()
    }

    /// Adds what was lost elsewhere or at another time.
    pub(super) fn add(&mut self, other: Lost) {
        self.queue = self.queue.saturating_add(other.queue);
        self.filter = self.filter.saturating_add(other.filter);
    }

    /// What was lost since `earlier`.
    pub(super) fn since(self, earlier: Lost) -> Lost {
        Lost {
            queue: self.queue.saturating_sub(earlier.queue),
            filter: self.filter.saturating_sub(earlier.filter),
        }
    }
}
