//! One question, one answer: over UDP, and over TCP where it does not fit; over TLS and nothing
//! else where the target has it.

use super::error::DialError;
use super::limits::{MESSAGE_OCTETS_MAX, UDP_ATTEMPTS, UDP_PATIENCE, UDP_STRAYS_MAX};
use super::{Patience, Session, Target};
use domain::base::Message;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Sends a message and gives the answer to it.
///
/// What does not answer it – another identifier, another question – is not given: over UDP it may
/// come from anybody and is waited past. A target with TLS is asked over TLS alone: there is no
/// falling back to what others can read and write (RFC 9103 section 9.3.2).
pub fn ask(target: &Target, query: &[u8], patience: &Patience) -> Result<Vec<u8>, DialError> {
    Question {
        query,
        patience,
        attempts: UDP_ATTEMPTS,
    }
    .put_to(target, &mut |_| true)
}

/// A question and how much trouble it is worth.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The message.
    pub query: &'a [u8],
    /// How long to wait.
    pub patience: &'a Patience,
    /// How often it is sent over UDP.
    pub attempts: u32,
}

impl Question<'_> {
    /// Asks as [`ask`] does, for an answer that `accept` takes: it may change it, such as by taking
    /// a signature off. Over UDP what it does not take is waited past, since it may come from
    /// anybody.
    pub fn put_to(
        &self,
        target: &Target,
        accept: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Vec<u8>, DialError> {
        let started = Instant::now();
        if target.tls.is_none() {
            let wall = started + self.patience.wall;
            let answer = self.ask_over_udp(target.address, wall, accept)?;
            if !is_truncated(&answer) {
                return Ok(answer);
            }
        }
        let left = self.patience.wall.saturating_sub(started.elapsed());
        let patience = Patience {
            wall: left,
            ..*self.patience
        };
        let mut session = Session::open(target, &patience)?;
        session.send(self.query)?;
        let mut answer = session.receive()?;
        match answers(&answer, self.query) && accept(&mut answer) {
            true => Ok(answer),
            false => Err(DialError::OtherAnswer),
        }
    }

    /// Each attempt is from a socket of its own, so that a guess at the port of one is none at
    /// the next (RFC 5452 section 9.2).
    fn ask_over_udp(
        &self,
        address: SocketAddr,
        wall: Instant,
        accept: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Vec<u8>, DialError> {
        let idle = self.patience.idle;
        let mut wait = UDP_PATIENCE.min(idle);
        for _ in 0..self.attempts {
            let deadline = wall.min(Instant::now() + wait);
            if let Some(answer) = attempt(address, self.query, deadline, accept)? {
                return Ok(answer);
            }
            if Instant::now() >= wall {
                let after = self.patience.wall;
                return Err(DialError::Wall { after });
            }
            wait = idle.min(wait * 2);
        }
        Err(DialError::Unanswered {
            attempts: self.attempts,
        })
    }
}

/// One datagram; no answer if none came until the deadline, or too much else did.
fn attempt(
    address: SocketAddr,
    query: &[u8],
    deadline: Instant,
    accept: &mut dyn FnMut(&mut Vec<u8>) -> bool,
) -> Result<Option<Vec<u8>>, DialError> {
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    let socket = UdpSocket::bind(any).map_err(|cause| DialError::Socket { cause })?;
    // From now on the system gives what comes from this address and port alone.
    socket.connect(address).map_err(unreachable)?;
    socket.send(query).map_err(unreachable)?;
    let mut room = vec![0; MESSAGE_OCTETS_MAX];
    for _ in 0..UDP_STRAYS_MAX {
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(length) = receive(&socket, &mut room, left)? else {
            return Ok(None);
        };
        if answers(&room[..length], query) {
            let mut answer = room[..length].to_vec();
            if accept(&mut answer) {
                return Ok(Some(answer));
            }
        }
    }
    Ok(None)
}

fn receive(
    socket: &UdpSocket,
    room: &mut [u8],
    patience: Duration,
) -> Result<Option<usize>, DialError> {
    if patience.is_zero() {
        return Ok(None);
    }
    let received = socket
        .set_read_timeout(Some(patience))
        .and_then(|()| socket.recv(room));
    match received {
        Ok(length) => Ok(Some(length)),
        Err(cause) => match cause.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(None),
            // Counted as a datagram that is no answer; the time that is left is taken anew.
            io::ErrorKind::Interrupted => Ok(Some(0)),
            _ => Err(unreachable(cause)),
        },
    }
}

fn unreachable(cause: io::Error) -> DialError {
    match cause.kind() {
        io::ErrorKind::ConnectionRefused => DialError::Refused,
        _ => DialError::Unreachable { cause },
    }
}

/// Whether a message answers a query (RFC 5452 section 9.1). An error may leave the question out.
fn answers(answer: &[u8], query: &[u8]) -> bool {
    let (Ok(answer), Ok(query)) = (Message::from_octets(answer), Message::from_octets(query))
    else {
        return false;
    };
    let (header, asked) = (answer.header(), query.header());
    let has_none = answer.header_counts().qdcount() == 0;
    let is_error = header.rcode() != domain::base::iana::Rcode::NOERROR;
    answer.is_answer(&query) || (header.qr() && header.id() == asked.id() && has_none && is_error)
}

fn is_truncated(answer: &[u8]) -> bool {
    Message::from_octets(answer).is_ok_and(|answer| answer.header().tc())
}
