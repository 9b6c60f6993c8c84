//! A connection, plain or encrypted, on which no wait is without end.

use super::limits::CLOSE_PATIENCE;
use rustls::{ClientConnection, ConnectionCommon, ServerConnection, StreamOwned};
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// A connection with deadlines, TCP or TLS on top of it.
///
/// Each [`Read::read`] and [`Write::write`] ends within the idle time, and none goes on past the
/// wall; both fail with [`io::ErrorKind::TimedOut`] then. That holds for what TLS has to read before
/// there is anything to give, so that one octet now and then keeps nobody waiting.
pub struct Stream {
    layer: Layer,
    idle: Duration,
    wall: Option<Instant>,
}

enum Layer {
    Tcp(Wire),
    Client(Box<StreamOwned<ClientConnection, Wire>>),
    Server(Box<StreamOwned<ServerConnection, Wire>>),
}

/// A TCP connection whose reading and writing ends at one deadline.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    pub(super) deadline: Instant,
}

impl Stream {
    /// A plain connection.
    pub fn tcp(stream: TcpStream, idle: Duration, wall: Option<Instant>) -> io::Result<Self> {
        let layer = Layer::Tcp(Wire::new(stream, Instant::now())?);
        Ok(Stream { layer, idle, wall })
    }

    pub(super) fn client(
        tls: StreamOwned<ClientConnection, Wire>,
        idle: Duration,
        wall: Option<Instant>,
    ) -> Self {
        let layer = Layer::Client(Box::new(tls));
        Stream { layer, idle, wall }
    }

    pub(super) fn server(
        tls: StreamOwned<ServerConnection, Wire>,
        idle: Duration,
        wall: Option<Instant>,
    ) -> Self {
        let layer = Layer::Server(Box::new(tls));
        Stream { layer, idle, wall }
    }

    /// Says when all reading and writing ends.
    pub fn limit(&mut self, wall: Option<Instant>) {
        self.wall = wall;
    }

    /// The address of the peer.
    pub fn peer(&self) -> io::Result<SocketAddr> {
        self.wire().stream.peer_addr()
    }

    /// Whether it is encrypted.
    pub fn is_tls(&self) -> bool {
        !matches!(self.layer, Layer::Tcp(_))
    }

    /// Reads what there is, at the latest until `deadline`.
    pub(super) fn read_until(&mut self, into: &mut [u8], deadline: Instant) -> io::Result<usize> {
        self.wire_mut().deadline = self.soonest(deadline);
        match &mut self.layer {
            Layer::Tcp(wire) => wire.read(into),
            Layer::Client(tls) => tls.read(into),
            Layer::Server(tls) => tls.read(into),
        }
    }

    /// Writes all, at the latest until `deadline`.
    pub(super) fn write_until(&mut self, octets: &[u8], deadline: Instant) -> io::Result<()> {
        self.wire_mut().deadline = self.soonest(deadline);
        match &mut self.layer {
            Layer::Tcp(wire) => wire.write_all(octets),
            Layer::Client(tls) => tls.write_all(octets).and_then(|()| tls.flush()),
            Layer::Server(tls) => tls.write_all(octets).and_then(|()| tls.flush()),
        }
    }

    fn soonest(&self, deadline: Instant) -> Instant {
        self.wall.map_or(deadline, |wall| wall.min(deadline))
    }

    fn idle_deadline(&self) -> Instant {
        self.soonest(Instant::now() + self.idle)
    }

    fn wire(&self) -> &Wire {
        match &self.layer {
            Layer::Tcp(wire) => wire,
            Layer::Client(tls) => &tls.sock,
            Layer::Server(tls) => &tls.sock,
        }
    }

    fn wire_mut(&mut self) -> &mut Wire {
        match &mut self.layer {
            Layer::Tcp(wire) => wire,
            Layer::Client(tls) => &mut tls.sock,
            Layer::Server(tls) => &mut tls.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let deadline = self.idle_deadline();
        self.read_until(into, deadline)
    }
}

impl Write for Stream {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.wire_mut().deadline = self.idle_deadline();
        match &mut self.layer {
            Layer::Tcp(wire) => wire.write(octets),
            Layer::Client(tls) => tls.write(octets),
            Layer::Server(tls) => tls.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.wire_mut().deadline = self.idle_deadline();
        match &mut self.layer {
            Layer::Tcp(wire) => wire.flush(),
            Layer::Client(tls) => tls.flush(),
            Layer::Server(tls) => tls.flush(),
        }
    }
}

/// A TLS session says that it ends, so that the peer knows that nothing was cut off.
impl Drop for Stream {
    fn drop(&mut self) {
        match &mut self.layer {
            Layer::Tcp(_) => {}
            Layer::Client(tls) => {
                tls.conn.send_close_notify();
                say_last(&mut tls.conn, &mut tls.sock);
            }
            Layer::Server(tls) => {
                tls.conn.send_close_notify();
                say_last(&mut tls.conn, &mut tls.sock);
            }
        }
    }
}

/// Sends what is left to say, if the peer takes it at once: that a session ends, or why.
pub(super) fn say_last<S>(tls: &mut ConnectionCommon<S>, wire: &mut Wire) {
    wire.deadline = Instant::now() + CLOSE_PATIENCE;
    // Nobody is left to whom an error would matter.
    while tls.wants_write() && tls.write_tls(wire).is_ok() {}
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("wire", self.wire())
            .field("is_tls", &self.is_tls())
            .finish_non_exhaustive()
    }
}

impl Wire {
    /// Messages go at once: they are written whole.
    pub(super) fn new(stream: TcpStream, deadline: Instant) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        Ok(Wire { stream, deadline })
    }

    /// Says that nothing more is sent.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)
    }

    /// The time that is left.
    fn left(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => Ok(left),
        }
    }

    /// Repeats what a signal interrupts, and says in one way that time is up.
    fn attempt<T>(
        &mut self,
        mut operation: impl FnMut(&mut TcpStream, Duration) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            let left = self.left()?;
            match operation(&mut self.stream, left) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                outcome => return outcome,
            }
        }
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.attempt(|stream, left| {
            stream.set_read_timeout(Some(left))?;
            stream.read(into)
        })
    }
}

impl Write for Wire {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(octets)])
    }

    /// TLS writes its records so, and writes no more than once in some places.
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.attempt(|stream, left| {
            stream.set_write_timeout(Some(left))?;
            stream.write_vectored(parts)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
