//! Reads how many tests passed and failed from what the runners print.

use std::fmt;
use std::ops::AddAssign;

/// Tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that held.
    pub(crate) passed: u64,
    /// Tests that did not, for whatever reason.
    pub(crate) failed: u64,
}

impl Tally {
    /// The count in one line of output: the summary of nextest, of `cargo test`, or a line that
    /// is a [`Tally`] itself.
    pub(crate) fn read(line: &str) -> Option<Tally> {
        let line = line.trim();
        if let Some(result) = line.strip_prefix("test result: ") {
            let (_, counts) = result.split_once(". ")?;
            return Some(Tally::sum(counts.split("; ")));
        }
        if line.starts_with("Summary [") {
            let (_, counts) = line.split_once(" run: ")?;
            return Some(Tally::sum(counts.split(", ")));
        }
        let (passed, failed) = line.split_once(", ")?;
        Some(Tally {
            passed: passed.strip_suffix(" passed")?.parse().ok()?,
            failed: failed.strip_suffix(" failed")?.parse().ok()?,
        })
    }

    fn sum<'a>(counts: impl Iterator<Item = &'a str>) -> Tally {
        let mut tally = Tally::default();
        for count in counts {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let number = number.parse().unwrap_or(0);
            match what.split(' ').next() {
                Some("passed") => tally.passed += number,
                // nextest tells failures, crashes of a test program and time limits apart.
                Some("failed" | "exec" | "timed") => tally.failed += number,
                _ => {}
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn check(line: &str, passed: u64, failed: u64) {
        assert_eq!(Tally::read(line), Some(Tally { passed, failed }), "{line}");
    }

    #[test]
    fn summaries_of_every_runner_are_counted() {
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; \
             finished in 0.00s",
            12,
            0,
        );
        check("test result: FAILED. 1 passed; 2 failed; 0 ignored", 1, 2);
        check(
            "     Summary [   0.004s] 3 tests run: 3 passed, 0 skipped",
            3,
            0,
        );
        check(
            "     Summary [   1.2s] 9 tests run: 5 passed (1 slow), 2 failed, 1 exec failed, \
             1 timed out, 4 skipped",
            5,
            4,
        );
        check("20113 passed, 1 failed", 20_113, 1);
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in [
            "",
            "running 3 tests",
            "3 passed",
            "test a ... ok",
            "a passed, b failed",
        ] {
            assert_eq!(Tally::read(line), None, "{line}");
        }
    }
}
