//! The time of verification: the present, or a fixed time for archived zones.

use imrs_zone::record::UnixTime;
use jiff::Timestamp;
use std::fmt;
use std::str::FromStr;

/// What time it is when signatures are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The system's clock.
    Present,
    /// Always this time, however long the node runs (`--at`, `[verify] at`).
    Fixed(UnixTime),
}

impl Clock {
    /// The time of verification.
    pub fn now(self) -> UnixTime {
        match self {
            Clock::Present => present(),
            Clock::Fixed(time) => time,
        }
    }
}

/// The system's clock, whatever the time of verification is.
pub fn present() -> UnixTime {
    UnixTime(u64::try_from(Timestamp::now().as_second()).unwrap_or(0))
}

/// A time as RFC 3339 has it, in UTC and whole seconds.
pub fn rfc3339(time: UnixTime) -> String {
    i64::try_from(time.0)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(|| format!("@{}", time.0), |stamp| stamp.to_string())
}

/// The length of a time in its two largest units, such as `12 d 4 h`.
pub fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// A time of verification, as an operator writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct At(pub UnixTime);

/// Why a text is no time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoTime(String);

impl fmt::Display for NoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NoTime(text) = self;
        write!(
            f,
            "`{text}` is not a time; write it in RFC 3339, such as 2026-08-01T09:00:00Z"
        )
    }
}

impl std::error::Error for NoTime {}

impl FromStr for At {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        text.parse::<Timestamp>()
            .ok()
            .and_then(|stamp| u64::try_from(stamp.as_second()).ok())
            .map(|seconds| At(UnixTime(seconds)))
            .ok_or_else(|| NoTime(text.to_owned()))
    }
}

impl TryFrom<String> for At {
    type Error = NoTime;

    fn try_from(text: String) -> Result<Self, NoTime> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let time = text.parse::<At>().ok().map(|At(time)| rfc3339(time));
        assert_eq!(time.as_deref(), expected, "{text}");
    }

    #[test]
    fn times_are_read_in_rfc_3339_and_written_in_utc() {
        check("2026-08-01T09:00:00Z", Some("2026-08-01T09:00:00Z"));
        check("2026-08-01T11:00:00+02:00", Some("2026-08-01T09:00:00Z"));
        check("2026-08-01", None);
        check("2026-08-01T09:00:00", None);
        check("1969-12-31T23:59:59Z", None);
        check("yesterday", None);
        check("", None);
    }

    #[test]
    fn lengths_of_time_show_their_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3_600, "1 h 0 min"),
            (90_000, "1 d 1 h"),
            (1_076_400, "12 d 11 h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
