//! DNS over TLS (RFC 7858) and over QUIC (RFC 9250), in threads of their own.
//!
//! Start reading at [`Encrypted::bind`]. Off unless configured, behind the packet workers, within
//! limits of its own, and the first to be shed when the node is under pressure:
//!
//! ```text
//! sockets      all of them, before any thread runs
//! certificate  what is shown, and how TLS is spoken
//! pool         one thread: its listeners, its connections, the watch over them
//!   budgets    what a prefix may cost
//!   leave      when another node has the sockets
//!   seats      which connections there are, and which have to go
//!   tls        accept, shake hands, answer in order
//!   quic       the same, a query a stream
//!     drivers  what moves packets of QUIC
//! framing      where messages begin and end
//! counters     what the threads count
//! ```
//!
//! Each connection is a task on the runtime of its thread. Knows nothing of zones, files or signals.

mod budgets;
mod certificate;
mod counters;
mod drivers;
pub mod framing;
mod leave;
mod limits;
mod pool;
mod quic;
mod seats;
mod sockets;
mod tls;

pub use certificate::Certificate;
pub use counters::{Connections, Counters};
pub use limits::{INBOX_OCTETS_MAX, QUERY_OCTETS_MAX};
pub use sockets::Inherited;

use crate::accounting::{Accounting, Recorder};
use crate::transport::Admission;
use arc_swap::ArcSwap;
use budgets::Budgets;
use counters::Tally;
use drivers::Drivers;
use imrs_engine::Service;
use leave::{Ends, Leave};
use pool::{Room, Work};
use quinn::crypto::rustls::NoInitialCipherSuite;
use quinn::{Endpoint, EndpointConfig};
use seats::Seats;
use sockets::Sockets;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

/// How a node listens for encrypted DNS, and within which limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses to answer on over TLS.
    pub tls: Vec<SocketAddr>,
    /// Addresses to answer on over QUIC.
    pub quic: Vec<SocketAddr>,
    /// What is shown.
    pub certificate: Arc<Certificate>,
    /// Threads; each has its own sockets (SO_REUSEPORT).
    pub workers: NonZeroUsize,
    /// Connections at once, over both transports and all threads. At the limit the one of the same
    /// thread that made no progress for longest gives way to a new one.
    pub connections: usize,
    /// Connections at once from one client prefix (IPv4 /24, IPv6 /56).
    pub connections_per_prefix: usize,
    /// New connections in a second from one client prefix, per thread.
    pub new_per_prefix: u32,
    /// Time in a second that a thread spends on the connections of one client prefix.
    pub busy_per_prefix: Duration,
    /// A connection is closed after this time without progress. At most 6553.5 s.
    pub idle: Duration,
    /// Queries that one connection may have.
    pub queries_per_connection: u64,
    /// Queries at once on one connection over QUIC.
    pub streams: u32,
    /// Packet workers that are kept on a core each.
    pub pinned: usize,
}

/// The two transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// TLS over TCP.
    Tls,
    /// QUIC over UDP.
    Quic,
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Medium::Tls => "TLS",
            Medium::Quic => "QUIC",
        })
    }
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for DNS over {medium}")]
pub struct BindError {
    /// What was to be spoken there.
    pub medium: Medium,
    /// The address.
    pub address: SocketAddr,
    /// Why.
    #[source]
    pub cause: io::Error,
}

/// Why encrypted transport could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The library cannot do what is asked of it.
    #[error("TLS is not available for encrypted DNS")]
    Tls(#[source] rustls::Error),
    /// The same of QUIC.
    #[error("QUIC is not available for encrypted DNS")]
    Quic(#[source] NoInitialCipherSuite),
    /// A thread could not be started, or its sockets not be waited for.
    #[error("cannot start a thread for encrypted DNS")]
    Thread(#[source] io::Error),
}

/// Sockets that are open and not served yet.
#[derive(Debug)]
pub struct Bound {
    settings: Settings,
    /// As bound, with the ports that the system chose.
    addresses: Addresses,
    /// Those of each thread.
    sockets: Vec<Sockets>,
    /// All of them, each once.
    lent: Vec<Inherited>,
    accounting: Option<Arc<Accounting>>,
}

/// Addresses in use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Over TLS.
    pub tls: Vec<SocketAddr>,
    /// Over QUIC.
    pub quic: Vec<SocketAddr>,
}

/// The running threads. Dropped without [`Encrypted::stop`], it stops them too.
#[derive(Debug)]
pub struct Encrypted {
    addresses: Addresses,
    certificate: Arc<Certificate>,
    threads: Vec<Running>,
    lent: Vec<Inherited>,
}

#[derive(Debug)]
struct Running {
    tally: Arc<Tally>,
    stop: Arc<Notify>,
    leave: Arc<Leave>,
    thread: Option<JoinHandle<()>>,
}

/// What a thread is given beside its sockets.
struct Parts {
    tally: Arc<Tally>,
    recorder: Option<Recorder>,
    service: Arc<ArcSwap<Service>>,
    pressure: Arc<AtomicU8>,
    keepalive: u16,
    queries: u64,
    handshakes_before_retry: usize,
    new_per_prefix: u32,
    busy_per_prefix: Duration,
}

impl Encrypted {
    /// Opens all sockets.
    pub fn bind(settings: &Settings) -> Result<Bound, BindError> {
        Encrypted::bind_with(settings, Vec::new())
    }

    /// The same, but for those that another node has handed over. That one has to have left before
    /// they are served: packets of QUIC are of use to the process alone that has their connection.
    pub fn bind_with(
        settings: &Settings,
        mut inherited: Vec<Inherited>,
    ) -> Result<Bound, BindError> {
        let threads = settings.workers.get();
        let mut sockets: Vec<Sockets> = (0..threads).map(|_| Sockets::default()).collect();
        let mut addresses = Addresses::default();
        let mut lent = Vec::new();
        let tls = settings.tls.iter().map(|&asked| (Medium::Tls, asked));
        let quic = settings.quic.iter().map(|&asked| (Medium::Quic, asked));
        for (medium, asked) in tls.chain(quic) {
            let is_one = |one: &Inherited| {
                one.medium == medium && one.address == asked && !one.sockets.is_empty()
            };
            let found = inherited.iter().position(is_one);
            let (address, opened) = match found.map(|at| inherited.swap_remove(at)) {
                Some(found) => (asked, found.sockets),
                None => sockets::open(medium, asked, threads)?,
            };
            match medium {
                Medium::Tls => addresses.tls.push(address),
                Medium::Quic => addresses.quic.push(address),
            }
            let failed = |cause| BindError {
                medium,
                address,
                cause,
            };
            let kept = opened.iter().map(OwnedFd::try_clone);
            lent.push(Inherited {
                medium,
                address,
                sockets: kept.collect::<io::Result<_>>().map_err(failed)?,
            });
            sockets::spread(medium, opened, &mut sockets).map_err(failed)?;
        }
        Ok(Bound {
            settings: settings.clone(),
            addresses,
            sockets,
            lent,
            accounting: None,
        })
    }

    /// The addresses in use, with the ports that the system chose where 0 was asked for.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What is shown, which can be read anew.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What was counted so far; nobody is stopped for it.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for thread in &self.threads {
            thread.tally.add_to(&mut sum);
        }
        sum
    }

    /// Stops: peers are told, then threads end. Returns what was counted until then. Takes 0.2 s
    /// at most.
    pub fn stop(mut self) -> Counters {
        self.stop_threads();
        self.counters()
    }

    /// All sockets, for another node.
    pub fn lend(&self) -> io::Result<Vec<Inherited>> {
        let lend = |one: &Inherited| {
            let sockets = one.sockets.iter().map(OwnedFd::try_clone);
            Ok(Inherited {
                sockets: sockets.collect::<io::Result<_>>()?,
                ..*one
            })
        };
        self.lent.iter().map(lend).collect()
    }

    /// Another node has the sockets: returns when nothing is accepted or read from them any more.
    /// Connections over QUIC end, and those over TLS go on until their clients end them, within a
    /// limit.
    pub fn leave(&mut self) {
        self.lent.clear();
        for thread in &self.threads {
            thread.leave.asked.notify_one();
        }
        for thread in &self.threads {
            thread.leave.wait();
        }
    }

    /// Whether all threads have ended.
    pub fn is_over(&self) -> bool {
        let mut threads = self.threads.iter();
        threads.all(|running| running.thread.as_ref().is_none_or(JoinHandle::is_finished))
    }

    fn stop_threads(&mut self) {
        for thread in &self.threads {
            thread.stop.notify_one();
        }
        for thread in { self.threads.iter_mut() }.filter_map(|running| running.thread.take()) {
            // What a thread panicked of was told when it did.
            let _ = thread.join();
        }
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        self.stop_threads();
    }
}

impl Bound {
    /// The same with threads that record what they answer here.
    pub fn recorded(self, accounting: Arc<Accounting>) -> Bound {
        Bound {
            accounting: Some(accounting),
            ..self
        }
    }

    /// Serves the sockets from now on.
    ///
    /// A query is answered from the `service` of its moment. Above a `pressure` of 0 no connection
    /// is accepted and those that owe nothing are closed; from 2 on all are.
    pub fn start(
        self,
        service: &Arc<ArcSwap<Service>>,
        pressure: &Arc<AtomicU8>,
    ) -> Result<Encrypted, StartError> {
        let settings = &self.settings;
        let tls = settings.certificate.config(b"dot");
        let acceptor = TlsAcceptor::from(Arc::new(tls.map_err(StartError::Tls)?));
        let admission = Arc::new(Admission::new(
            settings.connections,
            settings.connections_per_prefix,
        ));
        let mut started = Encrypted {
            addresses: self.addresses,
            certificate: Arc::clone(&settings.certificate),
            threads: Vec::new(),
            lent: self.lent,
        };
        for (number, sockets) in self.sockets.into_iter().enumerate() {
            let tally = Arc::new(Tally::default());
            let stop = Arc::new(Notify::new());
            let leave = Arc::new(Leave::default());
            let work = work(settings, sockets, acceptor.clone())?;
            let ends = Ends::new(Arc::clone(&stop), Arc::clone(&leave), settings.idle);
            let parts = Parts {
                tally: Arc::clone(&tally),
                recorder: self.accounting.as_deref().map(Accounting::recorder),
                service: Arc::clone(service),
                pressure: Arc::clone(pressure),
                keepalive: u16::try_from(settings.idle.as_millis() / 100).unwrap_or(u16::MAX),
                queries: settings.queries_per_connection,
                handshakes_before_retry: settings.handshakes_before_retry(),
                new_per_prefix: settings.new_per_prefix,
                busy_per_prefix: settings.busy_per_prefix,
            };
            let (admission, idle) = (Arc::clone(&admission), settings.idle);
            let run = move || {
                let seats = Seats::new(admission, Arc::clone(&parts.tally), idle);
                let budgets = Budgets::new(parts.new_per_prefix, parts.busy_per_prefix);
                work.run(Room::new(seats, budgets, parts), &ends);
            };
            let name = format!("encrypted-{number}");
            let thread = thread::Builder::new().name(name).spawn(run);
            started.threads.push(Running {
                tally,
                stop,
                leave,
                thread: Some(thread.map_err(StartError::Thread)?),
            });
        }
        Ok(started)
    }
}

impl Settings {
    /// Few enough that those who forge addresses cannot fill what a prefix may have.
    fn handshakes_before_retry(&self) -> usize {
        limits::HANDSHAKES_BEFORE_RETRY
            .min(self.connections_per_prefix / 2)
            .min(self.connections / 4)
    }
}

/// Makes the runtime of a thread, and has it wait for the sockets.
fn work(settings: &Settings, sockets: Sockets, acceptor: TlsAcceptor) -> Result<Work, StartError> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(StartError::Thread)?;
    let _within = runtime.enter();
    let tls = sockets.tls.into_iter().map(TcpListener::from_std);
    let tls = tls.collect::<io::Result<Vec<_>>>();
    let tls = tls.map_err(StartError::Thread)?;
    let mut quic = Vec::with_capacity(sockets.quic.len());
    let drivers = Arc::new(Drivers::default());
    for socket in sockets.quic {
        let shown = settings.certificate.config(b"doq");
        let shown = shown.map_err(StartError::Tls)?;
        let config = quic::config(shown, settings.idle, settings.streams);
        let endpoint = Endpoint::new(
            EndpointConfig::default(),
            Some(config.map_err(StartError::Quic)?),
            socket,
            Arc::clone(&drivers) as Arc<dyn quinn::Runtime>,
        );
        quic.push(endpoint.map_err(StartError::Thread)?);
    }
    drop(_within);
    Ok(Work {
        runtime,
        tls,
        acceptor,
        quic,
        drivers,
        pinned: settings.pinned,
    })
}
