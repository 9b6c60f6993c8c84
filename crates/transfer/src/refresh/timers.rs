//! How long a copy of a zone is good, and how often to look for a newer one.

use crate::limits::{REFRESH_MAX, REFRESH_MIN};
use domain::rdata::ZoneRecordData;
use imrs_zone::Record;
use std::time::Duration;

/// The times of an SOA record (RFC 1035 section 3.3.13), within our bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    refresh: Duration,
    retry: Duration,
    expire: Duration,
}

impl Timers {
    /// Takes the times as the record has them. Refresh and retry are held to
    /// [`REFRESH_MIN`]..=[`REFRESH_MAX`]; a copy lives at least for one refresh and one retry, so
    /// that a lost packet cannot end it.
    pub fn new(refresh: Duration, retry: Duration, expire: Duration) -> Self {
        let refresh = refresh.clamp(REFRESH_MIN, REFRESH_MAX);
        let retry = retry.clamp(REFRESH_MIN, REFRESH_MAX);
        Timers {
            refresh,
            retry,
            expire: expire.max(refresh + retry),
        }
    }

    /// Those of an SOA record; none if it is another one.
    pub fn of_soa(record: &Record) -> Option<Self> {
        let ZoneRecordData::Soa(soa) = record.data() else {
            return None;
        };
        let [refresh, retry, expire] = [soa.refresh(), soa.retry(), soa.expire()]
            .map(|time| Duration::from_secs(u64::from(time.as_secs())));
        Some(Timers::new(refresh, retry, expire))
    }

    /// Time from a check that went well to the next.
    pub fn refresh(&self) -> Duration {
        self.refresh
    }

    /// Time from a check that failed to the next.
    pub fn retry(&self) -> Duration {
        self.retry
    }

    /// Time from the last check that went well until the copy may no longer be served.
    pub fn expire(&self) -> Duration {
        self.expire
    }
}

/// `first`, doubled for each time that it was used before, and `most` at most.
pub(super) fn doubled(first: Duration, times: u32, most: Duration) -> Duration {
    let factor = 1u32.checked_shl(times).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(most)
}
