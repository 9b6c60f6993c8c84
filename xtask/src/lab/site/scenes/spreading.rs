//! How the router of the Cluster spreads flows over its nodes, and which flows move when a node
//! comes or goes.

use super::super::figures::{Bound, Figure};
use super::super::load::{open, service};
use super::super::measure::{moved, unevenness};
use super::super::node::Process;
use super::super::plan::{End, PREFIXES, Place, SERVICE};
use super::super::query::{By, Question, by};
use super::super::waiting::pause;
use super::super::watch::Leads;
use super::super::world::World;
use super::LONG;
use crate::lab::namespace::Namespace;
use anyhow::{Context, Result, ensure};
use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

/// Many flows are asked about: with four nodes, with three, and with four again.
pub(super) fn spread(world: &mut World) -> Result<Vec<Figure>> {
    let flows = Flows::open(world)?;
    let four = flows.ask();
    // A BIRD that ends takes its routes back at once, and loses nothing.
    world.node_mut(LEAVER).0.kill(Process::Bird);
    { world.watch(Place::Router) }.wait(Leads::Elsewhere, LEAVER, LONG)?;
    let three = flows.ask();
    let (node, network) = world.node_mut(LEAVER);
    node.start_process(network, Process::Bird)?;
    { world.watch(Place::Router) }
        .wait(Leads::There, LEAVER, LONG * 2)
        .with_context(|| world.node(LEAVER).log_ends())?;
    let again = flows.ask();
    figures(world, [four, three, again])
}

/// The same with a group of next hops by hand, of the type `resilient`, in place of what BIRD makes.
pub(super) fn spread_resilient(world: &mut World) -> Result<Vec<Figure>> {
    let flows = Flows::open(world)?;
    let group = Group::make(world.network.at(Place::Router), &Place::CLUSTER)?;
    let four = flows.ask();
    let stay = Place::CLUSTER.into_iter().filter(|place| *place != LEAVER);
    group.set(&stay.collect::<Vec<_>>())?;
    let three = flows.ask();
    group.set(&Place::CLUSTER)?;
    // Buckets move in the background.
    pause(MOVE)?;
    let again = flows.ask();
    drop(group);
    figures(world, [four, three, again])
}

/// Next hops of the router, in a group for each family, and routes to them that go before BIRD's.
/// Removed when dropped.
struct Group<'a> {
    router: &'a Namespace,
}

impl Group<'_> {
    fn make<'a>(router: &'a Namespace, nodes: &[Place]) -> Result<Group<'a>> {
        let group = Group { router };
        for place in nodes {
            let link = place.home();
            let addresses = [link.ipv4(End::Other).into(), link.ipv6(End::Other).into()];
            for (family, address) in addresses.into_iter().enumerate() {
                let (id, address) = (hop(*place, family), IpAddr::to_string(&address));
                let interface = link.interface(End::Router);
                router.ip(&[
                    "nexthop", "add", "id", &id, "via", &address, "dev", &interface,
                ])?;
            }
        }
        group.set(nodes)?;
        for (family, prefix) in PREFIXES.into_iter().enumerate() {
            let flag = ["-4", "-6"][family];
            let to = ["nhid", GROUPS[family], "metric", "10"];
            router.ip(&[&[flag, "route", "add", prefix], &to[..]].concat())?;
        }
        Ok(group)
    }

    /// From now on these nodes are in it.
    fn set(&self, nodes: &[Place]) -> Result<()> {
        for (family, id) in GROUPS.into_iter().enumerate() {
            let hops: Vec<String> = nodes.iter().map(|place| hop(*place, family)).collect();
            let hops = hops.join("/");
            let start = ["nexthop", "replace", "id", id, "group", &hops];
            let kind = ["type", "resilient", "buckets", "512", "idle_timer", "0"];
            self.router.ip(&[&start[..], &kind[..]].concat())?;
        }
        Ok(())
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        // Routes go with the last next hop that they lead to.
        if let Err(error) = self.router.ip(&["nexthop", "flush"]) {
            eprintln!("a group of next hops stays: {error:#}");
        }
    }
}

/// The number of a next hop.
fn hop(place: Place, family: usize) -> String {
    format!("{}{family}", place.home().number)
}

/// The groups of both families.
const GROUPS: [&str; 2] = ["1004", "1006"];

/// Whom each flow of each family is answered by.
type Answers = [Vec<Option<By>>; 2];

/// What three rounds tell: with all, without one, and with all again.
fn figures(world: &World, [four, three, again]: [Answers; 3]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (family, [even, went, came]) in NAMES.into_iter().enumerate() {
        let counts = Place::CLUSTER.map(|place| {
            let its = { four[family].iter() }.filter(|one| **one == Some(By::Node(place)));
            its.count()
        });
        let what = format!("spreads flows of IPv{} as {counts:?}", [4, 6][family]);
        world.tell("router", &what);
        let tenth = Bound::AtMost(10.0);
        figures.push(Figure::percent(even, unevenness(&counts), tenth));
        let stayed = |one: &Option<By>| (*one).filter(|by| *by != By::Node(LEAVER));
        let others: Vec<Option<By>> = four[family].iter().map(stayed).collect();
        let moves = [
            (went, moved(&others, &three[family])),
            (came, moved(&three[family], &again[family])),
        ];
        figures.extend(moves.map(|(name, share)| Figure::percent(name, share, Bound::None)));
        let lost = [&four, &three, &again].map(|all| {
            let lost = all[family].iter().filter(|one| one.is_none());
            lost.count()
        });
        ensure!(
            lost.iter().sum::<usize>() * 1000 < all_flows(),
            "{lost:?} flows were not answered"
        );
    }
    Ok(figures)
}

/// The figures of each family.
const NAMES: [[&str; 3]; 2] = [
    [
        "IPv4: furthest share from even",
        "IPv4: flows of others moved as a node went",
        "IPv4: flows moved as a node came",
    ],
    [
        "IPv6: furthest share from even",
        "IPv6: flows of others moved as a node went",
        "IPv6: flows moved as a node came",
    ],
];

/// The node that goes, and comes back.
const LEAVER: Place = Place::N4;

/// Longer than the kernel takes for what is to move.
const MOVE: Duration = Duration::from_millis(500);

fn all_flows() -> usize {
    FLOWS * 3
}

/// Sockets that stay: a flow is a source port.
struct Flows {
    sockets: [Vec<UdpSocket>; 2],
}

impl Flows {
    fn open(world: &World) -> Result<Flows> {
        let all = |family: usize| -> Result<Vec<UdpSocket>> {
            let sockets = (0..FLOWS).map(|_| {
                let socket = open(family)?;
                socket.set_read_timeout(Some(PATIENCE))?;
                Ok(socket)
            });
            sockets.collect()
        };
        let open = || (0..SERVICE.len()).map(all).collect::<Result<Vec<_>>>();
        let sockets = world.network.at(Place::Clients).enter(open)?;
        let sockets = sockets.try_into().ok().context("there are two families")?;
        Ok(Flows { sockets })
    }

    /// Who answers each flow now.
    fn ask(&self) -> Answers {
        let [question, ..] = Question::kinds();
        [0, 1].map(|family| {
            let mut answers = Vec::new();
            for batch in self.sockets[family].chunks(BATCH) {
                for socket in batch {
                    // What cannot be sent is not answered.
                    let _ = socket.send_to(&question.with(0), service(family));
                }
                answers.extend(batch.iter().map(answer));
            }
            answers
        })
    }
}

fn answer(socket: &UdpSocket) -> Option<By> {
    let mut response = [0; 4096];
    let length = socket.recv(&mut response).ok()?;
    Some(by(&response[..length]))
}

/// Of each family: so many that chance alone leaves every share within a tenth of even.
const FLOWS: usize = 4000;

/// Flows asked about at once: a server's queue has room for them.
const BATCH: usize = 50;

/// For one answer.
const PATIENCE: Duration = Duration::from_millis(500);
