//! How the router of the Cluster spreads flows over its nodes, and which flows move when a node
//! comes or goes.

use super::super::figures::{Bound, Figure};
use super::super::load::{open, service};
use super::super::measure::{moved, unevenness};
use super::super::node::Process;
use super::super::plan::{Place, SERVICE};
use super::super::query::{By, Question, by};
use super::super::watch::Leads;
use super::super::world::World;
use super::LONG;
use anyhow::{Context, Result, ensure};
use std::net::UdpSocket;
use std::time::Duration;

/// Many flows are asked about: with four nodes, with three, and with four again.
pub(super) fn spread(world: &mut World) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let flows = Flows::open(world)?;
    let four = flows.ask();
    for (family, name) in [
        (0, "IPv4: furthest share from even"),
        (1, "IPv6: furthest share from even"),
    ] {
        let counts = Place::CLUSTER.map(|place| {
            let its = four[family]
                .iter()
                .filter(|one| **one == Some(By::Node(place)));
            its.count()
        });
        world.tell(
            "router",
            &format!("spreads flows of family {family} as {counts:?}"),
        );
        figures.push(Figure::percent(
            name,
            unevenness(&counts),
            Bound::AtMost(10.0),
        ));
    }
    // A BIRD that ends takes its routes back at once, and loses nothing.
    world.node_mut(Place::N4).0.kill(Process::Bird);
    { world.watch(Place::Router) }.wait(Leads::Elsewhere, Place::N4, LONG)?;
    let three = flows.ask();
    let (node, network) = world.node_mut(Place::N4);
    node.start_process(network, Process::Bird)?;
    { world.watch(Place::Router) }
        .wait(Leads::There, Place::N4, LONG * 2)
        .with_context(|| world.node(Place::N4).log_ends())?;
    let again = flows.ask();
    let names = [
        (
            "IPv4: flows of others moved as a node went",
            "IPv4: flows moved as a node came",
        ),
        (
            "IPv6: flows of others moved as a node went",
            "IPv6: flows moved as a node came",
        ),
    ];
    for (family, (went, came)) in names.into_iter().enumerate() {
        let stayed = |one: &Option<By>| (*one).filter(|by| *by != By::Node(Place::N4));
        let others: Vec<Option<By>> = four[family].iter().map(stayed).collect();
        figures.push(Figure::percent(
            went,
            moved(&others, &three[family]),
            Bound::None,
        ));
        figures.push(Figure::percent(
            came,
            moved(&three[family], &again[family]),
            Bound::None,
        ));
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
    fn ask(&self) -> [Vec<Option<By>>; 2] {
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
