//! Datagrams with spoofed sources at a set rate.
//!
//! Start reading at [`Flood::start`]. One thread sends frames made from templates; it may be given
//! another attack and another rate at any time. It never sends in a burst what it did not send in
//! time: that counts as not offered.

use super::field::{SPOOF, VICTIM_HOSTS, VICTIMS, victim};
use super::packet::{ATTACKERS, BATCH, Frames, PacketSocket, Part, Sent, come_ahead};
use super::query::{self, A, DNSKEY, DS, Form, NS, usual};
use crate::bench::kernel;
use crate::bench::queries::Delegations;
use crate::lab::task::Task;
use anyhow::Result;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
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
    /// All of these.
    Mixed,
}

/// A generator that runs. Ends when dropped.
#[derive(Debug)]
pub(super) struct Flood {
    shared: Arc<Shared>,
    _task: Task,
}

#[derive(Debug)]
struct Shared {
    templates: Mutex<Arc<Templates>>,
    /// Frames a second; none are sent at 0.
    rate: AtomicU32,
    /// Rises whenever the templates are others.
    version: AtomicUsize,
    frames: AtomicU64,
    datagrams: AtomicU64,
    taken: AtomicU64,
    fragmented: AtomicU64,
    /// Octets of messages sent in the name of each victim.
    named: [AtomicU64; VICTIMS],
}

type Templates = Vec<Unit>;

/// What is sent together: a frame, or its fragments.
#[derive(Clone, Debug)]
struct Unit {
    sources: Sources,
    frames: Vec<Vec<u8>>,
    /// Whether the label at the start of the name is random.
    is_random: bool,
    /// Whether the last frame completes a datagram.
    is_whole: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sources {
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
            frames: AtomicU64::new(0),
            datagrams: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            fragmented: AtomicU64::new(0),
            named: [const { AtomicU64::new(0) }; VICTIMS],
        });
        let sending = Arc::clone(&shared);
        let task = Task::start(move |ends| {
            // Where it cannot be bound, it disturbs the server and measures less.
            let _ = kernel::pin_this_thread(core);
            come_ahead(ATTACKERS);
            sending.send(&socket, ends);
        });
        Ok(Flood {
            shared,
            _task: task,
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

    /// What was sent so far.
    pub(super) fn sent(&self) -> Sent {
        Sent {
            frames: self.shared.frames.load(Relaxed),
            datagrams: self.shared.datagrams.load(Relaxed),
            taken: self.shared.taken.load(Relaxed),
            fragmented: self.shared.fragmented.load(Relaxed),
        }
    }

    /// Octets of DNS sent so far in the name of each victim.
    pub(super) fn named(&self) -> [u64; VICTIMS] {
        [0, 1, 2, 3].map(|number: usize| self.shared.named[number].load(Relaxed))
    }
}

impl Shared {
    fn send(&self, socket: &PacketSocket, ends: &AtomicBool) {
        let mut frames = Frames::new();
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut templates: Arc<Templates> = Arc::default();
        let (mut version, mut rate) = (0, 0);
        let (mut start, mut done) = (Instant::now(), 0_u64);
        while !ends.load(Relaxed) {
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
            self.frames.fetch_add(sent.frames, Relaxed);
            self.datagrams.fetch_add(sent.datagrams, Relaxed);
            self.taken.fetch_add(sent.taken, Relaxed);
            self.fragmented.fetch_add(sent.fragmented, Relaxed);
        }
    }

    /// Adds one frame, or the two fragments of one.
    fn add(&self, templates: &[Unit], frames: &mut Frames, dice: &mut Dice) {
        let chance = dice.throw();
        let unit = &templates[(chance >> 32) as usize % templates.len()];
        let chance = dice.throw();
        let source = match unit.sources {
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
            let part = match unit.frames.len() {
                1 if unit.is_whole => Part::Whole,
                len if place + 1 == len && unit.is_whole => Part::Last,
                _ => Part::Fragment,
            };
            let frame = frames.push(template, part);
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
    let mut below = |count: usize, sources| -> Templates {
        let name = |_| format!("{label}.{}", delegations.choose(&mut rng));
        let names: Vec<String> = (0..count).map(name).collect();
        let units = names.iter().map(|name| random(name, sources));
        units.collect()
    };
    match kind {
        Kind::NxDomain => vec![random(&label, Sources::Anywhere)],
        Kind::Subdomain => below(64, Sources::OpenResolvers),
        Kind::Reflection => {
            let mut units = below(4, Sources::Victims);
            units.extend((0..4).map(|_| random(&label, Sources::Victims)));
            let fixed = [query::query(".", usual(NS)), query::query("com", usual(DS))];
            units.extend(fixed.map(|message| one(&message, Sources::Victims)));
            units
        }
        Kind::LargeAnswer => vec![one(&query::query(".", usual(DNSKEY)), Sources::Victims)],
        Kind::Malformed => {
            let messages = malformed();
            let units = messages
                .iter()
                .map(|message| one(message, Sources::Anywhere));
            units.collect()
        }
        Kind::Fragments => in_fragments(),
        Kind::Mixed => {
            let all = [
                Kind::NxDomain,
                Kind::Subdomain,
                Kind::Reflection,
                Kind::LargeAnswer,
                Kind::Malformed,
                Kind::Fragments,
            ];
            // Each as often as the others, whatever the number of its templates.
            let mut mixed = Vec::new();
            for kind in all {
                let units = templates(kind, delegations);
                mixed.extend(units.into_iter().cycle().take(MIXED));
            }
            mixed
        }
    }
}

/// A query for an address of a name that begins with a label of [`LABEL_OCTETS`].
fn random(name: &str, sources: Sources) -> Unit {
    Unit {
        is_random: true,
        ..one(&query::query(name, usual(A)), sources)
    }
}

fn one(message: &[u8], sources: Sources) -> Unit {
    Unit {
        sources,
        frames: vec![query::frame(message)],
        is_random: false,
        is_whole: true,
    }
}

/// Whole in two fragments, a first fragment alone, and two that take hardly any response.
fn in_fragments() -> Templates {
    let message = query::query("fragment.example.com", usual(A));
    let [first, second] = query::fragments(&message);
    let tiny = |size| {
        let form = Form {
            size: Some(size),
            ..usual(DNSKEY)
        };
        one(&query::query(".", form), Sources::Anywhere)
    };
    let in_two = Unit {
        frames: vec![first.clone(), second],
        ..one(&message, Sources::Anywhere)
    };
    let alone = Unit {
        frames: vec![first],
        is_whole: false,
        ..one(&message, Sources::Anywhere)
    };
    vec![in_two, alone, tiny(0), tiny(512)]
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

/// Templates of each kind in a mix of all.
const MIXED: usize = 64;

/// Open resolvers that are asked for names that do not exist below a domain.
const OPEN_RESOLVERS: u32 = 5_000;

/// How late a frame may be sent. More would come in bursts that overrun a small queue by themselves.
const LATE_MS: u64 = 2;

/// Pause where little is due: a few dozen frames at the highest rates.
const REST: Duration = Duration::from_micros(30);

/// Pause where nothing is to be sent.
const LONG_REST: Duration = Duration::from_millis(2);
