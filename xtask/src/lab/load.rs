//! Steady load over UDP, with a log of every single query: when it was sent, when answered, and
//! which serial the answer told.
//!
//! Start reading at [`Load::start`]. Many source ports are used, so that every worker of a server
//! gets some of them. This file does not know what happens to the server.

use super::queries::{self, Expected};
use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Load that runs. Ends when dropped.
#[derive(Debug)]
pub(super) struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// One query. Times count from the start of the scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// By which source port, counted from 0.
    pub(super) flow: usize,
    /// When it was sent.
    pub(super) sent: Duration,
    /// When the first response to it came, if any.
    pub(super) answered: Option<Duration>,
    /// Whether the response was what it ought to be.
    pub(super) is_right: bool,
    /// The serial that it told.
    pub(super) serial: Option<u32>,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    flows: Vec<Flow>,
    ends: AtomicBool,
}

#[derive(Debug)]
struct Flow {
    socket: UdpSocket,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    asked: Vec<Asked>,
    /// Queries without a response: where in `asked`, and what is expected.
    open: HashMap<u16, (usize, Expected)>,
}

impl Load {
    /// Asks `server` so often a second, from the namespace of this thread, until dropped. Times
    /// count from `start`.
    pub(super) fn start(server: SocketAddr, rate: u32, start: Instant) -> Result<Load> {
        let flow = |_| -> Result<Flow> {
            let socket = UdpSocket::bind(("0.0.0.0", 0))?;
            socket.connect(server)?;
            socket.set_read_timeout(Some(TURN))?;
            Ok(Flow {
                socket,
                log: Mutex::default(),
            })
        };
        let shared = Arc::new(Shared {
            start,
            flows: (0..FLOWS).map(flow).collect::<Result<_>>()?,
            ends: AtomicBool::new(false),
        });
        let mut threads = Vec::new();
        for flow in 0..FLOWS {
            let shared = Arc::clone(&shared);
            threads.push(thread::spawn(move || shared.receive(flow)));
        }
        let sending = Arc::clone(&shared);
        threads.push(thread::spawn(move || sending.send(rate)));
        Ok(Load { shared, threads })
    }

    /// All queries so far, in the order of sending by flow. Those of the last [`PATIENCE`] may
    /// still be answered.
    pub(super) fn log(&self) -> Vec<Asked> {
        let mut log: Vec<Asked> = Vec::new();
        for flow in &self.shared.flows {
            log.extend(&flow.log().asked);
        }
        log
    }

    /// The serial that each flow was told last; none if a flow was told nothing.
    pub(super) fn serials(&self) -> Vec<Option<u32>> {
        let last = |flow: &Flow| {
            let log = flow.log();
            let told = log.asked.iter().filter(|asked| asked.serial.is_some());
            told.max_by_key(|asked| asked.answered)?.serial
        };
        self.shared.flows.iter().map(last).collect()
    }

    /// Waits until all flows are told this serial; gives when the first and the last were.
    pub(super) fn everywhere(&self, serial: u32) -> Result<(Duration, Duration)> {
        let start = Instant::now();
        while self.serials().iter().any(|told| *told != Some(serial)) {
            ensure!(
                start.elapsed() < LONG,
                "serial {serial} is not served by all after {LONG:?}"
            );
            thread::sleep(PAUSE);
        }
        let mut firsts: HashMap<usize, Duration> = HashMap::new();
        for asked in self.log() {
            if let Some(answered) = asked.answered.filter(|_| asked.serial == Some(serial)) {
                let first = firsts.entry(asked.flow).or_insert(answered);
                *first = answered.min(*first);
            }
        }
        let first = firsts.values().min().copied();
        let last = firsts.values().max().copied();
        first.zip(last).context("nobody was told the serial")
    }

    /// Waits until all flows have had an answer to what they asked since then.
    pub(super) fn answered_since(&self, since: Duration) -> Result<()> {
        let start = Instant::now();
        loop {
            let mut answered = vec![false; self.serials().len()];
            for asked in self.log() {
                answered[asked.flow] |= asked.sent > since && asked.is_right;
            }
            if answered.iter().all(|answered| *answered) {
                return Ok(());
            }
            ensure!(start.elapsed() < LONG, "no answers after {LONG:?}");
            thread::sleep(PAUSE);
        }
    }

    /// Sends no more, and waits for what is still to come. Gives the whole log.
    pub(super) fn finish(mut self) -> Vec<Asked> {
        thread::sleep(PATIENCE);
        self.stop();
        self.log()
    }

    fn stop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has stopped as well.
            let _ = thread.join();
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Flow {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.ends.load(Ordering::Relaxed)
    }

    fn send(&self, rate: u32) {
        let begin = Instant::now();
        for number in 0_u32.. {
            let due = begin + Duration::from_secs(1) * number / rate;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if !self.goes_on() {
                return;
            }
            let flow = number as usize % FLOWS;
            // Identifiers come again after 65536 queries of a flow, in half an hour or so.
            let id = (number as usize / FLOWS) as u16;
            let (query, expected) = queries::query(number, id);
            let mut log = self.flows[flow].log();
            let index = log.asked.len();
            log.open.insert(id, (index, expected));
            log.asked.push(Asked {
                flow,
                sent: self.start.elapsed(),
                answered: None,
                is_right: false,
                serial: None,
            });
            drop(log);
            // Where nothing listens, an error of the query before shows here: this one is sent by
            // a second attempt, so that it counts as lost only if nobody answers it.
            let socket = &self.flows[flow].socket;
            if socket.send(&query).is_err() {
                let _ = socket.send(&query);
            }
        }
    }

    fn receive(&self, flow: usize) {
        let mut response = [0; 4096];
        while self.goes_on() {
            // Errors tell that nothing came, or that nothing listens.
            let Ok(length) = self.flows[flow].socket.recv(&mut response) else {
                continue;
            };
            let answered = self.start.elapsed();
            let response = &response[..length];
            let Some(id) = queries::identifier(response) else {
                continue;
            };
            let mut log = self.flows[flow].log();
            if let Some((index, expected)) = log.open.remove(&id) {
                let asked = &mut log.asked[index];
                asked.answered = Some(answered);
                asked.is_right = expected.is_met(response);
                asked.serial = queries::serial(response);
            }
        }
    }
}

/// Source ports: each worker of a small server gets some.
const FLOWS: usize = 32;

/// A query without a response for so long is lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// For an answer that ought to come, on a crowded machine.
const LONG: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a thread waits before it looks whether all is over.
const TURN: Duration = Duration::from_millis(100);
