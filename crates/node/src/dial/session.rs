//! One connection to a peer, over which messages go and come framed (RFC 1035 section 4.2.2).

use super::error::DialError;
use super::limits::READ_OCTETS;
use super::stream::{Stream, Wire};
use super::{Patience, Target};
use std::io;
use std::net::TcpStream;
use std::time::Instant;

/// A connection to a peer, with an end to every wait.
///
/// The wall counts from [`Session::open`], connecting included; the idle time from the last whole
/// message.
#[derive(Debug)]
pub struct Session {
    stream: Stream,
    patience: Patience,
    wall: Instant,
    /// What came and was not given yet: less than one message and one reading.
    input: Vec<u8>,
}

impl Session {
    /// Connects, over TLS if the target has it. Nothing is sent before the peer has shown who it is
    /// and has agreed to speak DNS.
    pub fn open(target: &Target, patience: &Patience) -> Result<Self, DialError> {
        let started = Instant::now();
        let wall = started + patience.wall;
        let most = patience.connect.min(patience.wall);
        let connecting = |cause| DialError::from_connecting(cause, most);
        if most.is_zero() {
            return Err(connecting(io::ErrorKind::TimedOut.into()));
        }
        let stream = TcpStream::connect_timeout(&target.address, most).map_err(connecting)?;
        // A peer can break it so soon that its options cannot be set any more.
        let broken = |cause| DialError::Broken { cause };
        let stream = match &target.tls {
            None => Stream::tcp(stream, patience.idle, Some(wall)).map_err(broken)?,
            Some(tls) => {
                let wire = Wire::new(stream, started + most).map_err(broken)?;
                let secure = tls.connect(wire, target.address.ip(), most)?;
                Stream::client(secure, patience.idle, Some(wall))
            }
        };
        Ok(Session {
            stream,
            patience: *patience,
            wall,
            input: Vec::new(),
        })
    }

    /// Sends one message.
    pub fn send(&mut self, message: &[u8]) -> Result<(), DialError> {
        let length = u16::try_from(message.len()).map_err(|_| DialError::TooLong {
            octets: message.len(),
        })?;
        let frame = [&length.to_be_bytes(), message].concat();
        let deadline = Instant::now() + self.patience.idle;
        self.stream
            .write_until(&frame, deadline)
            .map_err(|cause| self.broken(cause))
    }

    /// Receives one message.
    pub fn receive(&mut self) -> Result<Vec<u8>, DialError> {
        let deadline = Instant::now() + self.patience.idle;
        let mut room = [0; READ_OCTETS];
        loop {
            if let Some(message) = self.take_message() {
                return Ok(message);
            }
            match self.stream.read_until(&mut room, deadline) {
                Ok(0) => return Err(self.closed()),
                Ok(read) => self.input.extend_from_slice(&room[..read]),
                // TLS calls it so when the connection ends and the session was not ended before.
                Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.closed());
                }
                Err(cause) => return Err(self.broken(cause)),
            }
        }
    }

    fn take_message(&mut self) -> Option<Vec<u8>> {
        let (length, rest) = self.input.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let message = rest.get(..length)?.to_vec();
        self.input.drain(..2 + length);
        Some(message)
    }

    fn closed(&self) -> DialError {
        let present = self.input.len();
        let expected = match self.input.split_first_chunk::<2>() {
            Some((length, _)) => 2 + usize::from(u16::from_be_bytes(*length)),
            None => 2,
        };
        match present {
            0 => DialError::Closed,
            _ => DialError::ClosedWithin { present, expected },
        }
    }

    fn broken(&self, cause: io::Error) -> DialError {
        match cause.kind() {
            io::ErrorKind::TimedOut if Instant::now() >= self.wall => DialError::Wall {
                after: self.patience.wall,
            },
            io::ErrorKind::TimedOut => DialError::Idle {
                after: self.patience.idle,
            },
            _ => DialError::from_broken(cause),
        }
    }
}
