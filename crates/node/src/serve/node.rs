//! The running node: takes one event at a time and keeps what is served true.

use super::events::{Event, Events};
use super::plan::Plan;
use super::{counts, report};
use crate::clock::{Clock, present, rfc3339, span};
use crate::control::server::{Asked, Server};
use crate::control::v1::{Command, Reply};
use crate::hosting::load::{self, LoadResult};
use crate::hosting::{AttemptResult, Hosted, Hosting, Standing};
use crate::limits::{CLOCK_LOOK, RELOAD_THREADS_MAX};
use crate::system;
use crate::transport::Running;
use arc_swap::ArcSwap;
use imrs_engine::{Identity, Service};
use imrs_zone::record::UnixTime;
use sd_notify::NotifyState;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};
use tracing::{error, info, warn};

/// The running node.
pub(super) struct Node {
    pub(super) hosting: Hosting,
    pub(super) running: Running,
    pub(super) clock: Clock,
    pub(super) workers: NonZeroUsize,
    pub(super) started: Instant,
    pub(super) started_at: UnixTime,
    /// Workers that are kept on a core each.
    pinned: usize,
    identity: Identity,
    service: Arc<ArcSwap<Service>>,
    /// Removes the control socket when the node is gone.
    _control: Server,
    reload: Reload,
}

/// How far a reload is.
enum Reload {
    /// None is running.
    Idle,
    /// One is running; these wait for its end.
    Running(Vec<SyncSender<Reply>>),
    /// One is running, and another was asked for since it read its files; those who wait for
    /// the first, and for the second.
    Again(Vec<SyncSender<Reply>>, Vec<SyncSender<Reply>>),
}

impl Node {
    /// Starts the workers and the control socket, and says that the node is ready.
    pub(super) fn start(plan: Plan, hosting: Hosting, events: &Events) -> anyhow::Result<Self> {
        let service = Arc::new(ArcSwap::from_pointee(hosting.service(&plan.identity)));
        let running = Running::start(&plan.settings, Arc::clone(&service))?;
        let inbox = events.clone();
        let asked: Arc<Asked> =
            Arc::new(move |command, reply| inbox.put(Event::Asked(command, reply)));
        let control = Server::start(&plan.control, asked)?;
        info!("control socket {}", control.path().display());
        for zone in hosting.zones() {
            log_loaded(zone, plan.clock.now());
        }
        log_ready(&plan, &hosting, &running);
        notify(&[NotifyState::Ready]);
        Ok(Node {
            hosting,
            running,
            clock: plan.clock,
            workers: plan.settings.workers,
            pinned: if plan.settings.pinned {
                plan.settings.workers.get()
            } else {
                0
            },
            started: Instant::now(),
            started_at: present(),
            identity: plan.identity,
            service,
            _control: control,
            reload: Reload::Idle,
        })
    }

    /// Takes events until one says to stop, then stops gracefully.
    pub(super) fn run(mut self, events: &Events, inbox: &Receiver<Event>) {
        loop {
            match inbox.recv_timeout(self.patience()) {
                Ok(Event::Stop(signal)) => {
                    info!("{signal}: answering what has arrived, then stopping");
                    break;
                }
                Ok(Event::Reload) => {
                    info!("SIGHUP: loading zones");
                    self.start_reload(None, events);
                }
                Ok(Event::Asked(command, reply)) => self.answer(&command, reply, events),
                Ok(Event::Loaded(results)) => self.finish_reload(results, events),
                Err(RecvTimeoutError::Timeout) => {}
                // The node itself holds a sender in `events`.
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look_at_clock();
        }
        notify(&[NotifyState::Stopping]);
        self.running.stop();
        info!("stopped");
    }

    /// How long to wait before the next look at the clock: no longer than zones hold.
    fn patience(&self) -> Duration {
        let ends_in = self.hosting.ends_in(self.clock.now());
        ends_in.map_or(CLOCK_LOOK, |left| left.min(CLOCK_LOOK))
    }

    fn answer(&mut self, command: &Command, reply: SyncSender<Reply>, events: &Events) {
        let told = match command {
            Command::Status => Reply::Status(report::status(self)),
            Command::Stats => Reply::Stats(counts::stats(self)),
            Command::Reload => {
                info!("asked on the control socket: loading zones");
                return self.start_reload(Some(reply), events);
            }
            Command::Zones { .. }
            | Command::Refresh { .. }
            | Command::Retransfer { .. }
            | Command::Accept { .. } => Reply::Error {
                message: "nothing is fetched yet".to_owned(),
            },
        };
        // Who asked may have gone away.
        let _ = reply.try_send(told);
    }

    /// Starts a load on a thread of its own, or notes that one more is due after the running one,
    /// which may have read its files before they were changed.
    fn start_reload(&mut self, waiting: Option<SyncSender<Reply>>, events: &Events) {
        self.reload = match std::mem::replace(&mut self.reload, Reload::Idle) {
            Reload::Idle => {
                self.spawn_load(events);
                Reload::Running(waiting.into_iter().collect())
            }
            Reload::Running(first) => Reload::Again(first, waiting.into_iter().collect()),
            Reload::Again(first, mut second) => {
                second.extend(waiting);
                Reload::Again(first, second)
            }
        };
    }

    fn spawn_load(&self, events: &Events) {
        notify_reloading();
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = NonZeroUsize::new(cores.min(RELOAD_THREADS_MAX)).unwrap_or(NonZeroUsize::MIN);
        let job = self.hosting.job(self.clock.now(), threads);
        let inbox = events.clone();
        let pinned = self.pinned;
        let work = move || {
            system::yield_to_workers(pinned);
            // What a library does not survive, the zones in service do.
            let load = || load::load(&job, &|_, _, _| {});
            let results = panic::catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| {
                error!("loading zones panicked; what is served stays");
                Vec::new()
            });
            drop(job);
            inbox.put(Event::Loaded(results));
        };
        if let Err(cause) = thread::Builder::new().name("load".to_owned()).spawn(work) {
            error!("cannot start a thread to load zones: {cause}");
            events.put(Event::Loaded(Vec::new()));
        }
    }

    fn finish_reload(&mut self, results: Vec<LoadResult>, events: &Events) {
        self.hosting.take(results, present(), self.clock.now());
        self.swap();
        for zone in self.hosting.zones() {
            log_attempt(zone, self.clock.now());
        }
        system::return_memory();
        let (told, due) = match std::mem::replace(&mut self.reload, Reload::Idle) {
            Reload::Idle => (Vec::new(), None),
            Reload::Running(told) => (told, None),
            Reload::Again(told, second) => (told, Some(second)),
        };
        let reply = Reply::Reload(report::reload(self));
        for waiting in told {
            let _ = waiting.try_send(reply.clone());
        }
        match due {
            None => notify(&[NotifyState::Ready]),
            Some(second) => {
                self.spawn_load(events);
                self.reload = Reload::Running(second);
            }
        }
    }

    /// Withdraws zones whose signatures ran out, and takes back those of a clock set back.
    fn look_at_clock(&mut self) {
        if !self.hosting.look(self.clock.now()) {
            return;
        }
        self.swap();
        for zone in self.hosting.zones() {
            log_standing(zone, self.clock.now());
        }
    }

    /// Puts the images as they stand into service, all at once.
    fn swap(&self) {
        self.service
            .store(Arc::new(self.hosting.service(&self.identity)));
    }
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

fn log_loaded(zone: &Hosted, now: UnixTime) {
    let name = zone.name().fmt_with_dot();
    let serial = zone.image().serial();
    let signatures = zone.proof.signatures;
    let records = zone.records;
    match zone.proof.expires {
        Some(expires) => info!(
            "zone {name}: serial {serial}, {records} records, {signatures} signatures, good for {}, \
             until {}",
            span(expires.0.saturating_sub(now.0)),
            rfc3339(expires)
        ),
        None => info!("zone {name}: serial {serial}, {records} records, signatures not asked for"),
    }
    for warning in &zone.proof.warnings {
        warn!("zone {name}: {warning}");
    }
    log_standing(zone, now);
}

fn log_attempt(zone: &Hosted, now: UnixTime) {
    let name = zone.name().fmt_with_dot();
    match &zone.attempt.result {
        AttemptResult::Loaded => log_loaded(zone, now),
        AttemptResult::Unchanged => {
            info!("zone {name}: serial {}, unchanged", zone.image().serial());
        }
        AttemptResult::Refused(reason) => error!(
            "zone {name}: refused, serial {} stays in service: {reason}",
            zone.image().serial()
        ),
    }
}

fn log_standing(zone: &Hosted, now: UnixTime) {
    let name = zone.name().fmt_with_dot();
    let Some(expires) = zone.proof.expires else {
        return;
    };
    match zone.standing {
        Standing::Holds => {}
        Standing::EndsSoon => warn!(
            "zone {name}: the first signature runs out in {}, at {}; load a newer zone",
            span(expires.0.saturating_sub(now.0)),
            rfc3339(expires)
        ),
        Standing::Ended => error!(
            "zone {name}: withdrawn, queries for it get SERVFAIL: the first signature ran out at \
             {}; load a newer zone",
            rfc3339(expires)
        ),
    }
}

/// Tells systemd, where it started the node; elsewhere this does nothing.
fn notify(state: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(state) {
        warn!("cannot tell the service manager: {cause}");
    }
}

fn notify_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(cause) => warn!("cannot tell the service manager: {cause}"),
    }
}
