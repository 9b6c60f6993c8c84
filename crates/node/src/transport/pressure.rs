//! How far a worker is behind, and what follows from it: who beside it gives way, the level of
//! shedding, and the share of unknown sources that the kernel lets through.
//!
//! Start reading at [`Controller::handle_fill`]. A worker that empties its queue in every turn is
//! not behind. If batches come full, it reads how full the queue is ([`Fill`]) and tells the
//! controller:
//!
//! ```text
//! fill      0        1/8            3/8   1/2   5/8         7/8       1
//! level     ──── Calm ──────────────┼─ Truncate ─┼── Shed ───┼─ Last ─
//! openness  ─ grows ─┼──── stays ─────────┼─ shrinks, unless the queue does ─
//! ```
//!
//! Levels rise at once and fall one after the other, each after a while well below its threshold.
//! Openness shrinks in steps as short as the queue is long, the more the fuller that is, and grows
//! slowly by a part of itself, so that it hovers about what the worker can do, whatever share of the
//! flood that is. Shares of ordinary queries go first; those of special ones only when the others
//! are at their floor.
//! Knows no socket but to read its queue, and no clock: times are arguments.

use super::limits;
use super::sieve::Openness;
use super::sys;
use imrs_engine::Pressure;

/// How full a queue is, in parts of [`Fill::FULL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fill(u16);

impl Fill {
    /// Nothing waits: a batch did not come full.
    pub(super) const EMPTY: Fill = Fill(0);
    /// No room is left.
    pub(super) const FULL: Fill = Fill(1024);

    const fn parts(numerator: u16, denominator: u16) -> Fill {
        Fill(Fill::FULL.0 / denominator * numerator)
    }

    /// Of a UDP socket. Overstates by up to a quarter, since the kernel takes memory back in pieces
    /// of that size.
    pub(super) fn of(queue: sys::ReceiveQueue) -> Fill {
        let (held, room) = (u64::from(queue.held_octets), u64::from(queue.room_octets));
        let parts = held * u64::from(Fill::FULL.0);
        let parts = parts.checked_div(room).unwrap_or(0);
        Fill(u16::try_from(parts).unwrap_or(u16::MAX)).min(Fill::FULL)
    }
}

/// Openness grows while the queue is less full than this.
const NEARLY_EMPTY: Fill = Fill::parts(1, 8);
/// It shrinks while the queue is fuller than this and does not get emptier.
const HALF: Fill = Fill::parts(1, 2);
/// How much emptier the queue must be than a step before.
const EMPTIER: u16 = Fill::FULL.0 / 64;

/// The level that a queue raises.
fn raised_by(fill: Fill) -> Pressure {
    match fill {
        _ if fill >= Fill::parts(7, 8) => Pressure::Last,
        _ if fill >= Fill::parts(5, 8) => Pressure::Shed,
        _ if fill >= Fill::parts(3, 8) => Pressure::Truncate,
        _ => Pressure::Calm,
    }
}

/// A level stays while the queue is as full as this: a quarter less than what raises it.
fn held_by(level: Pressure) -> Fill {
    match level {
        Pressure::Calm => Fill::EMPTY,
        Pressure::Truncate => Fill::parts(1, 8),
        Pressure::Shed => Fill::parts(3, 8),
        Pressure::Last => Fill::parts(5, 8),
    }
}

fn below(level: Pressure) -> Pressure {
    match level {
        Pressure::Calm | Pressure::Truncate => Pressure::Calm,
        Pressure::Shed => Pressure::Truncate,
        Pressure::Last => Pressure::Shed,
    }
}

/// Decides for one worker. Times are in milliseconds from any start and do not go back.
#[derive(Clone, Debug)]
pub(super) struct Controller {
    level: Pressure,
    openness: Openness,
    /// Since when the queue is below what holds the level.
    relaxed_since_ms: u64,
    /// Since when the queue is nearly empty, or the last growth since.
    grown_ms: u64,
    /// The last step in which openness might have shrunk, and the queue then.
    step_ms: u64,
    step_fill: Fill,
    /// Turns one after the other that left queries waiting.
    full_turns: u32,
}

impl Controller {
    /// Calm and open.
    pub(super) fn new(now_ms: u64) -> Controller {
        Controller {
            level: Pressure::Calm,
            openness: Openness::FULL,
            relaxed_since_ms: now_ms,
            grown_ms: now_ms,
            step_ms: now_ms,
            step_fill: Fill::EMPTY,
            full_turns: 0,
        }
    }

    /// The queue at this time: the fullest, if the worker has several. [`Fill::EMPTY`] after a
    /// turn whose batches did not come full, and when [`Controller::poll_timeout`] has come.
    pub(super) fn handle_fill(&mut self, now_ms: u64, fill: Fill) {
        if fill > HALF {
            self.shrink(now_ms, fill);
        }
        if fill >= NEARLY_EMPTY || self.drops_cheaply() {
            self.grown_ms = now_ms;
        } else {
            self.grow(now_ms);
        }
        self.settle(now_ms, fill);
        self.full_turns = match fill {
            Fill::EMPTY => 0,
            _ => self.full_turns.saturating_add(1),
        };
    }

    /// What the engine is to shed. Calm only while all is open: what the kernel sheds must not make
    /// a flood look like a quiet time, in which sources become known.
    pub(super) fn level(&self) -> Pressure {
        self.level
    }

    /// How far what is served beside the worker is to give way, which it does before the queue is
    /// long: 0 is not at all, at 1 nobody new is let in, at 2 nobody is served.
    pub(super) fn crowding(&self) -> u8 {
        match (self.level, self.full_turns) {
            (Pressure::Shed | Pressure::Last, _) | (_, limits::FAR_BEHIND_TURNS..) => 2,
            (Pressure::Truncate, _) | (_, limits::BEHIND_TURNS..) => 1,
            (Pressure::Calm, _) => 0,
        }
    }

    /// What the kernel is to let through.
    pub(super) fn openness(&self) -> Openness {
        self.openness
    }

    /// When to tell it the state of the queue even if nothing arrives: the little that passes might
    /// wake nobody. None while all is well.
    pub(super) fn poll_timeout(&self) -> Option<u64> {
        let is_open = self.openness.ordinary == u32::MAX;
        match self.level {
            Pressure::Calm => None,
            _ if is_open => Some(self.relaxed_since_ms + limits::PRESSURE_DWELL_MS),
            _ => Some(self.grown_ms + limits::OPENNESS_GROWTH_MS),
        }
    }

    /// Whether the worker drops some of what it receives unanswered. Its queue then says how fast it
    /// does that, and not what it could answer.
    fn drops_cheaply(&self) -> bool {
        self.level >= Pressure::Shed
    }

    /// One step less open, if the last had time to show and did not help.
    fn shrink(&mut self, now_ms: u64, fill: Fill) {
        if now_ms < self.step_ms + limits::OPENNESS_SHRINK_MS {
            return;
        }
        let gets_emptier = !self.drops_cheaply() && fill.0 + EMPTIER <= self.step_fill.0;
        (self.step_ms, self.step_fill) = (now_ms, fill);
        if gets_emptier {
            return;
        }
        // A queue that comes to here in one step has far too much to do, one that creeps little.
        let part = match fill {
            _ if fill >= Fill::parts(7, 8) => 2,
            _ if fill >= Fill::parts(6, 8) => 4,
            _ => 16,
        };
        let Openness { ordinary, special } = &mut self.openness;
        let (share, floor) = if *ordinary > limits::OPENNESS_ORDINARY_MIN {
            (ordinary, limits::OPENNESS_ORDINARY_MIN)
        } else {
            (special, limits::OPENNESS_SPECIAL_MIN)
        };
        *share = (*share - *share / part).max(floor);
    }

    /// As many steps more open as have passed with the queue nearly empty.
    fn grow(&mut self, now_ms: u64) {
        if self.openness == Openness::FULL {
            self.grown_ms = now_ms;
            self.step_fill = Fill::EMPTY;
            return;
        }
        while self.openness != Openness::FULL
            && self.grown_ms + limits::OPENNESS_GROWTH_MS <= now_ms
        {
            self.grown_ms += limits::OPENNESS_GROWTH_MS;
            let Openness { ordinary, special } = &mut self.openness;
            let share = if *special < u32::MAX {
                special
            } else {
                ordinary
            };
            *share = share.saturating_add(*share / limits::OPENNESS_GROWTH_PART);
        }
    }

    /// Raises the level at once, or lowers it by one.
    fn settle(&mut self, now_ms: u64, fill: Fill) {
        let raised = raised_by(fill);
        if raised > self.level {
            self.level = raised;
            self.relaxed_since_ms = now_ms;
        } else if fill > Fill::EMPTY && fill >= held_by(self.level) {
            self.relaxed_since_ms = now_ms;
        } else if now_ms >= self.relaxed_since_ms + limits::PRESSURE_DWELL_MS {
            let below = below(self.level);
            if below > Pressure::Calm || self.openness == Openness::FULL {
                self.level = below;
            }
            self.relaxed_since_ms = now_ms;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    /// A queue of 2,500 datagrams of which a worker answers 250 in a millisecond.
    struct World {
        now_ms: u64,
        controller: Controller,
        waiting: f64,
        answered: f64,
        lost: f64,
    }

    const ROOM: f64 = 2500.0;
    const ANSWERED_PER_MS: f64 = 250.0;

    /// Datagrams in a millisecond.
    #[derive(Clone, Copy)]
    struct Flood {
        ordinary: f64,
        special: f64,
    }

    const QUIET: Flood = Flood {
        ordinary: 50.0,
        special: 1.0,
    };

    impl World {
        fn new() -> World {
            World {
                now_ms: 1_000_000,
                controller: Controller::new(1_000_000),
                waiting: 0.0,
                answered: 0.0,
                lost: 0.0,
            }
        }

        fn run(&mut self, for_ms: u64, flood: Flood) {
            for _ in 0..for_ms {
                self.now_ms += 1;
                let Openness { ordinary, special } = self.controller.openness();
                let share = |share: u32| f64::from(share) / f64::from(u32::MAX);
                // Without ordinary shedding the kernel looks at nothing.
                let special = if ordinary == u32::MAX {
                    ordinary
                } else {
                    special
                };
                self.waiting += flood.ordinary * share(ordinary) + flood.special * share(special);
                self.lost += (self.waiting - ROOM).max(0.0);
                self.waiting = self.waiting.min(ROOM);
                // What is dropped is done with three times as fast.
                let is_shed = self.controller.level() >= Pressure::Shed;
                let speed = if is_shed { 3.0 } else { 1.0 };
                let served = self.waiting.min(ANSWERED_PER_MS * speed);
                self.waiting -= served;
                self.answered += if is_shed { 0.0 } else { served };
                let fill = Fill((self.waiting / ROOM * 1024.0) as u16);
                self.controller.handle_fill(self.now_ms, fill);
            }
        }
    }

    /// After a while of `flood`, loss by full queues is at most 2 % of what passed, and the worker
    /// is busy for at least so many percent of the next ten seconds.
    fn check(flood: Flood, busy_percent: f64) -> World {
        let mut world = World::new();
        world.run(1000, QUIET);
        assert_eq!(world.controller.level(), Pressure::Calm);
        world.run(10_000, flood);
        (world.answered, world.lost) = (0.0, 0.0);
        world.run(10_000, flood);
        let busy = world.answered / ANSWERED_PER_MS / 100.0;
        let lost = world.lost / (world.answered + world.lost) * 100.0;
        assert!(busy >= busy_percent, "busy {busy} %, lost {lost} %");
        assert!(lost <= 2.0, "busy {busy} %, lost {lost} %");
        assert!(world.controller.level() > Pressure::Calm);
        assert!(world.controller.poll_timeout().is_some());
        world
    }

    fn ordinary(ordinary: f64) -> Flood {
        let special = 1.0;
        Flood { ordinary, special }
    }

    #[test]
    fn openness_hovers_below_what_the_worker_can_do() {
        check(ordinary(300.0), 95.0);
        check(ordinary(500.0), 95.0);
        check(ordinary(1250.0), 95.0);
        check(ordinary(12_500.0), 95.0);
    }

    #[test]
    fn special_queries_pass_while_ordinary_ones_can_be_shed() {
        let world = check(ordinary(12_500.0), 95.0);
        assert_eq!(world.controller.openness().special, u32::MAX);
    }

    #[test]
    fn a_flood_of_special_queries_is_shed_at_last() {
        let flood = Flood {
            ordinary: 50.0,
            special: 2500.0,
        };
        let world = check(flood, 50.0);
        let openness = world.controller.openness();
        assert_eq!(openness.ordinary, limits::OPENNESS_ORDINARY_MIN);
        assert!(openness.special < u32::MAX);
    }

    #[test]
    fn openness_never_falls_below_its_floor() {
        let flood = Flood {
            ordinary: 1e9,
            special: 1e9,
        };
        let mut world = World::new();
        world.run(10_000, flood);
        let floor = Openness {
            ordinary: limits::OPENNESS_ORDINARY_MIN,
            special: limits::OPENNESS_SPECIAL_MIN,
        };
        assert_eq!(world.controller.openness(), floor);
        assert_eq!(world.controller.level(), Pressure::Last);
    }

    #[test]
    fn all_is_open_and_calm_ten_seconds_after_a_flood() {
        let mut world = World::new();
        let flood = Flood {
            ordinary: 1e9,
            special: 1e9,
        };
        world.run(10_000, flood);
        world.run(10_000, QUIET);
        assert_eq!(world.controller.openness(), Openness::FULL);
        assert_eq!(world.controller.level(), Pressure::Calm);
        assert_eq!(world.controller.poll_timeout(), None);
    }

    #[test]
    fn a_silence_counts_as_an_empty_queue() {
        let mut world = World::new();
        world.run(1000, ordinary(1e9));
        let mut controller = world.controller;
        let mut now_ms = world.now_ms;
        let mut wakes = 0;
        while let Some(timeout_ms) = controller.poll_timeout() {
            assert!(timeout_ms >= now_ms);
            now_ms = timeout_ms.max(now_ms + 1);
            controller.handle_fill(now_ms, Fill::EMPTY);
            wakes += 1;
        }
        assert_eq!(controller.openness(), Openness::FULL);
        assert!(wakes < 120, "{wakes}");
    }

    #[test]
    fn a_burst_that_the_queue_holds_changes_nothing() {
        let mut world = World::new();
        world.run(1, ordinary(1100.0));
        world.run(100, QUIET);
        assert_eq!(world.controller.openness(), Openness::FULL);
        assert_eq!(world.controller.level(), Pressure::Calm);
        assert_eq!(world.lost, 0.0);
    }

    #[test]
    fn levels_rise_at_once_and_fall_one_by_one() {
        let mut controller = Controller::new(0);
        controller.handle_fill(0, Fill::FULL);
        assert_eq!(controller.level(), Pressure::Last);
        let dwell = limits::PRESSURE_DWELL_MS;
        let mut levels = Vec::new();
        for step in 0..40 {
            controller.handle_fill(step * dwell, Fill::EMPTY);
            levels.push(controller.level());
        }
        levels.dedup();
        let expected = [
            Pressure::Last,
            Pressure::Shed,
            Pressure::Truncate,
            Pressure::Calm,
        ];
        assert_eq!(levels, expected);
    }

    #[test]
    fn a_queue_between_two_thresholds_keeps_its_level() {
        let mut controller = Controller::new(0);
        controller.handle_fill(0, Fill::parts(6, 8));
        for now_ms in 1..1000 {
            controller.handle_fill(now_ms, Fill::parts(4, 8));
            assert_eq!(controller.level(), Pressure::Shed);
        }
    }

    #[test]
    fn what_is_served_beside_gives_way_while_each_turn_leaves_queries_waiting() {
        let mut controller = Controller::new(0);
        let little = Fill::parts(1, 64);
        let mut after = |turns: u32, fill| {
            (0..turns).for_each(|_| controller.handle_fill(0, fill));
            assert_eq!(controller.level(), Pressure::Calm);
            controller.crowding()
        };
        assert_eq!(after(limits::BEHIND_TURNS - 1, little), 0);
        assert_eq!(after(1, little), 1);
        assert_eq!(
            after(limits::FAR_BEHIND_TURNS - limits::BEHIND_TURNS, little),
            2
        );
        assert_eq!(after(1, Fill::EMPTY), 0);
    }

    #[test]
    fn what_is_served_beside_gives_way_to_a_long_queue_at_once() {
        for (eighths, expected) in [(2, 0), (3, 1), (5, 2), (8, 2)] {
            let mut controller = Controller::new(0);
            controller.handle_fill(0, Fill::parts(eighths, 8));
            assert_eq!(controller.crowding(), expected, "{eighths}");
        }
    }

    #[test]
    fn the_fill_of_a_socket_grows_with_what_waits() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(Fill::of(sys::receive_queue(&socket)), Fill::EMPTY);
        let address = socket.local_addr().unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..100_000 {
            sender.send_to(&[0; 64], address).unwrap();
            if sys::receive_queue(&socket).dropped > 0 {
                break;
            }
        }
        assert!(Fill::of(sys::receive_queue(&socket)) >= Fill::parts(7, 8));
    }
}
