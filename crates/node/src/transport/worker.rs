//! One worker: waits for its sockets and gives each its turn.
//!
//! Start reading at [`Worker::run`]. A worker shares nothing with the others but the service, the
//! number of connections and the flag that stops all.

use super::Settings;
use super::aside::{Answered, Aside, Asked};
use super::counters::Tally;
use super::limits;
use super::listen::Endpoint;
use super::pressure::{Controller, Fill};
use super::sieve::Sieve;
use super::sys::{Datagrams, Epoll, Events, Flag, Interest};
use super::tcp::{Accepted, Admission, Connections};
use super::udp::{self, Notes, Queue};
use crate::accounting::Recorder;
use crate::clock::present;
use arc_swap::ArcSwap;
use imrs_engine::gate::limits::BUCKETS;
use imrs_engine::{Client, Gate, Outcome, Peer, Pressure, Service, Transport};
use imrs_transfer::access;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// What answers queries: [`imrs_engine::respond`], or another in tests.
pub trait Respond: Fn(&Service, Client, &[u8], &mut [u8]) -> Outcome {}

impl<F: Fn(&Service, Client, &[u8], &mut [u8]) -> Outcome> Respond for F {}

/// What holds from one wait to the next: the time, and the service that answers.
pub(super) struct Turn<'a, R> {
    pub(super) now: Instant,
    /// The same in milliseconds of a clock that wraps around, for what decays.
    pub(super) now_ms: u64,
    /// The time of day in seconds of Unix, for cookies.
    pub(super) unix: u32,
    /// The time of the sieve.
    pub(super) sieve_s: u32,
    /// How far this worker is behind.
    pub(super) pressure: Pressure,
    pub(super) sieve: &'a Sieve,
    pub(super) service: &'a Service,
    /// Who speaks for others.
    pub(super) proxies: &'a [access::Prefix],
    pub(super) respond: &'a R,
    pub(super) aside: Option<&'a dyn Aside>,
    pub(super) tally: &'a Tally,
    pub(super) epoll: &'a Epoll,
}

impl<R> Turn<'_, R> {
    /// Whether this address speaks for others.
    pub(super) fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|proxy| proxy.contains(address))
    }

    /// Who asks, as the engine wants to know it.
    pub(super) fn peer(&self, address: IpAddr) -> Peer {
        Peer {
            address,
            now: self.unix,
            pressure: self.pressure,
            is_known: self.pressure == Pressure::Calm || self.sieve.is_known(address),
        }
    }

    /// Takes note of who was served: known is who was seen while nobody had to be turned away.
    pub(super) fn note(&self, address: IpAddr) {
        if self.pressure == Pressure::Calm {
            self.sieve.note(address, self.sieve_s);
        }
    }

    /// Takes note of who has proven its address.
    pub(super) fn trust(&self, address: IpAddr) {
        self.sieve.trust(address, self.sieve_s);
    }

    /// Has the kernel drop most of what this address sends, for a while, if there is more to do
    /// than can be done. While all can be judged, that is fairer to who has its address forged.
    pub(super) fn condemn(&self, address: IpAddr) {
        if self.pressure > Pressure::Calm {
            let until_s = self.sieve_s.saturating_add(limits::CONDEMNED_S);
            self.sieve.condemn(address, self.sieve_s, until_s);
        }
    }

    /// Answers what zones alone do not answer, if there is somebody who does.
    #[cold]
    pub(super) fn answer_aside(
        &self,
        transport: Transport,
        peer: IpAddr,
        message: &[u8],
        composed: Outcome,
        out: &mut [u8],
    ) -> Answered {
        let Some(aside) = self.aside else {
            return Answered::Here(composed);
        };
        let asked = Asked {
            service: self.service,
            transport,
            peer,
            message,
        };
        aside.answer(asked, composed, out)
    }
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Stop,
    Leave,
    Udp(u32),
    Listener(u32),
    Connection(u32),
}

/// What the workers share.
pub(super) struct Shared<R> {
    pub(super) service: Arc<ArcSwap<Service>>,
    pub(super) respond: R,
    pub(super) aside: Option<Arc<dyn Aside>>,
    pub(super) stop: Arc<Flag>,
    /// Raised when another process has the sockets.
    pub(super) leave: Arc<Flag>,
    pub(super) admission: Arc<Admission>,
    pub(super) proxies: Vec<access::Prefix>,
    pub(super) sieve: Arc<Sieve>,
    /// How far who is served beside the workers is to give way to them.
    pub(super) crowding: Arc<AtomicU8>,
}

/// One worker's sockets and numbers, before it runs and allocates the rest.
pub(super) struct Worker<R> {
    number: usize,
    shared: Arc<Shared<R>>,
    tally: Arc<Tally>,
    epoll: Epoll,
    udp: Arc<[udp::Socket]>,
    listeners: Arc<[TcpListener]>,
    settings: Settings,
    recorder: Option<Recorder>,
    /// Nothing is accepted before this time.
    paused_until: Option<Instant>,
    /// When it stops at the latest, if others have its sockets.
    leaves_by: Option<Instant>,
    began: Instant,
}

impl<R: Respond> Worker<R> {
    /// Takes its sockets and registers them, so that only the loop is left to the thread.
    pub(super) fn new(
        number: usize,
        shared: Arc<Shared<R>>,
        settings: &Settings,
        endpoints: Vec<Endpoint>,
        recorder: Option<Recorder>,
    ) -> io::Result<Worker<R>> {
        let epoll = Epoll::new()?;
        epoll.add(&*shared.stop, Token::Stop.into(), Interest::Read)?;
        epoll.add(&*shared.leave, Token::Leave.into(), Interest::Read)?;
        let mut sockets = Vec::new();
        let mut listeners = Vec::new();
        for (index, endpoint) in (0..).zip(endpoints) {
            epoll.add(
                &endpoint.udp.socket,
                Token::Udp(index).into(),
                Interest::Read,
            )?;
            epoll.add(&endpoint.tcp, Token::Listener(index).into(), Interest::Read)?;
            let payload = settings.udp_payload(endpoint.address);
            sockets.push(udp::Socket::new(endpoint.udp, endpoint.address, payload));
            listeners.push(endpoint.tcp);
        }
        let udp = sockets.into();
        Ok(Worker {
            number,
            shared,
            tally: Arc::default(),
            epoll,
            udp,
            listeners: listeners.into(),
            settings: settings.clone(),
            recorder,
            paused_until: None,
            leaves_by: None,
            began: Instant::now(),
        })
    }

    /// Its numbers, to be read while it runs.
    pub(super) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// When it began.
    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// Its UDP sockets while they are open; they know what the kernel dropped.
    pub(super) fn udp(&self) -> Weak<[udp::Socket]> {
        Arc::downgrade(&self.udp)
    }

    /// Its listeners while they are open.
    pub(super) fn listeners(&self) -> Weak<[TcpListener]> {
        Arc::downgrade(&self.listeners)
    }

    /// Serves until the flag is raised, then answers what has arrived.
    pub(super) fn run(mut self) {
        let payload = self.udp.iter().map(udp::Socket::payload).max().unwrap_or(0);
        let mut hands = Hands {
            batch: Datagrams::new(payload),
            connections: Connections::new(Arc::clone(&self.shared.admission), &self.settings),
            gate: Gate::new(rand::random(), BUCKETS),
            controller: Controller::new(0),
            notes: Notes::new(self.recorder.take()),
        };
        let mut events = Events::new();
        let mut waits_from = Instant::now();
        loop {
            let timeout = self.timeout(&hands, waits_from);
            // On valid descriptors a wait fails for no reason that another would not cure.
            if self.epoll.wait(&mut events, timeout).is_err() {
                continue;
            }
            let woken = Instant::now();
            self.tally.begin_turn(woken - self.began);
            let level = hands.controller.level();
            let after = self.with_turn(woken, level, |turn| {
                self.take_turns(turn, &events, &mut hands)
            });
            waits_from = Instant::now();
            self.tally.end_turn(waits_from - woken);
            match after {
                After::GoOn => self.resume_accepting(waits_from),
                After::Pause => self.pause_accepting(waits_from),
                After::Leave => self.leave(waits_from),
                After::Stop => return self.finish(hands, events),
            }
            let is_over = |by| waits_from >= by || hands.connections.is_empty();
            if self.leaves_by.is_some_and(is_over) {
                return self.finish(hands, events);
            }
        }
    }

    /// Runs `serve` with the service of this moment, which a reload may replace meanwhile.
    fn with_turn<T>(
        &self,
        now: Instant,
        pressure: Pressure,
        serve: impl FnOnce(&Turn<'_, R>) -> T,
    ) -> T {
        let service = self.shared.service.load();
        serve(&Turn {
            now,
            now_ms: u64::try_from((now - self.began).as_millis()).unwrap_or(u64::MAX),
            unix: present().0 as u32,
            sieve_s: Sieve::now_s(),
            pressure,
            sieve: &self.shared.sieve,
            proxies: &self.shared.proxies,
            service: &service,
            respond: &self.shared.respond,
            aside: self.shared.aside.as_deref(),
            tally: &self.tally,
            epoll: &self.epoll,
        })
    }

    /// Gives every socket that has something to do its turn.
    fn take_turns(&self, turn: &Turn<'_, R>, events: &Events, hands: &mut Hands) -> After {
        let Hands {
            batch,
            connections,
            gate,
            controller,
            notes,
        } = hands;
        let mut after = After::GoOn;
        let mut fullest = Fill::EMPTY;
        let mut serve = |socket: &udp::Socket, notes: &mut Notes| {
            if socket.turn(turn, batch, gate, notes) == Queue::MayHoldMore {
                fullest = fullest.max(socket.fill());
            }
        };
        // Busy connections queue for the wait with everybody else; UDP does not wait for them.
        let is_crowded = events.is_full();
        if is_crowded {
            self.udp.iter().for_each(|socket| serve(socket, notes));
        }
        for token in events.tokens() {
            match Token::from(token) {
                Token::Udp(_) if is_crowded => {}
                Token::Udp(index) => serve(&self.udp[index as usize], notes),
                Token::Listener(index) => {
                    let listener = &self.listeners[index as usize];
                    if connections.accept(turn, listener, notes.recorder()) == Accepted::Exhausted {
                        after = After::Pause;
                    }
                }
                Token::Connection(slot) => connections.serve(turn, slot, notes.recorder()),
                Token::Leave => after = After::Leave,
                Token::Stop => return After::Stop,
            }
        }
        self.control(controller, turn.now_ms, fullest);
        connections.expire(turn);
        after
    }

    /// Decides whom to serve from now on, by the longest queue that was left behind.
    fn control(&self, controller: &mut Controller, now_ms: u64, fullest: Fill) {
        let (openness, crowding) = (controller.openness(), controller.crowding());
        controller.handle_fill(now_ms, fullest);
        if controller.openness() != openness {
            let sieve = &self.shared.sieve;
            sieve.set_openness(self.number, controller.openness());
        }
        // Another worker may have said otherwise meanwhile.
        if crowding > 0 || controller.crowding() > 0 {
            self.shared.crowding.store(controller.crowding(), Relaxed);
        }
    }

    /// How long to wait if nothing happens.
    fn timeout(&self, hands: &Hands, now: Instant) -> Option<Duration> {
        let poll = hands.controller.poll_timeout();
        let deadlines = [
            hands.connections.deadline(),
            self.paused_until,
            self.leaves_by,
            poll.map(|ms| self.began + Duration::from_millis(ms)),
        ];
        let first = deadlines.into_iter().flatten().min()?;
        Some(first.saturating_duration_since(now))
    }

    fn pause_accepting(&mut self, now: Instant) {
        self.paused_until = Some(now + limits::TCP_ACCEPT_PAUSE);
        self.watch_listeners(Interest::Nothing);
    }

    fn resume_accepting(&mut self, now: Instant) {
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            self.watch_listeners(Interest::Read);
        }
    }

    fn watch_listeners(&self, interest: Interest) {
        for (index, listener) in (0..).zip(&*self.listeners) {
            // Registered since the start, so only its interest changes, which needs no memory.
            let _ = self
                .epoll
                .change(listener, Token::Listener(index).into(), interest);
        }
    }

    /// Another process has the sockets from now on: what is in their queues is its own. Connections
    /// go on until their clients end them, or say nothing for as long as they may, within a limit.
    fn leave(&mut self, now: Instant) {
        // The flag stays up; it must not end the waits from now on.
        let _ = self
            .epoll
            .change(&*self.shared.leave, Token::Leave.into(), Interest::Nothing);
        self.let_go();
        self.paused_until = None;
        self.leaves_by = Some(now + limits::leave(self.settings.tcp_idle));
    }

    /// Closes the sockets, and counts what they lost. Where another process has them too, closing
    /// alone would leave them in the epoll.
    fn let_go(&mut self) {
        if self.udp.is_empty() {
            return;
        }
        let dropped = self.udp.iter().map(udp::Socket::dropped_by_kernel).sum();
        let filtered = self.shared.sieve.filtered(self.number);
        self.tally
            .record_kernel_dropped(filtered.lost_by_queues(dropped));
        self.udp.iter().for_each(|socket| self.epoll.remove(socket));
        let listeners = self.listeners.iter();
        listeners.for_each(|listener| self.epoll.remove(listener));
        self.udp = Arc::new([]);
        self.listeners = Arc::new([]);
    }

    /// Answers what has arrived, closes everything and waits, for a bounded time, for peers that
    /// have not taken their responses.
    fn finish(mut self, mut hands: Hands, mut events: Events) {
        let Hands {
            batch,
            connections,
            gate,
            notes,
            ..
        } = &mut hands;
        let began = Instant::now();
        // The flag stays up; it must not end the waits below.
        let _ = self
            .epoll
            .change(&*self.shared.stop, Token::Stop.into(), Interest::Nothing);
        self.with_turn(began, Pressure::Calm, |turn| {
            for socket in self.udp.iter() {
                while socket.turn(turn, batch, gate, notes) == Queue::MayHoldMore
                    && began.elapsed() < limits::STOP_UDP
                {}
            }
            for listener in &*self.listeners {
                let mut attempts = 0..limits::TCP_BACKLOG;
                while attempts.next().is_some()
                    && connections.accept(turn, listener, notes.recorder()) == Accepted::Some
                {
                }
            }
            connections.finish(turn, notes.recorder());
        });
        self.let_go();
        while !connections.is_empty() && began.elapsed() < limits::STOP_TCP {
            let left = limits::STOP_TCP.saturating_sub(began.elapsed());
            if self.epoll.wait(&mut events, Some(left)).is_err() {
                continue;
            }
            self.with_turn(Instant::now(), Pressure::Calm, |turn| {
                for token in events.tokens() {
                    if let Token::Connection(slot) = Token::from(token) {
                        connections.serve(turn, slot, notes.recorder());
                    }
                }
            });
        }
    }
}

/// What a worker works with.
struct Hands {
    batch: Datagrams,
    connections: Connections,
    gate: Gate,
    controller: Controller,
    notes: Notes,
}

/// How a worker goes on after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    GoOn,
    /// Accept nothing for a while.
    Pause,
    /// Others have the sockets.
    Leave,
    Stop,
}

impl From<Token> for u64 {
    fn from(token: Token) -> u64 {
        let (kind, index) = match token {
            Token::Stop => (0, 0),
            Token::Udp(index) => (1, index),
            Token::Listener(index) => (2, index),
            Token::Connection(slot) => (3, slot),
            Token::Leave => (4, 0),
        };
        kind << 32 | u64::from(index)
    }
}

impl From<u64> for Token {
    fn from(token: u64) -> Token {
        let index = token as u32;
        match token >> 32 {
            1 => Token::Udp(index),
            2 => Token::Listener(index),
            3 => Token::Connection(index),
            4 => Token::Leave,
            _ => Token::Stop,
        }
    }
}
