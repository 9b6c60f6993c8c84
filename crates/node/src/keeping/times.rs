//! The time that machines are given: how long it is after an origin before all that they hear of.

use imrs_transfer::time::Moment;
use imrs_zone::record::UnixTime;
use std::time::{Duration, Instant};

/// How far the origin lies before the start of the node: older than anything on a disk.
const BEFORE_START: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Tells moments by the system's steady clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    start: Instant,
}

impl Times {
    /// Counts from now on.
    pub(crate) fn new() -> Self {
        Times {
            start: Instant::now(),
        }
    }

    /// The present.
    pub(crate) fn now(&self) -> Moment {
        Moment(BEFORE_START + self.start.elapsed())
    }

    /// The moment of a time by the system's clock, which is `present` now. What the clock says is
    /// yet to come was just now.
    pub(crate) fn at(&self, time: UnixTime, present: UnixTime) -> Moment {
        let age = Duration::from_secs(present.0.saturating_sub(time.0));
        let Moment(now) = self.now();
        Moment(now.saturating_sub(age))
    }

    /// The time by the system's clock at a moment.
    pub(crate) fn wall(&self, moment: Moment, present: UnixTime) -> UnixTime {
        let now = self.now();
        match moment >= now {
            true => UnixTime(present.0.saturating_add(moment.since(now).as_secs())),
            false => UnixTime(present.0.saturating_sub(now.since(moment).as_secs())),
        }
    }
}
