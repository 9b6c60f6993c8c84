//! What is held of the zone, and until when it may be served (RFC 1035 section 3.3.13).

use super::timers::{Timers, doubled};
use crate::limits::{UNSERVED_DELAY, UNSERVED_DELAY_MAX};
use crate::time::Moment;
use imrs_wire::Serial;
use std::time::Duration;

/// A copy of the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its serial.
    pub serial: Serial,
    /// The times of its SOA record.
    pub timers: Timers,
    /// When a primary last had this serial. For a copy from before the start, the shell's origin
    /// lies far enough back.
    pub confirmed: Moment,
}

/// What is held.
#[derive(Clone, Copy, Debug)]
pub(super) enum Copy {
    /// Nothing was ever held; so many rounds found nothing.
    Never { rounds: u32 },
    /// In service.
    Current(Held),
    /// No longer in service; so many rounds found nothing since.
    Expired { held: Held, rounds: u32 },
}

impl Held {
    /// When it may no longer be served, unless a primary confirms it before.
    pub fn expires(&self) -> Moment {
        self.confirmed + self.timers.expire()
    }
}

impl Copy {
    pub(super) fn new(held: Option<Held>) -> Self {
        match held {
            Some(held) => Copy::Current(held),
            None => Copy::Never { rounds: 0 },
        }
    }

    pub(super) fn held(&self) -> Option<&Held> {
        match self {
            Copy::Never { .. } => None,
            Copy::Current(held) | Copy::Expired { held, .. } => Some(held),
        }
    }

    /// When to look whether it expired; none if there is nothing that still can.
    pub(super) fn expires(&self) -> Option<Moment> {
        match self {
            Copy::Current(held) => Some(held.expires()),
            Copy::Never { .. } | Copy::Expired { .. } => None,
        }
    }

    /// Whether it expired just now.
    pub(super) fn expire(&mut self, now: Moment) -> bool {
        match *self {
            Copy::Current(held) if held.expires() <= now => {
                *self = Copy::Expired { held, rounds: 0 };
                true
            }
            _ => false,
        }
    }

    /// A primary has the serial that is held: it lives on, or lives again.
    pub(super) fn confirm(&mut self, now: Moment) {
        if let Some(&held) = self.held() {
            *self = Copy::Current(Held {
                confirmed: now,
                ..held
            });
        }
    }

    /// Time to the next round after one that confirmed nothing.
    pub(super) fn delay_after_failure(&mut self) -> Duration {
        match self {
            Copy::Current(held) => held.timers.retry(),
            Copy::Never { rounds } | Copy::Expired { rounds, .. } => {
                let delay = doubled(UNSERVED_DELAY, *rounds, UNSERVED_DELAY_MAX);
                *rounds = rounds.saturating_add(1);
                delay
            }
        }
    }

    /// The longest that [`Copy::delay_after_failure`] can be.
    pub(super) fn delay_after_failure_max(&self) -> Duration {
        match self {
            Copy::Current(held) => held.timers.retry(),
            Copy::Never { .. } | Copy::Expired { .. } => UNSERVED_DELAY_MAX,
        }
    }
}
