//! What is counted of encrypted transport, apart from all else.
//!
//! As in the transports: each thread writes numbers of its own, and readers add them up.

use super::Medium;
use super::seats::Reason;
use crate::transport::{Full, Messages, Number};
use std::net::IpAddr;

/// Sums over all threads since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages over TLS and IPv4.
    pub tls_ipv4: Messages,
    /// Messages over TLS and IPv6.
    pub tls_ipv6: Messages,
    /// Messages over QUIC and IPv4.
    pub quic_ipv4: Messages,
    /// Messages over QUIC and IPv6.
    pub quic_ipv6: Messages,
    /// What became of connections over TLS.
    pub tls: Connections,
    /// What became of connections over QUIC.
    pub quic: Connections,
}

/// What became of connections over one transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections<N = u64> {
    /// Accepted, the handshake before them.
    pub opened: N,
    /// Not accepted, since their prefix is blocked.
    pub blocked_new: N,
    /// Not accepted, since the node was under pressure.
    pub shed_new: N,
    /// Not accepted, since their prefix opened too many of late, or took too much time.
    pub limited: N,
    /// Not accepted, since the limit for all is reached and none can be closed instead.
    pub refused: N,
    /// Not accepted, since the limit for the client's prefix is reached and none can be closed
    /// instead.
    pub refused_prefix: N,
    /// Not accepted, since open files or memory ran out.
    pub exhausted: N,
    /// Told to come again with a token that shows that their address is theirs (QUIC).
    pub retried: N,
    /// Handshakes that failed.
    pub handshake_failed: N,
    /// Handshakes that were not finished in time.
    pub handshake_slow: N,
    /// Ended by the peer in good order.
    pub ended: N,
    /// Reset by the peer or broken.
    pub broken: N,
    /// Closed by us because idle.
    pub idle: N,
    /// Closed by us because a query was not completed, or responses were not taken, in time.
    pub slow: N,
    /// Closed by us, without progress for longest, to make room for another.
    pub evicted: N,
    /// Closed by us after as many queries as one connection may have.
    pub spent: N,
    /// Closed by us, once what was asked was answered, because their prefix took too much time.
    pub overspent: N,
    /// Closed by us because the peer broke the rules of the transport.
    pub misused: N,
    /// Closed by us because their prefix was blocked meanwhile.
    pub blocked: N,
    /// Closed by us because the node was under pressure.
    pub shed: N,
    /// Closed by us when stopping.
    pub stopped: N,
}

impl Connections {
    /// Connections open now, their handshakes among them.
    pub fn open(&self) -> u64 {
        let closed = self.handshake_failed
            + self.handshake_slow
            + self.ended
            + self.broken
            + self.idle
            + self.slow
            + self.evicted
            + self.spent
            + self.overspent
            + self.misused
            + self.blocked
            + self.shed
            + self.stopped;
        self.opened.saturating_sub(closed)
    }

    /// Each count with its name; `open` are those of now.
    pub(crate) fn named(&self) -> [(&'static str, u64); 22] {
        [
            ("open", self.open()),
            ("opened", self.opened),
            ("blocked-new", self.blocked_new),
            ("shed-new", self.shed_new),
            ("limited", self.limited),
            ("refused", self.refused),
            ("refused-prefix", self.refused_prefix),
            ("exhausted", self.exhausted),
            ("retried", self.retried),
            ("handshake-failed", self.handshake_failed),
            ("handshake-slow", self.handshake_slow),
            ("ended", self.ended),
            ("broken", self.broken),
            ("idle", self.idle),
            ("slow", self.slow),
            ("evicted", self.evicted),
            ("spent", self.spent),
            ("overspent", self.overspent),
            ("misused", self.misused),
            ("blocked", self.blocked),
            ("shed", self.shed),
            ("stopped", self.stopped),
        ]
    }
}

impl Connections<Number> {
    /// Counts one that is not accepted, since a limit is reached.
    pub(super) fn refuse(&self, full: Full) {
        match full {
            Full::All => self.refused.add(1),
            Full::Prefix => self.refused_prefix.add(1),
        }
    }

    /// Counts one that is over.
    pub(super) fn close(&self, reason: Reason) {
        let count = match reason {
            Reason::HandshakeFailed => &self.handshake_failed,
            Reason::HandshakeSlow => &self.handshake_slow,
            Reason::Ended => &self.ended,
            Reason::Broken => &self.broken,
            Reason::Idle => &self.idle,
            Reason::Slow => &self.slow,
            Reason::Evicted => &self.evicted,
            Reason::Spent => &self.spent,
            Reason::Overspent => &self.overspent,
            Reason::Misused => &self.misused,
            Reason::Blocked => &self.blocked,
            Reason::Shed => &self.shed,
            Reason::Stopped => &self.stopped,
        };
        count.add(1);
    }

    fn add_to(&self, sum: &mut Connections) {
        sum.opened += self.opened.get();
        sum.blocked_new += self.blocked_new.get();
        sum.shed_new += self.shed_new.get();
        sum.limited += self.limited.get();
        sum.refused += self.refused.get();
        sum.refused_prefix += self.refused_prefix.get();
        sum.exhausted += self.exhausted.get();
        sum.retried += self.retried.get();
        sum.handshake_failed += self.handshake_failed.get();
        sum.handshake_slow += self.handshake_slow.get();
        sum.ended += self.ended.get();
        sum.broken += self.broken.get();
        sum.idle += self.idle.get();
        sum.slow += self.slow.get();
        sum.evicted += self.evicted.get();
        sum.spent += self.spent.get();
        sum.overspent += self.overspent.get();
        sum.misused += self.misused.get();
        sum.blocked += self.blocked.get();
        sum.shed += self.shed.get();
        sum.stopped += self.stopped.get();
    }
}

/// The numbers of one thread, on cache lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Tally {
    tls_ipv4: Messages<Number>,
    tls_ipv6: Messages<Number>,
    quic_ipv4: Messages<Number>,
    quic_ipv6: Messages<Number>,
    tls: Connections<Number>,
    quic: Connections<Number>,
}

impl Tally {
    pub(super) fn messages(&self, medium: Medium, peer: IpAddr) -> &Messages<Number> {
        match (medium, peer) {
            (Medium::Tls, IpAddr::V4(_)) => &self.tls_ipv4,
            (Medium::Tls, IpAddr::V6(_)) => &self.tls_ipv6,
            (Medium::Quic, IpAddr::V4(_)) => &self.quic_ipv4,
            (Medium::Quic, IpAddr::V6(_)) => &self.quic_ipv6,
        }
    }

    pub(super) fn connections(&self, medium: Medium) -> &Connections<Number> {
        match medium {
            Medium::Tls => &self.tls,
            Medium::Quic => &self.quic,
        }
    }

    pub(super) fn add_to(&self, sum: &mut Counters) {
        self.tls_ipv4.add_to(&mut sum.tls_ipv4);
        self.tls_ipv6.add_to(&mut sum.tls_ipv6);
        self.quic_ipv4.add_to(&mut sum.quic_ipv4);
        self.quic_ipv6.add_to(&mut sum.quic_ipv6);
        self.tls.add_to(&mut sum.tls);
        self.quic.add_to(&mut sum.quic);
    }
}
