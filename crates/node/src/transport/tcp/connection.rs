//! One connection: messages framed by two octets of length (RFC 1035 section 4.2.2), answered in
//! the order in which they came (RFC 7766 section 6.2.1.1).
//!
//! ```text
//! Reading ── the peer does not take a response whole ──► Writing (reads nothing)
//!    ▲                                                     │
//!    └──────────── the peer has taken everything ──────────┘
//! ```
//!
//! Everything in flight is in the worker's scratch memory. A connection holds memory of its own
//! only while a query is incomplete or a response is not taken. Knows no limit, list or timer.

use super::admission::Prefix;
use crate::accounting::Ends;
use crate::transport::limits::{
    PROXY_HEADER_OCTETS, TCP_MESSAGE_OCTETS, TCP_READ_OCTETS, TCP_WRITE_OCTETS,
};
use crate::transport::proxy::{self, Ahead};
use std::io::{self, Read, Write};
use std::mem;
use std::net::{IpAddr, TcpStream};
use std::time::Instant;

/// One client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) peer: IpAddr,
    /// As the system knows them, whomever a proxy speaks for.
    pub(super) ends: Ends,
    pub(super) prefix: Prefix,
    /// When it was opened, last completed a query, or last took all responses. Single octets
    /// either way are no progress, so nobody lives on them.
    pub(super) progress: Instant,
    /// What the epoll waits for.
    pub(super) waits_for: Direction,
    /// Octets received and not answered: the head of a message, or, while responses wait, more.
    input: Vec<u8>,
    /// Octets that the peer has not taken.
    output: Vec<u8>,
    /// Nothing more is read: the peer has ended its side, or we are stopping.
    pub(super) is_ended: bool,
    /// Its first unanswered message is not for a worker.
    is_leaving: bool,
    /// Queries that it may still make.
    queries: u64,
    /// A proxy, whose header has not arrived whole.
    awaits_header: bool,
}

/// What a connection may do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Queries that it may make.
    pub(super) queries: u64,
    /// It is a proxy's, and begins with a header.
    pub(super) is_proxy: bool,
}

/// In which direction a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Reading,
    Writing,
}

/// What a connection is doing when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing is owed on either side.
    Idle,
    /// A query is incomplete.
    Unfinished,
    /// The peer has not taken its responses.
    Unread,
}

/// What to do with a connection after it was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Everything there was has been read.
    Wait(Direction),
    /// The read was full, so more may be there.
    Again,
    /// The peer has ended and has everything.
    Ended,
    /// Reset or broken.
    Broken,
    /// It asks for what takes longer than a worker may, and leaves as [`Connection::leave`] says.
    HandOver,
}

/// What became of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Octets of the response; 0 for none.
    Octets(usize),
    /// The message is not answered here, and no other after it.
    HandOver,
}

/// Memory that the connections of one worker use by turns.
pub(super) struct Scratch {
    input: Box<[u8]>,
    output: Box<[u8]>,
}

impl Scratch {
    pub(super) fn new() -> Scratch {
        Scratch {
            input: vec![0; TCP_READ_OCTETS].into(),
            output: vec![0; TCP_WRITE_OCTETS + 2 + TCP_MESSAGE_OCTETS].into(),
        }
    }
}

impl Connection {
    pub(super) fn new(stream: TcpStream, ends: Ends, now: Instant, terms: Terms) -> Connection {
        let peer = ends.client.ip();
        Connection {
            stream,
            peer,
            ends,
            prefix: Prefix::from(peer),
            progress: now,
            waits_for: Direction::Reading,
            input: Vec::new(),
            output: Vec::new(),
            is_ended: false,
            is_leaving: false,
            queries: terms.queries,
            awaits_header: terms.is_proxy,
        }
    }

    /// Gives away the stream with what was received and not answered, and what was not taken.
    pub(super) fn leave(self) -> (TcpStream, Vec<u8>, Vec<u8>) {
        (self.stream, self.input, self.output)
    }

    pub(super) fn phase(&self) -> Phase {
        if !self.output.is_empty() {
            Phase::Unread
        } else if !self.input.is_empty() {
            Phase::Unfinished
        } else {
            Phase::Idle
        }
    }

    /// Octets of memory of its own.
    pub(super) fn held_octets(&self) -> usize {
        self.input.capacity() + self.output.capacity()
    }

    /// Sends what waits, reads once, and answers what is complete by `answer`, which is given a
    /// query and room.
    pub(super) fn serve(
        &mut self,
        now: Instant,
        scratch: &mut Scratch,
        answer: impl FnMut(IpAddr, &[u8], &mut [u8]) -> Answer,
    ) -> Next {
        match self.try_serve(now, scratch, answer) {
            Ok(next) => next,
            Err(_) => Next::Broken,
        }
    }

    fn try_serve(
        &mut self,
        now: Instant,
        scratch: &mut Scratch,
        answer: impl FnMut(IpAddr, &[u8], &mut [u8]) -> Answer,
    ) -> io::Result<Next> {
        if !self.output.is_empty() {
            self.flush()?;
            if !self.output.is_empty() {
                return Ok(Next::Wait(Direction::Writing));
            }
            self.progress = now;
        }
        let read = if self.is_ended {
            Some(0)
        } else {
            read(&self.stream, &mut scratch.input)?
        };
        self.is_ended |= read == Some(0);
        let fresh = &scratch.input[..read.unwrap_or(0)];
        // Most reads hold whole messages only; they are answered where they are.
        let mut held = mem::take(&mut self.input);
        let rest = if held.is_empty() {
            let taken = self.answer_all(now, fresh, &mut scratch.output, answer)?;
            fresh[taken..].to_vec()
        } else {
            held.extend_from_slice(fresh);
            let taken = self.answer_all(now, &held, &mut scratch.output, answer)?;
            held.drain(..taken);
            held
        };
        self.input = if rest.is_empty() { Vec::new() } else { rest };
        Ok(match read {
            _ if self.is_leaving => Next::HandOver,
            _ if !self.output.is_empty() => Next::Wait(Direction::Writing),
            _ if self.is_ended => Next::Ended,
            Some(TCP_READ_OCTETS) => Next::Again,
            _ => Next::Wait(Direction::Reading),
        })
    }

    /// Answers the whole messages at the start of `octets`, until the peer does not take the
    /// responses. Returns how many octets that were.
    fn answer_all(
        &mut self,
        now: Instant,
        octets: &[u8],
        output: &mut [u8],
        mut answer: impl FnMut(IpAddr, &[u8], &mut [u8]) -> Answer,
    ) -> io::Result<usize> {
        let Some(mut taken) = self.take_header(octets)? else {
            return Ok(0);
        };
        let mut filled = 0;
        while let Some(message) = first_message(&octets[taken..]) {
            let (length, room) = output[filled..].split_at_mut(2);
            let response = match answer(self.peer, message, &mut room[..TCP_MESSAGE_OCTETS]) {
                Answer::Octets(octets) => octets,
                Answer::HandOver => {
                    self.is_leaving = true;
                    break;
                }
            };
            if let Ok(octets @ 1..) = u16::try_from(response) {
                length.copy_from_slice(&octets.to_be_bytes());
                filled += 2 + usize::from(octets);
            }
            taken += 2 + message.len();
            self.queries -= 1;
            if self.queries == 0 {
                self.is_ended = true;
                break;
            }
            if filled >= TCP_WRITE_OCTETS {
                self.send(&output[..mem::take(&mut filled)])?;
                if !self.output.is_empty() {
                    break;
                }
            }
        }
        if taken > 0 {
            self.progress = now;
        }
        self.send(&output[..filled])?;
        Ok(taken)
    }

    /// Takes note of whom a proxy speaks for. Returns how many octets said so, or `None` if that
    /// has not arrived whole.
    fn take_header(&mut self, octets: &[u8]) -> io::Result<Option<usize>> {
        if !self.awaits_header {
            return Ok(Some(0));
        }
        match proxy::read(octets) {
            Ahead::Header { client, len } => {
                self.awaits_header = false;
                self.peer = client.unwrap_or(self.peer);
                Ok(Some(len))
            }
            Ahead::Unfinished if octets.len() < PROXY_HEADER_OCTETS => Ok(None),
            Ahead::Unfinished | Ahead::Other => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    /// Sends octets, and keeps those that the peer does not take now.
    fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        if !octets.is_empty() {
            let sent = write(&self.stream, octets)?;
            self.output.extend_from_slice(&octets[sent..]);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let sent = write(&self.stream, &self.output)?;
        self.output.drain(..sent);
        if self.output.is_empty() {
            self.output = Vec::new();
        }
        Ok(())
    }
}

/// The message at the start of the octets, if it is whole.
fn first_message(octets: &[u8]) -> Option<&[u8]> {
    let (length, rest) = octets.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

/// Reads once. `None` if nothing is there yet, 0 at the end.
fn read(mut stream: &TcpStream, room: &mut [u8]) -> io::Result<Option<usize>> {
    match stream.read(room) {
        Ok(octets) => Ok(Some(octets)),
        Err(error) if is_later(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes once. Returns how many octets went.
fn write(mut stream: &TcpStream, octets: &[u8]) -> io::Result<usize> {
    match stream.write(octets) {
        Ok(sent) => Ok(sent),
        Err(error) if is_later(&error) => Ok(0),
        Err(error) => Err(error),
    }
}

fn is_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
    )
}
