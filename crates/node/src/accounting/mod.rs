//! What a node counts of its traffic, day by day, and where that is kept.
//!
//! ```text
//! recorder    what a thread that answers records with
//! audit       whether what was counted at different places is the same
//! statistics  the thread that reads all recorders, holds the days and seals them
//! archive     days and documents on disk
//! ```
//!
//! Nothing here is between a query and its response: a worker records what it has sent. Knows no
//! zone, and looks into no message beyond what is counted.

mod archive;
mod audit;
mod recorder;
mod statistics;

pub(crate) use audit::{Balance, Books};
pub(crate) use recorder::{Ends, Recorder, Told};
pub(crate) use statistics::{Keeping, Standing, Statistics};

use imrs_telemetry::Day;
use imrs_telemetry::capture::Tap;
use imrs_telemetry::counts::{Cells, Counts, Transport};
use imrs_telemetry::delays::{Delay, DelayCells, Delays};
use imrs_telemetry::sources::{self, Drain, FrontSize};
use imrs_telemetry::top::{self, SampleDrain};

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All recorders of a node, to be read while they are written to.
#[derive(Default)]
pub struct Accounting {
    /// The first day that may be counted still, by number.
    today: Arc<AtomicU32>,
    readers: Mutex<Vec<Reader>>,
    /// What this node asks of itself.
    own: Arc<Own>,
    /// Makes what each recorder hands messages to, for captures.
    taps: Option<Box<dyn Fn() -> Vec<Tap> + Send + Sync>>,
}

/// What a node asks of itself through its service addresses: nobody asked for it, so that it is
/// neither counted nor captured.
#[derive(Debug, Default)]
struct Own {
    /// Service addresses. A query from one of them to the same is ours: no other machine's gets in,
    /// as the kernel drops what comes from outside with a source of its own.
    addresses: Vec<IpAddr>,
    /// Responses to such queries over UDP.
    responses_over_udp: AtomicU64,
}

impl Own {
    fn asks(&self, ends: &Ends) -> bool {
        let client = ends.client.ip();
        client == ends.server.ip() && self.addresses.contains(&client)
    }
}

/// What is read of one recorder.
#[derive(Debug)]
struct Reader {
    cells: Arc<Cells>,
    delays: Arc<DelayCells>,
    drain: Drain,
    samples: SampleDrain,
}

impl Accounting {
    /// One whose recorders hand each message to taps that are made here.
    /// Nothing is recorded of what this node asks of itself at these service addresses.
    pub(crate) fn with_taps(
        service: Vec<IpAddr>,
        make: impl Fn() -> Vec<Tap> + Send + Sync + 'static,
    ) -> Accounting {
        let own = Own {
            addresses: service,
            ..Own::default()
        };
        Accounting {
            own: Arc::new(own),
            taps: Some(Box::new(make)),
            ..Accounting::default()
        }
    }

    /// A recorder for one thread.
    pub(crate) fn recorder(&self) -> Recorder {
        let cells = Arc::new(Cells::new());
        let delays = Arc::new(DelayCells::default());
        let (front, drain) = sources::front(FrontSize::default(), rand::random());
        let (sampler, samples) = top::sampler(rand::random());
        let recorder = Recorder {
            cells: Arc::clone(&cells),
            delays: Arc::clone(&delays),
            front,
            sampler,
            taps: self.taps.as_ref().map_or(Vec::new(), |make| make()),
            today: Arc::clone(&self.today),
            own: Arc::clone(&self.own),
            received_ns: 0,
            day: Day::of(0),
            delay: Delay::default(),
        };
        self.readers().push(Reader {
            cells,
            delays,
            drain,
            samples,
        });
        recorder
    }

    /// Has recorders count for no day before this one.
    fn set_today(&self, today: Day) {
        self.today.store(today.number(), Relaxed);
    }

    /// What all recorders hold of a day, and of those that are as even or odd.
    fn read(&self, day: Day) -> Counts {
        let mut counts = Counts::new();
        for reader in self.readers().iter() {
            reader.cells.add_to(day, &mut counts);
        }
        counts
    }

    /// All that was recorded since the start.
    pub(crate) fn total(&self) -> Counts {
        let mut counts = Counts::new();
        for reader in self.readers().iter() {
            counts.add(&reader.cells.total());
        }
        counts
    }

    /// All responses over UDP since the start, those to own probes among them.
    fn responses_over_udp(&self) -> u64 {
        let total = self.total();
        let recorded = total.transport(Transport::Udp);
        let recorded: u64 = recorded.iter().map(|flow| flow.responses()).sum();
        recorded + self.own.responses_over_udp.load(Relaxed)
    }

    /// How long responses over a transport took since the start.
    pub(crate) fn delays(&self, transport: Transport) -> Delays {
        let mut sum = Delays::default();
        for reader in self.readers().iter() {
            reader.delays.add_to(transport, &mut sum);
        }
        sum
    }

    /// Those who read are few and seldom; who records never asks for this.
    fn readers(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Accounting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounting").finish_non_exhaustive()
    }
}
