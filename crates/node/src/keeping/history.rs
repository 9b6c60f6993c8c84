//! What became of a zone of late, for whoever asks.

use crate::limits::HISTORY_ENTRIES;
use imrs_wire::Serial;
use imrs_zone::record::UnixTime;
use std::collections::VecDeque;

/// One thing that happened to a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, by the system's clock.
    pub at: UnixTime,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A version went into service.
    Swapped {
        /// The serial before; none for the first.
        from: Option<Serial>,
        /// The serial now.
        to: Serial,
        /// Who gave it, and how.
        source: String,
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
    /// The zone went out of service or came back, or is about to.
    State(String),
}

/// The last things that happened, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<Entry>);

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
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        let History(entries) = self;
        entries.iter()
    }
}
