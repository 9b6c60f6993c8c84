//! Resolvers that go on asking, whatever happens to the server: fifty that were there before the
//! attack, and some that come in the midst of it.
//!
//! Start reading at [`Clients::start`]. One thread plays all of them, ahead of the generator on
//! the same core.

use super::field::{Field, resolver, stranger};
use super::packet::{CLIENTS, come_ahead};
use super::query::{A, AAAA, DNSKEY, DS, NS, SOA};
use super::resolver::{Asked, Class, Resolver, TRIES};
use crate::bench::kernel;
use crate::bench::queries::Delegations;
use crate::lab::task::Task;
use anyhow::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Resolvers that ask. They end when dropped.
#[derive(Debug)]
pub(super) struct Clients {
    shared: Arc<Shared>,
    task: Task,
    /// What all times count from.
    pub(super) start: Instant,
}

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<Vec<Asked>>,
    /// Nothing new is asked.
    rests: AtomicBool,
    /// Which group of strangers is there; none at 0.
    group: AtomicUsize,
    /// Resolvers that keep cookies and were given one.
    with_cookie: AtomicUsize,
}

impl Clients {
    /// Lets them ask from now on.
    pub(super) fn start(field: &Field, core: usize, delegations: Arc<Delegations>) -> Result<Self> {
        let known = field
            .clients
            .enter(|| group(KNOWN, [Class::Uncookied, Class::Cookied], resolver))?;
        let shared = Arc::new(Shared::default());
        let start = Instant::now();
        let playing = Arc::clone(&shared);
        let place = field.clients.door()?;
        let task = Task::start(move |ends| {
            let _ = kernel::pin_this_thread(core);
            come_ahead(CLIENTS);
            // Sockets are made by this thread, in the namespace of the resolvers.
            if place.enter_here().is_ok() {
                playing.play(known, start, &delegations, ends);
            }
        });
        Ok(Clients {
            shared,
            task,
            start,
        })
    }

    /// Has others come that the server has never seen; those that came before are gone.
    pub(super) fn bring_strangers(&self, number: usize) {
        self.shared.group.store(number, Relaxed);
    }

    /// Asks nothing new, and waits until all that is open by UDP is over. Strangers go.
    pub(super) fn rest(&self) {
        self.shared.rests.store(true, Relaxed);
        thread::sleep(TRIES + SLACK);
        self.shared.group.store(0, Relaxed);
    }

    /// Goes on asking.
    pub(super) fn resume(&self) {
        self.shared.rests.store(false, Relaxed);
    }

    /// Of those that were there before and keep cookies, how many were given one; and how many
    /// there are.
    pub(super) fn with_cookie(&self) -> (usize, usize) {
        (self.shared.with_cookie.load(Relaxed), KNOWN / 2)
    }

    /// Asks nothing new, waits for what is open, and gives all that was asked.
    pub(super) fn finish(self) -> Vec<Asked> {
        let Clients { shared, task, .. } = self;
        shared.rests.store(true, Relaxed);
        thread::sleep(PATIENCE);
        drop(task);
        let mut log = shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut log)
    }
}

impl Shared {
    fn play(
        &self,
        mut known: Vec<Resolver>,
        start: Instant,
        delegations: &Delegations,
        ends: &AtomicBool,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut strangers = Vec::new();
        let mut present = 0;
        let (mut udp, mut new, mut tcp) = (Pace::of(RATE), Pace::of(NEW_RATE), Pace::of(TCP_RATE));
        let mut over = Vec::new();
        while !ends.load(Relaxed) {
            let wanted = self.group.load(Relaxed);
            if wanted != present {
                present = wanted;
                strangers = bring(present);
            }
            let now = start.elapsed();
            let rests = self.rests.load(Relaxed);
            for _ in 0..udp.due(now, rests) {
                let (name, rtype) = question(&mut rng, delegations);
                choose(&mut rng, &mut known).ask(name, rtype, now);
            }
            for _ in 0..new.due(now, rests || strangers.is_empty()) {
                let (name, rtype) = question(&mut rng, delegations);
                choose(&mut rng, &mut strangers).ask(name, rtype, now);
            }
            for _ in 0..tcp.due(now, rests) {
                let (name, rtype) = question(&mut rng, delegations);
                // A client that has no port left has itself to blame.
                let _ = choose(&mut rng, &mut known).ask_by_tcp(name, rtype, now);
            }
            for resolver in known.iter_mut().chain(&mut strangers) {
                // The same.
                let _ = resolver.turn(start.elapsed(), &mut over);
            }
            let with_cookie = known.iter().filter(|resolver| resolver.has_cookie());
            self.with_cookie.store(with_cookie.count(), Relaxed);
            let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            log.append(&mut over);
            drop(log);
            thread::sleep(TICK);
        }
    }
}

/// Strangers of this group. Who has no socket does not ask.
fn bring(number: usize) -> Vec<Resolver> {
    let Some(first) = number.checked_sub(1) else {
        return Vec::new();
    };
    let classes = [Class::NewUncookied, Class::NewCookied];
    let address = |number| stranger(first * STRANGERS + number);
    group(STRANGERS, classes, address).unwrap_or_default()
}

/// Resolvers of two classes by turns.
fn group(
    count: usize,
    classes: [Class; 2],
    address: impl Fn(usize) -> Ipv4Addr,
) -> Result<Vec<Resolver>> {
    let numbers = 0..count;
    numbers
        .map(|number| Resolver::new(classes[number % 2], address(number)))
        .collect()
}

/// One of them: the first ask much more than the last.
fn choose<'a>(rng: &mut ChaCha8Rng, resolvers: &'a mut [Resolver]) -> &'a mut Resolver {
    let chance: f64 = rng.random();
    let number = (chance * chance * resolvers.len() as f64) as usize;
    let last = resolvers.len() - 1;
    &mut resolvers[number.min(last)]
}

/// When something is due that happens so often a second.
struct Pace {
    every: Duration,
    next: Duration,
}

impl Pace {
    fn of(rate: f64) -> Pace {
        Pace {
            every: Duration::from_secs_f64(1.0 / rate),
            next: Duration::ZERO,
        }
    }

    /// How often since the last look; what falls into a rest never is.
    fn due(&mut self, now: Duration, rests: bool) -> usize {
        if rests {
            self.next = now;
            return 0;
        }
        let mut count = 0;
        while self.next <= now {
            self.next += self.every;
            count += 1;
        }
        count
    }
}

/// What resolvers ask a root: 54 % names that do not exist, the rest mostly below top-level
/// domains.
fn question(rng: &mut ChaCha8Rng, delegations: &Delegations) -> (String, u16) {
    let mut label = |length: usize| -> String {
        let letters = (0..length).map(|_| char::from(rng.random_range(b'a'..=b'z')));
        letters.collect()
    };
    let (one, other) = (label(9), label(12));
    match rng.random_range(0..100) {
        0..54 => (format!("{one}.{other}"), if one < other { A } else { AAAA }),
        54..90 => (format!("{one}.{}", delegations.choose(rng)), A),
        90..95 => (delegations.choose(rng).to_owned(), DS),
        95..97 => (".".to_owned(), NS),
        97..99 => (".".to_owned(), DNSKEY),
        _ => (".".to_owned(), SOA),
    }
}

/// Resolvers that were there before.
const KNOWN: usize = 50;

/// Resolvers that come in the midst of an attack.
const STRANGERS: usize = 40;

/// Queries a second by UDP of all that were there before: ten of the last and a hundred and forty
/// of the first, each in every few seconds.
const RATE: f64 = 1_000.0;

/// Of all strangers.
const NEW_RATE: f64 = 200.0;

/// New connections a second of all of them, beside those after TC.
const TCP_RATE: f64 = 50.0;

/// Between two looks: fine enough for times of milliseconds.
const TICK: Duration = Duration::from_millis(1);

/// Time for a turn of theirs, and for what is on its way.
const SLACK: Duration = Duration::from_millis(300);

/// All tries and a connection after the last.
const PATIENCE: Duration = Duration::from_millis(3_500);
