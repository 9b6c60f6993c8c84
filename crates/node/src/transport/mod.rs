//! Sockets and worker threads: packets in, `imrs_engine::respond`, packets out.
//!
//! Start reading at [`Opened`], then [`Running`]. One thread per worker, each with its own sockets for every
//! address and one epoll for all of them:
//!
//! ```text
//! listen      sockets of all workers, before any runs
//! hand_over   the same sockets, for another process
//! worker      the loop: wait, load the service, give each socket its turn
//!   udp       a batch of datagrams
//!   tcp       accept, serve, close: limits, deadlines, framing
//! aside       what zones alone do not answer
//! proxy       whom a proxy says it speaks for
//! pressure    how far a worker is behind
//! sieve       what the kernel drops before it costs a wake-up
//! sys         the system calls
//! counters    what the workers count
//! ```
//!
//! Knows nothing of zones, files or signals, and looks into no message.

mod aside;
mod counters;
mod error;
mod hand_over;
mod limits;
mod listen;
mod pressure;
pub mod proxy;
mod sieve;
mod sys;
mod tcp;
mod udp;
mod worker;

pub use aside::{Answered, Aside, Asked, Handed};
pub(crate) use counters::Number;
pub use counters::{Connections, Counters, Defended, KINDS, Messages, RCODES, Unsent};
pub use error::{Protocol, StartError};
pub use hand_over::{Lent, LentFor};
pub use listen::{Inherited, InheritedPair, refuse_covered};
pub(crate) use tcp::{Admission, Full, Ordered, Prefix};
pub use worker::Respond;

use crate::accounting::Accounting;
use crate::system;
use arc_swap::ArcSwap;
use counters::Tally;
use imrs_engine::Service;
use imrs_transfer::access;
use listen::{Endpoint, Held};
use sieve::Sieve;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU8;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use worker::{Shared, Worker};

/// How a node listens and within which limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses to answer on, UDP and TCP each; wildcard addresses are allowed.
    pub listen: Vec<SocketAddr>,
    /// Worker threads; each has its own sockets (SO_REUSEPORT).
    pub workers: NonZeroUsize,
    /// Whether worker n stays on the nth of the cores that the process may use.
    pub pinned: bool,
    /// Largest UDP response over IPv4, in octets of DNS message; at least 512.
    pub udp_payload_ipv4: u16,
    /// Largest UDP response over IPv6, in octets of DNS message; at least 512.
    pub udp_payload_ipv6: u16,
    /// A TCP connection is closed after this time without progress: idle, or with a query that
    /// is not completed, or with responses that are not taken. At most 6553.5 s.
    pub tcp_idle: Duration,
    /// TCP connections at once, over all workers. At the limit the one of the same worker that
    /// made no progress for longest gives way to a new one.
    pub tcp_connections: usize,
    /// TCP connections at once from one client prefix (IPv4 /24, IPv6 /56), over all workers.
    pub tcp_connections_per_prefix: usize,
    /// New TCP connections in a second from one client prefix, per worker.
    pub tcp_new_per_prefix: u32,
    /// Time in a second that a worker spends on the TCP connections of one client prefix.
    pub tcp_busy_per_prefix: Duration,
    /// Queries after which a TCP connection is closed.
    pub tcp_queries: Option<u64>,
    /// Who speaks for others, by a header ahead of each message (PROXY protocol version 2).
    pub proxies: Vec<access::Prefix>,
}

impl Settings {
    /// Octets of the largest UDP response from an address. Every client takes 512 (RFC 1035
    /// section 2.3.4).
    fn udp_payload(&self, address: SocketAddr) -> usize {
        let payload = match address {
            SocketAddr::V4(_) => self.udp_payload_ipv4,
            SocketAddr::V6(_) => self.udp_payload_ipv6,
        };
        usize::from(payload).max(512)
    }

    /// Open files at most in use.
    fn descriptors(&self) -> u64 {
        let per_worker = 2 * self.listen.len() + 1;
        let sockets = self.workers.get().saturating_mul(per_worker);
        let all = sockets.saturating_add(self.tcp_connections);
        all.saturating_add(limits::OTHER_DESCRIPTORS) as u64
    }
}

/// The running workers. Dropped without [`Running::stop`], it stops them too.
#[derive(Debug)]
pub struct Running {
    addresses: Vec<SocketAddr>,
    stop: Arc<sys::Flag>,
    leave: Arc<sys::Flag>,
    crowding: Arc<AtomicU8>,
    unfiltered: Option<String>,
    meters: Meters,
    threads: Vec<JoinHandle<()>>,
}

/// What the workers count, to be read while they run and afterwards.
#[derive(Clone, Debug)]
pub(crate) struct Meters {
    sieve: Arc<Sieve>,
    workers: Vec<Meter>,
}

/// What one worker counts.
#[derive(Clone, Debug)]
struct Meter {
    tally: Arc<Tally>,
    began: Instant,
    /// Its sockets while they are open; they know what the kernel dropped.
    udp: Weak<[udp::Socket]>,
    listeners: Weak<[TcpListener]>,
}

/// The sockets of all workers, open and not answered yet.
///
/// Between opening and starting the process may give up what only opening needs.
pub struct Opened {
    settings: Settings,
    endpoints: Vec<Vec<Endpoint>>,
    sieve: Sieve,
    unfiltered: Option<String>,
    confine: Option<Box<Confine>>,
    accounting: Option<Arc<Accounting>>,
}

/// What a worker does to its own thread before it serves.
pub type Confine = dyn Fn() -> io::Result<()> + Send + Sync;

impl Opened {
    /// Opens all sockets. What comes to them waits until workers are started, as far as the
    /// kernel's queues hold it.
    pub fn new(settings: &Settings) -> Result<Opened, StartError> {
        Opened::with(settings, Vec::new())
    }

    /// The same, but for addresses of which another process has handed its sockets over. That one
    /// may go on serving them: nothing is changed about them before workers are started.
    pub fn with(settings: &Settings, inherited: Vec<Inherited>) -> Result<Opened, StartError> {
        allow_descriptors(settings)?;
        let endpoints = listen::open(&settings.listen, settings.workers.get(), inherited)?;
        let (sieve, unfiltered) = Sieve::new(settings.workers.get(), rand::random());
        let unfiltered = unfiltered.map(|unfiltered| unfiltered.to_string());
        let unfiltered = match settings.proxies.is_empty() {
            true => unfiltered,
            false => Some("a filter sees proxies, not whom they speak for".to_owned()),
        };
        Ok(Opened {
            settings: settings.clone(),
            endpoints,
            sieve,
            unfiltered,
            confine: None,
            accounting: None,
        })
    }

    /// Why the kernel drops nothing of a flood before it costs a wake-up, if so.
    pub fn unfiltered(&self) -> Option<&str> {
        self.unfiltered.as_deref()
    }

    /// The same with workers that do this first, each on its own thread. One that fails serves
    /// nothing, and none is started.
    pub fn confined(self, confine: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Opened {
        let confine: Option<Box<Confine>> = Some(Box::new(confine));
        Opened { confine, ..self }
    }

    /// The same with workers that record what they answer here.
    pub fn recorded(self, accounting: Arc<Accounting>) -> Opened {
        Opened {
            accounting: Some(accounting),
            ..self
        }
    }

    /// Starts the workers, and returns when all of them answer.
    ///
    /// A worker loads `service` once per batch, so a store there is the swap. What zones alone do
    /// not answer goes to `aside`.
    pub fn start(
        self,
        service: Arc<ArcSwap<Service>>,
        aside: Arc<dyn Aside>,
    ) -> Result<Running, StartError> {
        Running::launch(self, service, imrs_engine::respond, Some(aside))
    }

    /// As [`Opened::start`], with responses of another making and nothing aside.
    pub fn start_with<R>(
        self,
        service: Arc<ArcSwap<Service>>,
        respond: R,
    ) -> Result<Running, StartError>
    where
        R: Respond + Send + Sync + 'static,
    {
        Running::launch(self, service, respond, None)
    }
}

impl Running {
    /// Opens all sockets and starts the workers, as [`Opened`] does.
    pub fn start(
        settings: &Settings,
        service: Arc<ArcSwap<Service>>,
        aside: Arc<dyn Aside>,
    ) -> Result<Running, StartError> {
        Opened::new(settings)?.start(service, aside)
    }

    /// As [`Running::start`], with responses of another making and nothing aside: for tests of
    /// the transports alone, and as the plain echo that benchmarks compare with.
    pub fn start_with<R>(
        settings: &Settings,
        service: Arc<ArcSwap<Service>>,
        respond: R,
    ) -> Result<Running, StartError>
    where
        R: Respond + Send + Sync + 'static,
    {
        Opened::new(settings)?.start_with(service, respond)
    }

    fn launch<R>(
        opened: Opened,
        service: Arc<ArcSwap<Service>>,
        respond: R,
        aside: Option<Arc<dyn Aside>>,
    ) -> Result<Running, StartError>
    where
        R: Respond + Send + Sync + 'static,
    {
        let Opened {
            settings,
            endpoints,
            sieve,
            unfiltered,
            confine,
            accounting,
        } = opened;
        let failed = |worker| move |cause| StartError::Worker { worker, cause };
        attach(unfiltered.is_none().then_some(&sieve), &endpoints)?;
        let stop = Arc::new(sys::Flag::new().map_err(failed(0))?);
        let leave = Arc::new(sys::Flag::new().map_err(failed(0))?);
        let addresses = hand_over::addresses(endpoints.first().map_or(&[], Vec::as_slice));
        let admission = Arc::new(Admission::new(
            settings.tcp_connections,
            settings.tcp_connections_per_prefix,
        ));
        let crowding = Arc::default();
        let sieve = Arc::new(sieve);
        let shared = Arc::new(Shared {
            service,
            respond,
            aside,
            stop: Arc::clone(&stop),
            leave: Arc::clone(&leave),
            admission,
            proxies: settings.proxies.clone(),
            sieve: Arc::clone(&sieve),
            crowding: Arc::clone(&crowding),
        });
        let mut running = Running {
            addresses,
            stop,
            leave,
            crowding,
            unfiltered,
            meters: Meters {
                sieve,
                workers: Vec::new(),
            },
            threads: Vec::new(),
        };
        let before = Arc::new(Before {
            pinned: settings.pinned,
            confine,
        });
        let (ready, readiness) = mpsc::channel();
        for (number, endpoints) in endpoints.into_iter().enumerate() {
            let recorder = accounting.as_deref().map(Accounting::recorder);
            let shared = Arc::clone(&shared);
            let worker = Worker::new(number, shared, &settings, endpoints, recorder);
            let worker = worker.map_err(failed(number))?;
            running.meters.workers.push(Meter {
                tally: worker.tally(),
                began: worker.began(),
                udp: worker.udp(),
                listeners: worker.listeners(),
            });
            let thread = spawn(number, worker, Arc::clone(&before), ready.clone());
            running.threads.push(thread.map_err(failed(number))?);
        }
        drop(ready);
        for (number, result) in readiness {
            result.map_err(failed(number))?;
        }
        Ok(running)
    }

    /// The addresses in use, with the ports that the system chose where 0 was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// As [`Opened::unfiltered`].
    pub fn unfiltered(&self) -> Option<&str> {
        self.unfiltered.as_deref()
    }

    /// How far who is served beside the workers is to give way: 0 is not at all, at 1 nobody new is
    /// let in, at 2 nobody is served.
    pub(crate) fn crowding(&self) -> &Arc<AtomicU8> {
        &self.crowding
    }

    /// What was counted so far; nobody is stopped for it.
    pub fn counters(&self) -> Counters {
        self.meters.read()
    }

    /// What the workers count, for others to read.
    pub(crate) fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Stops gracefully: what has arrived is answered, then sockets close and threads end.
    /// Returns what was counted until then. Takes as long as peers need for their responses over
    /// TCP, at most about two seconds.
    pub fn stop(mut self) -> Counters {
        self.stop_workers();
        self.counters()
    }

    fn stop_workers(&mut self) {
        self.stop.raise();
        for thread in self.threads.drain(..) {
            // A worker that panics takes the process with it.
            let _ = thread.join();
        }
    }
}

impl Meters {
    /// What was counted so far; nobody is stopped for it.
    pub(crate) fn read(&self) -> Counters {
        let mut sum = Counters::default();
        for (number, worker) in self.workers.iter().enumerate() {
            worker.tally.add_to(&mut sum);
            let sockets = worker.udp.upgrade();
            let dropped = sockets.map(|all| all.iter().map(udp::Socket::dropped_by_kernel).sum());
            // After the sockets' counts, which hold the filter's.
            let filtered = self.sieve.filtered(number);
            let lost = dropped.map_or(0, |dropped| filtered.lost_by_queues(dropped));
            sum.kernel_dropped += lost;
            sum.filtered_condemned += filtered.condemned;
            sum.filtered_shed += filtered.shed;
        }
        sum
    }

    /// For how long the worker that is busy longest has not looked at its sockets.
    pub(crate) fn busy_for(&self) -> Duration {
        let busy = |worker: &Meter| worker.tally.busy_for(worker.began.elapsed());
        self.workers.iter().map(busy).max().unwrap_or_default()
    }

    /// Messages received over UDP on sockets of these addresses.
    pub(crate) fn received_on(&self, is_meant: impl Fn(IpAddr) -> bool) -> u64 {
        let sockets = { self.workers.iter() }.filter_map(|worker| worker.udp.upgrade());
        let received = |all: Arc<[udp::Socket]>| -> u64 {
            let meant = all.iter().filter(|socket| is_meant(socket.address().ip()));
            meant.map(udp::Socket::received).sum()
        };
        sockets.map(received).sum()
    }

    /// Messages that can be on the hands of the workers, between two counts.
    pub(crate) fn in_hand(&self) -> u64 {
        (self.workers.len() * limits::UDP_BATCH) as u64
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop_workers();
    }
}

/// Ends the process if a worker panics: a server whose workers die one by one would seem well.
struct Whole;

impl Drop for Whole {
    fn drop(&mut self) {
        if thread::panicking() {
            std::process::abort();
        }
    }
}

/// What a worker's thread does before it serves.
struct Before {
    pinned: bool,
    confine: Option<Box<Confine>>,
}

impl Before {
    /// The worker of a number is about to serve.
    fn serving(&self, number: usize) -> io::Result<()> {
        if self.pinned {
            system::pin_to(number)?;
        }
        self.confine.as_ref().map_or(Ok(()), |confine| confine())
    }
}

fn spawn<R: Respond + Send + Sync + 'static>(
    number: usize,
    worker: Worker<R>,
    before: Arc<Before>,
    ready: Sender<(usize, io::Result<()>)>,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || {
            let result = before.serving(number);
            drop(before);
            let is_well = result.is_ok();
            // The other end waits for all of these, and is gone only if another worker failed.
            let _ = ready.send((number, result));
            drop(ready);
            if is_well {
                let _whole = Whole;
                worker.run();
            }
        })
}

/// Puts the filter of each worker before its UDP sockets, or takes away what another process put
/// there.
fn attach(sieve: Option<&Sieve>, endpoints: &[Vec<Endpoint>]) -> Result<(), StartError> {
    for (worker, endpoints) in endpoints.iter().enumerate() {
        let own = endpoints
            .iter()
            .filter(|endpoint| endpoint.udp.held != Held::Shared);
        for endpoint in own {
            let udp = &endpoint.udp.socket;
            let attached = match sieve {
                Some(sieve) => sieve.attach(worker, udp),
                None => sys::detach_filter(udp),
            };
            attached.map_err(|cause| StartError::Worker { worker, cause })?;
        }
    }
    Ok(())
}

/// Makes sure that as many files may be open as the settings need.
pub(crate) fn allow_descriptors(settings: &Settings) -> Result<(), StartError> {
    let needed = settings.descriptors();
    match sys::allow_descriptors(needed) {
        Ok(allowed) if allowed < needed => Err(StartError::Descriptors { needed, allowed }),
        // Where the limit cannot be read, accepting copes with its end.
        _ => Ok(()),
    }
}
