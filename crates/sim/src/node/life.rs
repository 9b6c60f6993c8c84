//! How a node starts, looks at the time, writes to its disk, and stops.

use super::prove::{self, Proven};
use super::trail::Start;
use super::{Node, Running, Trail, Upstream};
use crate::disk::{FaultyDisk, Survival};
use crate::limits::{OBSERVERS_AHEAD_MAX, STORED_AGE_MAX, VERSIONS_KEPT};
use crate::origin::zone;
use crate::time::Clock;
use imrs_node::store::{Facts, Keep, Reason, Store};
use imrs_transfer::compare::Comparison;
use imrs_transfer::notify::Notifier;
use imrs_transfer::refresh::{Held, Refresh};
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use imrs_zone::Anchors;
use imrs_zone::difference::Difference;
use imrs_zone::record::UnixTime;
use std::time::Duration;

impl Node {
    /// A node that was never started.
    pub(crate) fn new(
        upstreams: Vec<Upstream>,
        disk: FaultyDisk,
        anchors: Anchors,
        seed: u64,
    ) -> Self {
        Node {
            clock: Clock::default(),
            disk,
            upstreams,
            downstreams: Vec::new(),
            observers: 0,
            trail: Trail::default(),
            anchors,
            seed,
            running: None,
        }
    }

    /// Starts: serves the newest copy that still proves, and asks for a newer one.
    pub(crate) fn start(&mut self, now: Moment) {
        if self.disk.has_crashed() {
            self.disk.restart();
        }
        let wall = self.clock.read(now);
        self.trail.boots += 1;
        self.trail.highest = None;
        let (mut store, held, is_readable) = self.open(wall);
        let mut refreshed = None;
        let mut too_old = None;
        let mut copy = None;
        if let Some(found) = held {
            let age = Duration::from_secs(wall.0.saturating_sub(found.current_at.0));
            let confirmed = Moment(now.0.saturating_sub(age));
            too_old = (age > STORED_AGE_MAX).then_some(confirmed);
            refreshed = Some(Held {
                serial: found.proven.packed.serial(),
                timers: found.proven.timers,
                confirmed,
            });
            if let Some(store) = &mut store {
                store.mark_in_service(Some(found.generation));
            }
            copy = Some(found.proven);
        }
        let order = self.upstreams.iter().map(|upstream| upstream.order);
        let seed = self.seed ^ self.trail.boots;
        self.running = Some(Box::new(Running {
            store,
            refresh: Refresh::new(order.collect(), refreshed, seed, now),
            notifier: Notifier::new(self.downstreams.len()),
            comparison: Comparison::new(self.observers, OBSERVERS_AHEAD_MAX, now),
            held: copy,
            is_in_service: false,
            too_old,
            accepted: None,
            job: None,
            next_id: 0,
        }));
        self.look(now);
        self.trail.start = Some(Start {
            at: now,
            saved: self.trail.saved,
            held: refreshed.map(|held| held.serial),
            is_served: self.serial().is_some(),
            is_readable,
            confirmed: self.trail.confirmed,
        });
    }

    /// Opens the store and finds the newest copy that is good. Says whether all could be read.
    fn open(&mut self, wall: UnixTime) -> (Option<Store<FaultyDisk>>, Option<Found>, bool) {
        let keep = Keep {
            versions: VERSIONS_KEPT,
            ..Keep::default()
        };
        match Store::open(self.disk.clone(), zone(), keep) {
            Ok((store, dropped)) => {
                self.trail.dropped += dropped.len();
                let unreadable = |reason: &Reason| matches!(reason, Reason::Unreadable { .. });
                let mut is_readable = !dropped.iter().any(|dropped| unreadable(&dropped.reason));
                let held = self.newest_good(&store, wall, &mut is_readable);
                (Some(store), held, is_readable)
            }
            Err(error) => {
                self.trail.troubles.push(imrs_node::chain(&error));
                (None, None, false)
            }
        }
    }

    /// The newest copy that proves now.
    fn newest_good(
        &self,
        store: &Store<FaultyDisk>,
        wall: UnixTime,
        is_readable: &mut bool,
    ) -> Option<Found> {
        store.copies().iter().find_map(|header| {
            let loaded = store.load(header.generation);
            *is_readable &= loaded.is_ok();
            let copy = loaded.ok()?;
            let records = copy.zone.records();
            let proven = prove::prove(records, None, &self.anchors, wall).ok()?;
            Some(Found {
                proven,
                current_at: store.current_at(header),
                generation: header.generation,
            })
        })
    }

    /// Stops, at once.
    pub(crate) fn stop(&mut self, survival: Survival) {
        if !self.disk.has_crashed() {
            self.disk.crash(survival);
        }
        self.running = None;
    }

    /// Looks at the time: what may no longer be served is not, what may be again is.
    pub(super) fn look(&mut self, now: Moment) {
        let wall = self.clock.read(now);
        let Some(running) = &mut self.running else {
            return;
        };
        let confirmed = running.refresh.confirmed();
        let waits = running.too_old.is_some() && running.too_old == confirmed;
        let may_be = running
            .held
            .as_ref()
            .filter(|held| !waits && !running.refresh.is_expired(now) && wall < held.expires);
        if running.is_in_service && may_be.is_none() {
            self.trail.outages += 1;
        }
        running.is_in_service = may_be.is_some();
        if let Some(held) = may_be {
            let serial = held.packed.serial();
            let highest = self.trail.highest.get_or_insert(serial);
            if serial.is_newer_than(*highest) {
                *highest = serial;
            }
        }
    }

    /// Puts what is held on disk.
    pub(super) fn save(&mut self, now: Moment, before: Option<&Proven>) {
        let wall = self.clock.read(now);
        let Some(running) = &mut self.running else {
            return;
        };
        let (Some(store), Some(held)) = (&mut running.store, &running.held) else {
            return;
        };
        let facts = Facts {
            source: "a primary".to_owned(),
            fetched_at: wall,
            proven_at: wall,
            expires: Some(held.expires),
            verdicts: Vec::new(),
        };
        let difference = before
            .map(|before| Difference::between(&before.packed.records(), &held.packed.records()));
        let saved = store.save(&held.packed, &facts, difference.as_ref());
        match saved {
            Ok(saved) => {
                store.mark_in_service(Some(saved.header.generation));
                self.trail.saved = Some(saved.header.serial);
                let troubles = saved.troubles.iter();
                self.trail
                    .troubles
                    .extend(troubles.map(|trouble| imrs_node::chain(trouble)));
            }
            Err(error) => self.trail.troubles.push(imrs_node::chain(&error)),
        }
        self.stop_if_crashed();
    }

    /// Puts on disk that what is held is current.
    pub(super) fn note_confirmation(&mut self, now: Moment, serial: Serial) {
        let wall = self.clock.read(now);
        let Some(running) = &mut self.running else {
            return;
        };
        let is_held = running
            .held
            .as_ref()
            .is_some_and(|held| held.packed.serial() == serial);
        if !is_held {
            return;
        }
        self.trail.confirmed = Some(now);
        if let Some(store) = &mut running.store
            && let Err(error) = store.confirm(serial, wall)
        {
            self.trail.troubles.push(imrs_node::chain(&error));
        }
        self.stop_if_crashed();
    }

    /// The machine may have stopped in the middle of writing.
    fn stop_if_crashed(&mut self) {
        if self.disk.has_crashed() {
            self.running = None;
        }
    }
}

/// A copy of the disk that proves.
struct Found {
    proven: Proven,
    current_at: UnixTime,
    generation: imrs_node::store::Generation,
}
