//! All nodes, the messages between them, and what holds after every step.

use super::node::{Node, name};
use crate::limits::{FLEET_REACTION, FLEET_STEP};
use imrs_fleet::anycast::{Order, PeerId};
use imrs_wire::time::Moment;
use imrs_wire::{Both, Family};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

/// Milliseconds between two rounds of probes.
const PROBES: u64 = 500;

/// What nodes say to each other.
#[derive(Clone, Copy, Debug)]
enum Said {
    Asked,
    Promised(Duration),
    Refused,
}

/// A message on its way.
#[derive(Clone, Copy, Debug)]
struct Message {
    due: u64,
    from: usize,
    to: usize,
    /// When the question was asked, by the clock of who asked.
    asked_at: Moment,
    /// The life of the process that asked.
    life: u64,
    said: Said,
}

/// Nodes that stand in for each other.
#[derive(Debug)]
pub struct World {
    seed: u64,
    pub(super) rng: ChaCha8Rng,
    /// Milliseconds since the beginning.
    pub(super) now: u64,
    pub(super) floor: usize,
    pub(super) nodes: Vec<Node>,
    lives: Vec<u64>,
    messages: Vec<Message>,
    /// Until when who promised is bound in truth, by giver and asker.
    bound: Vec<Vec<u64>>,
    /// A promise that should not have been given.
    broken: Option<String>,
    /// Groups of nodes that do not reach each other: bits of the group of the first.
    pub(super) cut: u32,
    /// Messages of a hundred that are lost.
    pub(super) loss: u32,
    /// Longest delay of a message, in milliseconds.
    pub(super) delay: u64,
    /// Times that somebody withdrew for a soft reason.
    pub(super) leases_used: u64,
}

impl World {
    /// One whose size, floor and clocks come of a seed. All are up and well.
    #[must_use]
    pub fn seeded(seed: u64) -> World {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = rng.random_range(1..=8);
        let floor = rng.random_range(1..=count.min(3));
        let nodes = (0..count).map(|index| {
            // A hundred times as wrong as quartz is.
            Node::new(index, count, floor, rng.random_range(-10_000..=10_000))
        });
        let mut world = World {
            nodes: nodes.collect(),
            seed,
            rng,
            now: 0,
            floor,
            lives: vec![0; count],
            messages: Vec::new(),
            bound: vec![vec![0; count]; count],
            broken: None,
            cut: 0,
            loss: 0,
            delay: 100,
            leases_used: 0,
        };
        for node in &mut world.nodes {
            node.start(0);
        }
        world
    }

    /// Lives for so many milliseconds, or to what must not be.
    pub fn run(&mut self, lasting: u64) -> Result<(), String> {
        let end = self.now + lasting;
        while self.now < end {
            self.now += FLEET_STEP;
            self.deliver();
            for index in 0..self.nodes.len() {
                self.step(index);
                self.hold()?;
            }
        }
        Ok(())
    }

    fn step(&mut self, index: usize) {
        let delay = self.rng.random_range(0..10) * FLEET_STEP;
        let node = &mut self.nodes[index];
        // Nodes look at themselves out of step with each other.
        if (self.now + index as u64 * FLEET_STEP).is_multiple_of(PROBES) {
            node.look(self.now);
        }
        let was_announced = node.is_announced();
        node.round(self.now, delay);
        let is_soft = was_announced && !node.is_announced() && node.excused_until <= self.now;
        self.leases_used += u64::from(is_soft);
        let clock = node.clock(self.now);
        let Some(process) = &mut node.process else {
            return;
        };
        let asks: Vec<PeerId> = std::iter::from_fn(|| process.anycast.poll_ask(clock))
            .map(|ask| ask.peer)
            .collect();
        for peer in asks {
            let to = peer.0.parse().expect("peers are named by their numbers");
            self.send(index, to, clock, self.lives[index], Said::Asked);
        }
    }

    fn send(&mut self, from: usize, to: usize, asked_at: Moment, life: u64, said: Said) {
        let is_cut = (self.cut >> from) & 1 != (self.cut >> to) & 1;
        if is_cut || self.rng.random_range(0..100) < self.loss {
            return;
        }
        let due = self.now + self.rng.random_range(0..=self.delay);
        self.messages.push(Message {
            due,
            from,
            to,
            asked_at,
            life,
            said,
        });
    }

    fn deliver(&mut self) {
        let now = self.now;
        let (due, later) = self
            .messages
            .drain(..)
            .partition(|message| message.due <= now);
        self.messages = later;
        let due: Vec<Message> = due;
        for Message {
            from,
            to,
            asked_at,
            life,
            said,
            ..
        } in due
        {
            let node = &mut self.nodes[to];
            let clock = node.clock(now);
            let Some(process) = &mut node.process else {
                continue;
            };
            let anycast = &mut process.anycast;
            match said {
                Said::Asked => {
                    let answer = match anycast.may_promise(clock, &name(from), Family::V4) {
                        Ok(lasting) => Said::Promised(lasting),
                        Err(_) => Said::Refused,
                    };
                    if let Said::Promised(lasting) = answer {
                        self.bound[to][from] = node.true_time(now, lasting);
                        if !node.is_announced() || node.is_unfit() {
                            self.broken = Some(format!("node {to} promised what it is not"));
                        }
                    }
                    self.send(to, from, asked_at, life, answer);
                }
                // An answer to the process before finds nobody who asked.
                _ if life != self.lives[to] => {}
                Said::Promised(lasting) => {
                    anycast.handle_promise(clock, &name(from), Family::V4, asked_at, lasting);
                }
                Said::Refused => anycast.handle_refusal(clock, &name(from), Family::V4),
            }
        }
    }

    /// A process ends without a word.
    pub(super) fn crash(&mut self, index: usize) {
        self.nodes[index].crash();
        self.lives[index] += 1;
    }

    /// A process starts where none runs.
    pub(super) fn start(&mut self, index: usize) {
        if self.nodes[index].process.is_none() {
            self.nodes[index].start(self.now);
        }
    }

    /// The zone of a node can be proven from now on, or no longer.
    pub(super) fn prove(&mut self, index: usize, is_proven: bool) {
        let node = &mut self.nodes[index];
        node.is_proven = is_proven;
        node.unproven_since = match is_proven {
            true => None,
            false => node.unproven_since.or(Some(self.now)),
        };
    }

    /// An operator drains a node, or ends that.
    pub(super) fn drain(&mut self, index: usize, force: Option<bool>) {
        let families = Both {
            v4: true,
            v6: false,
        };
        let node = &mut self.nodes[index];
        let clock = node.clock(self.now);
        let Some(process) = &mut node.process else {
            return;
        };
        let order = match force {
            Some(force) => Order::Drain { families, force },
            None => Order::Undrain { families },
        };
        let taken = process.anycast.handle_order(clock, order);
        taken.expect("the family exists and nobody stops");
        // Who was drained by force is excused until it has come back.
        if node.is_forced || force == Some(true) {
            node.excuse(self.now, Duration::ZERO);
        }
        node.is_forced = force == Some(true);
    }

    /// Somebody who is bound by a promise to a node.
    pub(super) fn giver_to(&self, asker: usize) -> Option<usize> {
        self.bound.iter().position(|given| given[asker] > self.now)
    }

    /// What must hold at any time.
    fn hold(&self) -> Result<(), String> {
        let now = self.now;
        let is_up = |node: &&Node| node.is_announced() || is_excused(node, now);
        let up = self.nodes.iter().filter(is_up).count();
        if up < self.floor.min(self.nodes.len()) {
            let why = format!("{up} announce or could not, the floor is {}", self.floor);
            return Err(self.failure(&why));
        }
        if let Some(broken) = &self.broken {
            return Err(self.failure(broken));
        }
        for (index, node) in self.nodes.iter().enumerate() {
            // Stronger than the floor: whoever is out by own decision leans on others.
            let leans_on = self.bound.iter().filter(|giver| giver[index] > now).count();
            if !is_up(&node) && leans_on < self.floor {
                return Err(self.failure(&format!("node {index} is out on {leans_on} promises")));
            }
            let since = node.unproven_since.filter(|_| node.is_announced());
            if since.is_some_and(|since| now - since > FLEET_REACTION) {
                return Err(self.failure(&format!("node {index} announces what it cannot prove")));
            }
        }
        Ok(())
    }

    /// What went wrong, and how to see it again.
    pub(super) fn failure(&self, what: &str) -> String {
        let nodes: Vec<String> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(index, node)| {
                let standing = node
                    .process
                    .as_ref()
                    .map(|process| process.anycast.standing(node.clock(self.now), Family::V4));
                let (in_force, excused) = (node.in_force, is_excused(node, self.now));
                format!("  node {index}: {in_force:?}, excused {excused}, {standing:?}")
            })
            .collect();
        format!(
            "seed {} after {} ms: {what}\n{}\nagain: IMRS_SIM_SEED={} cargo test -p imrs-sim --test floor",
            self.seed,
            self.now,
            nodes.join("\n"),
            self.seed
        )
    }
}

/// It is not by own decision that a node does not announce.
fn is_excused(node: &Node, now: u64) -> bool {
    node.process.is_none() || node.is_forced || now < node.excused_until
}
