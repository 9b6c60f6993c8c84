//! Loads zones on a thread of its own, and puts what comes of it into service.

use super::events::{Event, Events, Loaded};
use super::lane::Work;
use super::log;
use super::node::Node;
use super::notify::{notify, notify_reloading};
use super::report;
use crate::clock::present;
use crate::control::v1::{self, Reply};
use crate::guard::{Blocked, BlocklistError, blocklist};
use crate::hosting::AttemptResult;
use crate::hosting::load::{self, Scope};
use crate::limits::RELOAD_THREADS_MAX;
use crate::system;
use sd_notify::NotifyState;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use tracing::{error, info, warn};

impl Node {
    /// Begins the next load on a thread of its own, if one is due and none runs.
    pub(super) fn begin_load(&mut self, events: &Events) {
        let mut blocklist = None;
        let scope = match self.lane.begin() {
            None => return,
            Some(Work::Files(_)) => {
                notify_reloading();
                blocklist = self.guard.blocklist().cloned();
                Scope::Files
            }
            Some(Work::Delivery(delivery)) => match delivery.offer.take() {
                Some(mut offer) => {
                    // A zone that is out of service has nothing to lose by a large step.
                    if !self.hosting.zones()[delivery.zone].is_served() {
                        offer.accepted = Some(delivery.serial);
                    }
                    Scope::Offer(delivery.zone, offer)
                }
                None => return,
            },
        };
        let cores = system::parallelism().get();
        let threads = NonZeroUsize::new(cores.min(RELOAD_THREADS_MAX)).unwrap_or(NonZeroUsize::MIN);
        let mut job = self.hosting.job(scope, self.clock.now(), threads);
        let inbox = events.clone();
        let pinned = self.pinned;
        let work = move || {
            system::yield_to_workers(pinned);
            // What a library does not survive, the zones in service do.
            let load = || load::load(&mut job, &|_, _, _| {});
            let zones = panic::catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| {
                error!("loading zones panicked; what is served stays");
                Vec::new()
            });
            drop(job);
            let blocked = blocklist.map(|file| blocklist::read(&file));
            inbox.put(Event::Loaded(Loaded { zones, blocked }));
        };
        if let Err(cause) = thread::Builder::new().name("load".to_owned()).spawn(work) {
            error!("cannot start a thread to load zones: {cause}");
            events.put(Event::Loaded(Loaded::default()));
        }
    }

    /// Puts what was loaded into service, and tells all who wait for it.
    pub(super) fn finish_load(&mut self, loaded: Loaded) {
        let Loaded { zones, blocked } = loaded;
        let work = self.lane.end();
        let blocklist = blocked.map(|blocked| self.block(blocked));
        let delivery = match &work {
            Some(Work::Delivery(delivery)) => Some(delivery),
            _ => None,
        };
        let is_empty = zones.is_empty();
        let swaps = self.hosting.take(zones, present(), self.clock.now());
        if let Some(delivery) = delivery {
            let attempt = self.hosting.zones()[delivery.zone].attempt.as_ref();
            let refusal = match attempt.map(|attempt| &attempt.result) {
                _ if is_empty => Some("the server failed to load it".to_owned()),
                Some(AttemptResult::Refused(reason)) => Some(reason.clone()),
                _ => None,
            };
            self.keeping.delivered(delivery, &self.hosting, refusal);
        }
        self.look_at_freshness();
        if !swaps.is_empty() || blocklist.is_some() {
            self.swap();
        }
        for swap in &swaps {
            let of_zone = delivery.filter(|delivery| delivery.zone == swap.zone);
            let hosted = &self.hosting.zones()[swap.zone];
            self.keeping.swapped(swap, hosted, of_zone);
            if let (true, Some(serial)) = (self.is_root(swap.zone), hosted.serial()) {
                self.statistics.served(serial);
            }
        }
        let now = self.clock.now();
        for (number, zone) in self.hosting.zones().iter().enumerate() {
            let is_touched = delivery.is_none_or(|delivery| delivery.zone == number)
                || swaps.iter().any(|swap| swap.zone == number);
            if is_touched {
                log::attempt(zone, delivery.map(|delivery| delivery.source.as_str()), now);
            }
        }
        system::return_memory();
        if let Some(Work::Files(told)) = work {
            let reply = Reply::Reload(report::reload(self, blocklist));
            for waiting in told {
                let _ = waiting.try_send(reply.clone());
            }
            notify(&[NotifyState::Ready]);
        }
    }

    /// Blocks what the file of blocked prefixes says now; one that is not good changes nothing.
    fn block(&mut self, blocked: Result<Blocked, BlocklistError>) -> v1::Blocklist {
        self.guard.block(blocked);
        let (prefixes, refusal) = (self.guard.blocked(), self.guard.refusal());
        match refusal {
            None => info!("{prefixes} prefixes are blocked"),
            Some(refusal) => warn!("who is blocked stays as it was: {refusal}"),
        }
        v1::Blocklist {
            prefixes,
            refusal: refusal.map(str::to_owned),
        }
    }
}
