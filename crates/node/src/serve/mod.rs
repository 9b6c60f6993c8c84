//! `imrs serve`: opens the sockets and gives up what only that needed, loads the zones, starts the
//! workers, then waits for signals, requests and the clock until it is told to stop.
//!
//! One thread, the one that [`run`] is called on, owns all that changes (`node`) and takes one
//! event at a time. What takes long, loading, happens on a thread of its own.

mod begin;
mod captures;
mod counts;
mod detach;
mod doors;
mod encrypted;
mod events;
mod kept;
mod lane;
mod loading;
mod log;
mod node;
pub(crate) mod notify;
mod opened;
mod orders;
pub(crate) mod plan;
mod report;
mod take_over;
mod watch;

use crate::cli::{Exit, Serve};
use crate::clock::{Clock, rfc3339};
use anyhow::Context;
use node::Node;
use opened::Opened;
use plan::Plan;
use tracing::{info, warn};

/// Serves until a signal ends it.
pub fn run(args: &Serve) -> anyhow::Result<Exit> {
    let plan = Plan::new(args)?;
    if args.detach {
        return detach::run(&plan);
    }
    crate::log::start(args.log);
    // From here on a signal is an event, so that one during the start is not lost.
    let signals = events::catch_signals().context("cannot take signals")?;
    announce(&plan);
    // No thread is started before the process is confined: each would keep rights of its own.
    let (opened, in_force) = Opened::open(&plan)?.confine(&plan)?;
    let (events, inbox) = events::channel_pair();
    events.watch(signals).context("cannot take signals")?;
    let begun = begin::begin(&plan, opened.taking_over.is_some())?;
    let node = Node::start(&plan, opened, in_force, begun, &events)?;
    node.run(&events, &inbox)
}

fn announce(plan: &Plan) {
    if plan.is_test {
        info!(
            "no zone is named: making a test root, with invented servers and keys, for loopback \
             only"
        );
    }
    if let Clock::Fixed(time) = plan.clock {
        warn!(
            "signatures are judged at {}, which stands still and is NOT the present: for archived \
             zones only",
            rfc3339(time)
        );
    }
}
