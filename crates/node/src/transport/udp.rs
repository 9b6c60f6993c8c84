//! One turn of a UDP socket: a batch in, responses out.

use super::aside::Answered;
use super::counters::{Messages, Number, Unsent};
use super::limits;
use super::sys::{self, Datagrams};
use super::worker::{Respond, Turn};
use imrs_engine::{Outcome, Transport};
use std::io;
use std::net::{SocketAddr, UdpSocket};

/// A worker's UDP socket.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    address: SocketAddr,
    /// Largest response in octets of DNS message.
    payload: usize,
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
    pub(super) fn new(socket: UdpSocket, address: SocketAddr, payload: usize) -> Socket {
        Socket {
            socket,
            address,
            payload,
        }
    }

    /// The largest response that this socket sends, in octets.
    pub(super) fn payload(&self) -> usize {
        self.payload
    }

    /// Queries that the kernel dropped because the queue was full.
    pub(super) fn dropped_by_kernel(&self) -> u64 {
        u64::from(sys::dropped_by_kernel(&self.socket))
    }

    /// Answers one batch. An empty queue is left to the next wait rather than asked for again.
    pub(super) fn turn<R: Respond>(&self, turn: &Turn<'_, R>, batch: &mut Datagrams) -> Queue {
        // An error is that nothing is there, or one of an earlier send that is now taken note of.
        let Ok(received) = batch.receive(&self.socket) else {
            return Queue::Empty;
        };
        let messages: &Messages<Number> = turn.tally.udp(self.address.ip());
        batch.answer(self.payload, |query, peer, room| {
            let outcome = (turn.respond)(turn.service, Transport::Udp, query, room);
            let outcome = if outcome.is_aside {
                let answered =
                    turn.answer_aside(Transport::Udp, peer.address().ip(), query, outcome, room);
                match answered {
                    Answered::Here(outcome) => outcome,
                    Answered::HandOver => Outcome::DROPPED,
                }
            } else {
                outcome
            };
            messages.record(query, outcome);
            outcome.len
        });
        self.send(batch, &turn.tally.unsent);
        if received < limits::UDP_BATCH {
            Queue::Empty
        } else {
            Queue::MayHoldMore
        }
    }

    /// Sends all replies of the batch. One that cannot be sent does not keep back the others; a
    /// full buffer is waited for once.
    fn send(&self, batch: &Datagrams, unsent: &Unsent<Number>) {
        let mut next = 0;
        let mut waited = false;
        while next < batch.replies() {
            match batch.send(&self.socket, next) {
                Ok(sent) => next += sent.max(1),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if waited {
                        unsent.buffer_full.add((batch.replies() - next) as u64);
                        return;
                    }
                    waited = true;
                    sys::wait_writable(&self.socket, limits::UDP_SEND_PATIENCE);
                }
                Err(error) => {
                    unsent.record(&error);
                    next += 1;
                }
            }
        }
    }
}
