//! What holds whatever happens: events by chance in every state, primaries that lie, storms.

use super::*;
use crate::limits::{FETCH_DELAY_MAX, SILENCE_DELAY_MAX};
use proptest::prelude::*;
use std::collections::HashMap;

/// Something that happens to a machine.
#[derive(Clone, Debug)]
enum Event {
    Pass(Duration),
    Notify(Option<usize>, Option<u32>),
    Soa(usize, u32),
    Unanswered(usize),
    Fetched(usize, Fetched),
    Held(u32),
    Force(Force),
    Accept(u32),
}

const PRIMARIES: u16 = 3;

/// Serials on both sides of the wrap, so that each kind of comparison occurs.
fn serial() -> impl Strategy<Value = u32> {
    prop_oneof![0..6u32, (u32::MAX - 3)..=u32::MAX, any::<u32>()]
}

fn fetched() -> impl Strategy<Value = Fetched> {
    prop_oneof![
        serial().prop_map(accepted),
        Just(Fetched::Current),
        Just(Fetched::Failed),
        Just(Fetched::NoDifferences),
        (serial(), any::<bool>()).prop_map(|(serial, incremental)| refused(serial, incremental)),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    // One more than there are, for a caller's mistake.
    let primary = 0..usize::from(PRIMARIES) + 1;
    let soon = (0..5000u64).prop_map(Duration::from_millis);
    let late = (0..700_000u64).prop_map(Duration::from_secs);
    prop_oneof![
        4 => soon.prop_map(Event::Pass),
        1 => late.prop_map(Event::Pass),
        3 => (prop::option::of(primary.clone()), prop::option::of(serial()))
            .prop_map(|(from, serial)| Event::Notify(from, serial)),
        6 => (primary.clone(), serial()).prop_map(|(primary, serial)| Event::Soa(primary, serial)),
        3 => primary.clone().prop_map(Event::Unanswered),
        6 => (primary, fetched()).prop_map(|(primary, fetched)| Event::Fetched(primary, fetched)),
        1 => serial().prop_map(Event::Held),
        1 => prop_oneof![Just(Force::Refresh), Just(Force::Retransfer)].prop_map(Event::Force),
        1 => serial().prop_map(Event::Accept),
    ]
}

/// Lets an event happen. Answers mostly go to whom an answer is owed, so that machines get far.
fn happen(refresh: &mut Refresh, now: &mut Moment, event: Event) {
    let owed = refresh.outstanding().map(|action| match action {
        Action::Ask { primary } | Action::Fetch { primary, .. } => primary,
    });
    let to = |primary: usize| match owed {
        Some(owed) if primary > 0 => owed,
        _ => primary,
    };
    match event {
        Event::Pass(time) => *now = *now + time,
        Event::Notify(from, serial) => refresh.handle_notify(*now, from, serial.map(Serial)),
        Event::Soa(primary, serial) => refresh.handle_soa(*now, to(primary), Serial(serial)),
        Event::Unanswered(primary) => refresh.handle_unanswered(*now, to(primary)),
        Event::Fetched(primary, fetched) => refresh.handle_fetched(*now, to(primary), fetched),
        Event::Held(serial) => refresh.handle_held(*now, Serial(serial), timers()),
        Event::Force(force) => refresh.force(*now, force),
        Event::Accept(serial) => refresh.accept(*now, Serial(serial)),
    }
}

proptest! {
    #[test]
    fn one_action_at_a_time_and_never_a_timeout_that_is_over(
        start in prop::option::of(serial()),
        seed: u64,
        events in prop::collection::vec(event(), 1..200),
    ) {
        let mut now = at(1);
        let start = start.map(held);
        let mut refresh = Refresh::new(primaries(PRIMARIES), start, seed, now);
        for event in events {
            happen(&mut refresh, &mut now, event);
            let owed = refresh.outstanding();
            if let Some(action) = refresh.poll_action(now) {
                prop_assert_eq!(owed, None, "{:?} is a second action", action);
                prop_assert_eq!(refresh.outstanding(), Some(action));
                prop_assert_eq!(refresh.poll_action(now), None);
            } else {
                prop_assert_eq!(refresh.outstanding(), owed);
            }
            if let Some(timeout) = refresh.poll_timeout() {
                prop_assert!(timeout > now, "{:?} is over at {:?}", timeout, now);
            } else {
                prop_assert!(refresh.outstanding().is_some(), "nothing would ever happen");
            }
            let expires = refresh.expires();
            prop_assert_eq!(refresh.is_expired(now), expires.is_some_and(|at| at <= now));
        }
    }

    #[test]
    fn whatever_primaries_and_notifiers_do_fetches_of_one_serial_are_few(seed: u64) {
        let mut world = World::new(seed, None);
        let end = at(4 * 3600);
        while world.now < end {
            world.step();
        }
        for (&(primary, serial), times) in &world.fetches {
            let most = most_in_an_hour(times);
            prop_assert!(most <= FETCHES_PER_HOUR, "{most} of {serial} from {primary}");
        }
        let total: usize = world.fetches.values().map(Vec::len).sum();
        let bound = 4 * FETCHES_PER_HOUR * usize::from(PRIMARIES);
        prop_assert!(total <= bound, "{total} fetches in four hours");
    }

    #[test]
    fn once_a_primary_is_honest_its_serial_is_had(seed: u64, honest in 0..usize::from(PRIMARIES)) {
        let mut world = World::new(seed, None);
        while world.now < at(4 * 3600) {
            world.step();
        }
        let healed = world.now;
        world.honest = Some(honest);
        // A round after its silence is over, one that is too soon after its last failure, and one
        // more; each may be held up by fetches from the others.
        let bound = SILENCE_DELAY_MAX + timers().refresh() + retry().max(FETCH_DELAY_MAX);
        let bound = bound + Duration::from_secs(1200);
        while world.play.serial() != Some(HONEST) {
            world.step();
            let late = world.now.since(healed);
            prop_assert!(late <= bound, "not had after {late:?}: {:?}", world.play.refresh);
        }
    }
}

/// Twice (differences and the whole) for each doubling of the delay after a fetch, and for each
/// longest delay in an hour.
const FETCHES_PER_HOUR: usize = 2 * (9 + 12);

/// The serial of the honest primary, after every serial that liars have.
const HONEST: u32 = 1 << 20;

/// Three primaries and somebody who sends NOTIFY, all of whom lie until one is honest.
struct World {
    play: Play,
    now: Moment,
    rng: ChaCha8Rng,
    honest: Option<usize>,
    notify_every: Duration,
    notify_at: Moment,
    /// What is outstanding, when it will be answered, and what was offered.
    job: Option<(Action, Moment)>,
    offered: u32,
    fetches: HashMap<(usize, u32), Vec<Moment>>,
}

impl World {
    fn new(seed: u64, honest: Option<usize>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let start = rng.random_bool(0.8).then(|| held(1));
        World {
            play: Play::new(primaries(PRIMARIES), start),
            now: at(0),
            honest,
            notify_every: Duration::from_millis(1 << rng.random_range(7..22)),
            notify_at: at(0),
            job: None,
            offered: 0,
            fetches: HashMap::new(),
            rng,
        }
    }

    /// Goes on to the next thing that happens.
    fn step(&mut self) {
        if self.job.is_none()
            && let Some(action) = self.play.refresh.poll_action(self.now)
        {
            self.begin(action);
        }
        let done = self.job.map(|(_, done)| done);
        let times = [done, self.play.refresh.poll_timeout(), Some(self.notify_at)];
        let next = times.into_iter().flatten().min().unwrap();
        self.now = self.now.max(next);
        if self.notify_at <= self.now {
            self.notify_at = self.now + self.notify_every;
            let from = Some(self.rng.random_range(0..4));
            let serial = self.lie();
            self.play
                .refresh
                .handle_notify(self.now, from, Some(serial));
        }
        if let Some((action, _)) = self.job.take_if(|(_, done)| *done <= self.now) {
            self.answer(action);
        }
    }

    fn begin(&mut self, action: Action) {
        let longest = match action {
            Action::Ask { .. } => 5_000,
            Action::Fetch { primary, .. } => {
                let times = self.fetches.entry((primary, self.offered)).or_default();
                times.push(self.now);
                match Some(primary) == self.honest {
                    true => 2_000,
                    false => 120_000,
                }
            }
        };
        let time = Duration::from_millis(self.rng.random_range(1..longest));
        self.job = Some((action, self.now + time));
    }

    fn answer(&mut self, action: Action) {
        match action {
            Action::Ask { primary } => {
                let is_honest = Some(primary) == self.honest;
                if !is_honest && self.rng.random_bool(0.3) {
                    self.play.refresh.handle_unanswered(self.now, primary);
                    return;
                }
                let serial = match is_honest {
                    true => Serial(HONEST),
                    false => self.lie(),
                };
                self.offered = serial.0;
                self.play.refresh.handle_soa(self.now, primary, serial);
            }
            Action::Fetch { primary, .. } => {
                let fetched = match Some(primary) == self.honest {
                    true => accepted(HONEST),
                    false => self.fail(),
                };
                self.play.refresh.handle_fetched(self.now, primary, fetched);
            }
        }
    }

    /// A serial that nobody has; often the next one.
    fn lie(&mut self) -> Serial {
        match self.rng.random_range(0..6) {
            0 => Serial(self.rng.random_range(0..HONEST)),
            1 => Serial(1),
            _ => Serial(self.rng.random_range(2..5)),
        }
    }

    fn fail(&mut self) -> Fetched {
        match self.rng.random_range(0..5) {
            0 => Fetched::Current,
            1 => Fetched::Failed,
            2 => Fetched::NoDifferences,
            _ => refused(self.offered, self.rng.random_bool(0.5)),
        }
    }
}

/// The most of these that lie within one hour.
fn most_in_an_hour(times: &[Moment]) -> usize {
    let hour = Duration::from_secs(3600);
    let within = |from: &Moment| {
        let window = times.iter().filter(|at| *at >= from);
        window.filter(|at| at.since(*from) < hour).count()
    };
    times.iter().map(within).max().unwrap_or_default()
}
