//! Fifty resolvers that go on asking, whatever happens to the server.
//!
//! Start reading at [`Clients::start`]. One thread plays all of them, ahead of the generator on
//! the same core.

use super::field::Field;
use super::query::{A, AAAA, DNSKEY, DS, NS, SOA};
use super::resolver::{Asked, Resolver};
use crate::bench::kernel;
use crate::bench::queries::Delegations;
use anyhow::Result;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Resolvers that ask. They end when dropped.
#[derive(Debug)]
pub(super) struct Clients {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// What all times count from.
    pub(super) start: Instant,
}

#[derive(Debug, Default)]
struct Shared {
    log: Mutex<Vec<Asked>>,
    /// Nothing new is asked.
    rests: AtomicBool,
    ends: AtomicBool,
}

impl Clients {
    /// Lets them ask from now on.
    pub(super) fn start(field: &Field, core: usize, delegations: Arc<Delegations>) -> Result<Self> {
        let resolvers: Vec<Resolver> = field
            .clients
            .enter(|| (0..RESOLVERS).map(Resolver::new).collect())?;
        let shared = Arc::new(Shared::default());
        let start = Instant::now();
        let playing = Arc::clone(&shared);
        let place = field.clients.door()?;
        let thread = thread::spawn(move || {
            let _ = kernel::pin_this_thread(core);
            // Connections are made by this thread, in the namespace of the resolvers.
            if place.enter_here().is_ok() {
                playing.play(resolvers, start, &delegations);
            }
        });
        Ok(Clients {
            shared,
            thread: Some(thread),
            start,
        })
    }

    /// Asks nothing new, waits for what is open, and gives all that was asked.
    pub(super) fn finish(mut self) -> Vec<Asked> {
        self.shared.rests.store(true, Relaxed);
        thread::sleep(PATIENCE);
        self.stop();
        let mut log = self
            .shared
            .log
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut log)
    }

    fn stop(&mut self) {
        self.shared.ends.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has stopped as well.
            let _ = thread.join();
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn play(&self, mut resolvers: Vec<Resolver>, start: Instant, delegations: &Delegations) {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let (mut asked, mut connected) = (0, 0);
        let mut over = Vec::new();
        while !self.ends.load(Relaxed) {
            let now = start.elapsed();
            if !self.rests.load(Relaxed) {
                let seconds = now.as_secs_f64();
                while asked < (seconds * UDP_RATE) as u64 {
                    asked += 1;
                    let (name, rtype) = question(&mut rng, delegations);
                    let number = rng.random_range(0..RESOLVERS);
                    resolvers[number].ask(name, rtype, now);
                }
                while connected < (seconds * TCP_RATE) as u64 {
                    connected += 1;
                    let (name, rtype) = question(&mut rng, delegations);
                    let number = rng.random_range(0..RESOLVERS);
                    // A client that has no port left has itself to blame.
                    let _ = resolvers[number].ask_by_tcp(name, rtype, now);
                }
            }
            for resolver in &mut resolvers {
                // The same.
                let _ = resolver.turn(start.elapsed(), &mut over);
            }
            let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            log.append(&mut over);
            drop(log);
            thread::sleep(TICK);
        }
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

/// Resolvers.
const RESOLVERS: usize = 50;

/// Queries a second by UDP of all of them: a busy one asks 20 a second.
const UDP_RATE: f64 = 1000.0;

/// New connections a second of all of them, beside those after TC.
const TCP_RATE: f64 = 50.0;

/// Between two looks: fine enough for times of milliseconds.
const TICK: Duration = Duration::from_millis(1);

/// All tries and a connection after the last.
const PATIENCE: Duration = Duration::from_millis(3_500);
