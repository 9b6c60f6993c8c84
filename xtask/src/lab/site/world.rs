//! All that runs: the networks, the nodes, and the servers around them.
//!
//! Start reading at [`World::build`]; a scene begins with [`World::settle`]. This file does not
//! know what is played.

use super::load::{Asked, Load, PATIENCE};
use super::measure::{Span, losses};
use super::network::Network;
use super::node::Node;
use super::plan::{Place, SERVICE};
use super::query::By;
use super::servers::{self, Falsifiers};
use super::users::Users;
use super::waiting::pause;
use super::watch::{Leads, Watch};
use super::zone::{Life, Roots, falsified};
use crate::lab::transcript::Transcript;
use crate::peers::{Daemon, Peer};
use crate::transfer::Host;
use anyhow::{Context, Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Everything. Fields end in this order when it is dropped: who asks, who answers, the network.
pub(super) struct World {
    /// What is told while it happens.
    pub(super) transcript: Transcript,
    /// Load, by catchment.
    pub(super) loads: BTreeMap<Place, Load>,
    /// People who ask resolvers.
    pub(super) users: Vec<Users>,
    /// The routes of the routers that decide.
    pub(super) watches: BTreeMap<Place, Watch>,
    falsifiers: BTreeMap<Place, Falsifiers>,
    /// Nodes that were unfit: the next time, they would be on probation for longer.
    blamed: BTreeSet<Place>,
    /// The nodes.
    pub(super) nodes: BTreeMap<Place, Node>,
    _resolvers: Vec<Daemon>,
    _domains: Peer,
    /// Where the zone comes from.
    pub(super) primary: Host,
    /// What it is made by.
    pub(super) roots: Roots,
    falsified: String,
    /// Queries a second that upgrades are done under, once it is known.
    pub(super) half: Option<u32>,
    /// Losses until then are those of a load that was too much on purpose.
    pub(super) overloaded_until: Duration,
    /// Those of the clients of the Cluster otherwise.
    pub(super) usual: u32,
    /// Whether capacity is not looked for.
    pub(super) is_brief: bool,
    /// The places.
    pub(super) network: Network,
    _folder: TempDir,
}

impl World {
    /// Builds it, with load that goes on until the end, and waits until all is announced.
    pub(super) fn build(
        program: &Path,
        tlds: usize,
        rates: &Rates,
        is_brief: bool,
    ) -> Result<World> {
        let transcript = Transcript::new();
        let folder = tempfile::tempdir()?;
        let mut roots = Roots::new(tlds)?;
        let version = roots.make(Life::LONG)?;
        let falsified = falsified(&version)?;
        transcript.tell("lab", "joins the networks");
        let network = Network::build()?;
        transcript.tell("links", network.links);
        let primary = servers::primary(&network, &roots.anchors, &version)?;
        let domains = servers::domains(&network, folder.path())?;
        let start = transcript.start;
        let mut watches = BTreeMap::new();
        for (router, _) in Place::ROUTERS {
            watches.insert(router, Watch::start(&network, router, start)?);
        }
        transcript.tell("lab", "starts the nodes");
        let mut nodes = BTreeMap::new();
        for place in Place::ANNOUNCING {
            let node = Node::start(program, &network, place, &roots.anchors)?;
            nodes.insert(place, node);
        }
        let resolvers =
            Place::CATCHMENTS.map(|place| servers::resolver(&network, place, &roots.anchors));
        let mut world = World {
            transcript,
            loads: BTreeMap::new(),
            users: Vec::new(),
            watches,
            falsifiers: BTreeMap::new(),
            blamed: BTreeSet::new(),
            nodes,
            _resolvers: resolvers.into_iter().collect::<Result<_>>()?,
            _domains: domains,
            primary,
            roots,
            falsified,
            half: None,
            overloaded_until: Duration::ZERO,
            usual: rates.0[0].1,
            is_brief,
            network,
            _folder: folder,
        };
        world.settle()?;
        for (place, rate, flows) in rates.0 {
            let load = Load::start(&world.network, place, (rate, flows), start)?;
            world.loads.insert(place, load);
            world
                .users
                .push(Users::start(&world.network, place, start)?);
        }
        Ok(world)
    }

    /// Waits until all that may announce do, in both families, and nobody has noticed anything for
    /// a moment. Nodes that were unfit have a new process then, which knows nothing of it: a scene
    /// does not depend on those before.
    pub(super) fn settle(&mut self) -> Result<()> {
        let blamed = std::mem::take(&mut self.blamed);
        for place in &blamed {
            let (node, network) = self.node_mut(*place);
            node.begin_to_take_over(network)?;
        }
        for place in &blamed {
            self.node_mut(*place).0.end_taking_over()?;
        }
        for place in Place::ANNOUNCING {
            let watch = self.watch(place.home().router);
            watch
                .wait(Leads::There, place, SETTLE)
                .with_context(|| format!("before the scene:\n{}", self.nodes[&place].log_ends()))?;
        }
        pause(QUIET)?;
        let start = Instant::now();
        let is_well = |users: &Users| users.are_well_since(self.now().saturating_sub(QUIET));
        while !self.users.iter().all(is_well) {
            ensure!(
                start.elapsed() < SETTLE,
                "resolvers still fail after {SETTLE:?}"
            );
            pause(PAUSE)?;
        }
        Ok(())
    }

    /// Nodes were unfit.
    pub(super) fn blame(&mut self, places: &[Place]) {
        self.blamed.extend(places);
    }

    /// Since the lab began.
    pub(super) fn now(&self) -> Duration {
        self.transcript.start.elapsed()
    }

    /// A node.
    pub(super) fn node(&self, place: Place) -> &Node {
        &self.nodes[&place]
    }

    /// A node, to start and to kill what runs on it, and where it is.
    pub(super) fn node_mut(&mut self, place: Place) -> (&mut Node, &Network) {
        let node = self.nodes.get_mut(&place).expect("all nodes were made");
        (node, &self.network)
    }

    /// The routes of a router.
    pub(super) fn watch(&self, router: Place) -> &Watch {
        &self.watches[&router]
    }

    /// Starts servers of a falsified copy behind these nodes, where there are none yet.
    pub(super) fn falsify(&mut self, places: &[Place]) -> Result<()> {
        for place in places {
            if !self.falsifiers.contains_key(place) {
                let falsifiers = Falsifiers::start(&self.network, *place, &self.falsified)?;
                self.falsifiers.insert(*place, falsifiers);
            }
            self.falsifiers[place].greet(&self.network, *place)?;
        }
        pause(GREETING)
    }

    /// Gives the primary a new version.
    pub(super) fn publish(&mut self, life: Life) -> Result<u32> {
        let version = self.roots.make(life)?;
        self.primary.publish(&version.text())?;
        Ok(version.serial)
    }

    /// All that was asked in a span by all catchments, but for what may still be answered.
    pub(super) fn asked(&self, span: Span) -> Vec<(Place, Vec<Asked>)> {
        let known = self.now().saturating_sub(PATIENCE).min(span.to);
        let from_each = self.loads.iter().map(|(place, load)| {
            let asked = load.since(span.from).into_iter();
            (*place, asked.filter(|one| one.sent < known).collect())
        });
        from_each.collect()
    }

    /// Tells whose queries were lost since a time: where they came from, in which family, and who
    /// had answered until then.
    pub(super) fn tell_losses(&self, since: Duration) {
        let since = since.max(self.overloaded_until);
        let ahead = since.saturating_sub(QUIET);
        for (from, asked) in self.asked(Span::since(ahead)) {
            for loss in losses(&asked, Span::since(since)) {
                let [first, last] = loss.sent.map(|at| at.as_secs_f64());
                let before = loss.before.map_or("nobody", By::name);
                println!(
                    "    {} lost {} to {}, sent from {first:.3} s to {last:.3} s, that {before} \
                     answered until then",
                    from.name(),
                    loss.lost,
                    SERVICE[usize::from(loss.family)],
                );
            }
        }
    }

    /// Tells what the nodes logged last.
    pub(super) fn tell_logs(&self) {
        for node in self.nodes.values() {
            print!("{}", node.log_ends());
        }
    }

    /// How many announce a family, by the routes of those they announce it to.
    pub(super) fn announcing(&self, family: usize) -> usize {
        let places = Place::ANNOUNCING.into_iter();
        places
            .filter(|place| {
                let there = self.watch(place.home().router).now(family);
                there.contains(place.name())
            })
            .count()
    }

    /// Tells something about a place.
    pub(super) fn tell(&self, who: &str, what: &str) {
        self.transcript.tell(who, what);
    }

    /// Waits for something, with the logs of a node if it does not come.
    pub(super) fn until(
        &self,
        what: &str,
        place: Place,
        limit: Duration,
        holds: impl Fn(&World) -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        while !holds(self) {
            ensure!(
                start.elapsed() < limit,
                "{what}: not after {limit:?}\n{}",
                self.node(place).log_ends()
            );
            pause(PAUSE)?;
        }
        Ok(())
    }
}

/// Queries a second and flows of each catchment.
pub(super) struct Rates(pub(super) [(Place, u32, usize); 3]);

/// Sessions, probation and leases together; more only on a crowded machine.
const SETTLE: Duration = Duration::from_secs(60);

/// Time with all announced before a scene begins.
const QUIET: Duration = Duration::from_secs(1);

/// For neighbors to know each other.
const GREETING: Duration = Duration::from_millis(100);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);
