//! What is known before anything is served: the zone files, and the newest good copies on disk.

use super::plan::Plan;
use crate::chain;
use crate::clock::present;
use crate::guard::Guard;
use crate::hosting::load::{self, Job, Scope};
use crate::hosting::{AttemptResult, Hosting, Offer, Offered, Origin};
use crate::keeping::{Keeper, Stores, Times, chain_to};
use crate::progress::Progress;
use crate::store::StoreError;
use crate::system;
use anyhow::Context;
use imrs_transfer::refresh::{Held, Timers};
use std::hash::RandomState;
use std::num::NonZeroUsize;
use tracing::{info, warn};

/// What is known before anything is served.
pub(super) struct Begun {
    pub(super) hosting: Hosting,
    pub(super) guard: Guard,
    /// In the order of the configuration.
    pub(super) keepers: Vec<Keeper>,
    pub(super) stores: Stores,
    pub(super) times: Times,
}

/// Loads the zone files, then what the disk has of zones that are fetched. Where this node `follows`
/// another that still runs, what is on disk is that one's until it ends.
pub(super) fn begin(plan: &Plan, follows: bool) -> anyhow::Result<Begun> {
    let guard = Guard::new(
        &plan.identity,
        &plan.defence,
        plan.state.as_deref(),
        u32::try_from(plan.settings.workers.get())?,
    )?;
    let hosting = load_files(plan)?;
    let mut begun = Begun {
        hosting,
        guard,
        keepers: Vec::new(),
        stores: match follows {
            true => Stores::lent(),
            false => Stores::default(),
        },
        times: Times::new(),
    };
    let mut fetched: Vec<(usize, Option<Held>, Vec<String>)> = Vec::new();
    // What is above proves what is below, so it is looked for first.
    let mut order: Vec<usize> = (0..plan.sources.len()).collect();
    order.sort_by_key(|&number| begun.hosting.zones()[number].name().label_count());
    for number in order {
        if matches!(plan.sources[number].origin, Origin::Primaries(_)) {
            let (held, troubles) = begun.restore(plan, number)?;
            fetched.push((number, held, troubles));
        }
    }
    system::return_memory();
    let now = begun.times.now();
    for (number, transferred) in plan.transferred.iter().enumerate() {
        let restored = fetched.iter().position(|(of, _, _)| *of == number);
        let (held, troubles) = match restored.map(|at| fetched.swap_remove(at)) {
            Some((_, held, troubles)) => (held, troubles),
            None => (None, Vec::new()),
        };
        let name = begun.hosting.zones()[number].name().clone();
        let peers = transferred.peers.clone();
        let mut keeper = Keeper::new(name, peers, transferred.is_anchored, held, now);
        let store = begun.stores.of(number);
        let copies = store.map_or(Vec::new(), |store| store.copies().to_vec());
        keeper.keep_in_mind(copies, Ok(troubles));
        let served = begun.hosting.zones()[number].serial();
        let freshness = keeper.freshness(now, served);
        begun.hosting.refreshed(number, freshness);
        begun.keepers.push(keeper);
    }
    Ok(begun)
}

fn load_files(plan: &Plan) -> anyhow::Result<Hosting> {
    let mut job = Job {
        held: vec![None; plan.sources.len()],
        sources: plan.sources.clone(),
        scope: Scope::Files,
        anchors: plan.anchors.clone(),
        limits: plan.limits,
        now: plan.clock.now(),
        threads: all_cores(),
        hasher: RandomState::new(),
    };
    let progress = Progress::on_terminal();
    let results = load::load(&mut job, &|zone, done, all| progress.show(zone, done, all));
    progress.clear();
    Hosting::new(job, results, present()).context("nothing is served")
}

/// Nothing is served yet: all cores are free.
fn all_cores() -> NonZeroUsize {
    system::parallelism()
}

impl Begun {
    /// Takes the newest copy of a zone on disk that still proves. Says what is held then, and what
    /// was dropped on the way.
    fn restore(
        &mut self,
        plan: &Plan,
        number: usize,
    ) -> anyhow::Result<(Option<Held>, Vec<String>)> {
        let name = self.hosting.zones()[number].name().clone();
        let shown = name.fmt_with_dot().to_string();
        let Some(state) = &plan.state else {
            warn!("zone {shown}: no state folder is configured, so that a restart fetches it anew");
            return Ok((None, Vec::new()));
        };
        let keep = plan.transferred[number].keep.clone();
        let mut troubles = match self.stores.open(state, number, &name, keep) {
            Ok(dropped) => dropped,
            // Two servers that write to one folder would end in neither.
            Err(error @ StoreError::InUse { .. }) => {
                return Err(error).with_context(|| format!("zone {shown}"));
            }
            // A zone that cannot be stored is fetched and served all the same.
            Err(error) => vec![format!("nothing is stored: {}", chain(&error))],
        };
        for trouble in &troubles {
            warn!("zone {shown}: {trouble}");
        }
        let Some(store) = self.stores.of(number) else {
            return Ok((None, troubles));
        };
        for header in store.copies().to_vec() {
            let refusal = match store.load(header.generation) {
                Err(error) => chain(&error),
                Ok(copy) => {
                    let offer = Offer {
                        what: Offered::Stored(copy.zone.clone()),
                        accepted: None,
                    };
                    let scope = Scope::Offer(number, offer);
                    let mut job = self.hosting.job(scope, plan.clock.now(), all_cores());
                    let results = load::load(&mut job, &|_, _, _| {});
                    self.hosting.take(results, present(), plan.clock.now());
                    let zone = &self.hosting.zones()[number];
                    match zone.attempt.as_ref().map(|attempt| &attempt.result) {
                        Some(AttemptResult::Refused(reason)) => reason.clone(),
                        _ => {
                            let chain = chain_to(store, &copy);
                            self.hosting.remember(number, chain);
                            store.mark_in_service(Some(header.generation));
                            let at = store.current_at(&header);
                            let confirmed = self.times.at(at, present());
                            let soa = copy.zone.soa();
                            let held = Timers::of_soa(&soa).map(|timers| Held {
                                serial: header.serial,
                                timers,
                                confirmed,
                            });
                            info!("zone {shown}: serial {} was on disk", header.serial);
                            return Ok((held, troubles));
                        }
                    }
                }
            };
            let trouble = format!("serial {} on disk is not served: {refusal}", header.serial);
            warn!("zone {shown}: {trouble}");
            troubles.push(trouble);
        }
        Ok((None, troubles))
    }
}
