//! One thread of encrypted transport: its listeners, its connections, and the watch over them.

use super::budgets::Budgets;
use super::counters::Tally;
use super::drivers::Drivers;
use super::limits::{LOOK, MESSAGE_OCTETS_MAX, PRESSURE_CLOSES_ALL, STOP};
use super::seats::{Reason, Seats};
use super::{Medium, quic, tls};
use crate::accounting::{Ends, Recorder, Told};
use crate::clock::present;
use crate::system;
use arc_swap::ArcSwap;
use imrs_engine::{Client, Outcome, Peer, Pressure, Service, Transport, respond};
use imrs_telemetry::counts;
use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::{Instant, SystemTime};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::error;

/// What a thread has to do.
pub(super) struct Work {
    pub(super) runtime: Runtime,
    pub(super) tls: Vec<TcpListener>,
    pub(super) acceptor: TlsAcceptor,
    pub(super) quic: Vec<quinn::Endpoint>,
    pub(super) drivers: Arc<Drivers>,
    /// Workers that are kept on a core each.
    pub(super) pinned: usize,
}

/// What the connections of a thread share.
pub(super) struct Room {
    pub(super) seats: Rc<Seats>,
    pub(super) budgets: Budgets,
    pub(super) tally: Arc<Tally>,
    pub(super) service: Arc<ArcSwap<Service>>,
    pub(super) pressure: Arc<AtomicU8>,
    /// The idle time for clients that ask (RFC 7828), in units of 100 ms.
    pub(super) keepalive: u16,
    /// Queries that one connection may have.
    pub(super) queries: u64,
    /// Handshakes over QUIC from which on clients have to show that their address is theirs.
    pub(super) handshakes_before_retry: usize,
    scratch: RefCell<Box<[u8]>>,
    recorder: RefCell<Option<Recorder>>,
}

impl Room {
    pub(super) fn new(seats: Rc<Seats>, budgets: Budgets, parts: super::Parts) -> Self {
        Room {
            seats,
            budgets,
            tally: parts.tally,
            service: parts.service,
            pressure: parts.pressure,
            keepalive: parts.keepalive,
            queries: parts.queries,
            handshakes_before_retry: parts.handshakes_before_retry,
            scratch: RefCell::new(vec![0; MESSAGE_OCTETS_MAX].into()),
            recorder: RefCell::new(parts.recorder),
        }
    }

    /// How much the node is under pressure; 0 is calm.
    pub(super) fn pressure(&self) -> u8 {
        self.pressure.load(Relaxed)
    }

    /// Whether whoever has this address is not answered.
    pub(super) fn is_blocked(&self, peer: IpAddr) -> bool {
        self.service.load().defence.blocked.contains(peer)
    }

    /// Answers a query, and adds the response with its length to `output`; nothing if there is
    /// none. One that is blocked since it connected has to go. What zones alone do not answer (NOTIFY, transfers, signed queries) is answered as a
    /// server does that does none of these: those have listeners of their own.
    pub(super) fn answer(
        &self,
        medium: Medium,
        ends: Ends,
        query: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(), Reason> {
        let (received, peer) = (SystemTime::now(), ends.client.ip());
        let mut scratch = self.scratch.borrow_mut();
        let service = self.service.load();
        let messages = self.tally.messages(medium, peer);
        if service.defence.blocked.contains(peer) {
            messages.record(query, Outcome::DROPPED);
            self.record(medium, ends, received, (query, &[]), Outcome::DROPPED);
            return Err(Reason::Blocked);
        }
        let client = Client {
            transport: match medium {
                Medium::Tls => Transport::Tls {
                    keepalive: self.keepalive,
                },
                Medium::Quic => Transport::Quic,
            },
            peer: Some(Peer {
                address: peer,
                now: present().0 as u32,
                pressure: Pressure::Calm,
                is_known: true,
            }),
        };
        let outcome = respond(&service, client, query, &mut scratch);
        messages.record(query, outcome);
        let response = scratch.get(..outcome.len).unwrap_or_default();
        self.record(medium, ends, received, (query, response), outcome);
        if let Ok(octets @ 1..) = u16::try_from(response.len()) {
            output.extend_from_slice(&octets.to_be_bytes());
            output.extend_from_slice(response);
        }
        Ok(())
    }

    fn record(
        &self,
        medium: Medium,
        ends: Ends,
        received: SystemTime,
        (query, response): (&[u8], &[u8]),
        outcome: Outcome,
    ) {
        if let Some(recorder) = self.recorder.borrow_mut().as_mut() {
            recorder.handle_times(received, received.elapsed().unwrap_or_default());
            recorder.record(&Told {
                transport: match medium {
                    Medium::Tls => counts::Transport::Tls,
                    Medium::Quic => counts::Transport::Quic,
                },
                ends,
                query,
                response,
                rcode: outcome.rcode,
            });
        }
    }

    /// Ends those whose time is over, and those for whom the node has no room now.
    fn look(&self) {
        match self.pressure() {
            0 => {}
            level if level < PRESSURE_CLOSES_ALL => self.seats.end_idle(Reason::Shed),
            _ => self.seats.end_all(Reason::Shed),
        }
        self.seats.expire(Instant::now());
    }
}

impl Work {
    /// Serves until told to stop.
    pub(super) fn run(self, room: Room, ends: &super::Ends) {
        system::yield_to_workers(self.pinned);
        let Work {
            runtime,
            tls,
            acceptor,
            quic,
            drivers,
            ..
        } = self;
        let room = Rc::new(room);
        let local = LocalSet::new();
        local.block_on(&runtime, async {
            let mut listeners = JoinSet::new();
            for listener in tls {
                let (room, acceptor) = (Rc::clone(&room), acceptor.clone());
                listeners.spawn_local(tls::listen(room, listener, acceptor));
            }
            for endpoint in &quic {
                listeners.spawn_local(quic::listen(Rc::clone(&room), endpoint.clone()));
            }
            let leaves = watch(&room, &mut listeners, ends).await;
            listeners.abort_all();
            if leaves {
                room.seats.end_over(Medium::Quic, Reason::Stopped);
                farewell(&quic).await;
                drivers.stop();
                // Those that were stopped have to run once more to let go of what they have.
                while listeners.join_next().await.is_some() {}
                ends.left();
                linger(&room, ends).await;
            }
            room.seats.end_all(Reason::Stopped);
            farewell(&quic).await;
        });
    }
}

/// Tells clients over QUIC that it ends.
async fn farewell(quic: &[quinn::Endpoint]) {
    for endpoint in quic {
        endpoint.close(quic::NO_ERROR, b"");
    }
    let told = async {
        for endpoint in quic {
            endpoint.wait_idle().await;
        }
    };
    // Who does not hear of it in time finds out alone.
    let _ = timeout(STOP, told).await;
}

/// Goes on with the connections that there are, until they end or there is no more time.
async fn linger(room: &Room, ends: &super::Ends) {
    let by = Instant::now() + ends.linger;
    let mut looks = interval(LOOK);
    while !room.seats.is_empty() && Instant::now() < by {
        tokio::select! {
            biased;
            () = ends.stop.notified() => return,
            _ = looks.tick() => room.look(),
        }
    }
}

/// Looks after the connections until told to stop, or to leave the sockets to another node, which
/// it says.
async fn watch(room: &Room, listeners: &mut JoinSet<()>, ends: &super::Ends) -> bool {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = ends.stop.notified() => return false,
            () = ends.leave.asked.notified() => return true,
            Some(over) = listeners.join_next() => {
                // No other transport suffers for it.
                let cause = over.err().map(|cause| cause.to_string());
                let cause = cause.unwrap_or_else(|| "its socket is gone".to_owned());
                error!("a listener for encrypted DNS ended: {cause}");
            }
            _ = looks.tick() => room.look(),
        }
    }
}
