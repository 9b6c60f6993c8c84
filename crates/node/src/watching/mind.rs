//! Joins evidence, orders and what peers promise. Whoever knows something tells it here; what is
//! wished follows.

use crate::config::Site;
use crate::config::anycast::{self as config, Alone};
use crate::keeping::Times;
use crate::route::v1::{Bird, Report};
use imrs_fleet::anycast::{Alone as FleetAlone, Standing};
use imrs_fleet::anycast::{Anycast, Ask, Order, PeerId, Refusal, Saved, Settings, Stand, Wish};
use imrs_fleet::health::{self, Health, Path, Probed, State, Verdict};
use imrs_wire::time::Moment;
use imrs_wire::{Both, Family};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// Other nodes, to be asked whether they go on announcing.
pub(crate) trait Peers: Send + Sync {
    /// Asks, and tells the answer later. Must not wait for it.
    fn ask(&self, ask: Ask, mind: &Arc<Mind>);
}

/// All that is known, and what is wished.
pub(crate) struct Mind {
    times: Times,
    inner: Mutex<Inner>,
    changed: Condvar,
    /// Queries of own probes over UDP.
    probed: Both<AtomicU64>,
    /// The serial of the zone that is watched, while it is served.
    serial: Mutex<Option<u32>>,
}

struct Inner {
    health: Health,
    anycast: Anycast,
    heard: Heard,
    rates: Both<f64>,
    /// What was last told in the log.
    told: Both<Option<(State, Stand)>>,
    wish: Wish,
    is_over: bool,
}

/// What was heard of the keeper.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// Its last report.
    Report(Box<Report>),
    /// Why there is none.
    Nothing(String),
}

/// How a family is.
pub(crate) struct FamilyView {
    pub(crate) verdict: Verdict,
    pub(crate) standing: Standing,
    pub(crate) stand: Stand,
    pub(crate) rate: f64,
    /// Whether it is drained, and if so by force.
    pub(crate) drain: Option<bool>,
}

/// All of it at one time.
pub(crate) struct View {
    pub(crate) now: Moment,
    pub(crate) families: Both<FamilyView>,
    pub(crate) heard: Heard,
}

impl Mind {
    /// Of a node that starts now, with orders that it had before.
    pub(crate) fn new(
        anycast: &config::Anycast,
        site: Option<&Site>,
        saved: Saved,
        times: Times,
    ) -> Mind {
        let now = times.now();
        let families = Both {
            v4: anycast.prefixes_of(Family::V4).next().is_some(),
            v6: anycast.prefixes_of(Family::V6).next().is_some(),
        };
        Mind {
            times,
            inner: Mutex::new(Inner {
                health: Health::new(health_settings(anycast, families), now),
                anycast: Anycast::restore(settings(anycast, site, families), saved, now),
                heard: Heard::Nothing("it has not been asked yet".to_owned()),
                rates: Both::default(),
                told: Both::default(),
                wish: Wish::default(),
                is_over: false,
            }),
            changed: Condvar::new(),
            probed: Both::default(),
            serial: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what somebody has to tell, and wakes who waits for what follows.
    pub(crate) fn tell<T>(&self, tell: impl FnOnce(&mut Health, &mut Anycast, Moment) -> T) -> T {
        let mut inner = self.lock();
        let now = self.times.now();
        let Inner {
            health, anycast, ..
        } = &mut *inner;
        let told = tell(health, anycast, now);
        if inner.settle(now) {
            self.changed.notify_all();
        }
        told
    }

    /// A round of probes ended, for which so many queries went out over UDP.
    pub(crate) fn handle_probe(&self, path: Path, probed: Probed, datagrams: u64) {
        self.probed.of(path.family).fetch_add(datagrams, Relaxed);
        self.tell(|health, _, now| health.handle_probe(now, path, probed));
    }

    /// Queries of own probes over UDP since the start.
    pub(crate) fn probed(&self) -> Both<u64> {
        Both {
            v4: self.probed.v4.load(Relaxed),
            v6: self.probed.v6.load(Relaxed),
        }
    }

    /// The serial of the zone that is watched, while it is served.
    pub(crate) fn serial(&self) -> Option<u32> {
        *self.serial.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note_serial(&self, serial: Option<u32>) {
        *self.serial.lock().unwrap_or_else(PoisonError::into_inner) = serial;
    }

    pub(crate) fn note_rates(&self, rates: Both<f64>) {
        self.lock().rates = rates;
    }

    /// What an operator wants. What comes back is to outlive a restart.
    pub(crate) fn order(&self, order: Order) -> Result<Saved, Refusal> {
        self.tell(|_, anycast, now| {
            anycast.handle_order(now, order)?;
            Ok(anycast.orders())
        })
    }

    /// Drains by force what is announced still though it is to be drained: nobody stands in, and
    /// the process will be gone.
    pub(crate) fn force_drains(&self) {
        let view = self.view();
        let is_held = |family: Family| {
            let of_family = view.families.of(family);
            of_family.stand == Stand::Announced && of_family.drain == Some(false)
        };
        let families = Both {
            v4: is_held(Family::V4),
            v6: is_held(Family::V6),
        };
        if families.v4 || families.v6 {
            let order = Order::Drain {
                families,
                force: true,
            };
            // What exists may be drained.
            let _ = self.order(order);
        }
    }

    /// Whether this node promises another one to go on announcing a family, and for how long.
    pub(crate) fn may_promise(&self, asker: &PeerId, family: Family) -> Result<Duration, Refusal> {
        self.tell(|_, anycast, now| anycast.may_promise(now, asker, family))
    }

    /// A peer promised for so long when it was asked at that time, or did not.
    pub(crate) fn handle_answer(&self, ask: &Ask, asked_at: Moment, lasting: Option<Duration>) {
        self.tell(|_, anycast, now| match lasting {
            Some(lasting) => {
                anycast.handle_promise(now, &ask.peer, ask.family, asked_at, lasting);
            }
            None => anycast.handle_refusal(now, &ask.peer, ask.family),
        });
    }

    pub(crate) fn now(&self) -> Moment {
        self.times.now()
    }

    pub(crate) fn poll_ask(&self) -> Option<Ask> {
        self.lock().anycast.poll_ask(self.times.now())
    }

    /// What is wished now.
    pub(crate) fn wish(&self) -> Wish {
        self.tell(|_, anycast, now| anycast.wish(now))
    }

    /// The keeper answered when it was told this wish.
    pub(crate) fn handle_report(&self, said: &Wish, report: Report) {
        let mut inner = self.lock();
        let now = self.times.now();
        // What is in force of an earlier wish says nothing of this one.
        if inner.anycast.wish(now) == *said {
            inner.anycast.handle_report(now, in_force(&report));
        }
        inner.heard = Heard::Report(Box::new(report));
        if inner.settle(now) {
            self.changed.notify_all();
        }
    }

    /// The keeper did not answer.
    pub(crate) fn handle_silence(&self, why: String) {
        let mut inner = self.lock();
        let now = self.times.now();
        inner.anycast.handle_report(now, Both::default());
        if matches!(inner.heard, Heard::Report(_)) {
            warn!("the keeper of the route is not reached: {why}");
        }
        inner.heard = Heard::Nothing(why);
        inner.settle(now);
    }

    /// Waits until something else than `said` is wished, or the time is over. Says whether to go on.
    pub(crate) fn wait_for_other(&self, said: &Wish, patience: Duration) -> bool {
        let is_same = |inner: &mut Inner| !inner.is_over && inner.wish == *said;
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), patience, is_same);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_over
    }

    /// Waits. Says whether to go on.
    pub(crate) fn go_on_after(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let is_early = |inner: &mut Inner| !inner.is_over && Instant::now() < end;
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), patience, is_early);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_over
    }

    /// Ends all who wait here.
    pub(super) fn stop(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    /// Whether the process may end, since nobody asks any longer.
    pub(crate) fn may_stop(&self) -> bool {
        let inner = self.lock();
        let is_unheard = match &inner.heard {
            Heard::Nothing(_) => true,
            Heard::Report(report) => report.bird == Bird::Down,
        };
        inner.anycast.may_stop() || is_unheard
    }

    /// Whether everything that is to be announced is, as far as this node is concerned: it has no
    /// reason against it but one that an operator knows.
    pub(crate) fn is_settled(&self) -> bool {
        let view = self.view();
        Family::ALL.into_iter().all(|family| {
            let of_family = view.families.of(family);
            let is_out =
                matches!(of_family.standing, Standing::Absent) || of_family.drain.is_some();
            is_out || of_family.stand == Stand::Announced
        })
    }

    /// All of it.
    pub(crate) fn view(&self) -> View {
        let mut inner = self.lock();
        let now = self.times.now();
        inner.settle(now);
        let drains = inner.anycast.orders().drains;
        let Inner {
            health,
            anycast,
            heard,
            rates,
            wish,
            ..
        } = &mut *inner;
        let mut family = |family: Family| FamilyView {
            verdict: health.verdict(now, family),
            standing: anycast.standing(now, family),
            stand: *wish.stands.of(family),
            rate: *rates.of(family),
            drain: *drains.of(family),
        };
        View {
            now,
            families: Both {
                v4: family(Family::V4),
                v6: family(Family::V6),
            },
            heard: heard.clone(),
        }
    }
}

impl Inner {
    /// Draws all conclusions: says whether another wish is one of them.
    fn settle(&mut self, now: Moment) -> bool {
        for family in Family::ALL {
            let verdict = self.health.verdict(now, family);
            self.anycast.handle_verdict(now, family, &verdict);
        }
        let wish = self.anycast.wish(now);
        self.log(now, &wish);
        let is_other = wish != self.wish;
        self.wish = wish;
        is_other
    }

    fn log(&mut self, now: Moment, wish: &Wish) {
        for family in Family::ALL {
            if self.anycast.standing(now, family) == Standing::Absent {
                continue;
            }
            let verdict = self.health.verdict(now, family);
            let stand = *wish.stands.of(family);
            let told = self.told.of_mut(family).replace((verdict.state, stand));
            if told == Some((verdict.state, stand)) {
                continue;
            }
            let reasons: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
            let why = match reasons.as_slice() {
                [] => String::new(),
                some => format!(": {}", some.join("; ")),
            };
            let (state, stand) = (state_word(verdict.state), stand_word(stand));
            match verdict.state {
                State::Serving => info!("{family} is {state}, {stand}{why}"),
                _ => warn!("{family} is {state}, {stand}{why}"),
            }
        }
    }
}

pub(super) fn state_word(state: State) -> &'static str {
    match state {
        State::Serving => "serving",
        State::Degraded => "degraded",
        State::Unfit(_) => "unfit",
    }
}

pub(super) fn stand_word(stand: Stand) -> &'static str {
    match stand {
        Stand::Withdrawn => "withdrawn",
        Stand::Leaving => "leaving",
        Stand::Announced => "announced",
    }
}

/// What is in force by a report: nothing is announced that no neighbor hears.
fn in_force(report: &Report) -> Both<Option<Stand>> {
    let of = |family: Family, stand: crate::route::v1::Stand| {
        let mut sessions = report.neighbors.iter();
        let is_heard = sessions
            .any(|neighbor| neighbor.family == family.into() && neighbor.state == "established");
        let stand = Stand::from(stand);
        let is_known = report.bird == Bird::Up && (is_heard || stand == Stand::Withdrawn);
        is_known.then_some(stand)
    };
    Both {
        v4: of(Family::V4, report.ipv4),
        v6: of(Family::V6, report.ipv6),
    }
}

fn health_settings(anycast: &config::Anycast, families: Both<bool>) -> health::Settings {
    let settings = health::Settings::of(families);
    let longest = 4 * anycast.health.interval;
    health::Settings {
        probation: anycast.health.probation,
        probation_max: settings.probation_max.max(anycast.health.probation),
        zone_age_max: anycast.health.zone_age,
        signatures_left_min: anycast.health.signature_left,
        probes_max_age: settings.probes_max_age.max(longest),
        ..settings
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is at most a million")]
fn settings(anycast: &config::Anycast, site: Option<&Site>, families: Both<bool>) -> Settings {
    let nodes = site.map_or(&[][..], |site| &site.nodes);
    let peers = nodes.iter().map(|node| PeerId(node.identity.to_string()));
    Settings {
        floor: usize::try_from(anycast.guard.floor).unwrap_or(usize::MAX),
        alone: match anycast.guard.alone {
            Alone::Withdraw => FleetAlone::Withdraw,
            Alone::Announce => FleetAlone::Announce,
        },
        leaving: anycast.drain.leaving,
        quiet_rate: anycast.drain.quiet_rate as f64,
        quiet_patience: anycast.drain.patience,
        ..Settings::of(families, peers.collect())
    }
}
