//! What lies between nodes, primaries and observers: who is asked, what comes back and when.

use super::{Event, World};
use crate::limits::{ASK_PATIENCE, ASK_TRIES, MESSAGE_TIME, OBSERVER_DELAY};
use crate::link::Link;
use crate::node::{Host, NodeId, Order, Upstream};
use crate::origin::{Version, zone};
use crate::primary::{Mood, PrimaryId};
use crate::speech::{Pace, Script};
use crate::time::unix;
use imrs_transfer::limits::INCOMING_WALL;
use imrs_transfer::message::notify;
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use rand::RngExt;
use std::time::Duration;

impl World {
    /// Does what a node wants done.
    pub(super) fn carry_out(&mut self, id: NodeId, order: Order) {
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
            Order::Observe { observer } => {
                let serial = self.observe(observer);
                let event = Event::Observed {
                    node: id,
                    boot,
                    observer,
                    serial,
                };
                self.after(OBSERVE_TIME, event);
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

    /// What an observer says.
    fn observe(&mut self, observer: usize) -> Option<Serial> {
        let then = Moment(self.now.0.saturating_sub(OBSERVER_DELAY));
        match self.observers[observer] {
            Mood::Honest => self.origin.newest_at(then).map(|version| version.serial()),
            Mood::Stale => self.origin.versions().first().map(|first| first.serial()),
            Mood::Lying(_, ahead) => Some(Serial(self.newest().0.wrapping_add(ahead))),
            Mood::Dead => None,
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

    /// A primary sends NOTIFY to all nodes that fetch from it (RFC 1996).
    pub(super) fn tell_nodes(&mut self, primary: PrimaryId, version: &Version) {
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

/// Time that an observer takes to answer.
const OBSERVE_TIME: Duration = Duration::from_millis(100);
