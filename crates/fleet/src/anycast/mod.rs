//! When the route of a node is announced.
//!
//! A *hard* reason (no proven zone) withdraws at once. A *soft* one, an operator's drain among
//! them, needs a *lease*: promises of enough peers that announce and are well themselves, each
//! binding its giver for a while. Why this keeps the floor: whoever is withdrawn for a soft reason
//! holds promises that have not ended, and who gave them announces. A promise counts from the
//! question for who asked and from the answer for who gave it, so that delay is on the safe side.

mod lease;
mod local;
mod settings;
mod wish;

#[cfg(test)]
mod tests;

pub use settings::{Alone, Ask, Order, PeerId, Refusal, Saved, Settings, Standing, Step};
pub use wish::{Policy, Scope, Stand, Wish};

use crate::health::Verdict;
use imrs_wire::time::Moment;
use imrs_wire::{Both, Family};
use local::{Drain, Local};
use settings::earlier;
use std::collections::BTreeMap;
use std::time::Duration;

/// The decider of one node.
#[derive(Clone, Debug)]
pub struct Anycast {
    settings: Settings,
    locals: Both<Local>,
    neighbors: BTreeMap<String, Policy>,
    /// What was drained when the order to stop came, which is what outlives it.
    stopping: Option<Both<Option<bool>>>,
}

impl Anycast {
    /// Of a node that starts now.
    #[must_use]
    pub fn new(settings: Settings, now: Moment) -> Anycast {
        Anycast {
            locals: settings
                .families
                .map(|exists| Local::new(&settings, exists, now)),
            settings,
            neighbors: BTreeMap::new(),
            stopping: None,
        }
    }

    /// The same with the orders that it had before.
    #[must_use]
    pub fn restore(settings: Settings, saved: Saved, now: Moment) -> Anycast {
        let mut anycast = Anycast::new(settings, now);
        for family in Family::ALL {
            let drain = saved.drains.of(family).map(|force| Drain { force });
            anycast.locals.of_mut(family).drain = drain;
        }
        anycast.neighbors = saved.neighbors;
        anycast
    }

    /// The orders that are to outlive a restart.
    #[must_use]
    pub fn orders(&self) -> Saved {
        Saved {
            drains: self.stopping.unwrap_or_else(|| self.drains()),
            neighbors: self.neighbors.clone(),
        }
    }

    fn drains(&self) -> Both<Option<bool>> {
        let of = |local: &Local| local.drain.map(|drain| drain.force);
        Both {
            v4: of(&self.locals.v4),
            v6: of(&self.locals.v6),
        }
    }

    /// How well a family is.
    pub fn handle_verdict(&mut self, now: Moment, family: Family, verdict: &Verdict) {
        let local = self.locals.of_mut(family);
        local.handle_verdict(now, verdict.clone(), &self.settings);
        local.settle(now, &self.settings);
    }

    /// What an operator wants.
    pub fn handle_order(&mut self, now: Moment, order: Order) -> Result<(), Refusal> {
        match order {
            Order::Neighbor { name, policy } if policy == Policy::default() => {
                self.neighbors.remove(&name);
            }
            Order::Neighbor { name, policy } => {
                self.neighbors.insert(name, policy);
            }
            Order::Stop => {
                let before = self.orders().drains;
                self.stopping = Some(before);
                for family in Family::ALL {
                    self.locals
                        .of_mut(family)
                        .drain
                        .get_or_insert(Drain { force: false });
                }
            }
            Order::Drain { families, force } => {
                self.named(families)?;
                self.drain(families, Some(Drain { force }));
            }
            Order::Undrain { .. } if self.stopping.is_some() => return Err(Refusal::Stopping),
            Order::Undrain { families } => {
                self.named(families)?;
                self.drain(families, None);
            }
        }
        self.settle(now);
        Ok(())
    }

    /// An order must name families, and only those that there are.
    fn named(&self, families: Both<bool>) -> Result<(), Refusal> {
        let mut named = Family::ALL
            .into_iter()
            .filter(|family| *families.of(*family))
            .peekable();
        named.peek().ok_or(Refusal::NothingNamed)?;
        match named.find(|family| !self.locals.of(*family).exists()) {
            Some(absent) => Err(Refusal::NoFamily(absent)),
            None => Ok(()),
        }
    }

    fn drain(&mut self, families: Both<bool>, drain: Option<Drain>) {
        for family in Family::ALL
            .into_iter()
            .filter(|family| *families.of(*family))
        {
            self.locals.of_mut(family).drain = drain;
        }
    }

    /// How many queries come.
    pub fn handle_rate(&mut self, now: Moment, family: Family, queries_per_second: f64) {
        let local = self.locals.of_mut(family);
        local.handle_rate(queries_per_second, &self.settings);
        local.settle(now, &self.settings);
    }

    /// A peer promised for `lasting` when it was asked at `asked_at`.
    pub fn handle_promise(
        &mut self,
        now: Moment,
        peer: &PeerId,
        family: Family,
        asked_at: Moment,
        lasting: Duration,
    ) {
        let local = self.locals.of_mut(family);
        local.leases.promise(peer, asked_at.min(now), lasting);
        local.settle(now, &self.settings);
    }

    /// A peer will not promise.
    pub fn handle_refusal(&mut self, now: Moment, peer: &PeerId, family: Family) {
        let local = self.locals.of_mut(family);
        local.leases.refuse(now, peer);
        local.settle(now, &self.settings);
    }

    /// What is in force according to the keeper, since it was last told the wish; nothing if the
    /// keeper or its router is not reached.
    pub fn handle_report(&mut self, now: Moment, in_force: Both<Option<Stand>>) {
        for family in Family::ALL {
            let local = self.locals.of_mut(family);
            local.handle_report(now, *in_force.of(family));
        }
        self.settle(now);
    }

    /// The time of [`Anycast::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.settle(now);
    }

    fn settle(&mut self, now: Moment) {
        for family in Family::ALL {
            self.locals.of_mut(family).settle(now, &self.settings);
        }
    }

    /// Whom to ask for a promise, now; until there is nobody.
    pub fn poll_ask(&mut self, now: Moment) -> Option<Ask> {
        Family::ALL.into_iter().find_map(|family| {
            let local = self.locals.of_mut(family);
            let wants = local.wants_lease(now);
            let peer = wants.then(|| local.leases.poll_ask(now)).flatten()?;
            Some(Ask { peer, family })
        })
    }

    /// Whether this node promises `asker` to go on announcing a family, and for how long. A
    /// promise binds it from now on.
    pub fn may_promise(
        &mut self,
        now: Moment,
        asker: &PeerId,
        family: Family,
    ) -> Result<Duration, Refusal> {
        let local = self.locals.of_mut(family);
        local.settle(now, &self.settings);
        if !local.leases.knows(asker) {
            return Err(Refusal::Stranger);
        }
        if !local.is_announced() {
            return Err(Refusal::NotAnnounced(family));
        }
        if !local.is_willing() {
            return Err(Refusal::NotWell(family));
        }
        local.bind(now + self.settings.lease);
        Ok(self.settings.lease)
    }

    /// What is to be announced.
    pub fn wish(&mut self, now: Moment) -> Wish {
        self.settle(now);
        Wish {
            stands: Both {
                v4: self.locals.v4.stand,
                v6: self.locals.v6.stand,
            },
            neighbors: self.neighbors.clone(),
        }
    }

    /// When to call [`Anycast::handle_timeout`] and [`Anycast::poll_ask`] at the latest.
    #[must_use]
    pub fn poll_timeout(&self, now: Moment) -> Option<Moment> {
        let of = |local: &Local| local.poll_timeout(now, &self.settings);
        earlier(of(&self.locals.v4), of(&self.locals.v6))
    }

    /// How a family stands, for operators.
    #[must_use]
    pub fn standing(&self, now: Moment, family: Family) -> Standing {
        self.locals.of(family).standing(now, &self.settings)
    }

    /// The process may end: there was an order to stop, and nobody asks any longer.
    #[must_use]
    pub fn may_stop(&self) -> bool {
        let is_done = self.locals.v4.is_done() && self.locals.v6.is_done();
        self.stopping.is_some() && is_done
    }
}
