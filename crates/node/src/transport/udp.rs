//! One turn of a UDP socket: a batch in, responses out.

use super::aside::Answered;
use super::counters::{Messages, Number, Unsent};
use super::limits;
use super::listen::{Held, Udp};
use super::pressure::Fill;
use super::proxy::{self, Ahead};
use super::sieve::Drops;
use super::sys::{self, Datagrams};
use super::worker::{Respond, Turn};
use crate::accounting::{Ends, Recorder, Told};
use imrs_engine::gate::{Action, Response};
use imrs_engine::{Claim, Client, Fate, Gate, Outcome, Transport};
use imrs_telemetry::counts;
use imrs_wire::Rcode;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::SystemTime;

/// A worker's UDP socket.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    address: SocketAddr,
    /// Largest response in octets of DNS message.
    payload: usize,
    /// Messages that came.
    received: Number,
    drops: Drops,
    /// Whether another worker of this process has it too, and answers for it.
    is_shared: bool,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What is kept of each message of a batch until it is recorded, and who records it.
pub(super) struct Notes {
    messages: Vec<Note>,
    recorder: Option<Recorder>,
}

impl Notes {
    pub(super) fn new(recorder: Option<Recorder>) -> Notes {
        Notes {
            messages: Vec::with_capacity(limits::UDP_BATCH),
            recorder,
        }
    }

    /// Who records, for other sockets of the same worker.
    pub(super) fn recorder(&mut self) -> Option<&mut Recorder> {
        self.recorder.as_mut()
    }
}

/// What is kept of one message.
#[derive(Clone, Copy)]
struct Note {
    client: IpAddr,
    /// Octets ahead of the query: what a proxy says.
    ahead: usize,
    rcode: Rcode,
}

/// Whether more may be waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// The batch was not full: the queue was empty.
    Empty,
    /// The batch was full.
    MayHoldMore,
}

impl Socket {
    pub(super) fn new(endpoint: Udp, address: SocketAddr, payload: usize) -> Socket {
        let (drops, is_shared) = match endpoint.held {
            Held::Alone { dropped } => (Drops::after(dropped), false),
            Held::Shared => (Drops::default(), true),
        };
        Socket {
            socket: endpoint.socket,
            address,
            payload,
            received: Number::default(),
            drops,
            is_shared,
        }
    }

    /// The address that it answers on.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether another worker of this process has it too, and answers for it.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// What it has dropped so far by the kernel's count; another process goes on counting from
    /// there.
    pub(super) fn rest(&self) -> u32 {
        let dropped = sys::receive_queue(&self.socket).dropped;
        self.drops.follow(dropped);
        self.drops.rest(true);
        dropped
    }

    /// Counts again what it drops.
    pub(super) fn resume(&self) {
        self.drops.rest(false);
    }

    /// The largest response that this socket sends, in octets.
    pub(super) fn payload(&self) -> usize {
        self.payload
    }

    /// Datagrams that the kernel dropped before they were received, whatever the reason.
    pub(super) fn dropped_by_kernel(&self) -> u64 {
        if self.is_shared {
            return 0;
        }
        self.drops.follow(sys::receive_queue(&self.socket).dropped)
    }

    /// Messages that came.
    pub(super) fn received(&self) -> u64 {
        self.received.get()
    }

    /// How full the queue is.
    pub(super) fn fill(&self) -> Fill {
        let queue = sys::receive_queue(&self.socket);
        self.drops.follow(queue.dropped);
        Fill::of(queue)
    }

    /// Answers one batch. An empty queue is left to the next wait rather than asked for again.
    pub(super) fn turn<R: Respond>(
        &self,
        turn: &Turn<'_, R>,
        batch: &mut Datagrams,
        gate: &mut Gate,
        notes: &mut Notes,
    ) -> Queue {
        // An error is that nothing is there, or one of an earlier send that is now taken note of.
        let Ok(received) = batch.receive(&self.socket) else {
            return Queue::Empty;
        };
        self.received.add(received as u64);
        let messages: &Messages<Number> = turn.tally.udp(self.address.ip());
        let at = SystemTime::now();
        notes.messages.clear();
        batch.answer(self.payload, |message, peer, room| {
            let from = peer.address().ip();
            let (client, query, outcome) = match sender(turn, from, message) {
                Ok((client, query)) => (client, query, answer(turn, gate, client, query, room)),
                Err(Unanswered { client, query, why }) => {
                    why.add(1);
                    (client, query, Outcome::DROPPED)
                }
            };
            messages.record(query, outcome);
            notes.messages.push(Note {
                client,
                ahead: message.len() - query.len(),
                rcode: outcome.rcode,
            });
            outcome.len
        });
        self.send(batch, &turn.tally.unsent);
        self.record(at, batch, notes);
        if received < limits::UDP_BATCH {
            Queue::Empty
        } else {
            Queue::MayHoldMore
        }
    }

    /// Records what was asked and sent, now that nobody waits for it.
    fn record(&self, received: SystemTime, batch: &Datagrams, notes: &mut Notes) {
        let Some(recorder) = &mut notes.recorder else {
            return;
        };
        let took = received.elapsed().unwrap_or_default();
        recorder.handle_times(received, took);
        for (exchanged, note) in batch.exchanges().zip(&notes.messages) {
            let local = exchanged.local.unwrap_or(self.address.ip());
            let ends = Ends {
                client: exchanged.peer.address(),
                server: SocketAddr::new(local, self.address.port()),
            };
            recorder.record(&Told {
                transport: counts::Transport::Udp,
                ends: ends.of_client(note.client),
                query: exchanged.query.get(note.ahead..).unwrap_or_default(),
                response: exchanged.response,
                rcode: note.rcode,
            });
        }
    }

    /// Sends all replies of the batch. One that cannot be sent does not keep back the others; a
    /// full buffer is waited for once.
    fn send(&self, batch: &mut Datagrams, unsent: &Unsent<Number>) {
        let mut next = 0;
        let mut waited = false;
        while next < batch.replies() {
            match batch.send(&self.socket, next) {
                Ok(sent) => next += sent.max(1),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if waited {
                        unsent.buffer_full.add((batch.replies() - next) as u64);
                        (next..batch.replies()).for_each(|reply| batch.withdraw(reply));
                        return;
                    }
                    waited = true;
                    sys::wait_writable(&self.socket, limits::UDP_SEND_PATIENCE);
                }
                Err(error) => {
                    unsent.record(&error);
                    batch.withdraw(next);
                    next += 1;
                }
            }
        }
    }
}

/// A message that is not answered.
struct Unanswered<'t, 'm> {
    client: IpAddr,
    /// What was asked; nothing where that is not known.
    query: &'m [u8],
    /// What counts it.
    why: &'t Number,
}

/// Who is answered, and what was asked; or why nobody is.
fn sender<'t, 'm, R>(
    turn: &Turn<'t, R>,
    from: IpAddr,
    message: &'m [u8],
) -> Result<(IpAddr, &'m [u8]), Unanswered<'t, 'm>> {
    let defence = &turn.tally.defence;
    let (address, query) = if turn.is_proxy(from) {
        match proxy::read(message) {
            Ahead::Header { client, len } => (client.unwrap_or(from), &message[len..]),
            Ahead::Unfinished | Ahead::Other => {
                return Err(Unanswered {
                    client: from,
                    query: &[],
                    why: &defence.headless,
                });
            }
        }
    } else {
        (from, message)
    };
    if turn.service.defence.blocked.contains(address) {
        // The kernel knows IPv6 sources by their /64, of which others may not be blocked.
        if address.is_ipv4() {
            turn.condemn(address);
        }
        return Err(Unanswered {
            client: address,
            query,
            why: &defence.blocked,
        });
    }
    Ok((address, query))
}

/// Answers one query within what the gate lets pass.
fn answer<R: Respond>(
    turn: &Turn<'_, R>,
    gate: &mut Gate,
    address: IpAddr,
    query: &[u8],
    room: &mut [u8],
) -> Outcome {
    let client = Client {
        transport: Transport::Udp,
        peer: Some(turn.peer(address)),
    };
    let outcome = (turn.respond)(turn.service, client, query, room);
    let outcome = if outcome.is_aside {
        match turn.answer_aside(Transport::Udp, address, query, outcome, room) {
            Answered::Here(outcome) => outcome,
            Answered::HandOver => Outcome::DROPPED,
        }
    } else {
        outcome
    };
    let counted = &turn.tally.defence;
    match outcome.cookie {
        Claim::None | Claim::Client => {}
        Claim::Valid => {
            counted.cookies.add(1);
            turn.trust(address);
        }
        Claim::Invalid => counted.bad_cookies.add(1),
    }
    match outcome.fate {
        Fate::Answered if outcome.len > 0 => {}
        Fate::Answered => {
            counted.ignored.add(1);
            return outcome;
        }
        Fate::Deferred => {
            counted.deferred.add(1);
            return outcome;
        }
        Fate::Shed => {
            counted.shed.add(1);
            return outcome;
        }
    }
    let response = Response {
        kind: outcome.kind,
        len: outcome.len,
        query_len: query.len(),
        has_valid_cookie: outcome.cookie == Claim::Valid,
    };
    let verdict = gate.judge(&turn.service.defence, turn.now_ms, address, response);
    if !verdict.is_limited {
        turn.note(address);
    }
    if verdict.condemn {
        turn.condemn(address);
    }
    match verdict.action {
        Action::Pass => {
            counted.noted.add(u64::from(verdict.is_limited));
            outcome
        }
        Action::Drop => {
            counted.limited.add(1);
            Outcome::DROPPED
        }
        Action::Slip => {
            let outcome = imrs_engine::slip(turn.service, client, query, room);
            match outcome.len {
                0 => counted.limited.add(1),
                _ => counted.slipped.add(1),
            }
            outcome
        }
    }
}
