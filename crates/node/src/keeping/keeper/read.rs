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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::Target;
    use crate::keeping::peers::Peer;
    use imrs_transfer::refresh::{Held, Timers};
    use std::time::Duration;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);

    /// A zone with the timers of the root, of which the disk had a copy that was confirmed this
    /// long before the start.
    fn keeper(start: Moment, confirmed_before: Duration) -> Keeper {
        let primary = Peer {
            target: Target::new(([192, 0, 2, 1], 53).into(), None),
            key: None,
            tls: None,
        };
        let peers = Peers {
            primaries: vec![primary],
            max_age: 48 * HOUR,
            ..Peers::default()
        };
        let held = Held {
            serial: Serial(7),
            timers: Timers::new(30 * MINUTE, 15 * MINUTE, 168 * HOUR),
            confirmed: Moment(start.0.saturating_sub(confirmed_before)),
        };
        let root = imrs_zone::Name::root_bytes();
        Keeper::new(root, peers, true, Some(held), start)
    }

    #[test]
    fn a_zone_ages_after_four_refreshes_and_expires_as_its_soa_says() {
        let start = Moment(1000 * HOUR);
        let check = |confirmed_before, after, expected| {
            let keeper = keeper(start, confirmed_before);
            let found = keeper.freshness(start + after, Some(Serial(7)));
            assert_eq!(found, expected, "{confirmed_before:?} {after:?}");
        };
        check(MINUTE, Duration::ZERO, Freshness::Fresh);
        check(Duration::ZERO, 120 * MINUTE, Freshness::Fresh);
        check(Duration::ZERO, 121 * MINUTE, Freshness::Ageing);
        check(48 * HOUR, Duration::ZERO, Freshness::Ageing);
        check(49 * HOUR, Duration::ZERO, Freshness::Unconfirmed);
        // What was served is served on, for as long as its SOA record allows.
        check(HOUR, 49 * HOUR, Freshness::Ageing);
        check(HOUR, 166 * HOUR, Freshness::Ageing);
        check(HOUR, 167 * HOUR, Freshness::Expired);
    }
}
