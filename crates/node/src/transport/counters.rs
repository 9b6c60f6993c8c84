//! What the workers count, and its sum.
//!
//! Each worker writes numbers of its own that no other worker touches, so counting costs an
//! addition in memory; readers add them up. Definitions of statistics (RSSAC002) build on these
//! sums elsewhere.

use imrs_engine::{Kind, Outcome};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Sums over all workers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Over UDP and IPv4.
    pub udp_ipv4: Messages,
    /// Over UDP and IPv6.
    pub udp_ipv6: Messages,
    /// Over TCP and IPv4.
    pub tcp_ipv4: Messages,
    /// Over TCP and IPv6.
    pub tcp_ipv6: Messages,
    /// What was not answered, or not in full, against attacks.
    pub defence: Defended,
    /// Responses over UDP that could not be sent.
    pub unsent: Unsent,
    /// What became of TCP connections.
    pub connections: Connections,
    /// Queries that the kernel dropped because a UDP socket's queue was full.
    pub kernel_dropped: u64,
    /// Queries over UDP that the kernel dropped for us: their source goes on sending far more than
    /// it may.
    pub filtered_condemned: u64,
    /// Queries over UDP that the kernel dropped for us: a worker is behind, and their source is
    /// unknown.
    pub filtered_shed: u64,
    /// The longest time in µs that a worker was busy before it looked at its sockets again.
    pub longest_turn_us: u64,
}

/// Messages over one transport and one family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Messages<N = u64> {
    /// Messages received.
    pub received: N,
    /// Octets of the messages received, without framing.
    pub received_octets: N,
    /// Responses composed.
    pub responses: N,
    /// Octets of the responses, without framing.
    pub response_octets: N,
    /// Responses with TC set.
    pub truncated: N,
    /// By kind of outcome; see [`Messages::of_kind`].
    pub kinds: [N; KINDS],
    /// Responses by RCODE, extended ones too; the last is for all that are larger.
    pub rcodes: [N; RCODES],
}

/// What was not answered, or not in full, against attacks, by reason.
///
/// All are among the messages received, and those that were dropped among the outcomes of kind
/// [`Kind::Dropped`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defended<N = u64> {
    /// Dropped: the client's prefix is at its limit.
    pub limited: N,
    /// Sent to TCP, or for a cookie: the client's prefix is at its limit.
    pub slipped: N,
    /// Answered, but would have been limited if limits were not only logged.
    pub noted: N,
    /// Sent to TCP, or for a cookie: a cookie is required.
    pub deferred: N,
    /// Dropped: the worker is behind, and the client showed no cookie.
    pub shed: N,
    /// Dropped: the client is on the blocklist.
    pub blocked: N,
    /// Dropped: a proxy said nothing of its client.
    pub headless: N,
    /// Dropped: no query, or too short to be answered.
    pub ignored: N,
    /// Queries with a valid cookie.
    pub cookies: N,
    /// Queries with a cookie that is not valid.
    pub bad_cookies: N,
}

/// Responses over UDP that could not be sent, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsent<N = u64> {
    /// The send buffer stayed full.
    pub buffer_full: N,
    /// There is no route to the peer, or the network is down.
    pub unreachable: N,
    /// A packet filter or policy of this machine forbids it.
    pub forbidden: N,
    /// Any other reason, such as a peer with port 0.
    pub other: N,
}

/// What became of TCP connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections<N = u64> {
    /// Accepted and served.
    pub opened: N,
    /// Refused, since the limit for all is reached and none can be closed instead.
    pub refused: N,
    /// Refused, since the limit for the client's prefix is reached and none can be closed instead.
    pub refused_prefix: N,
    /// Refused, since the client is on the blocklist.
    pub blocked: N,
    /// Refused, since the client's prefix opened too many of late, or cost too much time.
    pub limited: N,
    /// Refused, since the worker is behind.
    pub shed: N,
    /// Not accepted, since open files or memory ran out.
    pub exhausted: N,
    /// Ended by the peer in good order.
    pub ended: N,
    /// Reset by the peer or broken.
    pub broken: N,
    /// Closed by us because idle.
    pub idle: N,
    /// Closed by us because a query was not completed in time.
    pub unfinished: N,
    /// Closed by us because the peer did not take its responses in time.
    pub unread: N,
    /// Closed by us, without progress for longest, to make room for another.
    pub evicted: N,
    /// Closed by us because what it made us hold exceeded the limit.
    pub overheld: N,
    /// Closed by us because the client's prefix cost too much time of late.
    pub overspent: N,
    /// Closed by us when stopping.
    pub stopped: N,
    /// Given to whoever sends zones, since a transfer takes longer than a worker may.
    pub handed_over: N,
}

/// Kinds of outcome that are told apart.
pub const KINDS: usize = 6;

/// RCODEs that are told apart: all that are assigned (0 to 23), and one for the rest.
pub const RCODES: usize = 25;

impl Counters {
    /// UDP messages received over both families.
    pub fn udp_received(&self) -> u64 {
        self.udp_ipv4.received + self.udp_ipv6.received
    }

    /// TCP messages received over both families.
    pub fn tcp_received(&self) -> u64 {
        self.tcp_ipv4.received + self.tcp_ipv6.received
    }
}

impl Defended {
    /// Messages that were dropped, whatever the reason: those received without a response.
    pub fn dropped(&self) -> u64 {
        self.limited + self.shed + self.blocked + self.headless + self.ignored
    }
}

impl Messages {
    /// Messages whose outcome was of this kind.
    pub fn of_kind(&self, kind: Kind) -> u64 {
        self.kinds.get(kind as usize).copied().unwrap_or(0)
    }
}

impl Connections {
    /// Connections open now.
    pub fn open(&self) -> u64 {
        let closed = self.ended
            + self.broken
            + self.idle
            + self.unfinished
            + self.unread
            + self.evicted
            + self.overheld
            + self.overspent
            + self.stopped
            + self.handed_over;
        self.opened.saturating_sub(closed)
    }
}

/// One number that one worker writes and anybody reads.
#[derive(Default)]
pub(crate) struct Number(AtomicU64);

impl Number {
    /// Adds without a locked instruction; right because there is one writer.
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    fn raise_to(&self, n: u64) {
        if n > self.0.load(Relaxed) {
            self.0.store(n, Relaxed);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// The numbers of one worker, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Tally {
    udp_ipv4: Messages<Number>,
    udp_ipv6: Messages<Number>,
    tcp_ipv4: Messages<Number>,
    tcp_ipv6: Messages<Number>,
    pub(super) defence: Defended<Number>,
    pub(super) unsent: Unsent<Number>,
    pub(super) connections: Connections<Number>,
    /// Of sockets that are closed.
    kernel_dropped: Number,
    longest_turn_us: Number,
    /// When the turn that goes on began, in µs since the worker did; 0 while it waits.
    busy_since_us: Number,
}

impl Tally {
    pub(super) fn udp(&self, address: IpAddr) -> &Messages<Number> {
        if address.is_ipv4() {
            &self.udp_ipv4
        } else {
            &self.udp_ipv6
        }
    }

    pub(super) fn tcp(&self, address: IpAddr) -> &Messages<Number> {
        if address.is_ipv4() {
            &self.tcp_ipv4
        } else {
            &self.tcp_ipv6
        }
    }

    /// A turn begins, so long after the worker began.
    pub(super) fn begin_turn(&self, at: Duration) {
        self.busy_since_us.set(micros(at).max(1));
    }

    pub(super) fn end_turn(&self, took: Duration) {
        self.busy_since_us.set(0);
        self.longest_turn_us.raise_to(micros(took));
    }

    /// For how long a turn goes on, so long after the worker began.
    pub(super) fn busy_for(&self, at: Duration) -> Duration {
        match self.busy_since_us.get() {
            0 => Duration::ZERO,
            since => at.saturating_sub(Duration::from_micros(since)),
        }
    }

    pub(super) fn record_kernel_dropped(&self, queries: u64) {
        self.kernel_dropped.add(queries);
    }

    pub(super) fn add_to(&self, sum: &mut Counters) {
        self.udp_ipv4.add_to(&mut sum.udp_ipv4);
        self.udp_ipv6.add_to(&mut sum.udp_ipv6);
        self.tcp_ipv4.add_to(&mut sum.tcp_ipv4);
        self.tcp_ipv6.add_to(&mut sum.tcp_ipv6);
        self.defence.add_to(&mut sum.defence);
        self.unsent.add_to(&mut sum.unsent);
        self.connections.add_to(&mut sum.connections);
        sum.kernel_dropped += self.kernel_dropped.get();
        sum.longest_turn_us = sum.longest_turn_us.max(self.longest_turn_us.get());
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Messages<Number> {
    pub(crate) fn record(&self, query: &[u8], outcome: Outcome) {
        self.received.add(1);
        self.received_octets.add(query.len() as u64);
        if let Some(kind) = self.kinds.get(outcome.kind as usize) {
            kind.add(1);
        }
        if outcome.len == 0 {
            return;
        }
        self.responses.add(1);
        self.response_octets.add(outcome.len as u64);
        self.truncated.add(u64::from(outcome.truncated));
        self.rcodes[usize::from(outcome.rcode.0).min(RCODES - 1)].add(1);
    }

    pub(crate) fn add_to(&self, sum: &mut Messages) {
        sum.received += self.received.get();
        sum.received_octets += self.received_octets.get();
        sum.responses += self.responses.get();
        sum.response_octets += self.response_octets.get();
        sum.truncated += self.truncated.get();
        for (sum, kind) in sum.kinds.iter_mut().zip(&self.kinds) {
            *sum += kind.get();
        }
        for (sum, rcode) in sum.rcodes.iter_mut().zip(&self.rcodes) {
            *sum += rcode.get();
        }
    }
}

impl Defended<Number> {
    fn add_to(&self, sum: &mut Defended) {
        sum.limited += self.limited.get();
        sum.slipped += self.slipped.get();
        sum.noted += self.noted.get();
        sum.deferred += self.deferred.get();
        sum.shed += self.shed.get();
        sum.blocked += self.blocked.get();
        sum.headless += self.headless.get();
        sum.ignored += self.ignored.get();
        sum.cookies += self.cookies.get();
        sum.bad_cookies += self.bad_cookies.get();
    }
}

impl Unsent<Number> {
    pub(super) fn record(&self, error: &io::Error) {
        let reason = match error.kind() {
            io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::ConnectionRefused => &self.unreachable,
            io::ErrorKind::PermissionDenied => &self.forbidden,
            _ => &self.other,
        };
        reason.add(1);
    }

    fn add_to(&self, sum: &mut Unsent) {
        sum.buffer_full += self.buffer_full.get();
        sum.unreachable += self.unreachable.get();
        sum.forbidden += self.forbidden.get();
        sum.other += self.other.get();
    }
}

impl Connections<Number> {
    fn add_to(&self, sum: &mut Connections) {
        sum.opened += self.opened.get();
        sum.refused += self.refused.get();
        sum.refused_prefix += self.refused_prefix.get();
        sum.blocked += self.blocked.get();
        sum.limited += self.limited.get();
        sum.shed += self.shed.get();
        sum.exhausted += self.exhausted.get();
        sum.ended += self.ended.get();
        sum.broken += self.broken.get();
        sum.idle += self.idle.get();
        sum.unfinished += self.unfinished.get();
        sum.unread += self.unread.get();
        sum.evicted += self.evicted.get();
        sum.overheld += self.overheld.get();
        sum.overspent += self.overspent.get();
        sum.stopped += self.stopped.get();
        sum.handed_over += self.handed_over.get();
    }
}
