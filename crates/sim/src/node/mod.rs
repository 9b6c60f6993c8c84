//! A node: the machines of `imrs_transfer`, the proof of `imrs_zone` and the store of `imrs_node`,
//! joined as `imrs_node::keeping` joins them, with a simulated disk, clock and wire.
//!
//! Start at `Node::poll`, which says what to do, and the `handle_*` that take what came of it.
//! `life` begins and ends, `prove` leads from records to an image. A node does not know the true
//! time, what was published, or who lies.

mod life;
mod prove;
mod trail;
mod wire;

pub use trail::Trail;

use crate::disk::FaultyDisk;
use crate::link::Link;
use crate::origin::zone;
use crate::primary::PrimaryId;
use crate::time::Clock;
use imrs_engine::{Transport, respond};
use imrs_node::store::Store;
use imrs_transfer::compare::{self, Comparison, Verdict};
use imrs_transfer::incoming::{Incoming, Received};
use imrs_transfer::key::Key;
use imrs_transfer::message::{Asks, Request, notify, read_soa};
use imrs_transfer::notify::{self as telling, Notifier};
use imrs_transfer::refresh::{Action, Fetched, Primary, Refresh};
use imrs_transfer::time::Moment;
use imrs_transfer::tsig::Transaction;
use imrs_wire::Serial;
use imrs_zone::record::UnixTime;
use imrs_zone::{Anchors, Image};
use prove::{Proven, Step, prove};
use std::sync::Arc;
use std::time::Duration;
use wire::{receive, serial_of};

/// Which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeId(pub usize);

/// Where a node gets the zone from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// A primary.
    Primary(PrimaryId),
    /// Another node.
    Node(NodeId),
}

/// A primary as a node knows it.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Who it is.
    pub host: Host,
    /// The key that both have.
    pub key: Option<Key>,
    /// When it is asked.
    pub order: Primary,
    /// What lies between.
    pub link: Link,
}

/// A node.
#[derive(Debug)]
pub struct Node {
    /// What its clock shows.
    pub clock: Clock,
    /// Its disk.
    pub disk: FaultyDisk,
    /// Where it gets the zone from.
    pub upstreams: Vec<Upstream>,
    /// Who gets the zone from it.
    pub(crate) downstreams: Vec<NodeId>,
    /// How many observers it compares itself with.
    pub(crate) observers: usize,
    /// What happened to it, for those who judge.
    pub trail: Trail,
    anchors: Anchors,
    seed: u64,
    running: Option<Box<Running>>,
}

/// What a node has in memory while it runs.
#[derive(Debug)]
struct Running {
    store: Option<Store<FaultyDisk>>,
    refresh: Refresh,
    notifier: Notifier,
    comparison: Comparison,
    held: Option<Proven>,
    /// Whether what is held is served.
    is_in_service: bool,
    /// A copy from the disk that was confirmed too long ago to be served before it is again.
    too_old: Option<Moment>,
    accepted: Option<Serial>,
    job: Option<Job>,
    next_id: u16,
}

/// What is outstanding.
#[derive(Debug)]
enum Job {
    Ask {
        primary: usize,
        id: u16,
        signed: Option<Box<Transaction>>,
    },
    Fetch {
        primary: usize,
        incoming: Box<Incoming>,
        is_incremental: bool,
    },
}

/// What a node wants done.
#[derive(Debug)]
pub(crate) enum Order {
    /// Send this question to an upstream.
    Ask { upstream: usize, request: Vec<u8> },
    /// Send this request for a transfer to an upstream.
    Fetch { upstream: usize, request: Vec<u8> },
    /// Ask this observer what it has.
    Observe { observer: usize },
    /// Send this NOTIFY to a downstream.
    Tell {
        downstream: usize,
        serial: Serial,
        message: Vec<u8>,
    },
}

impl Node {
    /// Whether it runs.
    pub fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// The serial that it serves, if it serves any.
    pub fn serial(&self) -> Option<Serial> {
        let running = self.running.as_ref()?;
        let held = running.held.as_ref().filter(|_| running.is_in_service)?;
        Some(held.packed.serial())
    }

    /// The image that it serves.
    pub fn image(&self) -> Option<&Arc<Image>> {
        let running = self.running.as_ref()?;
        let held = running.held.as_ref().filter(|_| running.is_in_service)?;
        Some(&held.image)
    }

    /// The octets of the zone that it serves.
    pub(crate) fn zone_octets(&self) -> Option<&[u8]> {
        let running = self.running.as_ref()?;
        let held = running.held.as_ref().filter(|_| running.is_in_service)?;
        Some(held.packed.octets())
    }

    /// When the first signature ends of what it serves.
    pub(crate) fn signatures_end(&self) -> Option<UnixTime> {
        let running = self.running.as_ref()?;
        let held = running.held.as_ref().filter(|_| running.is_in_service)?;
        Some(held.expires)
    }

    /// Whether something is outstanding.
    pub(crate) fn has_job(&self) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| running.job.is_some())
    }

    /// What it answers to a query, as its engine does; nothing while it is down.
    pub fn respond(&self, query: &[u8]) -> Option<Vec<u8>> {
        self.running.as_ref()?;
        let service = prove::service(self.image().cloned());
        let mut room = [0; prove::UDP_OCTETS];
        let length = respond(&service, Transport::Udp.into(), query, &mut room).len;
        Some(room[..length].to_vec())
    }

    /// The machine that decides, while it runs.
    pub fn refresh(&self) -> Option<&Refresh> {
        self.running.as_ref().map(|running| &running.refresh)
    }

    /// Lets the operator ask something of the machine that decides.
    pub fn operate(&mut self, operate: impl FnOnce(&mut Refresh)) {
        if let Some(running) = &mut self.running {
            operate(&mut running.refresh);
        }
    }

    /// The operator lets one serial pass.
    pub fn accept(&mut self, now: Moment, serial: Serial) {
        if let Some(running) = &mut self.running {
            running.accepted = Some(serial);
            running.refresh.accept(now, serial);
        }
    }

    /// What to do now.
    pub(crate) fn poll(&mut self, now: Moment) -> Vec<Order> {
        let wall = self.clock.read(now);
        self.look(now);
        let Some(running) = &mut self.running else {
            return Vec::new();
        };
        let mut orders = Vec::new();
        while let Some(action) = running.refresh.poll_action(now) {
            orders.push(match action {
                Action::Ask { primary } => {
                    self.trail.asks += 1;
                    running.ask(&self.upstreams[primary], primary, wall)
                }
                Action::Fetch { primary, from } => {
                    self.trail.fetch(now, primary);
                    running.fetch(&self.upstreams[primary], primary, from, wall)
                }
            });
        }
        while let Some(telling::Action::Send { secondary, serial }) =
            running.notifier.poll_action(now)
        {
            let soa = running.held.as_ref().map(|held| &held.soa);
            running.next_id = running.next_id.wrapping_add(1);
            orders.push(Order::Tell {
                downstream: secondary,
                serial,
                message: notify(&zone(), soa, running.next_id),
            });
        }
        while let Some(compare::Action::Ask { observer }) = running.comparison.poll_action(now) {
            orders.push(Order::Observe { observer });
        }
        orders
    }

    /// When to poll again.
    pub(crate) fn timeout(&self, now: Moment) -> Option<Moment> {
        let running = self.running.as_ref()?;
        // It looks at its clock now and then, for which the world wakes it when that jumps; while
        // it does not, this is when there is something to see.
        let wall = self.clock.read(now);
        let end = self.signatures_end();
        let look = end.map(|end| now + Duration::from_secs(end.0.saturating_sub(wall.0).max(1)));
        let timeouts = [
            running.refresh.poll_timeout(),
            running.notifier.poll_timeout(),
            running.comparison.poll_timeout(),
            look,
        ];
        timeouts.into_iter().flatten().min()
    }

    /// An upstream answered a question, or did not.
    pub(crate) fn handle_answer(&mut self, now: Moment, answer: Option<Vec<u8>>) {
        let wall = self.clock.read(now);
        let Some(running) = &mut self.running else {
            return;
        };
        let Some(Job::Ask {
            primary,
            id,
            signed,
        }) = running.job.take()
        else {
            return;
        };
        let soa = answer.and_then(|mut answer| {
            if let Some(signed) = signed {
                signed.verify(&mut answer, wall).ok()?;
            }
            read_soa(&answer, &zone(), id).ok()
        });
        match soa {
            Some(soa) => {
                running.refresh.handle_soa(now, primary, soa.serial);
                self.note_confirmation(now, soa.serial);
            }
            None => running.refresh.handle_unanswered(now, primary),
        }
    }

    /// An observer answered, or did not.
    pub(crate) fn handle_observed(&mut self, now: Moment, observer: usize, serial: Option<Serial>) {
        if let Some(running) = &mut self.running {
            match serial {
                Some(serial) => running.comparison.handle_answer(now, observer, serial),
                None => running.comparison.handle_unanswered(now, observer),
            }
        }
    }

    /// How what it serves compares with what observers have.
    pub fn verdict(&self, now: Moment) -> Option<Verdict> {
        let running = self.running.as_ref()?;
        Some(running.comparison.verdict(now, self.serial()?))
    }

    /// A transfer ended: this is all that came, in order.
    pub(crate) fn handle_transfer(&mut self, now: Moment, messages: Vec<Vec<u8>>) {
        let wall = self.clock.read(now);
        let Some(running) = &mut self.running else {
            return;
        };
        let Some(Job::Fetch {
            primary,
            incoming,
            is_incremental,
        }) = running.job.take()
        else {
            return;
        };
        let fetched = match receive(*incoming, messages, wall) {
            Ok(received) => self.take(now, received),
            Err(error) if is_incremental && error.wants_axfr() => Fetched::NoDifferences,
            Err(_) => Fetched::Failed,
        };
        if let Some(running) = &mut self.running {
            running.refresh.handle_fetched(now, primary, fetched);
        }
    }

    /// Proves what came and serves it.
    fn take(&mut self, now: Moment, received: Received) -> Fetched {
        let wall = self.clock.read(now);
        let Some(running) = &mut self.running else {
            return Fetched::Failed;
        };
        let (records, incremental) = match received {
            Received::Current(_) => return Fetched::Current,
            Received::Zone(records) => (Ok(records), false),
            Received::Differences(chain) => (running.apply(&chain), true),
        };
        let Ok(records) = records else {
            return Fetched::NoDifferences;
        };
        let serial = serial_of(&records);
        let step = Step {
            held: running.held.as_ref(),
            is_served: running.is_in_service,
            accepted: running.accepted,
        };
        let proven = match prove(records, Some(&step), &self.anchors, wall) {
            Ok(proven) => proven,
            Err(reason) => {
                self.trail.refused += 1;
                self.trail.refusal = Some(reason.clone());
                return Fetched::Refused {
                    serial,
                    reason,
                    incremental,
                };
            }
        };
        let timers = proven.timers;
        self.trail.incremental += usize::from(incremental);
        self.swap(now, proven);
        Fetched::Accepted { serial, timers }
    }

    /// Puts a proven version into service, and then on disk.
    fn swap(&mut self, now: Moment, proven: Proven) {
        let Some(running) = &mut self.running else {
            return;
        };
        let serial = proven.packed.serial();
        running.accepted.take_if(|accepted| *accepted == serial);
        running.too_old = None;
        running.notifier.handle_serial(now, serial);
        let before = running.held.replace(proven);
        running.is_in_service = true;
        self.trail.swap(now, serial);
        self.save(now, before.as_ref());
    }

    /// A NOTIFY came, as it seems from this upstream.
    pub(crate) fn handle_notify(&mut self, now: Moment, from: Option<usize>, message: &[u8]) {
        let Some(running) = &mut self.running else {
            return;
        };
        if let Some(Asks::Notify { zone: of, serial }) =
            Request::parse(message).map(|request| request.asks)
            && of == zone()
        {
            running.refresh.handle_notify(now, from, serial);
        }
    }

    /// A downstream answered a NOTIFY.
    pub(crate) fn handle_told(&mut self, now: Moment, downstream: usize, serial: Serial) {
        if let Some(running) = &mut self.running {
            let rcode = domain::base::iana::Rcode::NOERROR;
            running
                .notifier
                .handle_answer(now, downstream, serial, rcode);
        }
    }
}
