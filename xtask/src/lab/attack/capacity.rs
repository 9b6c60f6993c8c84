//! Where the kernel begins to drop for one worker: a spoofed flood of names that do not exist, at
//! rates that rise until datagrams are lost, or a server leaves some of them.
//!
//! Start reading at [`Probe::search`].

use super::field::Field;
use super::flood::{Flood, Kind};
use crate::bench::queries::Delegations;
use anyhow::Result;
use std::thread;
use std::time::{Duration, Instant};

/// What a search found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Capacity {
    /// Queries a second of which the kernel still dropped next to none: the lower of two findings,
    /// those that differ least.
    pub(super) point: u32,
    /// The higher of them.
    pub(super) other: u32,
    /// Responses a second at the highest rate that was offered.
    pub(super) beyond: u32,
    /// That rate.
    pub(super) offered: u32,
}

/// How to look for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'a> {
    pub(super) field: &'a Field,
    pub(super) flood: &'a Flood,
    pub(super) delegations: &'a Delegations,
    /// For how long each rate is offered.
    pub(super) step: Duration,
}

/// One rate.
#[derive(Clone, Copy, Debug)]
struct Step {
    offered: f64,
    answered: f64,
    dropped: f64,
}

impl Capacity {
    /// By how much the findings differ, of the lower one.
    pub(super) fn spread(self) -> f64 {
        f64::from(self.other) / f64::from(self.point.max(1)) - 1.0
    }
}

impl Probe<'_> {
    /// Raises the rate until a server that answers now loses more than [`LOSS`], then closes in;
    /// and all of that again until two findings are alike, or there were enough.
    pub(super) fn search(&self) -> Result<Capacity> {
        let (first, beyond) = self.find(FIRST)?;
        let mut found = vec![first];
        while found.len() < SEARCHES && closest(&found).is_none_or(|pair| !is_alike(pair)) {
            // From a rate that is kept if any of them told the truth.
            let least = found.iter().copied().fold(first, f64::min);
            found.push(self.find(least / RISE)?.0);
        }
        let (point, other) = closest(&found).unwrap_or((first, first));
        Ok(Capacity {
            point: point as u32,
            other: other as u32,
            beyond: beyond.answered as u32,
            offered: beyond.offered as u32,
        })
    }

    /// The highest rate that the generator reaches.
    pub(super) fn highest(&self) -> Result<u32> {
        Ok(self.offer_once(HIGHEST)?.offered as u32)
    }

    /// The highest rate that is kept, looked for from `first` on; and what the first did that was
    /// too high.
    fn find(&self, first: f64) -> Result<(f64, Step)> {
        let (mut low, mut high) = (0.0_f64, first.max(LEAST));
        let mut seen = self.offer(high)?;
        for _ in 1..STEPS {
            if seen.is_kept() {
                low = low.max(seen.offered);
                high *= RISE;
            } else if low > 0.0 || high <= LEAST {
                break;
            } else {
                high /= RISE;
            }
            seen = self.offer(high)?;
        }
        let beyond = seen;
        for _ in 0..CLOSER {
            let middle = f64::midpoint(low, high);
            let seen = self.offer(middle)?;
            if seen.is_kept() {
                // Less was offered than wanted where the generator did not run.
                low = low.max(seen.offered);
            } else {
                high = middle;
            }
        }
        Ok((low, beyond))
    }

    /// Offers a rate, once more where datagrams were lost: other work on the core may have been why.
    fn offer(&self, rate: f64) -> Result<Step> {
        let seen = self.offer_once(rate)?;
        if seen.is_kept() {
            return Ok(seen);
        }
        self.offer_once(rate)
    }

    fn offer_once(&self, rate: f64) -> Result<Step> {
        self.flood
            .set(Kind::NxDomain, rate as u32, self.delegations);
        // What rises with the rate shall have settled.
        thread::sleep(self.step / 5);
        let (start, sent, before) = (Instant::now(), self.flood.sent(), self.field.kernel()?);
        thread::sleep(self.step);
        let seconds = start.elapsed().as_secs_f64();
        let (until, after) = (self.flood.sent(), self.field.kernel()?);
        self.flood.pause();
        thread::sleep(DRAIN);
        let rate = |count: u64| count as f64 / seconds;
        let offered = until.datagrams - sent.datagrams;
        let dropped = [
            offered.saturating_sub(until.taken - sent.taken),
            after.queue_full - before.queue_full,
            after.filtered - before.filtered,
        ];
        Ok(Step {
            offered: rate(offered),
            answered: rate(after.sent_to_spoofed - before.sent_to_spoofed),
            dropped: rate(dropped.iter().sum()),
        })
    }
}

impl Step {
    fn is_kept(&self) -> bool {
        self.dropped <= self.offered * LOSS && self.answered >= self.offered * ANSWERED
    }
}

/// The two findings that differ least, the lower one first.
fn closest(found: &[f64]) -> Option<(f64, f64)> {
    let mut sorted = found.to_vec();
    sorted.sort_by(f64::total_cmp);
    let pairs = sorted.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.min_by(|one, other| (one.1 / one.0.max(1.0)).total_cmp(&(other.1 / other.0.max(1.0))))
}

fn is_alike((one, other): (f64, f64)) -> bool {
    other <= one * ALIKE
}

/// Searches at most.
const SEARCHES: usize = 4;

/// Findings that differ by less are alike: what the machine does beside it changes from second to
/// second.
const ALIKE: f64 = 1.1;

/// The rate that is tried first: any server does that.
const FIRST: f64 = 30_000.0;

/// Nothing below is looked at.
const LEAST: f64 = 1_000.0;

/// Each next one is so much higher.
const RISE: f64 = 1.4;

/// Rates at most on the way up: the last is beyond what one core generates.
const STEPS: u32 = 12;

/// Halvings of what is left then.
const CLOSER: u32 = 4;

/// A share of losses that is noise: other work on the core for a moment.
const LOSS: f64 = 0.005;

/// A share of responses from which on none was left out on purpose; what is on its way when
/// counting begins and ends is less.
const ANSWERED: f64 = 0.97;

/// More than can be generated.
const HIGHEST: f64 = 4e6;

/// Time for what is queued.
const DRAIN: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: &[f64], expected: Option<(f64, f64)>, alike: bool) {
        let pair = closest(found);
        assert_eq!(pair, expected);
        assert_eq!(pair.is_some_and(is_alike), alike);
    }

    #[test]
    fn of_several_findings_the_two_that_differ_least_count() {
        check(&[50.0], None, false);
        check(&[50.0, 30.0], Some((30.0, 50.0)), false);
        check(&[50.0, 30.0, 48.0], Some((48.0, 50.0)), true);
        check(&[0.0, 50.0], Some((0.0, 50.0)), false);
    }
}
