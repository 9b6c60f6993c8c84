//! Keeps the zones of a node current: drives the machines of `imrs_transfer`, one [`Keeper`] a zone.
//!
//! ```text
//! keeper    what is known of a zone, and what to do next
//! jobs      asks, fetches and tells on threads of their own
//! storage   puts proven zones on disk
//! history   what happened of late
//! counts    how often
//! times     the moments that machines are given
//! ```
//!
//! The node's one thread owns [`Keeping`] and hands it every [`Event`]; what is to be proven comes
//! back as a [`Delivery`]. Knows nothing of images, workers and the control socket.

mod counts;
mod history;
mod jobs;
mod keeper;
mod peers;
mod storage;
mod times;

pub(crate) use history::{Entry, What};
pub(crate) use jobs::receive;
pub(crate) use keeper::Keeper;
pub(crate) use peers::Peers;
pub(crate) use storage::{Storage, Stores, chain_to};
pub(crate) use times::Times;

use crate::clock::present;
use crate::dial::Patience;
use crate::hosting::{Freshness, Hosted, Hosting, Offer, Offered, Swap};
use crate::outbound::Ticket;
use crate::store::Header;
use domain::base::iana::Rcode;
use imrs_transfer::incoming::{Limits, Received};
use imrs_transfer::message::SoaAnswer;
use imrs_transfer::refresh::Force;
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use jobs::Jobs;
use std::net::IpAddr;
use std::sync::Arc;

/// Something that happened to a zone.
#[derive(Debug)]
pub(crate) struct Event {
    /// Its number.
    pub(crate) zone: usize,
    /// What happened.
    pub(crate) what: Happened,
}

impl Event {
    /// The zone and the serial that a NOTIFY told, if this is one.
    pub(crate) fn notified(&self) -> Option<(usize, Serial)> {
        match self.what {
            Happened::Notified { serial, .. } => Some((self.zone, serial?)),
            _ => None,
        }
    }
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Happened {
    /// A NOTIFY came from somebody whose NOTIFY is heard.
    Notified {
        /// From where.
        peer: IpAddr,
        /// The serial that it told, if it told one.
        serial: Option<Serial>,
        /// Lets the next one through once this one is taken up.
        ticket: Ticket,
    },
    /// A primary answered for its SOA record, or did not.
    Answered {
        /// Which one.
        primary: usize,
        /// What it has, or what went wrong.
        result: Result<SoaAnswer, String>,
    },
    /// A transfer ended.
    Received {
        /// From whom.
        primary: usize,
        /// What the differences start from that were asked for.
        from: Option<Serial>,
        /// What came.
        result: Result<Received, jobs::Fault>,
    },
    /// A secondary answered a NOTIFY, or did not.
    Told {
        /// Which one.
        secondary: usize,
        /// What it was told.
        serial: Serial,
        /// What it said, or what went wrong.
        result: Result<Rcode, String>,
    },
    /// An observer answered for its SOA record, or did not.
    Observed {
        /// Which one.
        observer: usize,
        /// What it has, or what went wrong.
        result: Result<SoaAnswer, String>,
    },
    /// Something was put on disk, or was not.
    Stored {
        /// What is there now, the newest first.
        copies: Vec<Header>,
        /// What went wrong beside, or at all.
        result: Result<Vec<String>, String>,
    },
}

/// Where events are put, from any thread.
#[derive(Clone)]
pub(crate) struct Post(Arc<dyn Fn(Event) + Send + Sync>);

impl Post {
    /// Puts events by this.
    pub(crate) fn new(put: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Post(Arc::new(put))
    }

    pub(crate) fn put(&self, event: Event) {
        let Post(put) = self;
        put(event);
    }
}

/// What a primary sent, to be proven and served.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// The zone.
    pub(crate) zone: usize,
    /// Who sent it.
    pub(crate) primary: usize,
    /// Whether it is differences.
    pub(crate) is_incremental: bool,
    /// The serial that it leads to, as far as that can be told.
    pub(crate) serial: Serial,
    /// Who sent it and how, for people.
    pub(crate) source: String,
    /// When it was received whole.
    pub(crate) received_at: imrs_zone::record::UnixTime,
    /// What came, until it is loaded.
    pub(crate) offer: Option<Offer>,
}

/// The zones of a node, as far as they are kept current.
pub(crate) struct Keeping {
    keepers: Vec<Keeper>,
    times: Times,
    jobs: Jobs,
    storage: Storage,
}

impl Keeping {
    /// Begins to keep `keepers`, which are in the order of the configuration.
    pub(crate) fn new(
        keepers: Vec<Keeper>,
        times: Times,
        patience: Patience,
        pinned: usize,
        storage: Storage,
        post: Post,
        hosting: &Hosting,
    ) -> Self {
        let mut keepers = keepers;
        for (keeper, hosted) in keepers.iter_mut().zip(hosting.zones()) {
            if let Some(serial) = hosted.serial() {
                keeper.started(times.now(), serial);
            }
        }
        Keeping {
            keepers,
            times,
            jobs: Jobs::new(patience, Limits::default(), pinned, post),
            storage,
        }
    }

    /// The zones, in the order of the configuration.
    pub(crate) fn keepers(&self) -> &[Keeper] {
        &self.keepers
    }

    /// One of them, for an operator who wants something of it.
    pub(crate) fn keeper(&mut self, zone: usize) -> Option<&mut Keeper> {
        self.keepers.get_mut(zone)
    }

    /// The moments that all of this counts by.
    pub(crate) fn times(&self) -> Times {
        self.times
    }

    /// Does whatever is due, and begins to refresh zones whose parents are there by now.
    pub(crate) fn poll(&mut self, hosting: &Hosting) {
        let now = self.times.now();
        for (number, keeper) in self.keepers.iter_mut().enumerate() {
            keeper.begin(now, number, hosting);
            keeper.poll(now, number, hosting, &self.jobs);
        }
    }

    /// The node that this one takes over from ends: its stores are ours, and what it may have heard
    /// of later than we did is asked for.
    pub(crate) fn take_over(&mut self) {
        self.storage.take_over();
        let now = self.times.now();
        for keeper in &mut self.keepers {
            keeper.force(now, Force::Refresh);
        }
    }

    /// Another node takes over: what is to be on disk is put there, and the stores are its own.
    pub(crate) fn leave(self) {
        self.storage.stop();
    }

    /// How long until something is due.
    pub(crate) fn timeout(&self) -> Option<std::time::Duration> {
        let now = self.times.now();
        let due: Option<Moment> = self.keepers.iter().filter_map(Keeper::timeout).min();
        due.map(|due| due.since(now))
    }

    /// Whether all primaries of a zone that answer offer what is held, and nothing that was refused.
    pub(crate) fn is_level(&self, zone: usize) -> bool {
        self.keepers.get(zone).is_some_and(Keeper::is_level)
    }

    /// How fresh a zone is, of which `served` is held.
    pub(crate) fn freshness(&self, zone: usize, served: Option<Serial>) -> Freshness {
        let keeper = self.keepers.get(zone);
        keeper.map_or(Freshness::Fresh, |keeper| {
            keeper.freshness(self.times.now(), served)
        })
    }

    /// Takes what happened. What came of a transfer comes back, to be proven.
    pub(crate) fn take(&mut self, event: Event) -> Option<Delivery> {
        let Event { zone, what } = event;
        let now = self.times.now();
        let keeper = self.keepers.get_mut(zone)?;
        match what {
            Happened::Notified {
                peer,
                serial,
                ticket,
            } => {
                drop(ticket);
                keeper.notified(now, peer, serial);
            }
            Happened::Answered { primary, result } => {
                if let Some(serial) = keeper.answered(now, primary, result) {
                    self.storage.confirm(zone, serial, present());
                }
            }
            Happened::Received {
                primary,
                from,
                result,
            } => return keeper.received(now, zone, primary, from, result),
            Happened::Told {
                secondary,
                serial,
                result,
            } => keeper.told(now, secondary, serial, result),
            Happened::Observed { observer, result } => {
                let serial = result.ok().map(|answer| answer.serial);
                keeper.observed(now, observer, serial);
            }
            Happened::Stored { copies, result } => keeper.keep_in_mind(copies, result),
        }
        None
    }

    /// A delivery was proven and is in service, or was refused for the reason given.
    pub(crate) fn delivered(
        &mut self,
        delivery: &Delivery,
        hosting: &Hosting,
        refusal: Option<String>,
    ) {
        let now = self.times.now();
        if let Some(keeper) = self.keepers.get_mut(delivery.zone) {
            keeper.delivered(now, delivery, hosting, refusal);
        }
    }

    /// Another version of a zone is in service, wherever it came from: tells secondaries, and puts
    /// it on disk if a primary delivered it.
    pub(crate) fn swapped(&mut self, swap: &Swap, hosted: &Hosted, delivery: Option<&Delivery>) {
        let now = self.times.now();
        let (Some(keeper), Some(version)) = (self.keepers.get_mut(swap.zone), &hosted.version)
        else {
            return;
        };
        let source = match delivery {
            Some(delivery) => delivery.source.clone(),
            None => hosted.origin.to_string(),
        };
        keeper.swapped(now, swap.from, version.held().serial, source);
        // What is fetched anew is on disk already.
        let is_other = swap.from != Some(version.held().serial);
        if let Some(delivery) = delivery.filter(|_| is_other) {
            let facts = storage::facts(delivery, version);
            let last = version.differences().last();
            let last = last.filter(|last| Some(last.from) == swap.from).cloned();
            self.storage
                .save(swap.zone, version.held().packed.clone(), facts, last);
        }
    }
}

/// The serial that records or differences lead to.
fn serial_of(offered: &Offered, apex: &imrs_zone::Name) -> Option<Serial> {
    match offered {
        Offered::Differences(chain) => chain.last().map(|last| last.to),
        Offered::Stored(packed) => Some(packed.serial()),
        Offered::Whole(records) => records.iter().find_map(|record| match record.data() {
            domain::rdata::ZoneRecordData::Soa(soa) if record.owner() == apex => {
                Some(Serial(soa.serial().into_int()))
            }
            _ => None,
        }),
    }
}
