//! Whether this node is to be announced: it watches itself as others see it, and says to the keeper
//! of the route what it wishes.
//!
//! ```text
//! known     the zone in service, by which answers are judged
//! probing   asks the service addresses as everybody does
//! machine   evidence of clock, workers and load
//! mind      joins evidence, orders and what peers promise: what is wished
//! speaking  says it to the keeper, again and again
//! orders    what outlives a restart
//! tell      all of it in the words of the control socket
//! ```
//!
//! Each part has a thread, and all of them share the one `mind`, which nobody holds for long. What
//! is decided is decided in `imrs_fleet`; nothing here knows BGP.

mod known;
mod limits;
mod machine;
mod mind;
mod orders;
mod probing;
mod speaking;
mod tell;

pub(crate) use known::Watched;
pub(crate) use limits::{STOP_FORCED_AFTER, STOP_LOOK, WELL_PATIENCE};
pub(crate) use mind::{Mind, Peers};
pub(crate) use orders::Orders;
pub(crate) use tell::route;

use crate::clock::Clock;
use crate::config::anycast::Anycast;
use crate::system;
use crate::transport::Meters;
use imrs_fleet::health::Path;
use imrs_wire::Family;
use known::Known;
use machine::Machine;
use probing::Prober;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// What watches over this node. Dropped, it stops; what it wished is void then.
pub(crate) struct Watching {
    mind: Arc<Mind>,
    known: Arc<Known>,
    orders: Orders,
    threads: Vec<JoinHandle<()>>,
}

/// What is watched by whom.
pub(crate) struct Setup<'a> {
    pub(crate) anycast: &'a Anycast,
    /// Where the node listens.
    pub(crate) listen: &'a [SocketAddr],
    pub(crate) meters: Meters,
    /// The clock by which signatures are judged.
    pub(crate) clock: Clock,
    /// Workers that are kept on a core each.
    pub(crate) pinned: usize,
}

impl Watching {
    /// Begins to watch.
    pub(crate) fn start(
        setup: Setup<'_>,
        mind: Arc<Mind>,
        orders: Orders,
        peers: Arc<dyn Peers>,
    ) -> io::Result<Watching> {
        let known = Arc::new(Known::default());
        let pinned = setup.pinned;
        let mut watching = Watching {
            mind: Arc::clone(&mind),
            known: Arc::clone(&known),
            orders,
            threads: Vec::new(),
        };
        let keeper = setup.anycast.keeper.clone();
        watching.spawn("route", pinned, {
            let mind = Arc::clone(&mind);
            move || speaking::run(&mind, &keeper)
        })?;
        for path in Family::ALL.into_iter().flat_map(Path::of) {
            let addresses = addresses(&setup, path.family);
            if addresses.is_empty() {
                continue;
            }
            let prober = Prober {
                path,
                addresses,
                interval: setup.anycast.health.interval,
                meters: setup.meters.clone(),
            };
            let (mind, known) = (Arc::clone(&mind), Arc::clone(&known));
            let name = format!("probe-{path:?}");
            watching.spawn(&name, pinned, move || prober.run(&mind, &known))?;
        }
        let service = setup.anycast.addresses.clone();
        let machine = Machine::new(setup.meters, setup.clock, service, Arc::clone(&known));
        watching.spawn("watch", pinned, move || watch(&mind, machine, &*peers))?;
        Ok(watching)
    }

    fn spawn(
        &mut self,
        name: &str,
        pinned: usize,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let work = move || {
            system::yield_to_workers(pinned);
            work();
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work)?;
        self.threads.push(thread);
        Ok(())
    }

    /// What joins all.
    pub(crate) fn mind(&self) -> &Arc<Mind> {
        &self.mind
    }

    /// Another version of the zone is about to be served, or none: until it is known here, answers
    /// are judged by nothing.
    pub(crate) fn expect(&self, watched: Option<Watched>) {
        self.known.expect(watched);
    }

    /// What an operator wants; what outlives a restart is written down.
    pub(crate) fn order(&self, order: imrs_fleet::anycast::Order) -> Result<(), String> {
        let refused = |refusal: imrs_fleet::anycast::Refusal| refusal.to_string();
        self.orders.save(&self.mind.order(order).map_err(refused)?)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.mind.stop();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Where the service addresses of a family are asked.
fn addresses(setup: &Setup<'_>, family: Family) -> Vec<SocketAddr> {
    let of_family = { setup.anycast.addresses.iter() }.filter(|ip| Family::of(**ip) == family);
    let listens = |at: &&SocketAddr, ip| {
        at.ip() == ip || at.ip().is_unspecified() && Family::of(at.ip()) == family
    };
    let place = |&ip| {
        let at = { setup.listen.iter() }.find(|at| listens(at, ip))?;
        Some(SocketAddr::new(ip, at.port()))
    };
    of_family.filter_map(place).collect()
}

/// Looks at the machine, and has peers asked when others are to stand in.
fn watch(mind: &Arc<Mind>, mut machine: Machine, peers: &dyn Peers) {
    while mind.go_on_after(limits::LOOK) {
        machine.look(mind);
        while let Some(ask) = mind.poll_ask() {
            peers.ask(ask, mind);
        }
    }
}
