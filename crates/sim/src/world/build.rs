//! How a world is set up.

use super::{Event, World};
use crate::disk::FaultyDisk;
use crate::limits::LIFETIME;
use crate::link::Link;
use crate::node::{Host, Node, NodeId, Upstream};
use crate::origin::Origin;
use crate::primary::{Ixfr, Mood, Primary, PrimaryId};
use crate::time::BEGIN;
use imrs_transfer::key::{Algorithm, Key};
use imrs_transfer::refresh;
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
    observers: usize,
    first: Serial,
    lifetime: Duration,
}

impl Builder {
    pub(super) fn new(seed: u64) -> Self {
        Builder {
            seed,
            nodes: 1,
            leaves: 0,
            primaries: 2,
            observers: 0,
            first: Serial(2_026_080_100),
            lifetime: LIFETIME,
        }
    }

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

    /// So many primaries. Every second one wants signed requests; the first two give differences,
    /// the third the whole zone instead, the fourth an error.
    #[must_use]
    pub fn primaries(self, primaries: usize) -> Self {
        Builder { primaries, ..self }
    }

    /// So many observers, which are honest: other root servers.
    #[must_use]
    pub fn observers(self, observers: usize) -> Self {
        Builder { observers, ..self }
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
            .map(|number| Primary::new((number % 2 == 1).then(key), IXFR[number % IXFR.len()]))
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
            let mut node = Node::new(upstreams, disk, anchors.clone(), rng.random());
            node.observers = self.observers;
            nodes.push(node);
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
            observers: vec![Mood::Honest; self.observers],
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

const IXFR: [Ixfr; 4] = [
    Ixfr::Differences,
    Ixfr::Differences,
    Ixfr::Whole,
    Ixfr::Unknown,
];

/// The key that primaries and nodes share.
fn key() -> Key {
    let name = "xfr-key.".parse().expect("this is a name");
    Key::new(name, Algorithm::HmacSha256, &[7; 32])
}
