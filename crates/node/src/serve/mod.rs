//! `imrs serve`: loads the zones, starts the workers, then waits for signals, requests and the
//! clock until it is told to stop.
//!
//! One thread, the one that [`run`] is called on, owns all that changes (`node`) and takes one
//! event at a time. What takes long, loading, happens on a thread of its own.

mod counts;
mod events;
mod node;
pub(crate) mod plan;
mod report;

use crate::cli::{Exit, Serve};
use crate::clock::{Clock, present, rfc3339};
use crate::hosting::Hosting;
use crate::hosting::load::{self, Job};
use crate::progress::Progress;
use crate::{log, system};
use anyhow::Context;
use node::Node;
use plan::Plan;
use std::hash::RandomState;
use std::num::NonZeroUsize;
use tracing::{info, warn};

/// Serves until a signal ends it.
pub fn run(args: &Serve) -> anyhow::Result<Exit> {
    let plan = Plan::new(args)?;
    log::start(args.log);
    // From here on a signal is an event, so that one during the start is not lost.
    let (events, inbox) = events::channel_pair();
    events.watch_signals().context("cannot take signals")?;
    announce(&plan);
    let hosting = load_first(&plan)?;
    let node = Node::start(plan, hosting, &events)?;
    node.run(&events, &inbox);
    Ok(Exit::Well)
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

fn load_first(plan: &Plan) -> anyhow::Result<Hosting> {
    let job = Job {
        held: vec![None; plan.sources.len()],
        sources: plan.sources.clone(),
        anchors: plan.anchors.clone(),
        limits: plan.limits,
        now: plan.clock.now(),
        // Nothing is served yet: all cores are free.
        threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        hasher: RandomState::new(),
    };
    let progress = Progress::on_terminal();
    let results = load::load(&job, &|zone, done, all| progress.show(zone, done, all));
    progress.clear();
    system::return_memory();
    Hosting::new(job, results, present()).context("nothing is served")
}
