//! The thread of a capture: takes from taps, anonymises, encodes, writes, counts.
//!
//! Every message ends in one count: it is pending until a file is whole or the system took it on
//! the way to a reader, and lost if it does not come that far. What is missing is declared in what
//! is written next; a declaration that was lost with its file is made again.

use super::encoding::Encoding;
use super::files::Folder;
use super::stream::{Stream, Target};
use super::{Counts, KeyError, Server, read_key};
use crate::chain;
use crate::clock;
use crate::config::capture::{Capture, Sink};
use crate::limits::{
    CAPTURE_BATCH, CAPTURE_BLOCK_PATIENCE, CAPTURE_END, CAPTURE_REST, CAPTURE_RETRY_MAX,
    CAPTURE_RETRY_MIN,
};
use imrs_telemetry::capture::privacy::Anonymiser;
use imrs_telemetry::capture::{Captured, Drain, Missed};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// What the thread owns.
pub(super) struct Writer {
    name: String,
    encoding: Encoding,
    anonymiser: Option<Anonymiser>,
    output: Output,
    received: Receiver<Drain>,
    drains: Vec<Drain>,
    counts: Arc<Counts>,
    /// What is encoded and not written.
    portion: Vec<u8>,
    /// Messages in it, and since when there are any.
    in_portion: u64,
    portion_since: Instant,
    /// Messages in the file that is written, or on their way to the reader.
    in_output: u64,
    /// What is not declared yet, and what is in a file that is not whole.
    missed: Missed,
    declared: Missed,
    retry: Retry,
    now: Now,
}

enum Output {
    Files(Box<Folder>),
    Stream(Stream),
}

/// The present, read once a turn.
#[derive(Clone, Copy)]
struct Now {
    steady: Instant,
    unix_s: u64,
}

/// When what failed is tried again.
struct Retry {
    at: Instant,
    wait: Duration,
    /// Since when all is well, if it is.
    well_since: Option<Instant>,
}

impl Writer {
    pub(super) fn new(
        capture: &Capture,
        server: &Server,
        counts: Arc<Counts>,
        received: Receiver<Drain>,
    ) -> Result<Writer, KeyError> {
        let anonymiser = match &capture.privacy {
            Some(privacy) => {
                let secret = read_key(&privacy.key_file)?;
                Some(Anonymiser::new(privacy.method, &secret))
            }
            None => None,
        };
        let now = Now::read();
        let output = match &capture.sink {
            Sink::Files(files) => {
                Output::Files(Box::new(Folder::new(files, &capture.name, capture.format)))
            }
            Sink::Unix(path) => Output::Stream(Stream::new(Target::Unix(path.clone()))),
            Sink::Tcp(address) => Output::Stream(Stream::new(Target::Tcp(*address))),
        };
        Ok(Writer {
            name: capture.name.clone(),
            encoding: Encoding::new(capture, server),
            anonymiser,
            output,
            received,
            drains: Vec::new(),
            counts,
            portion: Vec::new(),
            in_portion: 0,
            portion_since: now.steady,
            in_output: 0,
            missed: Missed::default(),
            declared: Missed::default(),
            retry: Retry {
                at: now.steady,
                wait: CAPTURE_RETRY_MIN,
                well_since: None,
            },
            now,
        })
    }

    /// Writes until it is told to end, then what is there still; those who push on have a while to
    /// stop.
    pub(super) fn run(mut self, ends: &AtomicBool) {
        let mut scratch = Vec::new();
        let mut ends_at = None;
        loop {
            // Asked first, so that what was handed over before the end is taken after it.
            if ends.load(Relaxed) {
                ends_at.get_or_insert_with(|| Instant::now() + CAPTURE_END);
            }
            let found = self.turn(&mut scratch);
            let is_over = |at: Instant| !found || self.now.steady >= at;
            if ends_at.is_some_and(is_over) {
                return self.end();
            }
            if !found {
                std::thread::park_timeout(CAPTURE_REST);
            }
        }
    }

    /// Takes a batch from each tap; whether there was anything.
    fn turn(&mut self, scratch: &mut Vec<u8>) -> bool {
        self.now = Now::read();
        self.drains.extend(self.received.try_iter());
        self.keep_output();
        let mut found = false;
        let mut drains = std::mem::take(&mut self.drains);
        drains.retain_mut(|drain| {
            let is_closed = drain.is_closed();
            let mut taken = 0;
            while taken < CAPTURE_BATCH {
                let Some(captured) = drain.pop(scratch) else {
                    break;
                };
                self.handle(&captured);
                taken += 1;
            }
            self.miss(drain.take_missed());
            found |= taken > 0;
            !is_closed || taken > 0
        });
        self.drains = drains;
        self.pump();
        self.counts
            .pending
            .store(self.in_portion + self.in_output, Relaxed);
        found
    }

    /// Ends files and portions that have been open long enough, and tries again what failed.
    fn keep_output(&mut self) {
        let is_stale = self.in_portion > 0
            && self.now.steady.duration_since(self.portion_since) >= CAPTURE_BLOCK_PATIENCE;
        match &mut self.output {
            Output::Files(folder) => {
                if folder.is_due(self.now.unix_s) {
                    self.finish_file();
                } else if is_stale {
                    self.write_portion();
                }
            }
            Output::Stream(stream) => {
                if !stream.is_connected()
                    && self.now.steady >= self.retry.at
                    && let Err(error) = stream.connect(self.now.steady)
                {
                    self.fail(&error);
                }
            }
        }
    }

    fn handle(&mut self, captured: &Captured<'_>) {
        match &mut self.output {
            Output::Files(_) => self.handle_for_files(captured),
            Output::Stream(stream) => {
                let Some(out) = stream.room() else {
                    return self.lose(1);
                };
                let captured = match &mut self.anonymiser {
                    Some(anonymiser) => anonymiser.anonymise(captured),
                    None => *captured,
                };
                self.declared += self.encoding.begin_portion(&mut self.missed);
                self.encoding.add(&captured, out);
                self.in_output += 1;
            }
        }
    }

    fn handle_for_files(&mut self, captured: &Captured<'_>) {
        if self.in_portion == 0 && !self.may_begin() {
            return;
        }
        let captured = match &mut self.anonymiser {
            Some(anonymiser) => anonymiser.anonymise(captured),
            None => *captured,
        };
        self.encoding.add(&captured, &mut self.portion);
        self.in_portion += 1;
        if self.encoding.is_full(&self.portion) {
            self.write_portion();
        }
    }

    /// Sees to it that there is a file with room for a portion. If not, the message is counted.
    fn may_begin(&mut self) -> bool {
        let Output::Files(folder) = &mut self.output else {
            return false;
        };
        if !folder.has_budget(self.now.unix_s) {
            self.missed.over_budget += 1;
            add(&self.counts.over_budget, 1);
            return false;
        }
        if !folder.is_open() {
            if self.now.steady < self.retry.at {
                self.lose(1);
                return false;
            }
            let mut start = Vec::new();
            self.encoding.start(&mut start);
            match folder.open(self.now.unix_s, &start) {
                Ok(octets) => add(&self.counts.octets, octets),
                Err(error) => {
                    self.lose(1);
                    self.fail(&error);
                    return false;
                }
            }
        }
        self.portion_since = self.now.steady;
        self.declared += self.encoding.begin_portion(&mut self.missed);
        true
    }

    /// Writes the portion into the file.
    fn write_portion(&mut self) {
        let Output::Files(folder) = &mut self.output else {
            return;
        };
        let Writer {
            missed, portion, ..
        } = self;
        self.declared += self.encoding.finish_portion(missed, portion);
        self.in_output += std::mem::take(&mut self.in_portion);
        let done = folder.write(portion);
        portion.clear();
        match done {
            Ok(octets) => {
                add(&self.counts.octets, octets);
                self.recover();
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Ends the file, with what is not declared yet.
    fn finish_file(&mut self) {
        if !matches!(&self.output, Output::Files(folder) if folder.is_open()) {
            return;
        }
        if self.in_portion > 0 || self.missed != Missed::default() {
            self.write_portion();
        }
        let Output::Files(folder) = &mut self.output else {
            return;
        };
        if !folder.is_open() {
            return;
        }
        let mut end = Vec::new();
        self.encoding.end(&mut end);
        match folder.finish(&end) {
            Ok(octets) => {
                add(&self.counts.octets, octets);
                add(&self.counts.written, std::mem::take(&mut self.in_output));
                self.declared = Missed::default();
                // What is written stays, even if older files could not be removed.
                match folder.remove_oldest() {
                    Ok(()) => self.recover(),
                    Err(error) => self.fail(&error),
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Sends what the reader takes.
    fn pump(&mut self) {
        let Output::Stream(stream) = &mut self.output else {
            return;
        };
        let was_open = stream.room().is_some();
        match stream.pump(self.now.steady) {
            Ok(octets) => {
                add(&self.counts.octets, octets);
                let is_sent = stream.is_sent();
                let is_open = stream.room().is_some();
                if is_sent {
                    add(&self.counts.written, std::mem::take(&mut self.in_output));
                    self.declared = Missed::default();
                }
                if is_open && !was_open {
                    self.recover();
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    fn end(mut self) {
        let is_stream = matches!(self.output, Output::Stream(_));
        if !is_stream {
            self.finish_file();
        } else if let Output::Stream(stream) = &mut self.output {
            let done = stream.finish();
            let is_sent = stream.is_sent();
            stream.close();
            match done {
                Ok(octets) if is_sent => {
                    add(&self.counts.octets, octets);
                    add(&self.counts.written, std::mem::take(&mut self.in_output));
                }
                Ok(_) => self.lose_output(),
                Err(error) => self.fail(&error),
            }
        }
        self.counts.pending.store(0, Relaxed);
    }

    /// Counts what taps missed.
    fn miss(&mut self, missed: Missed) {
        self.missed += missed;
        add(&self.counts.lost, missed.lost);
        add(&self.counts.sampled_away, missed.sampled_away);
    }

    fn lose(&mut self, messages: u64) {
        self.missed.lost += messages;
        add(&self.counts.lost, messages);
    }

    /// What was on its way is gone, and so is what was declared there.
    fn lose_output(&mut self) {
        let messages = std::mem::take(&mut self.in_output);
        self.lose(messages);
        self.missed += std::mem::take(&mut self.declared);
    }

    /// Tells what failed, once, and when it is tried again.
    fn fail(&mut self, error: &dyn Error) {
        self.lose_output();
        if !self.counts.is_failing.swap(true, Relaxed) {
            let (name, why) = (&self.name, chain(error));
            tracing::warn!("capture {name} loses messages until this is mended: {why}");
        }
        // What is well for a moment only, such as a reader that vanishes again, is not mended.
        let well_since = self.retry.well_since.take();
        if well_since.is_some_and(|since| self.now.steady >= since + CAPTURE_RETRY_MAX) {
            self.retry.wait = CAPTURE_RETRY_MIN;
        }
        self.retry.at = self.now.steady + self.retry.wait;
        self.retry.wait = (self.retry.wait * 2).min(CAPTURE_RETRY_MAX);
    }

    fn recover(&mut self) {
        self.retry.well_since.get_or_insert(self.now.steady);
        if self.counts.is_failing.swap(false, Relaxed) {
            let lost = self.counts.lost.load(Relaxed);
            tracing::info!("capture {} is written again; {lost} lost so far", self.name);
        }
    }
}

impl Now {
    fn read() -> Now {
        Now {
            steady: Instant::now(),
            unix_s: clock::present().0,
        }
    }
}

/// Adds to what this thread alone writes.
fn add(number: &AtomicU64, by: u64) {
    number.store(number.load(Relaxed).saturating_add(by), Relaxed);
}
