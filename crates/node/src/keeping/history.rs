//! What became of a zone of late, for whoever asks.

use crate::limits::HISTORY_ENTRIES;
use imrs_wire::Serial;
use imrs_zone::record::UnixTime;
use std::collections::VecDeque;
use std::time::Duration;

/// One thing that happened to a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// When, by the system's clock.
    pub(crate) at: UnixTime,
    /// What.
    pub(crate) what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A version went into service.
    Swapped {
        /// The serial before; none for the first.
        from: Option<Serial>,
        /// The serial now.
        to: Serial,
        /// Who gave it, and how.
        source: String,
        /// How long that was after what led to it: a NOTIFY, a check, an order.
        took: Option<Duration>,
    },
    /// A version was refused.
    Refused {
        /// Its serial, where it got so far.
        serial: Option<Serial>,
        /// Who gave it, and how.
        source: String,
        /// Why.
        reason: String,
    },
    /// A transfer came to nothing.
    Failed {
        /// From whom, and how.
        source: String,
        /// Why.
        reason: String,
    },
    /// Something on the disk was dropped, or could not be written.
    Disk(String),
    /// An operator let a serial pass.
    Accepted(Serial),
    /// The zone went out of service, or came back.
    State(String),
}

/// The last things that happened, the oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(VecDeque<Entry>);

impl History {
    /// Adds one, and forgets the oldest beyond the limit. What happens again and again is kept once,
    /// at its last time.
    pub(super) fn add(&mut self, at: UnixTime, what: What) {
        let History(entries) = self;
        entries.retain(|entry| entry.what != what);
        entries.push_back(Entry { at, what });
        if entries.len() > HISTORY_ENTRIES {
            entries.pop_front();
        }
    }

    /// The entries, the oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        let History(entries) = self;
        entries.iter()
    }
}
