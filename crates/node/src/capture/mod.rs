//! Captures: messages one by one, as C-DNS or dnstap, into files or to a reader.
//!
//! Start reading at [`Captures::start`].
//!
//! ```text
//! worker ─▶ Tap ─┐
//! worker ─▶ Tap ─┴▶ writer: one thread a capture ─▶ anonymise ─▶ encode ─▶ files   .part, then whole
//!                                                                      └▶ stream  a reader that may go
//! ```
//!
//! A worker hands copies over and never waits. A full disk, a folder that cannot be written and a
//! reader that stalls or vanishes cost messages, which are counted and declared in what is written
//! next; they are told in the log when it begins and when it ends. Nothing that answers depends on
//! any of this.

mod encoding;
mod files;
mod key;
mod packer;
mod stream;
#[cfg(test)]
mod tests;
mod writer;

pub use key::{KeyError, read_key};

use crate::config::capture::{Capture, Format};
use crate::limits::CAPTURE_WHOLE_RING_OCTETS;
use imrs_telemetry::capture::{Drain, Responses, Settings, Tap, tap};
use imrs_telemetry::limits::CAPTURE_RING_OCTETS;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use writer::Writer;

/// All captures of a node.
pub struct Captures {
    running: Vec<Running>,
    ends: Arc<AtomicBool>,
}

/// What captures say of the server.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// What it tells as its identity.
    pub identity: String,
    /// The addresses on which it answers.
    pub addresses: Vec<IpAddr>,
}

/// Why captures cannot start.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The secret of a capture.
    #[error("capture {name}")]
    Key {
        /// Which.
        name: String,
        /// Why.
        #[source]
        cause: KeyError,
    },
    /// No thread.
    #[error("cannot start the thread of capture {name}")]
    Thread {
        /// Which.
        name: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// What became of the messages of a capture. The first five add up to all that taps were shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// What the capture is called.
    pub name: String,
    /// Messages in whole files, or taken by the system on the way to a reader.
    pub written: u64,
    /// Messages on their way there.
    pub pending: u64,
    /// Messages lost: no room between a worker and the capture, or nowhere to write.
    pub lost: u64,
    /// Messages that sampling passed over.
    pub sampled_away: u64,
    /// Messages beyond what may be written in an hour.
    pub over_budget: u64,
    /// Octets written.
    pub octets: u64,
    /// Whether nothing can be written now.
    pub is_failing: bool,
}

/// The same while it is counted; each number is written by one thread.
#[derive(Default)]
struct Counts {
    written: AtomicU64,
    pending: AtomicU64,
    lost: AtomicU64,
    sampled_away: AtomicU64,
    over_budget: AtomicU64,
    octets: AtomicU64,
    is_failing: AtomicBool,
}

struct Running {
    capture: Capture,
    counts: Arc<Counts>,
    drains: Sender<Drain>,
    thread: Option<JoinHandle<()>>,
}

/// Reads the secrets of captures, so that a mistake is told before anything starts.
pub fn check(captures: &[Capture]) -> Result<(), CaptureError> {
    for capture in captures {
        if let Some(privacy) = &capture.privacy {
            read_key(&privacy.key_file).map_err(|cause| CaptureError::Key {
                name: capture.name.clone(),
                cause,
            })?;
        }
    }
    Ok(())
}

impl Captures {
    /// Reads secrets and starts a thread for each capture. `pinned` cores belong to workers.
    ///
    /// Folders and readers need not be there: they are tried again and again.
    pub fn start(
        captures: &[Capture],
        server: &Server,
        pinned: usize,
    ) -> Result<Captures, CaptureError> {
        let mut all = Captures {
            running: Vec::new(),
            ends: Arc::default(),
        };
        for capture in captures {
            let counts = Arc::<Counts>::default();
            let (drains, received) = channel();
            let writer = Writer::new(capture, server, Arc::clone(&counts), received);
            let writer = writer.map_err(|cause| CaptureError::Key {
                name: capture.name.clone(),
                cause,
            })?;
            let ends = Arc::clone(&all.ends);
            let thread = std::thread::Builder::new().name("capture".into());
            let thread = thread.spawn(move || {
                crate::system::yield_to_workers(pinned);
                writer.run(&ends);
            });
            let thread = thread.map_err(|cause| CaptureError::Thread {
                name: capture.name.clone(),
                cause,
            })?;
            all.running.push(Running {
                capture: capture.clone(),
                counts,
                drains,
                thread: Some(thread),
            });
        }
        Ok(all)
    }

    /// The taps of one thread that answers, one for each capture.
    pub fn taps(&self) -> Vec<Tap> {
        let make = |running: &Running| {
            let (octets, responses) = match running.capture.format {
                Format::CDns => (CAPTURE_RING_OCTETS, Responses::Head),
                Format::Dnstap => (CAPTURE_WHOLE_RING_OCTETS, Responses::Whole),
            };
            let (tap, drain) = tap(Settings {
                octets,
                one_in: running.capture.one_in,
                responses,
                seed: rand::random(),
            });
            // A writer that is gone leaves a tap whose ring fills up: all is counted as lost there.
            let _ = running.drains.send(drain);
            tap
        };
        self.running.iter().map(make).collect()
    }

    /// What became of the messages, capture by capture.
    pub fn counted(&self) -> Vec<Counted> {
        let read = |running: &Running| running.counts.read(&running.capture.name);
        self.running.iter().map(read).collect()
    }

    /// Writes what was handed over and finishes the files. Taps have to be at rest by then.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.ends.store(true, Relaxed);
        for running in &mut self.running {
            if let Some(thread) = running.thread.take() {
                thread.thread().unpark();
                // Its panic was told where it happened; there is nobody else to tell.
                let _ = thread.join();
            }
        }
    }
}

impl Drop for Captures {
    fn drop(&mut self) {
        self.end();
    }
}

impl Counts {
    fn read(&self, name: &str) -> Counted {
        Counted {
            name: name.to_owned(),
            written: self.written.load(Relaxed),
            pending: self.pending.load(Relaxed),
            lost: self.lost.load(Relaxed),
            sampled_away: self.sampled_away.load(Relaxed),
            over_budget: self.over_budget.load(Relaxed),
            octets: self.octets.load(Relaxed),
            is_failing: self.is_failing.load(Relaxed),
        }
    }
}

impl std::fmt::Debug for Captures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Captures").finish_non_exhaustive()
    }
}
