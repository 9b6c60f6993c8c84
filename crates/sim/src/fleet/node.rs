//! One node: the real machines, and what surrounds them.

use crate::limits::{FLEET_PROBATION, FLEET_PROBATION_MAX, FLEET_START_PATIENCE};
use imrs_fleet::anycast::{self, Alone, Anycast, PeerId, Saved, Stand};
use imrs_fleet::health::{self, Health, Path, Probed, State, Weight, ZoneState};
use imrs_wire::time::Moment;
use imrs_wire::{Both, Family};
use std::time::Duration;

/// The families of this world.
const FAMILIES: Both<bool> = Both {
    v4: true,
    v6: false,
};

/// Milliseconds between two verdicts.
const VERDICTS: u64 = 100;

/// The machines of a process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) health: Health,
    pub(super) anycast: Anycast,
}

/// One node.
#[derive(Debug)]
pub struct Node {
    settings: anycast::Settings,
    /// Parts in a million by which its clock is fast.
    rate: i64,
    pub(super) process: Option<Process>,
    saved: Saved,
    /// The truth about its zone.
    pub(super) is_proven: bool,
    /// The truth about its answers.
    pub(super) is_right: bool,
    /// The keeper and its router are there.
    pub(super) has_router: bool,
    pub(super) is_forced: bool,
    /// Its verdict of late.
    is_hard: bool,
    is_unfit: bool,
    /// What others see, and what will be so.
    pub(super) in_force: Stand,
    pending: Option<(u64, Stand)>,
    /// It is not by its own decision if it does not announce before this time.
    pub(super) excused_until: u64,
    /// When its zone became unproven.
    pub(super) unproven_since: Option<u64>,
}

impl Node {
    pub(super) fn new(index: usize, nodes: usize, floor: usize, rate: i64) -> Node {
        let peers = (0..nodes).filter(|peer| *peer != index).map(name);
        let mut settings = anycast::Settings::of(FAMILIES, peers.collect());
        settings.floor = floor;
        // Nobody else is in this world, so that one alone is the last.
        settings.alone = Alone::Announce;
        settings.start_patience = FLEET_START_PATIENCE;
        settings.leaving = Duration::from_secs(2);
        settings.quiet_patience = Duration::from_secs(4);
        Node {
            settings,
            rate,
            process: None,
            saved: Saved::default(),
            is_proven: true,
            is_right: true,
            has_router: true,
            is_forced: false,
            is_hard: false,
            is_unfit: true,
            in_force: Stand::Withdrawn,
            pending: None,
            excused_until: 0,
            unproven_since: None,
        }
    }

    /// What its clock says.
    pub(super) fn clock(&self, now: u64) -> Moment {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let own = now + now * self.rate / 1_000_000;
        Moment(Duration::from_millis(own.unsigned_abs()))
    }

    /// A process starts, with the orders of the one before.
    pub(super) fn start(&mut self, now: u64) {
        let clock = self.clock(now);
        let mut settings = health::Settings::of(FAMILIES);
        settings.probation = FLEET_PROBATION;
        settings.probation_max = FLEET_PROBATION_MAX;
        self.process = Some(Process {
            health: Health::new(settings, clock),
            anycast: Anycast::restore(self.settings.clone(), self.saved.clone(), clock),
        });
        self.excuse(now, self.settings.start_patience);
    }

    /// It ends without a word, and the keeper withdraws.
    pub(super) fn crash(&mut self) {
        if let Some(process) = self.process.take() {
            self.saved = process.anycast.orders();
        }
        self.withdraw();
    }

    fn withdraw(&mut self) {
        self.in_force = Stand::Withdrawn;
        self.pending = None;
    }

    /// It may take this long, and a moment, before it announces.
    pub(super) fn excuse(&mut self, now: u64, lasting: Duration) {
        let lasting = u64::try_from(lasting.as_millis()).unwrap_or(u64::MAX);
        let until = now + lasting + 2000;
        self.excused_until = self.excused_until.max(until);
    }

    /// Its own probes, and what it knows of its zone.
    pub(super) fn look(&mut self, now: u64) {
        let clock = self.clock(now);
        let Some(process) = &mut self.process else {
            return;
        };
        let zone = ZoneState {
            is_proven: self.is_proven,
            signatures_begun: true,
            ..ZoneState::default()
        };
        process.health.handle_zone(clock, zone);
        for path in Path::of(Family::V4) {
            let probed = match self.is_right && self.is_proven {
                true => Probed::Right,
                false => Probed::Silent {
                    question: String::new(),
                },
            };
            process.health.handle_probe(clock, path, probed);
        }
    }

    /// Verdict, report and wish: one round of the shell. `delay` is how long the router takes.
    pub(super) fn round(&mut self, now: u64, delay: u64) {
        let clock = self.clock(now);
        if !self.has_router {
            self.withdraw();
        }
        if let Some((_, stand)) = self.pending.filter(|(due, _)| *due <= now) {
            self.in_force = stand;
            self.pending = None;
        }
        let patience = self.settings.return_patience;
        let Some(process) = &mut self.process else {
            return;
        };
        if now.is_multiple_of(VERDICTS) {
            let verdict = process.health.verdict(clock, Family::V4);
            process.anycast.handle_verdict(clock, Family::V4, &verdict);
            self.is_unfit = matches!(verdict.state, State::Unfit(_));
            self.is_hard = verdict.state == State::Unfit(Weight::Hard);
        }
        let v4 = self.has_router.then_some(self.in_force);
        process.anycast.handle_report(clock, Both { v4, v6: None });
        process.anycast.handle_rate(clock, Family::V4, 5.0);
        let wish = process.anycast.wish(clock).stands.v4;
        match self.pending {
            _ if !self.has_router => {}
            None if wish == self.in_force => {}
            Some((_, stand)) if wish == stand => {}
            _ if wish == self.in_force => self.pending = None,
            _ => self.pending = Some((now + delay, wish)),
        }
        if self.is_hard {
            self.excuse(now, patience);
        } else if self.is_forced || !self.has_router {
            self.excuse(now, Duration::ZERO);
        } else if self.in_force == Stand::Announced && self.pending.is_none() {
            self.excused_until = 0;
        }
    }

    /// The end of a time that begins now and is measured by its clock.
    pub(super) fn true_time(&self, now: u64, lasting: Duration) -> u64 {
        let own = u64::try_from(lasting.as_millis()).unwrap_or(u64::MAX);
        now + own * 1_000_000 / (1_000_000u64).saturating_add_signed(self.rate)
    }

    /// Its own verdict of late is against it.
    pub(super) fn is_unfit(&self) -> bool {
        self.is_unfit
    }

    /// It gets queries.
    #[must_use]
    pub fn is_announced(&self) -> bool {
        self.in_force != Stand::Withdrawn
    }
}

/// What the others call it.
pub(super) fn name(index: usize) -> PeerId {
    PeerId(index.to_string())
}
