//! A reader of dnstap on a socket, which may be absent, stall and vanish.
//!
//! Nothing here waits, but for a connection over TCP to come about and for the reader to take the
//! end: what the reader does not take stays in memory up to a limit.

use crate::limits::{CAPTURE_CONNECT, CAPTURE_REST, CAPTURE_STALL, CAPTURE_STREAM_OCTETS};
use imrs_telemetry::capture::dnstap::frames::{Refused, Session, State};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Who is connected to, and the connection.
pub(super) struct Stream {
    target: Target,
    connection: Option<Connection>,
}

/// Where the reader listens.
pub(super) enum Target {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

struct Connection {
    socket: Socket,
    session: Session,
    /// What is to be sent, of which `sent` octets are.
    out: Vec<u8>,
    sent: usize,
    /// When the reader last took something or owed nothing.
    progress: Instant,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamError {
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error("the reader closed the connection")]
    Closed,
    #[error("the reader took nothing for {} s", CAPTURE_STALL.as_secs())]
    Stalled,
    #[error("the reader is refused")]
    Refused(#[source] Refused),
}

impl Stream {
    pub(super) fn new(target: Target) -> Stream {
        Stream {
            target,
            connection: None,
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Connects, and offers dnstap.
    pub(super) fn connect(&mut self, now: Instant) -> Result<(), StreamError> {
        let socket = match &self.target {
            Target::Unix(path) => connect_unix(path),
            Target::Tcp(address) => connect_tcp(*address),
        };
        let socket = socket.map_err(StreamError::Connect)?;
        let mut out = Vec::new();
        self.connection = Some(Connection {
            session: Session::begin(&mut out),
            socket,
            out,
            sent: 0,
            progress: now,
        });
        Ok(())
    }

    /// Where frames are put, unless the reader has not accepted or has taken too little.
    pub(super) fn room(&mut self) -> Option<&mut Vec<u8>> {
        let connection = self.connection.as_mut()?;
        let has_room = connection.waiting() < CAPTURE_STREAM_OCTETS;
        (connection.session.state() == State::Open && has_room).then_some(&mut connection.out)
    }

    /// Whether the system took all that was put here.
    pub(super) fn is_sent(&self) -> bool {
        { self.connection.as_ref() }.is_none_or(|connection| connection.waiting() == 0)
    }

    /// Takes what arrived and sends what can be; the octets sent. After an error there is no
    /// connection.
    pub(super) fn pump(&mut self, now: Instant) -> Result<u64, StreamError> {
        let Some(connection) = &mut self.connection else {
            return Ok(0);
        };
        let done = connection.receive().and_then(|()| connection.send(now));
        if done.is_err() {
            self.connection = None;
        }
        done
    }

    /// Says the end and waits a while for the reader to read it all; the octets sent.
    pub(super) fn finish(&mut self) -> Result<u64, StreamError> {
        let Some(connection) = &mut self.connection else {
            return Ok(0);
        };
        connection.session.stop(&mut connection.out);
        let started = Instant::now();
        let mut octets = 0;
        while started.elapsed() < CAPTURE_CONNECT {
            octets += self.pump(Instant::now())?;
            let state = self.connection.as_ref().map(|all| all.session.state());
            if state.is_none_or(|state| state == State::Finished || state == State::Offered) {
                break;
            }
            std::thread::sleep(CAPTURE_REST);
        }
        Ok(octets)
    }

    /// Leaves the reader.
    pub(super) fn close(&mut self) {
        self.connection = None;
    }
}

impl Connection {
    fn waiting(&self) -> usize {
        self.out.len() - self.sent
    }

    fn receive(&mut self) -> Result<(), StreamError> {
        let mut arrived = [0; 512];
        loop {
            match self.socket.read(&mut arrived) {
                Ok(0) if self.session.state() == State::Finished => return Ok(()),
                Ok(0) => return Err(StreamError::Closed),
                Ok(len) => { self.session.handle_octets(&arrived[..len], &mut self.out) }
                    .map_err(StreamError::Refused)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(StreamError::Broken(error)),
            }
        }
    }

    fn send(&mut self, now: Instant) -> Result<u64, StreamError> {
        let before = self.sent;
        while self.sent < self.out.len() {
            match self.socket.write(&self.out[self.sent..]) {
                Ok(len) => self.sent += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(StreamError::Broken(error)),
            }
        }
        let octets = self.sent - before;
        let owes_nothing = self.waiting() == 0 && self.session.state() == State::Open;
        if octets > 0 || owes_nothing {
            self.progress = now;
        } else if now.duration_since(self.progress) >= CAPTURE_STALL {
            return Err(StreamError::Stalled);
        }
        if self.waiting() == 0 {
            self.out.clear();
            self.sent = 0;
        } else if self.sent >= CAPTURE_STREAM_OCTETS {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
        Ok(octets as u64)
    }
}

/// A full queue of the listener is an error here, not a wait.
fn connect_unix(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket)
}

fn connect_tcp(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.connect_timeout(&address.into(), CAPTURE_CONNECT)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}
