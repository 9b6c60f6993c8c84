//! Attackers that really connect: from one prefix or many, at once and again, or slowly.
//!
//! Start reading at [`Bots::start`].

use super::connection::{Connection, begin};
use super::field::{Field, bot};
use super::packet::{ATTACKERS, come_ahead};
use super::query::{A, query, usual};
use crate::bench::kernel;
use crate::lab::task::Task;
use anyhow::Result;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// How they connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As many new connections as possible, each with a query.
    Flood,
    /// 2,000 that are idle or send an octet now and then, each from its own prefix.
    SlowMany,
    /// The same from one /24.
    SlowPrefix,
    /// New connections as many as a few clients make.
    Some,
    /// A quarter of the slow ones.
    SlowSome,
}

/// Attackers at work. They end when dropped.
#[derive(Debug)]
pub(super) struct Bots {
    _task: Task,
    held: Arc<AtomicUsize>,
}

impl Bots {
    /// Lets them begin; `opened` counts the connections.
    pub(super) fn start(
        field: &Field,
        core: usize,
        way: Way,
        opened: Arc<AtomicU64>,
    ) -> Result<Bots> {
        let place = field.attackers.door()?;
        let held = Arc::new(AtomicUsize::new(0));
        let holding = Arc::clone(&held);
        let task = Task::start(move |ends| {
            let _ = kernel::pin_this_thread(core);
            come_ahead(ATTACKERS);
            if place.enter_here().is_err() {
                return;
            }
            match way {
                Way::Flood => flood(ends, &opened, FLOOD_RATE),
                Way::Some => flood(ends, &opened, SOME_RATE),
                Way::SlowMany => hold(ends, &opened, &holding, SLOW, false),
                Way::SlowPrefix => hold(ends, &opened, &holding, SLOW, true),
                Way::SlowSome => hold(ends, &opened, &holding, SLOW / 4, false),
            }
        });
        Ok(Bots { _task: task, held })
    }

    /// Connections that the slow ones hold open now.
    pub(super) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }
}

fn flood(ends: &AtomicBool, opened: &AtomicU64, rate: f64) {
    let mut open: VecDeque<(Instant, Connection)> = VecDeque::new();
    let start = Instant::now();
    let mut number = 0_usize;
    while !ends.load(Relaxed) {
        let due = (start.elapsed().as_secs_f64() * rate) as usize;
        while number < due && open.len() < FLOOD_OPEN {
            number += 1;
            let message = query("flood.example", usual(A));
            if let Ok(connection) = Connection::open(bot(number, false), message) {
                open.push_back((Instant::now(), connection));
                opened.fetch_add(1, Relaxed);
            }
        }
        number = number.max(due);
        open.retain_mut(|(since, connection)| {
            connection.turn().is_none() && since.elapsed() < FLOOD_PATIENCE
        });
        thread::sleep(TICK);
    }
}

/// A slow connection.
struct Slow {
    stream: TcpStream,
    /// Where in the message it is; none if it says nothing.
    place: Option<usize>,
}

fn hold(
    ends: &AtomicBool,
    opened: &AtomicU64,
    holding: &AtomicUsize,
    most: usize,
    is_one_prefix: bool,
) {
    let message = {
        let query = query("slow.example", usual(A));
        [&(query.len() as u16).to_be_bytes()[..], &query].concat()
    };
    let mut held: Vec<Slow> = Vec::new();
    let (mut number, mut last) = (0, Instant::now());
    while !ends.load(Relaxed) {
        // Not all at once: as quick as a real attack, and again whenever one is closed.
        for _ in 0..SLOW_STEP.min(most - held.len()) {
            number += 1;
            if let Ok(stream) = begin(bot(number, is_one_prefix)) {
                opened.fetch_add(1, Relaxed);
                let place = (number % 2 == 0).then_some(0);
                held.push(Slow { stream, place });
            }
        }
        if last.elapsed() > DRIBBLE {
            last = Instant::now();
            held.retain_mut(|slow| is_kept(slow, &message));
            holding.store(held.len(), Relaxed);
        }
        thread::sleep(TICK);
    }
}

/// Whether it is still open; sends the next octet, but never the last.
fn is_kept(slow: &mut Slow, message: &[u8]) -> bool {
    let early = |error: &std::io::Error| super::connection::is_early(error.kind());
    match slow.stream.read(&mut [0; 64]) {
        Ok(0) => return false,
        Err(error) if !early(&error) => return false,
        _ => {}
    }
    let Some(place) = &mut slow.place else {
        return true;
    };
    let Some(octet) = message[..message.len() - 1].get(*place..=*place) else {
        return true;
    };
    match slow.stream.write(octet) {
        Ok(count) => *place += count,
        Err(error) if !early(&error) => return false,
        Err(_) => {}
    }
    true
}

/// Connections that are held.
pub(super) const SLOW: usize = 2_000;

/// Files that all of them need, and the rest of this process.
pub(super) const OPEN_FILES: u64 = 2 * SLOW as u64 + 500;

/// New ones in a turn.
const SLOW_STEP: usize = 20;

/// Between two octets.
const DRIBBLE: Duration = Duration::from_secs(1);

/// New connections a second at most: about what one core can make beside all else.
const FLOOD_RATE: f64 = 20_000.0;

/// Of a few clients.
const SOME_RATE: f64 = 500.0;

/// Of those, open at once.
const FLOOD_OPEN: usize = 1_000;

/// One of those without a response is given up after this.
const FLOOD_PATIENCE: Duration = Duration::from_millis(500);

/// Between two looks.
const TICK: Duration = Duration::from_millis(2);
