//! Zone serials.

use core::fmt;

/// The serial of a zone. Compares by RFC 1982, so it has [`Serial::is_newer_than`] and no `Ord`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Serial(pub u32);

impl Serial {
    /// Whether `self` follows `other` (RFC 1982 section 3.2). Of two serials exactly 2^31 apart
    /// neither is newer.
    #[must_use]
    pub fn is_newer_than(self, other: Serial) -> bool {
        let ahead = self.0.wrapping_sub(other.0);
        ahead != 0 && ahead < 1 << 31
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Serial;

    fn check(a: u32, b: u32, newer: bool) {
        assert_eq!(Serial(a).is_newer_than(Serial(b)), newer, "{a} against {b}");
    }

    #[test]
    fn serials_compare_around_the_wrap() {
        check(1, 0, true);
        check(0, 1, false);
        check(5, 5, false);
        check(0, u32::MAX, true);
        check(u32::MAX, 0, false);
        check(1 << 31, 0, false);
        check(0, 1 << 31, false);
        check((1 << 31) - 1, 0, true);
    }
}
