//! Sends zones, each on a thread of its own, at a pace that leaves the workers alone.
//!
//! A connection that asked a worker for a transfer goes on here until it ends: also its other
//! queries are answered here.

use super::desk::{Desk, Grant, Said, Visit};
use super::pace::Pace;
use crate::accounting::{Ends, Recorder, Told};
use crate::clock::present;
use crate::dial::Stream;
use crate::system;
use crate::transport::{Admission, Handed, Prefix};
use arc_swap::ArcSwap;
use imrs_engine::{Service, Transport};
use imrs_telemetry::counts;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tracing::{debug, info};

/// How zones are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Transfers at once, and connections at once from one network.
    pub(crate) connections: usize,
    /// Octets that all of them together may send in a second.
    pub(crate) octets_per_second: u64,
    /// Longest time of one transfer.
    pub(crate) wall: Duration,
    /// Longest time in it in which the client takes nothing.
    pub(crate) idle: Duration,
    /// Workers that are kept on a core each, which sending keeps off.
    pub(crate) pinned: usize,
}

/// Sends zones.
pub(crate) struct Transfers {
    bounds: Bounds,
    pace: Pace,
    service: Arc<ArcSwap<Service>>,
    /// Where workers put connections, as they may start no thread themselves.
    handed: OnceLock<Sender<(Handed, Seat)>>,
    /// Transfers that are being sent.
    running: AtomicUsize,
    /// Connections, those included that are not sent anything.
    seats: Arc<Admission>,
    counts: Counts,
    /// What was asked and sent, as workers record it. Transfers are few, so they share one.
    recorder: Mutex<Recorder>,
}

/// What was counted.
#[derive(Debug, Default)]
struct Counts {
    /// Transfers that were sent whole.
    sent: AtomicU64,
    /// Transfers that broke, or took too long.
    broken: AtomicU64,
    /// Octets of transfers, framing included.
    octets: AtomicU64,
    /// Connections for which there was no seat.
    unseated: AtomicU64,
}

/// A place among the transfers that are being sent, free again when dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Place(running) = self;
        running.fetch_sub(1, Relaxed);
    }
}

/// A seat among the connections, free again when dropped.
pub(super) struct Seat {
    admission: Arc<Admission>,
    prefix: Prefix,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.admission.release(self.prefix);
    }
}

/// One connection.
pub(super) struct Conversation {
    pub(super) stream: Stream,
    pub(super) ends: Ends,
    /// Octets received and not answered, framed.
    pub(super) input: Vec<u8>,
}

impl Transfers {
    pub(super) fn new(bounds: Bounds, service: Arc<ArcSwap<Service>>, recorder: Recorder) -> Self {
        Transfers {
            pace: Pace::new(bounds.octets_per_second, Instant::now()),
            seats: Arc::new(Admission::new(
                bounds.connections.saturating_mul(SEATS_PER_PLACE),
                bounds.connections,
            )),
            bounds,
            service,
            handed: OnceLock::new(),
            running: AtomicUsize::new(0),
            counts: Counts::default(),
            recorder: Mutex::new(recorder),
        }
    }

    /// Goes on from now on with connections that workers hand over, by what `desk` says.
    pub(super) fn take_handed(&self, desk: &Arc<Desk>) -> io::Result<()> {
        let (sender, handed) = channel();
        let desk = Arc::downgrade(desk);
        let pinned = self.bounds.pinned;
        let receive = move || {
            system::yield_to_workers(pinned);
            for (handed, seat) in handed {
                // Without a desk nobody is left to answer for.
                let Some(desk) = desk.upgrade() else { return };
                go_on(desk, handed, seat);
            }
        };
        thread::Builder::new()
            .name("transfers".to_owned())
            .spawn(receive)?;
        let _ = self.handed.set(sender);
        Ok(())
    }

    /// What was counted, by name.
    pub(super) fn counted(&self) -> [(&'static str, u64); 5] {
        let Counts {
            sent,
            broken,
            octets,
            unseated,
        } = &self.counts;
        [
            ("sent", sent.load(Relaxed)),
            ("broken", broken.load(Relaxed)),
            ("sent-octets", octets.load(Relaxed)),
            ("unseated", unseated.load(Relaxed)),
            ("open", self.running.load(Relaxed) as u64),
        ]
    }

    /// Whether any is being sent.
    pub(super) fn are_running(&self) -> bool {
        self.running.load(Relaxed) > 0
    }

    /// The bounds that hold.
    pub(super) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Whether there is a place for another transfer.
    pub(super) fn has_room(&self) -> bool {
        self.running.load(Relaxed) < self.bounds.connections
    }

    /// Takes a place, if one is free.
    fn place(&self) -> Option<Place<'_>> {
        let most = self.bounds.connections;
        let add = |running| (running < most).then_some(running + 1);
        let taken = self.running.fetch_update(Relaxed, Relaxed, add);
        taken.is_ok().then_some(Place(&self.running))
    }

    /// Takes a seat for a connection from an address, if there is one. No network can take more
    /// than its share, so that others find one too.
    pub(super) fn seat(&self, peer: IpAddr) -> Option<Seat> {
        let prefix = Prefix::from(peer);
        if self.seats.admit(prefix).is_err() {
            self.counts.unseated.fetch_add(1, Relaxed);
            return None;
        }
        let admission = Arc::clone(&self.seats);
        Some(Seat { admission, prefix })
    }

    /// Puts a connection that a worker hands over where a thread for it is started. Without a seat
    /// it ends, and its client tries again later.
    pub(super) fn begin(&self, handed: Handed) {
        let seat = self.seat(handed.peer.ip());
        if let (Some(seat), Some(sender)) = (seat, self.handed.get()) {
            // The other end is there as long as the desk is.
            let _ = sender.send((handed, seat));
        }
    }

    fn take_over(&self, desk: &Desk, handed: Handed) -> io::Result<()> {
        let ends = Ends::new(handed.peer, handed.stream.local_addr().ok());
        let mut with = Conversation {
            stream: Stream::tcp(handed.stream, self.bounds.idle, None)?,
            ends,
            input: handed.input,
        };
        self.limit(&mut with);
        with.stream.write_all(&handed.output)?;
        self.converse(desk, with)
    }

    /// Gives the client as long as one transfer may take.
    fn limit(&self, with: &mut Conversation) {
        with.stream.limit(Some(Instant::now() + self.bounds.wall));
    }

    /// Answers one message after the other, until the client ends, says nothing more, or has asked
    /// enough.
    pub(super) fn converse(&self, desk: &Desk, mut with: Conversation) -> io::Result<()> {
        for _ in 0..MESSAGES_MAX {
            let Some(message) = with.next_message()? else {
                break;
            };
            let service = self.service.load_full();
            let visit = Visit {
                service: &service,
                transport: Transport::Tcp { keepalive: 0 },
                peer: with.ends.client.ip(),
                is_over_tls: with.stream.is_tls(),
                room: usize::from(u16::MAX),
            };
            self.limit(&mut with);
            match desk.say(&visit, &message) {
                Said::Response(response) if response.is_empty() => {
                    self.record(&with, &message, &[]);
                }
                Said::Response(response) => {
                    // Before the client can have it, so that nothing it has is missing.
                    self.record(&with, &message, &response);
                    with.stream.write_all(&framed(&response))?;
                    with.stream.flush()?;
                }
                Said::Transfer(grant) => self.send(&mut with, &message, *grant)?,
            }
        }
        Ok(())
    }

    /// Sends one transfer.
    fn send(&self, with: &mut Conversation, request: &[u8], grant: Grant) -> io::Result<()> {
        // Others were faster since this one was granted; the client comes again.
        let Some(_place) = self.place() else {
            self.record(with, request, &[]);
            return Err(io::Error::other("too many transfers at once"));
        };
        let shown = grant.to_string();
        let started = Instant::now();
        let sent = self.send_all(with, request, grant);
        let took_ms = started.elapsed().as_millis();
        match &sent {
            Ok(octets) => {
                self.counts.sent.fetch_add(1, Relaxed);
                info!(
                    "{shown} to {}: {octets} octets in {took_ms} ms",
                    with.ends.client.ip()
                );
            }
            Err(error) => {
                self.counts.broken.fetch_add(1, Relaxed);
                info!(
                    "{shown} to {} broke after {took_ms} ms: {error}",
                    with.ends.client.ip()
                );
            }
        }
        sent.map(drop)
    }

    fn send_all(&self, with: &mut Conversation, request: &[u8], grant: Grant) -> io::Result<usize> {
        let mut reply = grant.reply().map_err(io::Error::other)?;
        let mut message = Vec::new();
        let mut octets = 0;
        while reply.next(present(), &mut message) {
            let frame = framed(&message);
            let wait = self.pace.take(frame.len(), Instant::now());
            if !wait.is_zero() {
                thread::sleep(wait.min(self.bounds.wall));
            }
            if octets == 0 {
                self.record(with, request, &message);
            } else {
                let mut recorder = self.recorder();
                recorder.record_continued(with.transport(), with.ends, message.len());
            }
            with.stream.write_all(&frame)?;
            octets += frame.len();
            self.counts.octets.fetch_add(frame.len() as u64, Relaxed);
        }
        with.stream.flush()?;
        Ok(octets)
    }

    /// Records a message and the response to it; an empty one is none.
    fn record(&self, with: &Conversation, query: &[u8], response: &[u8]) {
        let mut recorder = self.recorder();
        recorder.handle_times(SystemTime::now(), Duration::ZERO);
        recorder.record(&Told {
            transport: with.transport(),
            ends: with.ends,
            query,
            response,
            rcode: imrs_transfer::message::rcode(response),
        });
    }

    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conversation {
    fn transport(&self) -> counts::Transport {
        match self.stream.is_tls() {
            true => counts::Transport::Tls,
            false => counts::Transport::Tcp,
        }
    }

    /// The next message; none when the client ended, or said nothing more in time.
    fn next_message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let deadline = Instant::now() + QUIET;
        self.stream.limit(Some(deadline));
        let mut room = [0; READ_OCTETS];
        loop {
            if let Some(message) = take_message(&mut self.input) {
                return Ok(Some(message));
            }
            match self.stream.read(&mut room) {
                Ok(0) => return Ok(None),
                Ok(read) => self.input.extend_from_slice(&room[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Goes on with a connection, on a thread of its own.
fn go_on(desk: Arc<Desk>, handed: Handed, seat: Seat) {
    let work = move || {
        let _seat = seat;
        let peer = handed.peer;
        if let Err(error) = desk.transfers().take_over(&desk, handed) {
            debug!("connection from {peer}: {error}");
        }
    };
    // Without a thread for it the connection ends, and its client tries again later.
    let _ = thread::Builder::new()
        .name("transfer".to_owned())
        .spawn(work);
}

/// Takes the message at the start of `input`, if it is whole (RFC 1035 section 4.2.2).
fn take_message(input: &mut Vec<u8>) -> Option<Vec<u8>> {
    let (length, rest) = input.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let message = rest.get(..length)?.to_vec();
    input.drain(..2 + length);
    Some(message)
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), message].concat()
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// Octets read at once: some requests.
const READ_OCTETS: usize = 4096;

/// How long a client that got its transfer may keep its place without asking for another.
const QUIET: Duration = Duration::from_secs(5);

/// Messages on one connection. A secondary asks for a serial and a transfer or two; whoever asks
/// more comes again, and nobody keeps a seat by asking.
const MESSAGES_MAX: usize = 64;

/// Connections for each transfer that may be sent at once: some wait for their client's next
/// question, or for its handshake.
const SEATS_PER_PLACE: usize = 4;
