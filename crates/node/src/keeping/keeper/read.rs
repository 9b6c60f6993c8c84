//! What can be read of a zone that is kept current, for those who watch.

use super::{Keeper, State};
use crate::hosting::Freshness;
use crate::keeping::counts::Counts;
use crate::keeping::history::History;
use crate::keeping::peers::Peers;
use crate::limits::AGEING_REFRESHES;
use crate::store::Header;
use imrs_transfer::compare::{Comparison, Verdict};
use imrs_transfer::notify::News;
use imrs_transfer::refresh::{Came, Refresh};
use imrs_transfer::time::Moment;
use imrs_wire::Serial;

impl Keeper {
    /// Its peers.
    pub(crate) fn peers(&self) -> &Peers {
        &self.peers
    }

    /// What happened of late.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// What was counted.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// The machine that refreshes it, if it is refreshed.
    pub(crate) fn refresh(&self) -> Option<&Refresh> {
        match &self.state {
            State::Refreshing(refresh) => Some(refresh),
            State::NotFetched | State::Waiting(_) => None,
        }
    }

    /// What observers say.
    pub(crate) fn comparison(&self) -> &Comparison {
        &self.comparison
    }

    /// Whether it waits for the zone above it.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// What went wrong the last time that a primary was asked.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Copies on disk, the newest first.
    pub(crate) fn stored(&self) -> &[Header] {
        &self.stored
    }

    /// Why the last thing could not be put on disk.
    pub(crate) fn disk_trouble(&self) -> Option<&str> {
        self.disk_trouble.as_deref()
    }

    /// What each secondary was told last.
    pub(crate) fn news(&self) -> &[News] {
        self.notifier.secondaries()
    }

    /// How fresh it is, `served` being the serial that is held.
    pub(crate) fn freshness(&self, now: Moment, served: Option<Serial>) -> Freshness {
        let held = match &self.state {
            State::NotFetched => None,
            State::Waiting(held) => held.as_ref(),
            State::Refreshing(refresh) => refresh.held(),
        };
        let verdict = served.map(|served| self.comparison.verdict(now, served));
        let fresh = match verdict {
            Some(Verdict::Stale { .. }) => Freshness::Stale,
            _ => Freshness::Fresh,
        };
        let Some(held) = held else {
            return fresh;
        };
        if held.expires() <= now {
            Freshness::Expired
        } else if self.too_old == Some(held.confirmed) {
            Freshness::Unconfirmed
        } else if now.since(held.confirmed) > held.timers.refresh() * AGEING_REFRESHES {
            Freshness::Ageing
        } else {
            fresh
        }
    }

    /// Whether a round ended in which primaries offered what is held, and nothing that was refused.
    pub(crate) fn is_level(&self) -> bool {
        let Some(refresh) = self
            .refresh()
            .filter(|refresh| refresh.next_check().is_some())
        else {
            return false;
        };
        let heard = refresh
            .primaries()
            .iter()
            .filter_map(|standing| standing.last);
        let mut heard = heard.map(|(_, came)| came);
        let is_confirmed = refresh
            .last_check()
            .is_some_and(|check| check.came == Came::Level);
        is_confirmed && !heard.any(|came| matches!(came, Came::Refused(_) | Came::HeldBack { .. }))
    }
}
