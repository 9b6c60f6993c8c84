//! Days of UTC, and moments as a shell reads them from its clocks.

use jiff::civil::Date;
use std::fmt;

/// A day of UTC, by number since 1970-01-01. Leap seconds have no place in it, as in Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

/// A time by two clocks of one machine, in ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since 1970-01-01 (UTC); goes back and forth when the clock is set.
    pub unix_ms: u64,
    /// Since any time; never set.
    pub steady_ms: u64,
}

impl Day {
    /// The last one that has a date of four digits: 9999-12-31.
    pub const MAX: Day = Day(2_932_896);

    /// The day of this number; `None` beyond [`Day::MAX`].
    pub const fn new(number: u32) -> Option<Day> {
        if number <= Day::MAX.0 {
            Some(Day(number))
        } else {
            None
        }
    }

    /// The day in which this second lies; [`Day::MAX`] for all behind it.
    #[inline]
    pub fn of(unix_s: u64) -> Day {
        match u32::try_from(unix_s / DAY_S) {
            Ok(number) => Day(number.min(Day::MAX.0)),
            Err(_) => Day::MAX,
        }
    }

    /// The day with this date, as in `2025-10-01`.
    pub fn parse(date: &str) -> Option<Day> {
        let is_plain = date.len() == 10 && date.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let date: Date = is_plain.then(|| date.parse().ok())??;
        let days = (date - EPOCH).get_days();
        u32::try_from(days).ok().and_then(Day::new)
    }

    /// Its number since 1970-01-01.
    #[inline]
    pub fn number(self) -> u32 {
        self.0
    }

    /// Its first second.
    pub fn start_s(self) -> u64 {
        u64::from(self.0) * DAY_S
    }

    /// The first second behind it.
    pub fn end_s(self) -> u64 {
        self.start_s() + DAY_S
    }

    /// Whether its number is odd; what is kept for two days goes by this.
    #[inline]
    pub(crate) fn is_odd(self) -> bool {
        self.0 % 2 == 1
    }

    /// The day behind it.
    pub fn next(self) -> Day {
        Day((self.0 + 1).min(Day::MAX.0))
    }

    /// Year, month and day of the month.
    pub fn date(self) -> (i16, i8, i8) {
        let date = self.civil();
        (date.year(), date.month(), date.day())
    }

    fn civil(self) -> Date {
        let days = jiff::Span::new().try_days(self.0);
        let date = days.and_then(|days| EPOCH.checked_add(days));
        date.unwrap_or(Date::MAX)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.civil().fmt(f)
    }
}

impl Moment {
    /// The day that the clock shows.
    pub fn day(self) -> Day {
        Day::of(self.unix_s())
    }

    /// The second that the clock shows.
    pub fn unix_s(self) -> u64 {
        self.unix_ms / 1000
    }
}

const EPOCH: Date = Date::constant(1970, 1, 1);

const DAY_S: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::Day;

    fn check(number: u32, date: &str) {
        let day = Day::new(number).unwrap();
        assert_eq!(day.to_string(), date);
        assert_eq!(Day::parse(date), Some(day));
        assert_eq!(Day::of(day.start_s()), day);
        assert_eq!(Day::of(day.end_s() - 1), day);
    }

    #[test]
    fn days_have_the_dates_of_the_calendar() {
        check(0, "1970-01-01");
        check(11_016, "2000-02-29");
        check(20_362, "2025-10-01");
        check(Day::MAX.number(), "9999-12-31");
    }

    #[test]
    fn what_is_no_date_is_no_day() {
        for text in [
            "",
            "2025-02-29",
            "2025-1-01",
            "1969-12-31",
            "20251001",
            "+025-10-01",
        ] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
        assert_eq!(Day::new(Day::MAX.number() + 1), None);
        assert_eq!(Day::of(u64::MAX), Day::MAX);
    }
}
