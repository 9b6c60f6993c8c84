//! The TCP connections of one worker: whom to accept, serve and close.
//!
//! What goes over a connection is in [`connection`], the order of closing in [`order`], the
//! limits that workers share in [`admission`].
//!
//! A query on an open connection costs a read and a write, and a wait shared with the others that
//! are ready. A connection with one query costs accept4, read, write, epoll_ctl, read and close;
//! 97 % of its time is spent in the kernel. Tried without measurable gain: TCP_DEFER_ACCEPT, and
//! registering a connection only once its client did not close it soon after the response.

mod admission;
mod connection;
mod order;

pub(crate) use admission::{Admission, Full, Prefix};
pub(crate) use order::Ordered;

use super::Settings;
use super::aside::{Answered, Handed};
use super::counters::Number;
use super::limits;
use super::sys::{self, Interest};
use super::worker::{Respond, Token, Turn};
use crate::accounting::{Ends, Recorder, Told};
use connection::{Answer, Connection, Direction, Next, Phase, Scratch, Terms};
use imrs_engine::gate::Budget;
use imrs_engine::{Client, Outcome, Pressure, Transport};
use imrs_telemetry::counts;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The connections of one worker.
pub(super) struct Connections {
    open: Ordered<Connection>,
    admission: Arc<Admission>,
    scratch: Scratch,
    /// Time without progress after which a connection is closed.
    idle: Duration,
    /// The same for clients (RFC 7828), in units of 100 ms.
    keepalive: u16,
    /// Octets that all connections hold.
    held_octets: usize,
    /// Queries that one connection may make.
    queries: u64,
    budgets: Budgets,
    strangers: Strangers,
}

/// What each client prefix may do, in a second.
struct Budgets {
    /// New connections.
    new: Budget,
    /// Microseconds of this worker's time.
    busy: Budget,
}

impl Budgets {
    fn new(settings: &Settings) -> Budgets {
        let busy = u32::try_from(settings.tcp_busy_per_prefix.as_micros()).unwrap_or(u32::MAX);
        Budgets {
            new: Budget::new(
                rand::random(),
                limits::TCP_BUCKETS,
                settings.tcp_new_per_prefix,
                limits::TCP_WINDOW_S,
            ),
            busy: Budget::new(
                rand::random(),
                limits::TCP_BUCKETS,
                busy,
                limits::TCP_WINDOW_S,
            ),
        }
    }
}

/// New connections of unknown sources while the worker is behind. Some are let in, since it sends
/// these sources to TCP itself, and who asks by TCP is known from then on.
#[derive(Debug, Default)]
struct Strangers {
    second: u32,
    admitted: u32,
}

impl Strangers {
    fn admit<R>(&mut self, turn: &Turn<'_, R>, peer: IpAddr) -> bool {
        match turn.pressure {
            Pressure::Calm => true,
            Pressure::Last => false,
            Pressure::Truncate | Pressure::Shed => {
                turn.sieve.is_known(peer) || self.admit_stranger(turn.sieve_s)
            }
        }
    }

    fn admit_stranger(&mut self, now_s: u32) -> bool {
        if self.second != now_s {
            (self.second, self.admitted) = (now_s, 0);
        }
        let has_room = self.admitted < limits::TCP_STRANGERS_PER_SECOND;
        self.admitted += u32::from(has_room);
        has_room
    }
}

/// How accepting went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    /// Nobody is waiting.
    All,
    /// Somebody may be waiting.
    Some,
    /// Open files or memory ran out, and there was nothing to close.
    Exhausted,
}

impl Connections {
    pub(super) fn new(admission: Arc<Admission>, settings: &Settings) -> Connections {
        let idle = settings.tcp_idle.min(limits::TCP_IDLE_MAX);
        Connections {
            open: Ordered::new(),
            admission,
            scratch: Scratch::new(),
            idle,
            keepalive: u16::try_from(idle.as_millis() / 100).unwrap_or(u16::MAX),
            held_octets: 0,
            queries: settings.tcp_queries.unwrap_or(u64::MAX),
            budgets: Budgets::new(settings),
            strangers: Strangers::default(),
        }
    }

    /// Accepts waiting connections and serves each at once, since its query is often there.
    pub(super) fn accept<R: Respond>(
        &mut self,
        turn: &Turn<'_, R>,
        listener: &TcpListener,
        mut recorder: Option<&mut Recorder>,
    ) -> Accepted {
        for _ in 0..limits::TCP_ACCEPTS_PER_TURN {
            match sys::accept(listener) {
                Ok((stream, peer)) => {
                    self.open(turn, stream, peer, recorder.as_deref_mut());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Accepted::All,
                Err(error) if sys::is_exhausted(&error) => {
                    if !sys::is_awaited(listener) {
                        return Accepted::All;
                    }
                    turn.tally.connections.exhausted.add(1);
                    return match self.evict(turn, |_| true) {
                        Some(()) => Accepted::Some,
                        None => Accepted::Exhausted,
                    };
                }
                // The client was gone before its connection was accepted.
                Err(_) => turn.tally.connections.broken.add(1),
            }
        }
        Accepted::Some
    }

    fn open<R: Respond>(
        &mut self,
        turn: &Turn<'_, R>,
        stream: TcpStream,
        client: SocketAddr,
        recorder: Option<&mut Recorder>,
    ) {
        let peer = client.ip();
        let is_proxy = turn.is_proxy(peer);
        if let Some(reason) = self.turn_away(turn, peer, is_proxy) {
            return reason.add(1);
        }
        let terms = Terms {
            queries: self.queries,
            is_proxy,
        };
        let ends = Ends::new(client, stream.local_addr().ok());
        let connection = Connection::new(stream, ends, turn.now, terms);
        if let Err(full) = self.admit(turn, connection.prefix) {
            let refused = match full {
                Full::All => &turn.tally.connections.refused,
                Full::Prefix => &turn.tally.connections.refused_prefix,
            };
            refused.add(1);
            return;
        }
        turn.tally.connections.opened.add(1);
        let slot = self.open.insert(connection);
        let Some(next) = self.step(turn, slot, recorder) else {
            return;
        };
        let Some(connection) = self.open.get_mut(slot) else {
            return;
        };
        let token = Token::Connection(slot).into();
        connection.waits_for = next;
        if turn
            .epoll
            .add(&connection.stream, token, next.into())
            .is_err()
        {
            self.close(slot, &turn.tally.connections.exhausted);
        }
    }

    /// Why nobody of this address is let in now, if so. A proxy speaks for many.
    fn turn_away<'t, R>(
        &mut self,
        turn: &Turn<'t, R>,
        peer: IpAddr,
        is_proxy: bool,
    ) -> Option<&'t Number> {
        let counted = &turn.tally.connections;
        if turn.service.defence.blocked.contains(peer) {
            return Some(&counted.blocked);
        }
        let Budgets { new, busy } = &mut self.budgets;
        if is_proxy {
            return None;
        }
        if !self.strangers.admit(turn, peer) {
            return Some(&counted.shed);
        }
        if busy.is_spent(turn.now_ms, peer) || new.is_spent(turn.now_ms, peer) {
            return Some(&counted.limited);
        }
        new.spend(turn.now_ms, peer, 1);
        None
    }

    /// Counts a connection in. Where a limit is reached, the one without progress for longest
    /// makes room.
    fn admit<R>(&mut self, turn: &Turn<'_, R>, prefix: Prefix) -> Result<(), Full> {
        let full = match self.admission.admit(prefix) {
            Ok(()) => return Ok(()),
            Err(full) => full,
        };
        let evicted = match full {
            Full::All => self.evict(turn, |_| true),
            Full::Prefix => self.evict(turn, |other| other.prefix == prefix),
        };
        evicted.ok_or(full)?;
        self.admission.admit(prefix)
    }

    fn evict<R>(
        &mut self,
        turn: &Turn<'_, R>,
        is_eligible: impl Fn(&Connection) -> bool,
    ) -> Option<()> {
        let eligible = |(slot, other): (u32, &Connection)| is_eligible(other).then_some(slot);
        let slot = { self.open.iter() }
            .take(limits::TCP_EVICTION_SEARCH)
            .find_map(eligible)?;
        self.close(slot, &turn.tally.connections.evicted);
        Some(())
    }

    /// Serves a connection that the epoll reported. The slot may be empty, or be another's by
    /// now, if an earlier event of the same wait closed it; then there is just nothing to read.
    pub(super) fn serve<R: Respond>(
        &mut self,
        turn: &Turn<'_, R>,
        slot: u32,
        recorder: Option<&mut Recorder>,
    ) {
        let Some(next) = self.step(turn, slot, recorder) else {
            return;
        };
        let Some(connection) = self.open.get_mut(slot) else {
            return;
        };
        if connection.waits_for == next {
            return;
        }
        connection.waits_for = next;
        let token = Token::Connection(slot).into();
        if turn
            .epoll
            .change(&connection.stream, token, next.into())
            .is_err()
        {
            self.close(slot, &turn.tally.connections.broken);
        }
    }

    /// Serves a connection once. Returns what it waits for, or `None` if it is closed.
    fn step<R: Respond>(
        &mut self,
        turn: &Turn<'_, R>,
        slot: u32,
        recorder: Option<&mut Recorder>,
    ) -> Option<Direction> {
        let over = match self.try_step(turn, slot, recorder)? {
            Next::Wait(direction) => return Some(direction),
            Next::Again => return Some(Direction::Reading),
            Next::Ended => &turn.tally.connections.ended,
            Next::Broken => &turn.tally.connections.broken,
            Next::HandOver => {
                self.hand_over(turn, slot);
                return None;
            }
        };
        self.close(slot, over);
        None
    }

    fn try_step<R: Respond>(
        &mut self,
        turn: &Turn<'_, R>,
        slot: u32,
        recorder: Option<&mut Recorder>,
    ) -> Option<Next> {
        let connection = self.open.get_mut(slot)?;
        let held_before = connection.held_octets();
        let messages = turn.tally.tcp(connection.peer);
        let transport = Transport::Tcp {
            keepalive: self.keepalive,
        };
        let is_proxy = turn.is_proxy(connection.peer);
        let began = Instant::now();
        let mut record = records(recorder, connection.ends);
        let next = connection.serve(turn.now, &mut self.scratch, |peer, query, room| {
            if turn.service.defence.blocked.contains(peer) {
                turn.tally.defence.blocked.add(1);
                messages.record(query, Outcome::DROPPED);
                record(peer, query, &[], Outcome::DROPPED);
                return Answer::Octets(0);
            }
            let client = Client {
                transport,
                peer: Some(turn.peer(peer)),
            };
            let outcome = (turn.respond)(turn.service, client, query, room);
            let outcome = if outcome.is_aside {
                match turn.answer_aside(transport, peer, query, outcome, room) {
                    Answered::Here(outcome) => outcome,
                    Answered::HandOver => return Answer::HandOver,
                }
            } else {
                outcome
            };
            messages.record(query, outcome);
            record(peer, query, room, outcome);
            match outcome.len {
                0 => turn.tally.defence.ignored.add(1),
                // A connection shows that its client is where it says.
                _ => turn.trust(peer),
            }
            Answer::Octets(outcome.len)
        });
        let took_us = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
        let busy = &mut self.budgets.busy;
        busy.spend(turn.now_ms, connection.peer, took_us);
        let is_overspent = !is_proxy && busy.is_spent(turn.now_ms, connection.peer);
        let held = connection.held_octets();
        let has_progressed = connection.progress == turn.now;
        self.held_octets = self.held_octets - held_before + held;
        if has_progressed {
            self.open.refresh(slot);
        }
        if held > held_before && self.held_octets > limits::TCP_HELD_OCTETS {
            self.close(slot, &turn.tally.connections.overheld);
            return None;
        }
        // What it asked for is answered; who asks that much may come again later.
        if is_overspent && matches!(next, Next::Again) {
            self.close(slot, &turn.tally.connections.overspent);
            return None;
        }
        Some(next)
    }

    /// Gives a connection to who answers what takes longer.
    fn hand_over<R>(&mut self, turn: &Turn<'_, R>, slot: u32) {
        let Some(connection) = self.take_out(slot, &turn.tally.connections.handed_over) else {
            return;
        };
        turn.epoll.remove(&connection.stream);
        let client = connection.peer;
        let (stream, input, output) = connection.leave();
        // Without a peer there is nobody to answer.
        if let (Some(aside), Ok(peer)) = (turn.aside, stream.peer_addr()) {
            let peer = SocketAddr::new(client, peer.port());
            aside.take(Handed {
                stream,
                peer,
                input,
                output,
            });
        }
    }

    /// Closes a connection and counts it under its reason.
    fn close(&mut self, slot: u32, reason: &Number) {
        drop(self.take_out(slot, reason));
    }

    /// Takes a connection out of all accounts.
    fn take_out(&mut self, slot: u32, reason: &Number) -> Option<Connection> {
        let connection = self.open.remove(slot)?;
        self.held_octets -= connection.held_octets();
        self.admission.release(connection.prefix);
        reason.add(1);
        Some(connection)
    }

    /// Closes the connections whose time is over.
    pub(super) fn expire<R>(&mut self, turn: &Turn<'_, R>) {
        while let Some((slot, connection)) = self.open.stalest() {
            if turn.now < connection.progress + self.idle {
                return;
            }
            let reason = match connection.phase() {
                Phase::Idle => &turn.tally.connections.idle,
                Phase::Unfinished => &turn.tally.connections.unfinished,
                Phase::Unread => &turn.tally.connections.unread,
            };
            self.close(slot, reason);
        }
    }

    /// When the next connection's time is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let (_, stalest) = self.open.stalest()?;
        Some(stalest.progress + self.idle)
    }

    /// Answers what has arrived on every connection and closes those that then owe nothing. The
    /// others, whose peers have not taken their responses, read no more.
    pub(super) fn finish<R: Respond>(
        &mut self,
        turn: &Turn<'_, R>,
        mut recorder: Option<&mut Recorder>,
    ) {
        let slots: Vec<u32> = self.open.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            let mut reads = 0..limits::STOP_READS;
            while reads.next().is_some()
                && self.try_step(turn, slot, recorder.as_deref_mut()) == Some(Next::Again)
            {
            }
            let Some(connection) = self.open.get_mut(slot) else {
                continue;
            };
            connection.is_ended = true;
            if connection.phase() == Phase::Unread {
                self.serve(turn, slot, recorder.as_deref_mut());
            } else {
                self.close(slot, &turn.tally.connections.stopped);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.stalest().is_none()
    }
}

impl From<Direction> for Interest {
    fn from(direction: Direction) -> Interest {
        match direction {
            Direction::Reading => Interest::Read,
            Direction::Writing => Interest::Write,
        }
    }
}

/// What records each message of a connection, with room that has the response at its start. All of
/// them were received just now.
fn records(
    mut recorder: Option<&mut Recorder>,
    ends: Ends,
) -> impl FnMut(IpAddr, &[u8], &[u8], Outcome) {
    let received = recorder.is_some().then(SystemTime::now);
    move |client, query, room, outcome| {
        if let (Some(recorder), Some(received)) = (&mut recorder, received) {
            recorder.handle_times(received, received.elapsed().unwrap_or_default());
            recorder.record(&Told {
                transport: counts::Transport::Tcp,
                ends: ends.of_client(client),
                query,
                response: room.get(..outcome.len).unwrap_or_default(),
                rcode: outcome.rcode,
            });
        }
    }
}
