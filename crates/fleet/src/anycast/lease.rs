//! What peers have promised: to announce a family, and not to withdraw it before a time.
//!
//! Only as many peers are asked as are needed, since a promise binds its giver: who is not bound
//! can withdraw itself.

use super::{PeerId, Settings};
use crate::limits::{ASK_AGAIN, ASK_TIMEOUT, RENEWALS};
use imrs_wire::time::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// One peer.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    /// Until when it promised, counted from the question: delay makes it shorter, never longer.
    until: Option<Moment>,
    /// When it was asked, while no answer came.
    asked_at: Option<Moment>,
    /// It refused or was silent; not asked before.
    again_at: Option<Moment>,
    /// When it was last asked, answer or not.
    tried_at: Option<Moment>,
}

/// The promises for one family.
#[derive(Clone, Debug)]
pub(super) struct Leases {
    peers: BTreeMap<PeerId, Peer>,
    floor: usize,
    lease: Duration,
    margin: Duration,
}

impl Leases {
    pub(super) fn new(settings: &Settings) -> Leases {
        let peers = settings.peers.iter().cloned();
        Leases {
            peers: peers.map(|peer| (peer, Peer::default())).collect(),
            floor: settings.floor,
            lease: settings.lease,
            margin: settings.margin,
        }
    }

    pub(super) fn is_alone(&self) -> bool {
        self.peers.is_empty()
    }

    pub(super) fn knows(&self, peer: &PeerId) -> bool {
        self.peers.contains_key(peer)
    }

    pub(super) fn promise(&mut self, peer: &PeerId, asked_at: Moment, lasting: Duration) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.until = peer.until.max(Some(asked_at + lasting));
            peer.asked_at = None;
            peer.again_at = None;
        }
    }

    /// A promise given before still binds, unless its giver lost what it promised with: it is
    /// counted on just long enough to ask others.
    pub(super) fn refuse(&mut self, now: Moment, peer: &PeerId) {
        let others = now + ASK_TIMEOUT + ASK_TIMEOUT + self.margin;
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.until = peer.until.map(|until| until.min(others));
            peer.asked_at = None;
            peer.again_at = Some(now + ASK_AGAIN);
        }
    }

    /// Until when enough peers stand, a margin left; `None` if they do not.
    pub(super) fn usable_until(&self, now: Moment) -> Option<Moment> {
        let mut ends: Vec<Moment> = self.peers.values().filter_map(|peer| peer.until).collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let end = match self.floor.checked_sub(1) {
            None => now + self.lease,
            Some(last) => Moment(ends.get(last)?.0.saturating_sub(self.margin)),
        };
        (end > now).then_some(end)
    }

    /// Whom to ask next, if more are needed.
    pub(super) fn poll_ask(&mut self, now: Moment) -> Option<PeerId> {
        for peer in self.peers.values_mut() {
            // Counted from its end: a question may be left over from when a lease was last wanted.
            let ends = peer.asked_at.map(|asked| asked + ASK_TIMEOUT);
            if let Some(end) = ends.filter(|end| *end <= now) {
                peer.asked_at = None;
                peer.again_at = Some(end + ASK_AGAIN);
            }
        }
        let fresh = now + (self.lease - self.lease / RENEWALS);
        let serves = |peer: &Peer| peer.asked_at.is_some() || peer.until > Some(fresh);
        if self.peers.values().filter(|peer| serves(peer)).count() >= self.floor {
            return None;
        }
        let may = |peer: &Peer| !serves(peer) && peer.again_at.is_none_or(|again| again <= now);
        // Who promised lately and still does, then who was not tried for longest.
        let rank = |peer: &Peer| {
            let lasts = peer.until > Some(now) && peer.again_at.is_none();
            (!lasts, peer.tried_at)
        };
        let (name, peer) = self
            .peers
            .iter_mut()
            .filter(|(_, peer)| may(peer))
            .min_by_key(|(_, peer)| rank(peer))?;
        peer.asked_at = Some(now);
        peer.tried_at = Some(now);
        Some(name.clone())
    }

    /// When to look for somebody to ask again.
    pub(super) fn poll_timeout(&self, now: Moment) -> Option<Moment> {
        let renewal =
            |until: Moment| Moment(until.0.saturating_sub(self.lease - self.lease / RENEWALS));
        let times = self.peers.values().flat_map(|peer| {
            [
                peer.asked_at.map(|asked| asked + ASK_TIMEOUT),
                peer.again_at,
                peer.until.map(renewal),
            ]
        });
        times.flatten().filter(|time| *time > now).min()
    }
}
