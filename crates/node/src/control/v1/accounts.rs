//! What is told of the day's account.

use imrs_telemetry::sources::{self, Method};
use serde::{Deserialize, Serialize};

/// The account of the day that is counted (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// The day, as in `2026-11-25`.
    pub day: String,
    /// Different IPv4 addresses that queries came from.
    pub sources_ipv4: Figure,
    /// Different IPv6 addresses.
    pub sources_ipv6: Figure,
    /// Different /64 of these.
    pub sources_ipv6_prefixes: Figure,
    /// Sources that may be missing in these figures, at most.
    pub sources_missed: u64,
    /// Times of the day in which nothing was counted, or not for certain in this day.
    pub gaps: u64,
    /// Their seconds together.
    pub gap_seconds: u64,
    /// The last day that was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// Messages received of which it is not known what became; below 0, fates without a message.
    pub unexplained_messages: i64,
    /// Responses sent and not recorded; below 0, recorded and not sent.
    pub unrecorded_responses: i64,
}

/// How many different sources there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// The number.
    pub value: u64,
    /// Its standard error in millionths, where it comes from a sketch; without, it is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_ppm: Option<u32>,
}

impl From<sources::Figure> for Figure {
    fn from(figure: sources::Figure) -> Self {
        Figure {
            value: figure.value,
            error_ppm: match figure.method {
                Method::Exact => None,
                Method::Sketch { error_ppm } => Some(error_ppm),
            },
        }
    }
}
