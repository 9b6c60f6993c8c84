//! The running node: takes one event at a time and keeps what is served true.

use super::begin::Begun;
use super::events::{Event, Events};
use super::lane::{Lane, Work};
use super::notify::{notify, pet_watchdog, watchdog_look};
use super::opened::Opened;
use super::orders::Awaited;
use super::plan::Plan;
use super::take_over::Waiting;
use super::watch::Watch;
use super::{captures, counts, doors, encrypted, kept, log, orders, report, watch};
use crate::accounting::Statistics;
use crate::capture::Captures;
use crate::cli::Exit;
use crate::clock::{Clock, present};
use crate::control::server::Server;
use crate::control::v1::{self, Command, Reply};
use crate::encrypted::Encrypted;
use crate::guard::Guard;
use crate::hosting::{Hosted, Hosting};
use crate::keeping::{Keeping, Post, What};
use crate::limits::{CLOCK_LOOK, FOLDER_LOOK, TOP_TOLD, WATCHDOG_STALL};
use crate::metrics::{Endpoint, Told};
use crate::outbound::{Listening, Outbound};
use crate::sandbox::InForce;
use crate::system;
use crate::transport::{Aside, Running};
use arc_swap::ArcSwap;
use imrs_engine::Service;
use imrs_fleet::anycast::Order;
use imrs_telemetry::top::Top;
use imrs_transfer::refresh::Force;
use imrs_wire::Serial;
use imrs_zone::record::UnixTime;
use sd_notify::NotifyState;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tracing::info;

/// The running node.
pub(super) struct Node {
    pub(super) hosting: Hosting,
    pub(super) running: Running,
    pub(super) encrypted: Option<Encrypted>,
    /// What becomes of what they count.
    pub(super) statistics: Statistics,
    /// Who writes messages one by one.
    pub(super) captures: Arc<Captures>,
    pub(super) keeping: Keeping,
    pub(super) outbound: Outbound,
    pub(super) clock: Clock,
    pub(super) workers: NonZeroUsize,
    pub(super) started: Instant,
    pub(super) started_at: UnixTime,
    /// Workers that are kept on a core each.
    pub(super) pinned: usize,
    /// What is done against attacks.
    pub(super) guard: Guard,
    /// What the process may no longer do.
    pub(super) in_force: InForce,
    pub(super) service: Arc<ArcSwap<Service>>,
    /// Where metrics are fetched, if anywhere.
    pub(super) metrics: Option<Endpoint>,
    /// Where zones are given out over TLS, if they are.
    pub(super) transfers: Option<Listening>,
    /// Removes the control socket when the node is gone. None while another node has it.
    pub(super) control: Option<Server>,
    /// What watches over this node, if it is to be announced.
    pub(super) watch: Option<Watch>,
    /// What waits for another node to leave.
    pub(super) waiting: Option<Waiting>,
    /// The process that has our sockets as well, and may come to serve.
    pub(super) lent_to: Option<u32>,
    pub(super) lane: Lane,
    /// Which zones are served, of those of which a version is held.
    served: Vec<Option<bool>>,
    /// Operators who wait for a round to end.
    pub(super) awaited: Vec<Awaited>,
}

impl Node {
    /// Starts the workers and the control socket, and says that the node is ready.
    pub(super) fn start(
        plan: &Plan,
        opened: Opened,
        in_force: InForce,
        begun: Begun,
        events: &Events,
    ) -> anyhow::Result<Self> {
        let Begun {
            hosting,
            guard,
            keepers,
            stores,
            times,
        } = begun;
        let service = Arc::new(ArcSwap::from_pointee(hosting.service(guard.service())));
        let pinned = plan.pinned();
        let kept = events.clone();
        let post = Post::new(move |event| kept.put(Event::Kept(event)));
        let (captures, accounting) = captures::start(plan, pinned)?;
        let recorder = accounting.recorder();
        let prepared = watch::prepare(plan, times)?;
        let neighborhood = { prepared.as_ref() }.and_then(|of| of.neighborhood.clone());
        let shown = Arc::clone(&service);
        let outbound = plan.outbound(pinned, shown, post.clone(), recorder, neighborhood)?;
        outbound.update(&hosting);
        let transfers = doors::give_out(plan, &outbound, opened.transfers)?;
        let desk: Arc<dyn Aside> = Arc::clone(outbound.desk()) as _;
        let workers = opened.workers.recorded(Arc::clone(&accounting));
        let running = workers.start(Arc::clone(&service), desk)?;
        let watch = watch::start(prepared, plan, &running, &hosting)?;
        let bound = { opened.encrypted }.map(|bound| bound.recorded(Arc::clone(&accounting)));
        let follows = opened.taking_over.is_some();
        let statistics = counts::keep(&plan.statistics, accounting, &running, pinned, follows)?;
        let waiting = Waiting {
            taking_over: opened.taking_over,
            control: opened.control,
            metrics: opened.metrics,
            encrypted: bound,
        };
        let storage = stores.start(pinned, post.clone())?;
        let patience = plan.patience();
        let keeping = Keeping::new(keepers, times, patience, pinned, storage, post, &hosting);
        let mut node = Node {
            running,
            encrypted: None,
            statistics,
            captures,
            keeping,
            outbound,
            clock: plan.clock,
            workers: plan.settings.workers,
            pinned,
            started: Instant::now(),
            started_at: present(),
            guard,
            in_force,
            service,
            metrics: None,
            transfers,
            control: None,
            watch,
            waiting: Some(waiting),
            lent_to: None,
            lane: Lane::default(),
            served: served(&hosting),
            awaited: Vec::new(),
            hosting,
        };
        node.look();
        for zone in node.hosting.zones() {
            log::loaded(zone, None, plan.clock.now());
        }
        if !follows {
            node.settle(events)?;
        }
        log_ready(plan, &node.hosting, &node.running);
        Ok(node)
    }

    /// Takes events until one says to stop, or to leave the sockets to another node; then does so.
    pub(super) fn run(mut self, events: &Events, inbox: &Receiver<Event>) -> anyhow::Result<Exit> {
        let ended = match self.take_events(events, inbox) {
            Ok(Some((pid, left))) => {
                self.leave(pid, &left, inbox);
                return Ok(Exit::Well);
            }
            Ok(None) => Ok(Exit::Well),
            Err(error) => Err(error),
        };
        // One that waits for another to leave is not the service yet.
        if self.waiting.is_none() {
            notify(&[NotifyState::Stopping]);
        }
        // What it wished is void before it answers no more.
        drop(self.watch);
        self.encrypted.map(Encrypted::stop);
        self.running.stop();
        self.statistics.stop();
        if let Some(captures) = Arc::into_inner(self.captures) {
            captures.finish();
        }
        info!("stopped");
        ended
    }

    /// Takes events until one says to stop. What comes back is the process that is to have the
    /// sockets, if one is, and where it waits for them; an error is that this one cannot follow the
    /// one that has them.
    fn take_events(
        &mut self,
        events: &Events,
        inbox: &Receiver<Event>,
    ) -> anyhow::Result<Option<(u32, SyncSender<()>)>> {
        // What ends a load takes milliseconds, which a worker would pause.
        system::yield_to_workers(self.pinned);
        loop {
            self.settle_when_well(events)?;
            if self.has_drained() {
                return Ok(None);
            }
            if self.running.meters().busy_for() < WATCHDOG_STALL {
                pet_watchdog();
            }
            match inbox.recv_timeout(self.patience()) {
                Ok(Event::Stop(signal)) => {
                    if !self.drains_first(signal) {
                        info!("{signal}: answering what has arrived, then stopping");
                        return Ok(None);
                    }
                }
                Ok(Event::Reload) => {
                    info!("SIGHUP: loading zones");
                    encrypted::reload(self.encrypted.as_ref());
                    self.lane.add(Work::Files(Vec::new()));
                }
                Ok(Event::Asked(command, reply)) => self.answer(&command, reply),
                Ok(Event::Observed(reply)) => self.tell(reply),
                Ok(Event::Kept(event)) => {
                    if let Some((zone, serial)) = event.notified()
                        && self.is_root(zone)
                    {
                        self.statistics.notified(serial);
                    }
                    let delivery = self.keeping.take(event);
                    if let Some(delivery) = delivery {
                        self.lane.add(Work::Delivery(delivery));
                    }
                }
                Ok(Event::Loaded(loaded)) => self.finish_load(loaded),
                Ok(Event::HandOver(asking)) => {
                    let leaves = self.hand_over(asking);
                    if leaves.is_some() {
                        return Ok(leaves);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // The node itself holds a sender in `events`.
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
            self.begin_load(events);
            self.look();
            orders::answer_awaited(self);
        }
    }

    /// Whether a zone is the root, the one whose way is timed (RSSAC002v5, load-time).
    pub(super) fn is_root(&self, zone: usize) -> bool {
        let zone = self.hosting.zones().get(zone);
        zone.is_some_and(|zone| zone.name().is_root())
    }

    /// How long to wait before the next look at the clock: no longer than zones hold, and until
    /// the next thing that is due.
    fn patience(&self) -> Duration {
        let ends_in = self.hosting.ends_in(self.clock.now());
        let due = self.keeping.timeout();
        let stop = self.stop_look();
        let follow = self.waiting.as_ref().map(|_| FOLDER_LOOK);
        let first = ends_in.into_iter().chain(due).chain(stop).chain(follow);
        let first = first.chain(watchdog_look());
        first.min().map_or(CLOCK_LOOK, |left| left.min(CLOCK_LOOK))
    }

    fn answer(&mut self, command: &Command, reply: SyncSender<Reply>) {
        let told = match command {
            Command::Status => Reply::Status(report::status(self)),
            Command::Stats => Reply::Stats(counts::stats(self)),
            Command::Top => {
                let tell = move |top: &Top| {
                    // Who asked may have gone away.
                    let _ = reply.try_send(Reply::Top(v1::Top::of(top, TOP_TOLD)));
                };
                return self.statistics.tell_top(tell);
            }
            Command::Reload => {
                info!("asked on the control socket: loading zones");
                encrypted::reload(self.encrypted.as_ref());
                return self.lane.add(Work::Files(vec![reply]));
            }
            Command::Zones { zone } => orders::zones(self, zone.as_deref()),
            Command::Cookies { order } => orders::cookies(self, order.as_ref()),
            Command::Refresh { zone } => {
                return orders::force(self, zone.as_deref(), Force::Refresh, reply);
            }
            Command::Retransfer { zone } => {
                return orders::force(self, zone.as_deref(), Force::Retransfer, reply);
            }
            Command::Accept { zone, serial } => {
                return orders::accept(self, zone, Serial(*serial), reply);
            }
            Command::Route => watch::told(self),
            Command::Drain { ipv4, ipv6, force } => {
                let families = watch::families(self, *ipv4, *ipv6);
                let force = *force;
                watch::order(self, Order::Drain { families, force })
            }
            Command::Undrain { ipv4, ipv6 } => {
                let families = watch::families(self, *ipv4, *ipv6);
                watch::order(self, Order::Undrain { families })
            }
            Command::Neighbor(told) => match watch::neighbor(self, told) {
                Ok(order) => watch::order(self, order),
                Err(message) => Reply::Error { message },
            },
            Command::Site => return watch::tell_site(self, reply),
            // It comes another way, with its connection.
            Command::TakeOver { .. } => return,
        };
        // Who asked may have gone away.
        let _ = reply.try_send(told);
    }

    /// Tells all that metrics are made of, in the words of the control socket.
    fn tell(&self, reply: oneshot::Sender<Box<Told>>) {
        let zones = 0..self.hosting.zones().len();
        // Who asked may have gone away.
        let _ = reply.send(Box::new(Told {
            status: report::status(self),
            stats: counts::stats(self),
            zones: zones.map(|number| kept::zone(self, number)).collect(),
            route: watch::route_of(self),
        }));
    }

    /// Does what is due, and withdraws what the time has ended.
    fn look(&mut self) {
        self.keeping.poll(&self.hosting);
        let has_aged = self.look_at_freshness();
        self.tell_watch();
        if !self.hosting.look(self.clock.now()) && !has_aged {
            return;
        }
        self.swap();
        for zone in self.hosting.zones() {
            log::standing(zone, self.clock.now());
        }
    }

    /// Notes how fresh each zone is: says whether that is another state than before.
    pub(super) fn look_at_freshness(&mut self) -> bool {
        let mut has_changed = false;
        for number in 0..self.hosting.zones().len() {
            let served = self.hosting.zones()[number].serial();
            let freshness = self.keeping.freshness(number, served);
            has_changed |= self.hosting.refreshed(number, freshness);
            if self.keeping.is_level(number) {
                self.hosting.forget_refusal(number);
            }
        }
        has_changed
    }

    /// Puts the images as they stand into service, all at once, and gives out what is served.
    pub(super) fn swap(&mut self) {
        if let Some(watch) = &mut self.watch {
            watch.expect(&self.hosting);
        }
        self.service
            .store(Arc::new(self.hosting.service(self.guard.service())));
        self.outbound.update(&self.hosting);
        self.tell_watch();
        for (number, zone) in self.hosting.zones().iter().enumerate() {
            if zone.version.is_none() {
                continue;
            }
            let is_served = zone.is_served();
            let was_served = self.served[number].replace(is_served);
            if was_served.is_some_and(|was_served| was_served != is_served)
                && let Some(keeper) = self.keeping.keeper(number)
            {
                keeper.note(What::State(match is_served {
                    true => "in service".to_owned(),
                    false => format!("out of service: {}", log::why_withdrawn(zone)),
                }));
            }
        }
    }
}

/// Which zones are served, of those of which a version is held.
fn served(hosting: &Hosting) -> Vec<Option<bool>> {
    let served = |zone: &Hosted| zone.version.is_some().then(|| zone.is_served());
    hosting.zones().iter().map(served).collect()
}

fn log_ready(plan: &Plan, hosting: &Hosting, running: &Running) {
    let list = |texts: Vec<String>| texts.join(", ");
    let zones = hosting
        .zones()
        .iter()
        .map(|zone| zone.name().fmt_with_dot().to_string());
    let addresses = running.addresses();
    info!(
        "ready: {} on {} by UDP and TCP, {} {}",
        list(zones.collect()),
        list(addresses.iter().map(ToString::to_string).collect()),
        plan.settings.workers,
        if plan.settings.workers.get() == 1 {
            "worker"
        } else {
            "workers"
        }
    );
    if plan.is_test
        && let Some(address) = addresses.first()
    {
        info!(
            "try: dig @{} -p {} . NS +dnssec",
            address.ip(),
            address.port()
        );
    }
}
