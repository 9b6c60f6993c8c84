//! The true time of the world, which no node knows.

use imrs_transfer::time::Moment;
use imrs_zone::record::UnixTime;
use std::time::Duration;

/// When every world begins: 2026-08-01T00:00:00Z.
pub const EPOCH: UnixTime = UnixTime(1_785_542_400);

/// The moment at which every world begins. Far from zero, so that what happened before can be told.
pub const BEGIN: Moment = Moment(Duration::from_secs(10 * 365 * 86_400));

/// What a clock that is right shows at `now`.
pub fn unix(now: Moment) -> UnixTime {
    UnixTime(EPOCH.0 + now.since(BEGIN).as_secs())
}

/// The clock of a node: right, or off by so many seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Seconds that it is ahead of the true time; behind, where negative.
    pub ahead_seconds: i64,
}

impl Clock {
    /// What it shows at `now`.
    pub fn read(self, now: Moment) -> UnixTime {
        UnixTime(unix(now).0.saturating_add_signed(self.ahead_seconds))
    }
}
