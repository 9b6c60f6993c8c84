//! Where the kernel begins to drop for one worker: a spoofed flood of names that do not exist,
//! without limits, at rates that rise until datagrams are lost.

use super::field::Field;
use super::flood::{Flood, Kind};
use crate::bench::queries::Delegations;
use anyhow::Result;
use std::thread;
use std::time::{Duration, Instant};

/// What a search found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Capacity {
    /// Queries a second of which the kernel still dropped next to none.
    pub(super) point: u32,
    /// Responses a second at the highest rate that was offered.
    pub(super) beyond: u32,
    /// That rate.
    pub(super) offered: u32,
}

/// One rate.
#[derive(Clone, Copy, Debug)]
struct Step {
    offered: f64,
    answered: f64,
    dropped: f64,
}

/// Raises the rate until a server that answers now loses more than [`LOSS`], then closes in.
pub(super) fn search(
    field: &Field,
    flood: &Flood,
    delegations: &Delegations,
    step: Duration,
) -> Result<Capacity> {
    let mut found = Capacity::default();
    let (mut low, mut high) = (0.0_f64, f64::from(FIRST));
    for _ in 0..STEPS {
        let seen = offer(field, flood, delegations, high, step)?;
        found.beyond = seen.answered as u32;
        found.offered = seen.offered as u32;
        if !seen.is_kept() {
            break;
        }
        low = low.max(seen.offered);
        high *= RISE;
    }
    for _ in 0..CLOSER {
        let middle = f64::midpoint(low, high);
        let seen = offer(field, flood, delegations, middle, step)?;
        if seen.is_kept() {
            // Less was offered than wanted where the generator did not run.
            low = low.max(seen.offered);
        } else {
            high = middle;
        }
    }
    found.point = low as u32;
    Ok(found)
}

/// The highest rate that the generator reaches.
pub(super) fn highest(
    field: &Field,
    flood: &Flood,
    delegations: &Delegations,
    step: Duration,
) -> Result<u32> {
    Ok(offer_once(field, flood, delegations, HIGHEST, step)?.offered as u32)
}

/// Offers a rate, once more where datagrams were lost: other work on the core may have been why.
fn offer(
    field: &Field,
    flood: &Flood,
    delegations: &Delegations,
    rate: f64,
    step: Duration,
) -> Result<Step> {
    let seen = offer_once(field, flood, delegations, rate, step)?;
    if seen.is_kept() {
        return Ok(seen);
    }
    offer_once(field, flood, delegations, rate, step)
}

fn offer_once(
    field: &Field,
    flood: &Flood,
    delegations: &Delegations,
    rate: f64,
    step: Duration,
) -> Result<Step> {
    flood.set(Kind::NxDomain, rate as u32, delegations);
    // What rises with the rate shall have settled.
    thread::sleep(step / 5);
    let (start, sent, before) = (Instant::now(), flood.sent(), field.kernel()?);
    thread::sleep(step);
    let (seconds, sent, after) = (
        start.elapsed().as_secs_f64(),
        flood.sent() - sent,
        field.kernel()?,
    );
    flood.pause();
    thread::sleep(DRAIN);
    let rate = |count: u64| count as f64 / seconds;
    let lost =
        |kernel: &super::field::Kernel| kernel.queue_full + kernel.backlog_full + kernel.filtered;
    Ok(Step {
        offered: rate(sent),
        answered: rate(after.sent_to_spoofed - before.sent_to_spoofed),
        dropped: rate(lost(&after) - lost(&before)),
    })
}

impl Step {
    fn is_kept(&self) -> bool {
        self.dropped <= self.offered * LOSS
    }
}

/// The rate that is tried first: any server does that.
const FIRST: u32 = 30_000;

/// Each next one is so much higher.
const RISE: f64 = 1.4;

/// Rates at most on the way up: the last is beyond what one core generates.
const STEPS: u32 = 12;

/// Halvings of what is left then.
const CLOSER: u32 = 3;

/// A share of losses that is noise: other work on the core for a moment.
const LOSS: f64 = 0.005;

/// More than can be generated.
const HIGHEST: f64 = 4e6;

/// Time for what is queued.
const DRAIN: Duration = Duration::from_millis(300);
