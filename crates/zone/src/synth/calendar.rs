//! Days and times of day in UTC, for serials and for the times of signatures.

use std::fmt;

/// A moment of the proleptic Gregorian calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) year: u64,
    pub(super) month: u64,
    pub(super) day: u64,
    second_of_day: u64,
}

impl Moment {
    /// The moment of so many seconds since 1970.
    pub(super) fn since_1970(seconds: u64) -> Self {
        // Years are counted from March, so that a leap day ends one, and from 0000-03-01, which is
        // 719,468 days before 1970. An era is the 400 years after which the calendar repeats.
        let days = seconds / 86_400 + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day_of_year + 2) / 153;
        let in_next_year = u64::from(month >= 10);
        Moment {
            year: era * 400 + year + in_next_year,
            month: month + 3 - 12 * in_next_year,
            day: day_of_year - (153 * month + 2) / 5 + 1,
            second_of_day: seconds % 86_400,
        }
    }
}

/// YYYYMMDDHHmmSS, the form of RFC 4034 section 3.2.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, second) = (self.second_of_day / 60, self.second_of_day % 60);
        let (hour, minute) = (minutes / 60, minutes % 60);
        let (year, month, day) = (self.year, self.month, self.day);
        write!(
            f,
            "{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    fn check(seconds: u64, expected: &str) {
        assert_eq!(Moment::since_1970(seconds).to_string(), expected);
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        check(0, "19700101000000");
        check(951_782_400, "20000229000000");
        check(951_868_800, "20000301000000");
        check(1_785_542_399, "20260731235959");
        check(1_798_761_600, "20270101000000");
        check(4_107_542_400, "21000301000000");
    }
}
