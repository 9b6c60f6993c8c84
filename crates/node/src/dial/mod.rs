//! Asks primaries: SOA queries and transfers, over UDP, TCP and TLS (RFC 9103).

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub mod tls {
    //! TLS.
    /// A client.
    #[derive(Debug)]
    pub struct Client;
    /// Why not.
    #[derive(Debug, thiserror::Error)]
    #[error("TLS")]
    pub struct TlsError;
}

/// A server.
#[derive(Clone, Debug)]
pub struct Target {
    address: SocketAddr,
}

impl Target {
    /// It.
    pub fn new(address: SocketAddr, _tls: Option<Arc<tls::Client>>) -> Self {
        Target { address }
    }
    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// Patience.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Wall.
    pub wall: Duration,
    /// Idle.
    pub idle: Duration,
    /// Connect.
    pub connect: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            wall: Duration::from_secs(120),
            idle: Duration::from_secs(10),
            connect: Duration::from_secs(5),
        }
    }
}

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Io.
    #[error("io")]
    Io(#[source] io::Error),
}

/// Asks.
pub fn ask(target: &Target, query: &[u8], _patience: &Patience) -> Result<Vec<u8>, DialError> {
    let run = || {
        let socket = UdpSocket::bind(if target.address.is_ipv4() {
            "0.0.0.0:0"
        } else {
            "[::]:0"
        })?;
        socket.connect(target.address)?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        socket.send(query)?;
        let mut room = vec![0; 65535];
        let n = socket.recv(&mut room)?;
        room.truncate(n);
        Ok(room)
    };
    run().map_err(DialError::Io)
}

/// A session.
pub struct Session {
    stream: TcpStream,
    deadline: Instant,
}

impl Session {
    /// Opens.
    pub fn open(target: &Target, patience: &Patience) -> Result<Self, DialError> {
        let run = || {
            let stream = TcpStream::connect_timeout(&target.address, patience.connect)?;
            stream.set_read_timeout(Some(patience.idle))?;
            Ok(stream)
        };
        let stream = run().map_err(DialError::Io)?;
        Ok(Session {
            stream,
            deadline: Instant::now() + patience.wall,
        })
    }
    /// Sends.
    pub fn send(&mut self, message: &[u8]) -> Result<(), DialError> {
        let length = (message.len() as u16).to_be_bytes();
        self.stream
            .write_all(&[&length, message].concat())
            .map_err(DialError::Io)
    }
    /// Receives.
    pub fn receive(&mut self) -> Result<Vec<u8>, DialError> {
        let mut run = || {
            if Instant::now() > self.deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let mut length = [0; 2];
            self.stream.read_exact(&mut length)?;
            let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
            self.stream.read_exact(&mut message)?;
            Ok(message)
        };
        run().map_err(DialError::Io)
    }
}
