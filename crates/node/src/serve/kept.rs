//! What is known of a zone that is kept current, in the words of the control socket.

use super::node::Node;
use crate::clock::{present, rfc3339};
use crate::control::v1::{
    Check, CheckResult, Happening, HappeningKind, Heard, KeptZone, KnownPrimary, KnownSecondary,
    Observers, RefusedSerial, StoredVersion, Told, Verdict, When, ZoneState,
};
use crate::hosting::{AttemptResult, Freshness, Hosted, Standing, Version};
use crate::keeping::{Entry, Keeper, Times, What};
use imrs_transfer::compare;
use imrs_transfer::notify::News;
use imrs_transfer::refresh::{Action, Came, Refresh, Refusal};
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use imrs_zone::record::UnixTime;
use std::collections::BTreeMap;

/// What is known of the zone of this number.
pub(super) fn zone(node: &Node, number: usize) -> KeptZone {
    let hosted = &node.hosting.zones()[number];
    let Some(keeper) = node.keeping.keepers().get(number) else {
        return KeptZone::default();
    };
    let view = View {
        keeper,
        hosted,
        times: node.keeping.times(),
        present: present(),
    };
    view.zone(node.clock.now())
}

/// One zone at one time.
struct View<'a> {
    keeper: &'a Keeper,
    hosted: &'a Hosted,
    times: Times,
    present: UnixTime,
}

impl View<'_> {
    fn zone(&self, judged_at: UnixTime) -> KeptZone {
        let version = self.hosted.version.as_ref();
        let refresh = self.keeper.refresh();
        let end = version.and_then(|version| version.proof.expires);
        KeptZone {
            name: self.hosted.name().fmt_with_dot().to_string(),
            state: state(self.hosted),
            attention: self.attention(),
            serial: self.hosted.serial().map(|serial| serial.0),
            source: Some(self.source()),
            received: version.map(|version| self.at(self.received_at(version))),
            in_service: version.map(|version| self.at(version.loaded_at)),
            last_check: refresh.and_then(|refresh| {
                let check = refresh.last_check()?;
                Some(self.check(check.primary, check.at, check.came))
            }),
            confirmed: { refresh.and_then(Refresh::confirmed) }.map(|at| self.when(at)),
            next_check: refresh
                .and_then(Refresh::next_check)
                .map(|at| self.when(at)),
            going_on: refresh.and_then(|refresh| self.going_on(refresh)),
            expires: refresh.and_then(Refresh::expires).map(|at| self.when(at)),
            signatures_end: end.map(|end| When::new(end, judged_at)),
            primaries: refresh.map_or(Vec::new(), |refresh| self.primaries(refresh)),
            refusals: refresh.map_or(Vec::new(), |refresh| {
                refresh
                    .refusals()
                    .map(|refusal| self.refusal(refusal))
                    .collect()
            }),
            observers: self.observers(),
            secondaries: self.secondaries(),
            stored: self.stored(),
            history: self.keeper.history().iter().rev().map(happening).collect(),
            counters: self.counters(),
        }
    }

    fn when(&self, moment: Moment) -> When {
        self.at(self.times.wall(moment, self.present))
    }

    fn at(&self, time: UnixTime) -> When {
        When::new(time, self.present)
    }

    /// What an operator should know first.
    fn attention(&self) -> Vec<String> {
        let mut attention = Vec::new();
        match self.hosted.freshness {
            Freshness::Fresh => {}
            Freshness::Ageing => attention.push("no primary has confirmed it for long".to_owned()),
            Freshness::Stale => {
                attention.push("others have served a newer one for too long".to_owned());
            }
            Freshness::Expired => attention.push(
                "withdrawn: no primary has confirmed it for as long as its SOA record allows"
                    .to_owned(),
            ),
            Freshness::Unconfirmed => attention.push(
                "not served: the copy on disk is too old, and no primary has confirmed it yet"
                    .to_owned(),
            ),
        }
        match self.hosted.version.as_ref().map(|version| version.standing) {
            None if self.keeper.is_waiting() => {
                attention.push("it waits for the zone above it, by which it is proven".to_owned());
            }
            None => attention.push("nothing is held yet".to_owned()),
            Some(Standing::Holds) => {}
            Some(Standing::EndsSoon) => {
                attention.push("its first signature runs out soon".to_owned());
            }
            Some(Standing::Ended) => {
                attention.push("withdrawn: its first signature ran out".to_owned());
            }
        }
        if let Some(AttemptResult::Refused(reason)) =
            self.hosted.attempt.as_ref().map(|a| &a.result)
        {
            attention.push(format!("what came last was refused: {reason}"));
        }
        attention.extend(self.keeper.disk_trouble().map(str::to_owned));
        attention.extend(self.keeper.trouble().map(str::to_owned));
        attention
    }

    /// When the version in service was received, be it before the start of this node.
    fn received_at(&self, version: &Version) -> UnixTime {
        let mut copies = self.keeper.stored().iter();
        let copy = copies.find(|copy| copy.serial == version.held().serial);
        copy.map_or(version.loaded_at, |copy| copy.facts.fetched_at)
    }

    /// Where the version in service came from.
    fn source(&self) -> String {
        let swapped = |entry: &Entry| match &entry.what {
            What::Swapped { source, .. } => Some(source.clone()),
            _ => None,
        };
        let mut swaps = self.keeper.history().iter().rev().filter_map(swapped);
        let stored = || {
            let copies = self.keeper.stored().iter();
            let mut copies = copies.filter(|copy| Some(copy.serial) == self.hosted.serial());
            copies.next().map(|copy| copy.facts.source.clone())
        };
        { swaps.next().or_else(stored) }.unwrap_or_else(|| self.hosted.origin.to_string())
    }

    fn check(&self, primary: usize, at: Moment, came: Came) -> Check {
        let (result, serial) = told(came);
        let is_trouble = matches!(came, Came::Unanswered);
        Check {
            when: self.when(at),
            primary: self.place(primary),
            result,
            serial: serial.map(|serial| serial.0),
            reason: self
                .keeper
                .trouble()
                .filter(|_| is_trouble)
                .map(str::to_owned),
        }
    }

    fn place(&self, primary: usize) -> String {
        let peer = self.keeper.peers().primaries.get(primary);
        peer.map_or(String::new(), |peer| peer.place())
    }

    fn going_on(&self, refresh: &Refresh) -> Option<String> {
        Some(match refresh.outstanding()? {
            Action::Ask { primary } => format!("asking {}", self.place(primary)),
            Action::Fetch { primary, from } => match from {
                Some(from) => format!("IXFR from serial {from} of {}", self.place(primary)),
                None => format!("AXFR from {}", self.place(primary)),
            },
        })
    }

    fn primaries(&self, refresh: &Refresh) -> Vec<KnownPrimary> {
        let peers = self.keeper.peers().primaries.iter();
        let known = refresh.primaries().iter().zip(peers).enumerate();
        let known = known.map(|(number, (standing, peer))| {
            let (silence, fetch) = (standing.silence, standing.fetch);
            let until = silence.until().max(fetch.until());
            KnownPrimary {
                address: peer.place(),
                key: peer
                    .key
                    .as_ref()
                    .map(|key| key.name().fmt_with_dot().to_string()),
                tls: peer.tls.clone(),
                last: standing.last.map(|(at, came)| self.check(number, at, came)),
                failures: silence.failures().max(fetch.failures()),
                again: until.map(|until| self.when(until)),
            }
        });
        known.collect()
    }

    fn refusal(&self, refusal: &Refusal) -> RefusedSerial {
        RefusedSerial {
            serial: refusal.serial.0,
            primary: self.place(refusal.primary),
            reason: refusal.reason.clone(),
            count: refusal.count,
            again: self.when(refusal.again_at),
        }
    }

    fn observers(&self) -> Option<Observers> {
        let peers = &self.keeper.peers().observers;
        let served = self.hosted.serial().filter(|_| !peers.is_empty())?;
        let comparison = self.keeper.comparison();
        let (verdict, ahead) = match comparison.verdict(self.times.now(), served) {
            compare::Verdict::Unknown => (Verdict::Unknown, None),
            compare::Verdict::Level => (Verdict::Level, None),
            compare::Verdict::Ahead {
                observers,
                serial,
                since,
            } => (Verdict::Ahead, Some((observers, serial, since))),
            compare::Verdict::Stale {
                observers,
                serial,
                since,
            } => (Verdict::Stale, Some((observers, serial, since))),
        };
        let heard = comparison.observers().zip(peers).map(|(last, peer)| Heard {
            address: peer.place(),
            serial: last.map(|(serial, _)| serial.0),
            when: last.map(|(_, at)| self.when(at)),
        });
        Some(Observers {
            verdict,
            ahead: ahead.map_or(0, |(observers, _, _)| observers),
            serial: ahead.map(|(_, serial, _)| serial.0),
            since: ahead.map(|(_, _, since)| self.when(since)),
            heard: heard.collect(),
        })
    }

    fn secondaries(&self) -> Vec<KnownSecondary> {
        let peers = self.keeper.peers().secondaries.iter();
        let news = self.keeper.news().iter().zip(peers);
        let known = news.map(|(news, peer)| {
            let (told, rcode) = match news {
                News::Untold => (Told::Untold, None),
                News::Telling { .. } => (Told::Telling, None),
                News::Told { rcode, .. } => (Told::Told, Some(rcode.to_string())),
                News::GaveUp { .. } => (Told::GaveUp, None),
            };
            KnownSecondary {
                address: peer.place(),
                serial: news.serial().map(|serial| serial.0),
                told,
                rcode,
            }
        });
        known.collect()
    }

    fn stored(&self) -> Vec<StoredVersion> {
        let copies = self.keeper.stored().iter().map(|copy| StoredVersion {
            serial: copy.serial.0,
            source: copy.facts.source.clone(),
            fetched_at: rfc3339(copy.facts.fetched_at),
            octets: copy.file_octets,
            in_service: Some(copy.serial) == self.hosted.serial(),
        });
        copies.collect()
    }

    fn counters(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let counts = self.keeper.counts();
        let named = |counts: &[(&str, u64)]| {
            let happened = counts.iter().filter(|(_, count)| *count > 0);
            happened
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect()
        };
        let groups: [(&str, BTreeMap<String, u64>); 3] = [
            ("notify-in", named(&[("heard", counts.notified)])),
            (
                "transfer-in",
                named(&[
                    ("accepted", counts.accepted),
                    ("refused", counts.refused),
                    ("failed", counts.failed),
                ]),
            ),
            (
                "notify-out",
                named(&[("taken", counts.told), ("in-vain", counts.untold)]),
            ),
        ];
        let happened = groups.into_iter().filter(|(_, counts)| !counts.is_empty());
        happened
            .map(|(name, counts)| (name.to_owned(), counts))
            .collect()
    }
}

/// How a zone is.
pub(super) fn state(hosted: &Hosted) -> ZoneState {
    let Some(version) = &hosted.version else {
        return ZoneState::Waiting;
    };
    match (hosted.freshness, version.standing) {
        (Freshness::Expired, _) | (_, Standing::Ended) => ZoneState::Expired,
        (Freshness::Unconfirmed, _) => ZoneState::Waiting,
        (Freshness::Ageing | Freshness::Stale, _) | (_, Standing::EndsSoon) => ZoneState::Alarm,
        (Freshness::Fresh, Standing::Holds) if hosted.is_degraded() => ZoneState::Degraded,
        (Freshness::Fresh, Standing::Holds) => ZoneState::Served,
    }
}

/// What came of a primary, and the serial that it is about.
fn told(came: Came) -> (CheckResult, Option<Serial>) {
    match came {
        Came::Level => (CheckResult::Level, None),
        Came::Older(serial) => (CheckResult::Older, Some(serial)),
        Came::Newer(serial) => (CheckResult::Newer, Some(serial)),
        Came::HeldBack { serial, .. } => (CheckResult::HeldBack, Some(serial)),
        Came::Unanswered => (CheckResult::Unanswered, None),
        Came::Accepted(serial) => (CheckResult::Accepted, Some(serial)),
        Came::Withdrawn(serial) => (CheckResult::Withdrawn, Some(serial)),
        Came::Broken(serial) => (CheckResult::Broken, Some(serial)),
        Came::NoDifferences(serial) => (CheckResult::NoDifferences, Some(serial)),
        Came::Refused(serial) => (CheckResult::Refused, Some(serial)),
    }
}

fn happening(entry: &Entry) -> Happening {
    let (kind, serial, source, reason) = match &entry.what {
        What::Swapped { to, source, .. } => (HappeningKind::Swapped, Some(*to), Some(source), None),
        What::Refused {
            serial,
            source,
            reason,
        } => (HappeningKind::Refused, *serial, Some(source), Some(reason)),
        What::Failed { source, reason } => {
            (HappeningKind::Broken, None, Some(source), Some(reason))
        }
        What::Disk(reason) | What::State(reason) => {
            let kind = match &entry.what {
                What::Disk(_) => HappeningKind::Disk,
                _ => HappeningKind::State,
            };
            (kind, None, None, Some(reason))
        }
        What::Accepted(serial) => (HappeningKind::Accepted, Some(*serial), None, None),
    };
    let took = match entry.what {
        What::Swapped { took, .. } => took,
        _ => None,
    };
    Happening {
        at: rfc3339(entry.at),
        kind,
        serial: serial.map(|serial| serial.0),
        source: source.cloned(),
        reason: reason.cloned(),
        took_ms: took.and_then(|took| u64::try_from(took.as_millis()).ok()),
    }
}
