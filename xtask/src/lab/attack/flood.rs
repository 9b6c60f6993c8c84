//! Datagrams with spoofed sources at a set rate.
//!
//! Start reading at [`Flood::start`]. One thread sends frames made from templates; it may be given
//! another attack and another rate at any time. It never sends in a burst what it did not send in
//! time: that counts as not offered.

use super::field::{SPOOF, VICTIM_HOSTS, VICTIMS, victim};
use super::packet::{BATCH, Frames, PacketSocket};
use super::query::{self, A, DNSKEY, DS, Form, NS, usual};
use crate::bench::kernel;
use crate::bench::queries::Delegations;
use anyhow::Result;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Names that do not exist, from anywhere.
    NxDomain,
    /// Random names below top-level domains, by way of a few thousand open resolvers.
    Subdomain,
    /// A mix of what a root is asked, in the name of victims.
    Reflection,
    /// DNSKEY of the root, in the name of victims.
    LargeAnswer,
    /// What is no query, from anywhere.
    Malformed,
    /// Queries in fragments, first fragments alone, and tiny sizes told by EDNS; from anywhere.
    Fragments,
}

/// A generator that runs. Ends when dropped.
#[derive(Debug)]
pub(super) struct Flood {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    templates: Mutex<Arc<Templates>>,
    /// Frames a second; none are sent at 0.
    rate: AtomicU32,
    /// Rises whenever the templates are others.
    version: AtomicUsize,
    sent: AtomicU64,
    /// Octets of messages sent in the name of each victim.
    named: [AtomicU64; VICTIMS],
    ends: AtomicBool,
}

#[derive(Debug, Default)]
struct Templates {
    sources: Sources,
    units: Vec<Unit>,
}

/// What is sent together: a frame, or its fragments.
#[derive(Debug)]
struct Unit {
    frames: Vec<Vec<u8>>,
    /// Whether the label at the start of the name is random.
    is_random: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Sources {
    #[default]
    Anywhere,
    OpenResolvers,
    Victims,
}

impl Flood {
    /// Makes a generator on `core` that does not send yet. Called in the attackers' namespace.
    pub(super) fn start(core: usize) -> Result<Flood> {
        let socket = PacketSocket::open(SPOOF)?;
        let shared = Arc::new(Shared {
            templates: Mutex::default(),
            rate: AtomicU32::new(0),
            version: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            named: [const { AtomicU64::new(0) }; VICTIMS],
            ends: AtomicBool::new(false),
        });
        let sending = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            // Where it cannot be bound, it disturbs the server and measures less.
            let _ = kernel::pin_this_thread(core);
            // The clients on the same core come first.
            kernel::yield_to_others();
            sending.send(&socket);
        });
        Ok(Flood {
            shared,
            thread: Some(thread),
        })
    }

    /// Sends this, so often a second, until told otherwise.
    pub(super) fn set(&self, kind: Kind, rate: u32, delegations: &Delegations) {
        let templates = Arc::new(templates(kind, delegations));
        let mut slot = self
            .shared
            .templates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *slot = templates;
        self.shared.version.fetch_add(1, Relaxed);
        self.shared.rate.store(rate, Relaxed);
    }

    /// Sends nothing more for now.
    pub(super) fn pause(&self) {
        self.shared.rate.store(0, Relaxed);
    }

    /// Frames sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.shared.sent.load(Relaxed)
    }

    /// Octets of DNS sent so far in the name of each victim.
    pub(super) fn named(&self) -> [u64; VICTIMS] {
        [0, 1, 2, 3].map(|number: usize| self.shared.named[number].load(Relaxed))
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.shared.ends.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has stopped as well.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn send(&self, socket: &PacketSocket) {
        let mut frames = Frames::new();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut templates = Arc::default();
        let (mut version, mut rate) = (0, 0);
        let (mut start, mut done) = (Instant::now(), 0_u64);
        while !self.ends.load(Relaxed) {
            let wanted = (self.version.load(Relaxed), self.rate.load(Relaxed));
            if wanted != (version, rate) {
                (version, rate) = wanted;
                let slot = self
                    .templates
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                templates = Arc::clone(&slot);
                (start, done) = (Instant::now(), 0);
            }
            let due = (start.elapsed().as_secs_f64() * f64::from(rate)) as u64;
            if due.saturating_sub(done) < (BATCH / 4) as u64 {
                let nothing = rate == 0;
                thread::sleep(if nothing { LONG_REST } else { REST });
                if nothing {
                    continue;
                }
            }
            // What could not be sent in time is not sent late.
            done = done.max(due.saturating_sub(u64::from(rate) * LATE_MS / 1000));
            let batch = usize::try_from(due - done).unwrap_or(BATCH).min(BATCH - 1);
            while frames.len() < batch {
                self.add(&templates, &mut frames, &mut dice);
            }
            done += frames.len() as u64;
            let sent = socket.send(&mut frames);
            self.sent.fetch_add(sent as u64, Relaxed);
        }
    }

    /// Adds one frame, or the two fragments of one.
    fn add(&self, templates: &Templates, frames: &mut Frames, dice: &mut Dice) {
        let chance = dice.throw();
        let unit = &templates.units[(chance >> 32) as usize % templates.units.len()];
        let chance = dice.throw();
        let source = match templates.sources {
            // Neither 10.0.0.0/8 nor what is routed elsewhere.
            Sources::Anywhere => {
                let [_, b, c, d, e, ..] = chance.to_be_bytes();
                [11 + b % 80, c, d, e]
            }
            Sources::OpenResolvers => {
                let number = (chance >> 40) as u32 % OPEN_RESOLVERS;
                (0x0b00_0000 + number.wrapping_mul(7_919) % 0x5000_0000).to_be_bytes()
            }
            Sources::Victims => {
                let number = (chance >> 60) as usize % VICTIMS;
                let octets = unit.frames[0].len() - query::MESSAGE;
                self.named[number].fetch_add(octets as u64, Relaxed);
                victim(number, (chance >> 40) as usize % VICTIM_HOSTS).octets()
            }
        };
        for (place, template) in unit.frames.iter().enumerate() {
            let frame = frames.push(template);
            query::address(frame, source, chance as u16);
            if place == 0 {
                query::identify(frame, 1024 + (chance as u16 >> 1), (chance >> 16) as u16);
            }
            if unit.is_random {
                let mut chance = dice.throw();
                for octet in &mut frame[LABEL..LABEL + LABEL_OCTETS] {
                    *octet = b'a' + (chance % 26) as u8;
                    chance /= 26;
                }
            }
        }
    }
}

fn templates(kind: Kind, delegations: &Delegations) -> Templates {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let label = "x".repeat(LABEL_OCTETS);
    let random = |name: String, rtype| Unit {
        frames: vec![query::frame(&query::query(&name, usual(rtype)))],
        is_random: true,
    };
    let fixed = |message: Vec<u8>| Unit {
        frames: vec![query::frame(&message)],
        is_random: false,
    };
    let mut below = |count: usize| -> Vec<Unit> {
        let name = |_| format!("{label}.{}", delegations.choose(&mut rng));
        let names: Vec<String> = (0..count).map(name).collect();
        names.into_iter().map(|name| random(name, A)).collect()
    };
    match kind {
        Kind::NxDomain => Templates {
            sources: Sources::Anywhere,
            units: vec![random(label, A)],
        },
        Kind::Subdomain => Templates {
            sources: Sources::OpenResolvers,
            units: below(64),
        },
        Kind::Reflection => {
            let mut units = below(4);
            units.extend((0..4).map(|_| random(label.clone(), A)));
            units.push(fixed(query::query(".", usual(NS))));
            units.push(fixed(query::query("com", usual(DS))));
            Templates {
                sources: Sources::Victims,
                units,
            }
        }
        Kind::LargeAnswer => Templates {
            sources: Sources::Victims,
            units: vec![fixed(query::query(".", usual(DNSKEY)))],
        },
        Kind::Malformed => Templates {
            sources: Sources::Anywhere,
            units: malformed().into_iter().map(fixed).collect(),
        },
        Kind::Fragments => {
            let message = query::query("fragment.example.com", usual(A));
            let [first, second] = query::fragments(&message);
            let unit = |frames| Unit {
                frames,
                is_random: false,
            };
            let tiny = |size| {
                fixed(query::query(
                    ".",
                    Form {
                        size: Some(size),
                        ..usual(DNSKEY)
                    },
                ))
            };
            Templates {
                sources: Sources::Anywhere,
                units: vec![
                    unit(vec![first.clone(), second]),
                    unit(vec![first]),
                    tiny(0),
                    tiny(512),
                ],
            }
        }
    }
}

/// What is no query, or none that is answered by data.
fn malformed() -> Vec<Vec<u8>> {
    let good = query::query("malformed.example", usual(A));
    let with = |place: usize, octet: u8| {
        let mut message = good.clone();
        message[place] = octet;
        message
    };
    vec![
        // Only a header, half a header, nothing.
        good[..12].to_vec(),
        good[..6].to_vec(),
        good[..2].to_vec(),
        // The name goes on beyond the end, points to itself, has a label of a type that is not.
        good[..20].to_vec(),
        with(12, 0xc0),
        with(12, 0x80),
        // Two questions, none, an answer; a response; operations that are not.
        with(5, 2),
        with(5, 0),
        with(7, 1),
        with(2, 0x80),
        with(2, 0x28),
        with(2, 0x78),
        // EDNS of version 1, with options beyond the end, twice.
        with(good.len() - 5, 1),
        with(good.len() - 1, 200),
        [&good[..], &good[good.len() - 11..]].concat(),
        vec![0xff; 40],
    ]
}

/// Chance without promises, at the cost of a few instructions (xorshift64*).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

/// Where the random label is in a frame.
const LABEL: usize = query::MESSAGE + 12 + 1;

/// Octets of it: 26^12 names are enough.
const LABEL_OCTETS: usize = 12;

/// Open resolvers that are asked for names that do not exist below a domain.
const OPEN_RESOLVERS: u32 = 5_000;

/// How late a frame may be sent. More would come in bursts that overrun a small queue by themselves.
const LATE_MS: u64 = 2;

/// Pause where little is due: a few dozen frames at the highest rates.
const REST: Duration = Duration::from_micros(30);

/// Pause where nothing is to be sent.
const LONG_REST: Duration = Duration::from_millis(2);
