//! The world: what happens when, and to whom.
//!
//! Start at [`World::seeded`], then [`World::run`]. Everything that happens is an event at a moment;
//! after each, the nodes that it met do what they have to, and every invariant is checked. Chance
//! comes from the seed alone.

use crate::disk::{FaultyDisk, Survival};
use crate::invariants::{self, Violation};
use crate::limits::{
    ASK_PATIENCE, ASK_TRIES, DISTRIBUTION_MAX, EVENTS_AT_ONCE_MAX, LIFETIME, MESSAGE_TIME,
};
use crate::link::Link;
use crate::node::{Host, Node, NodeId, Order, Upstream};
use crate::origin::{Origin, Size, Version, zone};
use crate::primary::{Mood, Primary, PrimaryId};
use crate::speech::{Pace, Script};
use crate::time::{BEGIN, unix};
use imrs_transfer::key::{Algorithm, Key};
use imrs_transfer::limits::INCOMING_WALL;
use imrs_transfer::message::notify;
use imrs_transfer::refresh;
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Builds a [`World`].
#[derive(Clone, Debug)]
pub struct Builder {
    seed: u64,
    nodes: usize,
    leaves: usize,
    primaries: usize,
    first: Serial,
    lifetime: Duration,
}

/// A world.
#[derive(Debug)]
pub struct World {
    seed: u64,
    now: Moment,
    pub(crate) origin: Origin,
    pub(crate) primaries: Vec<Primary>,
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
    /// The origin publishes.
    Publish,
    /// A version reaches a primary.
    Learned(PrimaryId, Arc<Version>),
    /// A node is started.
    Start(NodeId),
    /// Something goes wrong.
    Disturb { until: Moment },
}

impl Builder {
    /// So many nodes that fetch from the primaries.
    #[must_use]
    pub fn nodes(self, nodes: usize) -> Self {
        Builder { nodes, ..self }
    }

    /// So many nodes besides that fetch from those.
    #[must_use]
    pub fn leaves(self, leaves: usize) -> Self {
        Builder { leaves, ..self }
    }

    /// So many primaries. Every second one wants signed requests, every third gives no differences.
    #[must_use]
    pub fn primaries(self, primaries: usize) -> Self {
        Builder { primaries, ..self }
    }

    /// The serial of the first version.
    #[must_use]
    pub fn first(self, first: Serial) -> Self {
        Builder { first, ..self }
    }

    /// How long signatures hold.
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Builder { lifetime, ..self }
    }

    /// Makes the world, and starts its nodes.
    pub fn build(self) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let primaries: Vec<Primary> = (0..self.primaries)
            .map(|number| Primary::new((number % 2 == 1).then(key), number % 3 != 2))
            .collect();
        let upstream = |host, key| Upstream {
            host,
            key,
            order: refresh::Primary {
                priority: 0,
                weight: 1,
            },
            link: Link::GOOD,
        };
        let origin = Origin::new(self.first, self.lifetime);
        let anchors = origin.newest().anchors();
        let mut nodes: Vec<Node> = Vec::new();
        for number in 0..self.nodes + self.leaves {
            let upstreams: Vec<Upstream> = match number < self.nodes {
                true => (0..self.primaries)
                    .map(|id| upstream(Host::Primary(PrimaryId(id)), primaries[id].key.clone()))
                    .collect(),
                false => (0..self.nodes)
                    .map(|id| upstream(Host::Node(NodeId(id)), None))
                    .collect(),
            };
            let disk = FaultyDisk::seeded(rng.random());
            nodes.push(Node::new(upstreams, disk, anchors.clone(), rng.random()));
        }
        for leaf in self.nodes..self.nodes + self.leaves {
            for node in &mut nodes[..self.nodes] {
                node.downstreams.push(NodeId(leaf));
            }
        }
        let mut world = World {
            seed: self.seed,
            now: BEGIN,
            wakes: vec![None; nodes.len()],
            origin,
            primaries,
            nodes,
            leaves: self.leaves,
            events: BTreeMap::new(),
            next_event: 0,
            at_once: (BEGIN, 0),
            may_mishap: false,
            rng,
        };
        let first = Arc::clone(world.origin.newest());
        for primary in &mut world.primaries {
            primary.learn(&first);
        }
        for node in 0..world.nodes.len() {
            world.after(Duration::ZERO, Event::Start(NodeId(node)));
        }
        world.at(world.origin.next_at(), Event::Publish);
        world
    }
}

impl World {
    /// A world of one node and two primaries, unless the builder is told otherwise.
    pub fn seeded(seed: u64) -> Builder {
        Builder {
            seed,
            nodes: 1,
            leaves: 0,
            primaries: 2,
            first: Serial(2_026_080_100),
            lifetime: LIFETIME,
        }
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

    /// Changes how a primary behaves. One that becomes honest hears of the newest version.
    pub fn set_mood(&mut self, primary: PrimaryId, mood: Mood) {
        self.primaries[primary.0].mood = mood;
        if mood == Mood::Honest {
            let newest = Arc::clone(self.origin.newest());
            self.after(Duration::ZERO, Event::Learned(primary, newest));
        }
    }

    /// Cuts a node off from all its upstreams, or joins it again.
    pub fn set_cut(&mut self, NodeId(node): NodeId, is_cut: bool) {
        for upstream in &mut self.nodes[node].upstreams {
            upstream.link.is_cut = is_cut;
        }
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

    /// A primary sends NOTIFY to all nodes that fetch from it (RFC 1996).
    fn tell_nodes(&mut self, primary: PrimaryId, version: &Version) {
        let message = notify(&zone(), Some(&version.soa), self.rng.random());
        for node in 0..self.nodes.len() {
            let upstreams = &self.nodes[node].upstreams;
            let from = upstreams
                .iter()
                .position(|upstream| upstream.host == Host::Primary(primary));
            let Some(from) = from else {
                continue;
            };
            let link = upstreams[from].link;
            if self.passes(link) {
                let event = Event::Notified {
                    node: NodeId(node),
                    from: Some(from),
                    message: message.clone(),
                };
                self.after(link.delay, event);
            }
        }
    }

    /// Whether one packet comes through.
    fn passes(&mut self, link: Link) -> bool {
        !link.is_cut && self.rng.random_range(0..100) >= link.loss_percent
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

    fn carry_out(&mut self, id: NodeId, order: Order) {
        let boot = self.nodes[id.0].trail.boots;
        match order {
            Order::Ask { upstream, request } => {
                let Upstream { host, link, .. } = self.nodes[id.0].upstreams[upstream];
                let script = self.answer(host, request);
                let (delay, answer) = self.asked(link, script);
                let event = Event::Answered {
                    node: id,
                    boot,
                    answer,
                };
                self.after(delay, event);
            }
            Order::Fetch { upstream, request } => {
                let Upstream { host, link, .. } = self.nodes[id.0].upstreams[upstream];
                let script = self.answer(host, request).filter(|_| !link.is_cut);
                let (delay, messages) = fetched(link, script);
                let event = Event::Transferred {
                    node: id,
                    boot,
                    upstream,
                    messages,
                };
                self.after(delay, event);
            }
            Order::Tell {
                downstream,
                serial,
                message,
            } => self.tell(id, downstream, serial, message),
        }
    }

    fn answer(&self, host: Host, request: Vec<u8>) -> Option<Script> {
        match host {
            Host::Primary(PrimaryId(primary)) => {
                self.primaries[primary].answer(request, unix(self.now))
            }
            Host::Node(NodeId(node)) => self.nodes[node].answer(request, unix(self.now)),
        }
    }

    /// How long a question takes, and what comes of it: it is sent a few times over UDP.
    fn asked(&mut self, link: Link, script: Option<Script>) -> (Duration, Option<Vec<u8>>) {
        let answer = script.and_then(|script| script.messages.into_iter().next());
        let mut waited = Duration::ZERO;
        for _ in 0..ASK_TRIES {
            if self.passes(link) && self.passes(link) && answer.is_some() {
                return (waited + 2 * link.delay, answer);
            }
            waited += ASK_PATIENCE / ASK_TRIES;
        }
        (ASK_PATIENCE, None)
    }

    /// A node tells one of its downstreams, who answers.
    fn tell(&mut self, from: NodeId, downstream: usize, serial: Serial, message: Vec<u8>) {
        let to = self.nodes[from.0].downstreams[downstream];
        let upstreams = &self.nodes[to.0].upstreams;
        let upstream = upstreams
            .iter()
            .position(|upstream| upstream.host == Host::Node(from));
        let link = upstream.map_or(Link::GOOD, |upstream| upstreams[upstream].link);
        if !self.passes(link) {
            return;
        }
        let event = Event::Notified {
            node: to,
            from: upstream,
            message,
        };
        self.after(link.delay, event);
        if self.nodes[to.0].is_up() && self.passes(link) {
            let event = Event::Told {
                node: from,
                boot: self.nodes[from.0].trail.boots,
                downstream,
                serial,
            };
            self.after(2 * link.delay, event);
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

/// How long a transfer takes, and what comes of it.
fn fetched(link: Link, script: Option<Script>) -> (Duration, Vec<Vec<u8>>) {
    let Some(script) = script else {
        return (ASK_PATIENCE, Vec::new());
    };
    if script.pace == Pace::Trickle {
        // The node ends it before there is one whole message.
        return (INCOMING_WALL, Vec::new());
    }
    let count = u32::try_from(script.messages.len()).unwrap_or(u32::MAX);
    // TCP repairs losses, and takes its time for that.
    let time = MESSAGE_TIME * count * (1 + link.loss_percent);
    (4 * link.delay + time, script.messages)
}

/// The key that primaries and nodes share.
fn key() -> Key {
    let name = "xfr-key.".parse().expect("this is a name");
    Key::new(name, Algorithm::HmacSha256, &[7; 32])
}
