//! What is told of how long responses took.

use imrs_telemetry::delays::{self, BOUNDS_US};
use serde::{Deserialize, Serialize};

/// Responses over one transport, by the time from the receipt of the query until they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delays {
    /// All responses.
    pub count: u64,
    /// All their times together, in microseconds.
    pub sum_us: u64,
    /// Responses within each bound and not within the one before; those beyond the last are left.
    pub within: Vec<Within>,
}

/// Responses within a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Within {
    /// The bound in microseconds.
    pub us: u32,
    /// How many.
    pub count: u64,
}

impl From<delays::Delays> for Delays {
    fn from(delays: delays::Delays) -> Self {
        let bounded = BOUNDS_US.into_iter().zip(delays.counts);
        Delays {
            count: delays.count(),
            sum_us: delays.sum_us,
            within: bounded.map(|(us, count)| Within { us, count }).collect(),
        }
    }
}

impl Delays {
    /// The smallest bound that so many of a thousand responses keep, if any does.
    pub fn quantile_us(&self, per_mille: u64) -> Option<u32> {
        let needed = self.count.saturating_mul(per_mille).div_ceil(1000);
        let mut sum = 0;
        let kept = self.within.iter().find(|within| {
            sum += within.count;
            sum >= needed
        });
        kept.map(|within| within.us)
    }
}
