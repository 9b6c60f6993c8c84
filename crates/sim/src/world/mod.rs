//! The world: what happens when, and to whom.
//!
//! Start at [`World::seeded`], then [`World::run`]. Everything that happens is an event at a moment;
//! after each, the nodes that it met do what they have to, and every invariant is checked. Chance
//! comes from the seed alone.

mod build;
mod wire;

pub use build::Builder;

use crate::disk::Survival;
use crate::invariants::{self, Violation};
use crate::limits::{DISTRIBUTION_MAX, EVENTS_AT_ONCE_MAX, LOOK_INTERVAL};
use crate::node::{Node, NodeId};
use crate::origin::{Origin, Size, Version, zone};
use crate::primary::{Mood, Primary, PrimaryId};
use crate::time::Clock;
use imrs_transfer::message::notify;
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A world.
#[derive(Debug)]
pub struct World {
    seed: u64,
    now: Moment,
    pub(crate) origin: Origin,
    pub(crate) primaries: Vec<Primary>,
    /// What other root servers say; the only lie that they have is a serial.
    pub(crate) observers: Vec<Mood>,
    pub(crate) nodes: Vec<Node>,
    /// How many of the nodes have other nodes for their upstreams.
    leaves: usize,
    events: BTreeMap<(Moment, u64), Event>,
    next_event: u64,
    /// When each node is next woken, so that it is not woken twice.
    wakes: Vec<Option<Moment>>,
    at_once: (Moment, usize),
    /// Whether the origin makes mistakes.
    pub(crate) may_mishap: bool,
    pub(crate) rng: ChaCha8Rng,
}

/// Something that happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// A node looks at what is due.
    Wake(NodeId),
    /// A node looks at its clock.
    Look,
    /// An answer reaches a node, or it stops waiting for one.
    Answered {
        node: NodeId,
        boot: u64,
        answer: Option<Vec<u8>>,
    },
    /// A transfer ends.
    Transferred {
        node: NodeId,
        boot: u64,
        upstream: usize,
        messages: Vec<Vec<u8>>,
    },
    /// A NOTIFY reaches a node.
    Notified {
        node: NodeId,
        from: Option<usize>,
        message: Vec<u8>,
    },
    /// The answer to a NOTIFY reaches a node.
    Told {
        node: NodeId,
        boot: u64,
        downstream: usize,
        serial: Serial,
    },
    /// The answer of an observer reaches a node, or it stops waiting for one.
    Observed {
        node: NodeId,
        boot: u64,
        observer: usize,
        serial: Option<Serial>,
    },
    /// The origin publishes.
    Publish,
    /// A version reaches a primary.
    Learned(PrimaryId, Arc<Version>),
    /// A node is started.
    Start(NodeId),
    /// Something goes wrong.
    Disturb { until: Moment },
}

impl World {
    /// A world of one node and two primaries, unless the builder is told otherwise.
    pub fn seeded(seed: u64) -> Builder {
        Builder::new(seed)
    }

    /// Lets time pass.
    ///
    /// # Panics
    ///
    /// If an invariant is violated; the message has the seed.
    pub fn run(&mut self, time: Duration) {
        if let Err(violation) = self.try_run(time) {
            panic!("{violation}");
        }
    }

    /// Lets time pass, as far as every invariant holds.
    pub fn try_run(&mut self, time: Duration) -> Result<(), Violation> {
        let end = self.now + time;
        // Something may have been done to somebody.
        self.settle();
        while let Some(entry) = self.events.first_entry()
            && entry.key().0 <= end
        {
            let ((at, _), event) = entry.remove_entry();
            self.now = self.now.max(at);
            self.happen(event);
            self.settle();
            self.count_at_once()?;
            invariants::check(self)?;
        }
        self.now = end;
        self.settle();
        invariants::check(self)
    }

    /// Checks every invariant.
    ///
    /// # Panics
    ///
    /// If one is violated; the message has the seed.
    pub fn check_invariants(&self) {
        if let Err(violation) = invariants::check(self) {
            panic!("{violation}");
        }
    }

    /// What it was seeded with.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The present.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// The newest version that was published.
    pub fn newest(&self) -> Serial {
        self.origin.newest().serial()
    }

    /// A node.
    pub fn node(&self, NodeId(node): NodeId) -> &Node {
        &self.nodes[node]
    }

    /// A node, to do something to it.
    pub fn node_mut(&mut self, NodeId(node): NodeId) -> &mut Node {
        &mut self.nodes[node]
    }

    /// All nodes, those that fetch from others last.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.map(|(number, node)| (NodeId(number), node))
    }

    /// Whether a node fetches from other nodes.
    pub fn is_leaf(&self, NodeId(node): NodeId) -> bool {
        node >= self.nodes.len() - self.leaves
    }

    /// Primaries that there are.
    pub fn primaries(&self) -> impl Iterator<Item = PrimaryId> + use<> {
        (0..self.primaries.len()).map(PrimaryId)
    }

    /// The newest serial that a primary has.
    pub fn newest_of(&self, PrimaryId(primary): PrimaryId) -> Option<Serial> {
        let newest = self.primaries[primary].newest();
        newest.map(|version| version.serial())
    }

    /// Changes how a primary behaves. One that becomes honest hears of the newest version.
    pub fn set_mood(&mut self, primary: PrimaryId, mood: Mood) {
        self.primaries[primary.0].mood = mood;
        if mood == Mood::Honest {
            let newest = Arc::clone(self.origin.newest());
            self.after(Duration::ZERO, Event::Learned(primary, newest));
        }
    }

    /// Changes how an observer behaves.
    pub fn set_observer(&mut self, observer: usize, mood: Mood) {
        self.observers[observer] = mood;
    }

    /// Cuts a node off from all its upstreams, or joins it again.
    pub fn set_cut(&mut self, NodeId(node): NodeId, is_cut: bool) {
        for upstream in &mut self.nodes[node].upstreams {
            upstream.link.is_cut = is_cut;
        }
    }

    /// The clock of a node jumps. The node notices when it looks at it the next time.
    pub fn set_clock(&mut self, NodeId(node): NodeId, clock: Clock) {
        self.nodes[node].clock = clock;
        self.nodes[node].trail.clock_was_wrong |= clock != Clock::default();
        let look = LOOK_INTERVAL.mul_f64(self.rng.random_range(0.0..1.0));
        self.after(look, Event::Look);
    }

    /// Stops a node at once; it starts again after `time`.
    pub fn kill(&mut self, node: NodeId, survival: Survival, time: Duration) {
        self.node_mut(node).stop(survival);
        self.after(time, Event::Start(node));
    }

    /// Publishes a version now.
    pub fn publish(&mut self, size: Size) -> Serial {
        let version = self.origin.publish(self.now, size);
        for primary in self.primaries() {
            let delay = DISTRIBUTION_MAX.mul_f64(self.rng.random_range(0.0..1.0));
            self.after(delay, Event::Learned(primary, Arc::clone(&version)));
        }
        version.serial()
    }

    /// Somebody sends a NOTIFY to a node, in the name of one of its upstreams.
    pub fn forge_notify(&mut self, node: NodeId, from: Option<usize>, serial: Serial) {
        let soa = crate::lie::renumbered(&self.origin.newest().soa, serial);
        let message = notify(&zone(), Some(&soa), self.rng.random());
        let event = Event::Notified {
            node,
            from,
            message,
        };
        self.after(Duration::ZERO, event);
    }

    pub(crate) fn after(&mut self, delay: Duration, event: Event) {
        self.at(self.now + delay, event);
    }

    fn at(&mut self, at: Moment, event: Event) {
        self.events.insert((at, self.next_event), event);
        self.next_event += 1;
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Wake(NodeId(node)) => self.wakes[node] = None,
            // All look at the clock whenever anything happens.
            Event::Look => {}
            Event::Start(node) => {
                if !self.node(node).is_up() {
                    self.node_mut(node).start(now);
                }
            }
            Event::Answered { node, boot, answer } => {
                if let Some(node) = self.running(node, boot) {
                    node.handle_answer(now, answer);
                }
            }
            Event::Transferred {
                node,
                boot,
                upstream,
                mut messages,
            } => {
                // A cut in the meantime ends it anywhere.
                if self.nodes[node.0].upstreams[upstream].link.is_cut {
                    messages.truncate(self.rng.random_range(0..=messages.len()));
                }
                if let Some(node) = self.running(node, boot) {
                    node.handle_transfer(now, messages);
                }
            }
            Event::Notified {
                node,
                from,
                message,
            } => self.node_mut(node).handle_notify(now, from, &message),
            Event::Told {
                node,
                boot,
                downstream,
                serial,
            } => {
                if let Some(node) = self.running(node, boot) {
                    node.handle_told(now, downstream, serial);
                }
            }
            Event::Observed {
                node,
                boot,
                observer,
                serial,
            } => {
                if let Some(node) = self.running(node, boot) {
                    node.handle_observed(now, observer, serial);
                }
            }
            Event::Publish => {
                let mishap = self.may_mishap && self.rng.random_bool(0.1);
                self.publish(if mishap { Size::Mishap } else { Size::Usual });
                self.at(self.origin.next_at(), Event::Publish);
            }
            Event::Learned(primary, version) => {
                if self.primaries[primary.0].learn(&version) {
                    self.tell_nodes(primary, &version);
                }
            }
            Event::Disturb { until } => crate::chaos::disturb(self, until),
        }
    }

    /// The node, if it still runs since that start.
    fn running(&mut self, NodeId(node): NodeId, boot: u64) -> Option<&mut Node> {
        let node = &mut self.nodes[node];
        (node.is_up() && node.trail.boots == boot).then_some(node)
    }

    /// Lets every node do what is due, and wakes it when more is.
    fn settle(&mut self) {
        for node in 0..self.nodes.len() {
            let orders = self.nodes[node].poll(self.now);
            for order in orders {
                self.carry_out(NodeId(node), order);
            }
            let Some(timeout) = self.nodes[node].timeout(self.now) else {
                continue;
            };
            if self.wakes[node].is_none_or(|wake| timeout < wake) {
                self.wakes[node] = Some(timeout);
                self.at(timeout, Event::Wake(NodeId(node)));
            }
        }
    }

    /// Time must pass, or somebody goes in a circle.
    fn count_at_once(&mut self) -> Result<(), Violation> {
        let (at, count) = self.at_once;
        let count = if at == self.now { count + 1 } else { 0 };
        self.at_once = (self.now, count);
        match count > EVENTS_AT_ONCE_MAX {
            true => Err(Violation::new(self, None, "time does not pass".to_owned())),
            false => Ok(()),
        }
    }
}
