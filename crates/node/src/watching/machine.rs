//! Evidence of the machine: its clock, its workers, how much is asked and dropped.

use super::known::Known;
use super::limits::{STEP, STEP_TOLD, WINDOW};
use super::mind::Mind;
use crate::clock::Clock;
use crate::system;
use crate::transport::{Counters, Meters};
use imrs_fleet::health::{ClockState, Load, Workers};
use imrs_wire::{Both, Family};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Looks at the machine.
pub(crate) struct Machine {
    meters: Meters,
    clock: Clock,
    /// Service addresses.
    service: Vec<IpAddr>,
    known: Arc<Known>,
    before: Reading,
    /// By how much the wall clock was set, and when.
    stepped: Option<(Duration, Instant)>,
    /// The wall clock against the steady one.
    clocks: (SystemTime, Instant),
}

/// What was counted until a time.
struct Reading {
    at: Instant,
    came: Both<u64>,
    probed: Both<u64>,
    received: u64,
    crowded_out: u64,
}

/// Queries that were dropped for their number alone.
pub(super) fn crowded_out(counters: &Counters) -> u64 {
    counters.kernel_dropped + counters.filtered_shed + counters.defence.shed
}

impl Machine {
    pub(super) fn new(
        meters: Meters,
        clock: Clock,
        service: Vec<IpAddr>,
        known: Arc<Known>,
    ) -> Machine {
        Machine {
            before: Reading {
                at: Instant::now(),
                came: Both::default(),
                probed: Both::default(),
                received: 0,
                crowded_out: 0,
            },
            meters,
            clock,
            service,
            known,
            stepped: None,
            clocks: (SystemTime::now(), Instant::now()),
        }
    }

    /// Looks, and tells what it sees.
    pub(super) fn look(&mut self, mind: &Mind) {
        self.known.index();
        let clock = self.clock();
        let stalled_for = self.meters.busy_for();
        let load = (self.before.at.elapsed() >= WINDOW).then(|| self.load(mind));
        mind.tell(|health, anycast, now| {
            health.handle_clock(now, clock);
            health.handle_workers(now, Workers { stalled_for });
            if let Some((load, rates)) = load {
                health.handle_load(now, load);
                for family in Family::ALL {
                    anycast.handle_rate(now, family, *rates.of(family));
                }
            }
        });
        if let Some((_, rates)) = load {
            mind.note_rates(rates);
        }
    }

    fn clock(&mut self) -> ClockState {
        let (wall, steady) = (SystemTime::now(), Instant::now());
        let passed = steady - self.clocks.1;
        let expected = self.clocks.0 + passed;
        let by = wall
            .duration_since(expected)
            .unwrap_or_else(|behind| behind.duration());
        if by >= STEP {
            self.stepped = Some((by, steady));
        }
        self.clocks = (wall, steady);
        let is_told = |at: Instant| steady - at < STEP_TOLD;
        let kept = system::clock_error();
        let facts = self.known.facts();
        let made = facts.and_then(|facts| facts.made);
        ClockState {
            synchronised: kept.as_ref().ok().map(Option::is_some),
            error: kept.ok().flatten(),
            stepped: { self.stepped }
                .filter(|(_, at)| is_told(*at))
                .map(|(by, _)| by),
            behind_zone: made.is_some_and(|made| self.clock.now().0 < made.0),
        }
    }

    /// The part of the queries that was dropped, and how many a second came by family, own probes
    /// left out.
    fn load(&mut self, mind: &Mind) -> (Load, Both<f64>) {
        let counters = self.meters.read();
        let came = |family: Family| {
            let is_meant = |ip: IpAddr| {
                Family::of(ip) == family && (ip.is_unspecified() || self.service.contains(&ip))
            };
            self.meters.received_on(is_meant)
        };
        let now = Reading {
            at: Instant::now(),
            came: Both {
                v4: came(Family::V4),
                v6: came(Family::V6),
            },
            probed: mind.probed(),
            received: counters.udp_received(),
            crowded_out: crowded_out(&counters),
        };
        let before = std::mem::replace(&mut self.before, now);
        let now = &self.before;
        let seconds = (now.at - before.at).as_secs_f64();
        let rate = |family: Family| {
            let came = now.came.of(family).saturating_sub(*before.came.of(family));
            let probed = now
                .probed
                .of(family)
                .saturating_sub(*before.probed.of(family));
            number(came.saturating_sub(probed)) / seconds
        };
        let dropped = number(now.crowded_out.saturating_sub(before.crowded_out));
        let received = number(now.received.saturating_sub(before.received));
        let share = if dropped > 0.0 {
            dropped / (dropped + received)
        } else {
            0.0
        };
        let rates = Both {
            v4: rate(Family::V4),
            v6: rate(Family::V6),
        };
        (Load { dropped: share }, rates)
    }
}

#[expect(clippy::cast_precision_loss, reason = "queries of two seconds")]
fn number(count: u64) -> f64 {
    count as f64
}
