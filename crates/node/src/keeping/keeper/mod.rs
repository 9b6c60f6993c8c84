//! One zone that is kept current: joins the machines that decide, and remembers what came of it.

mod read;

use super::counts::Counts;
use super::history::{History, What};
use super::jobs::{Fault, Jobs};
use super::peers::Peers;
use super::{Delivery, serial_of};
use crate::clock::present;
use crate::hosting::{Hosted, Hosting, Offer, Offered};
use crate::store::Header;
use domain::base::iana::Rcode;
use imrs_transfer::compare::{self, Comparison};
use imrs_transfer::incoming::Received;
use imrs_transfer::message::SoaAnswer;
use imrs_transfer::notify::{self, Notifier};
use imrs_transfer::refresh::{Action, Fetched, Force, Held, Refresh, Timers};
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use imrs_zone::Name;
use std::net::IpAddr;
use tracing::warn;

/// One zone.
pub(crate) struct Keeper {
    name: Name,
    peers: Peers,
    /// Whether its proof rests on anchors of its own, so that no zone above it has to be there.
    is_anchored: bool,
    state: State,
    /// Tells secondaries.
    notifier: Notifier,
    /// Compares with observers.
    comparison: Comparison,
    history: History,
    counts: Counts,
    /// A serial that an operator lets pass, however much it changes.
    accepted: Option<Serial>,
    /// When a copy from the disk was last current that is too old to be served unconfirmed.
    too_old: Option<Moment>,
    /// What went wrong the last time that a primary was asked.
    trouble: Option<String>,
    /// When the first thing happened that led to the present round.
    stirred: Option<Moment>,
    /// Copies on disk, the newest first.
    stored: Vec<Header>,
    /// Why the last thing could not be put on disk.
    disk_trouble: Option<String>,
}

/// How far a zone is that comes from primaries.
enum State {
    /// It comes from elsewhere.
    NotFetched,
    /// The zone above it has to be there first. What the disk had of it, and since when that was
    /// current.
    Waiting(Option<Held>),
    /// It is kept current.
    Refreshing(Box<Refresh>),
}

impl Keeper {
    /// Keeps a zone; `held` is what the disk had of it.
    pub(crate) fn new(
        name: Name,
        peers: Peers,
        is_anchored: bool,
        held: Option<Held>,
        now: Moment,
    ) -> Self {
        let state = match peers.primaries.is_empty() {
            true => State::NotFetched,
            false => State::Waiting(held),
        };
        Keeper {
            notifier: Notifier::new(peers.secondaries.len()),
            comparison: Comparison::new(peers.observers.len(), peers.observers_limit, now),
            name,
            is_anchored,
            too_old: { held.as_ref() }
                .map(|held| held.confirmed)
                .filter(|confirmed| now.since(*confirmed) > peers.max_age),
            peers,
            state,
            history: History::default(),
            counts: Counts::default(),
            accepted: None,
            trouble: None,
            stirred: None,
            stored: Vec::new(),
            disk_trouble: None,
        }
    }

    /// Notes something for people.
    pub(crate) fn note(&mut self, what: What) {
        self.history.add(present(), what);
    }

    /// Begins to refresh the zone once those above it, by which it is proven, are there.
    pub(super) fn begin(&mut self, now: Moment, number: usize, hosting: &Hosting) {
        let State::Waiting(held) = &self.state else {
            return;
        };
        // What stands above a name is what it would be proven by.
        let is_missing = |above: &Hosted| {
            above.version.is_none()
                && *above.name() != self.name
                && self.name.ends_with(above.name())
        };
        if !self.is_anchored && hosting.zones().iter().any(is_missing) {
            return;
        }
        let order = self.peers.order.clone();
        let seed = rand::random::<u64>() ^ number as u64;
        self.state = State::Refreshing(Box::new(Refresh::new(order, *held, seed, now)));
    }

    /// Does whatever is due.
    pub(super) fn poll(&mut self, now: Moment, number: usize, hosting: &Hosting, jobs: &Jobs) {
        let held = hosting.zones().get(number).and_then(Hosted::held);
        if let State::Refreshing(refresh) = &mut self.state {
            while let Some(action) = refresh.poll_action(now) {
                match action {
                    Action::Ask { primary } => {
                        self.stirred.get_or_insert(now);
                        jobs.ask(number, &self.name, primary, &self.peers.primaries[primary]);
                    }
                    Action::Fetch { primary, from } => {
                        // Differences start from what is held, whatever the machine thinks that is.
                        let soa = held
                            .filter(|held| Some(held.serial) == from)
                            .map(|held| held.packed.soa());
                        let peer = &self.peers.primaries[primary];
                        jobs.fetch(number, &self.name, primary, peer, soa);
                    }
                }
            }
        }
        if self
            .refresh()
            .is_some_and(|refresh| refresh.next_check().is_some())
        {
            self.stirred = None;
        }
        while let Some(notify::Action::Send { secondary, serial }) = self.notifier.poll_action(now)
        {
            let soa = held.map(|held| held.packed.soa());
            let peer = &self.peers.secondaries[secondary];
            jobs.tell(number, &self.name, secondary, peer, serial, soa.as_ref());
        }
        while let Some(compare::Action::Ask { observer }) = self.comparison.poll_action(now) {
            jobs.observe(
                number,
                &self.name,
                observer,
                &self.peers.observers[observer],
            );
        }
    }

    /// When something is due.
    pub(super) fn timeout(&self) -> Option<Moment> {
        let refresh = self.refresh().and_then(Refresh::poll_timeout);
        let others = [self.notifier.poll_timeout(), self.comparison.poll_timeout()];
        others.into_iter().chain([refresh]).flatten().min()
    }

    /// A NOTIFY came from somebody whose NOTIFY is heard.
    pub(super) fn notified(&mut self, now: Moment, peer: IpAddr, serial: Option<Serial>) {
        self.counts.notified += 1;
        self.stirred.get_or_insert(now);
        let from = self.peers.primary_at(peer);
        if let State::Refreshing(refresh) = &mut self.state {
            refresh.handle_notify(now, from, serial);
        }
    }

    /// A primary answered for its SOA record, or did not. Says which serial that confirms.
    pub(super) fn answered(
        &mut self,
        now: Moment,
        primary: usize,
        result: Result<SoaAnswer, String>,
    ) -> Option<Serial> {
        let State::Refreshing(refresh) = &mut self.state else {
            return None;
        };
        match result {
            Ok(answer) => {
                refresh.handle_soa(now, primary, answer.serial);
                self.trouble = None;
                let held = refresh.held()?;
                (held.serial == answer.serial).then_some(answer.serial)
            }
            Err(trouble) => {
                refresh.handle_unanswered(now, primary);
                let place = self.peers.primaries[primary].place();
                let trouble = format!("{place}: {trouble}");
                // One line for as long as it stays the same.
                if self.trouble.as_ref() != Some(&trouble) {
                    warn!("zone {}: {trouble}", self.shown());
                }
                self.trouble = Some(trouble);
                None
            }
        }
    }

    /// A transfer ended. What came is handed back, to be proven.
    pub(super) fn received(
        &mut self,
        now: Moment,
        zone: usize,
        primary: usize,
        from: Option<Serial>,
        result: Result<Received, Fault>,
    ) -> Option<Delivery> {
        let way = match (&result, from) {
            (Ok(Received::Zone(_)), _) | (_, None) => "AXFR",
            (_, Some(_)) => "IXFR",
        };
        let source = format!("{way} from {}", self.peers.primaries[primary].place());
        let what = match result {
            Ok(Received::Zone(records)) => Offered::Whole(records),
            Ok(Received::Differences(chain)) => Offered::Differences(chain),
            Ok(Received::Current(_)) => {
                self.fetched(now, primary, Fetched::Current);
                return None;
            }
            Err(Fault { reason, wants_axfr }) => {
                let fetched = match wants_axfr && from.is_some() {
                    true => Fetched::NoDifferences,
                    false => Fetched::Failed,
                };
                self.failed(now, primary, source, reason, fetched);
                return None;
            }
        };
        let Some(serial) = serial_of(&what, &self.name) else {
            let reason = "no SOA record came".to_owned();
            self.failed(now, primary, source, reason, Fetched::Failed);
            return None;
        };
        Some(Delivery {
            zone,
            primary,
            is_incremental: matches!(what, Offered::Differences(_)),
            serial,
            source,
            received_at: present(),
            offer: Some(Offer {
                what,
                accepted: self.accepted,
            }),
        })
    }

    fn failed(
        &mut self,
        now: Moment,
        primary: usize,
        source: String,
        reason: String,
        fetched: Fetched,
    ) {
        let next = match fetched {
            Fetched::NoDifferences => "; asking for the whole zone",
            _ => "",
        };
        warn!(
            "zone {}: {source} came to nothing: {reason}{next}",
            self.shown()
        );
        self.counts.failed += 1;
        self.note(What::Failed { source, reason });
        self.fetched(now, primary, fetched);
    }

    fn fetched(&mut self, now: Moment, primary: usize, fetched: Fetched) {
        if let State::Refreshing(refresh) = &mut self.state {
            refresh.handle_fetched(now, primary, fetched);
        }
    }

    /// What came is in service, or was refused for the reason given.
    pub(super) fn delivered(
        &mut self,
        now: Moment,
        delivery: &Delivery,
        hosting: &Hosting,
        refusal: Option<String>,
    ) {
        let primary = delivery.primary;
        if let Some(reason) = refusal {
            self.counts.refused += 1;
            self.note(What::Refused {
                serial: Some(delivery.serial),
                source: delivery.source.clone(),
                reason: reason.clone(),
            });
            let refused = Fetched::Refused {
                serial: delivery.serial,
                reason,
                incremental: delivery.is_incremental,
            };
            return self.fetched(now, primary, refused);
        }
        self.counts.accepted += 1;
        self.accepted.take_if(|serial| *serial == delivery.serial);
        let held = hosting.zones().get(delivery.zone).and_then(Hosted::held);
        let timers = held.and_then(|held| Timers::of_soa(&held.packed.soa()));
        let fetched = match timers {
            Some(timers) => Fetched::Accepted {
                serial: delivery.serial,
                timers,
            },
            None => Fetched::Failed,
        };
        self.fetched(now, primary, fetched);
    }

    /// A version is in service from the start: secondaries may have missed the last NOTIFY.
    pub(super) fn started(&mut self, now: Moment, serial: Serial) {
        self.notifier.handle_serial(now, serial);
    }

    /// Another version is in service.
    pub(super) fn swapped(
        &mut self,
        now: Moment,
        from: Option<Serial>,
        to: Serial,
        source: String,
    ) {
        self.notifier.handle_serial(now, to);
        let took = self.stirred.take().map(|stirred| now.since(stirred));
        self.note(What::Swapped {
            from,
            to,
            source,
            took,
        });
    }

    /// A secondary answered a NOTIFY, or did not.
    pub(super) fn told(
        &mut self,
        now: Moment,
        secondary: usize,
        serial: Serial,
        result: Result<Rcode, String>,
    ) {
        let reason = match result {
            Ok(rcode) => {
                self.notifier.handle_answer(now, secondary, serial, rcode);
                if rcode == Rcode::NOERROR {
                    self.counts.told += 1;
                    return;
                }
                format!("it says {rcode}")
            }
            // The machine sends it again in good time.
            Err(reason) => reason,
        };
        self.counts.untold += 1;
        let source = format!("NOTIFY to {}", self.peers.secondaries[secondary].place());
        self.note(What::Failed { source, reason });
    }

    /// An observer told its serial, or did not.
    pub(super) fn observed(&mut self, now: Moment, observer: usize, serial: Option<Serial>) {
        match serial {
            Some(serial) => self.comparison.handle_answer(now, observer, serial),
            None => self.comparison.handle_unanswered(now, observer),
        }
    }

    /// Something was put on disk, or was not; these copies are there now.
    pub(crate) fn keep_in_mind(
        &mut self,
        copies: Vec<Header>,
        result: Result<Vec<String>, String>,
    ) {
        self.stored = copies;
        self.disk_trouble = result.as_ref().err().cloned();
        let troubles = result.unwrap_or_else(|trouble| vec![trouble]);
        for trouble in troubles {
            warn!("zone {}: {trouble}", self.shown());
            self.note(What::Disk(trouble));
        }
    }

    /// An operator wants it refreshed, or fetched anew. Says whether it is refreshed at all.
    pub(crate) fn force(&mut self, now: Moment, force: Force) -> bool {
        match &mut self.state {
            State::Refreshing(refresh) => {
                refresh.force(now, force);
                true
            }
            State::NotFetched | State::Waiting(_) => false,
        }
    }

    /// An operator lets one serial pass, however much it changes. Says whether it is refreshed.
    pub(crate) fn accept(&mut self, now: Moment, serial: Serial) -> bool {
        match &mut self.state {
            State::Refreshing(refresh) => {
                refresh.accept(now, serial);
                self.accepted = Some(serial);
                true
            }
            State::NotFetched | State::Waiting(_) => false,
        }
    }

    fn shown(&self) -> impl std::fmt::Display + '_ {
        self.name.fmt_with_dot()
    }
}
