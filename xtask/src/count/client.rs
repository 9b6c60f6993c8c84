//! What clients do: send datagrams and talk over connections, each from an address of its own.
//!
//! Nobody sends close to the midnight of a run: which day a message belongs to is told by two clocks,
//! that of the server and that of the capture, and neither is read at the very moment of the other.

use super::query::framed;
use super::stage::{PLAIN, service};
use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// Sends datagrams from any address. Sockets stay open for a while, so that responses find them.
#[derive(Debug)]
pub(super) struct Datagrams {
    midnight: Instant,
    open: HashMap<SocketAddr, UdpSocket>,
    order: VecDeque<SocketAddr>,
}

impl Datagrams {
    /// None yet.
    pub(super) fn new(midnight: Instant) -> Datagrams {
        Datagrams {
            midnight,
            open: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Sends one.
    pub(super) fn send(&mut self, client: SocketAddr, octets: &[u8]) -> Result<()> {
        shun(self.midnight);
        let socket = match self.open.entry(client) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(place) => {
                let socket = UdpSocket::bind(client);
                let socket = socket.with_context(|| format!("cannot be {client}"))?;
                socket.connect(service(client.ip(), PLAIN))?;
                socket.set_read_timeout(Some(PATIENCE))?;
                self.order.push_back(client);
                place.insert(socket)
            }
        };
        // An error tells of the datagram before; this one goes by the second attempt.
        socket.send(octets).or_else(|_| socket.send(octets))?;
        if self.order.len() > SOCKETS
            && let Some(oldest) = self.order.pop_front()
        {
            self.open.remove(&oldest);
        }
        Ok(())
    }

    /// Sends one and waits for a response.
    pub(super) fn ask(&mut self, client: SocketAddr, octets: &[u8]) -> Result<Vec<u8>> {
        self.send(client, octets)?;
        let mut response = vec![0; 4096];
        let socket = self.open.get(&client).context("it was opened")?;
        let length = socket
            .recv(&mut response)
            .with_context(|| format!("no response to {client}"))?;
        response.truncate(length);
        Ok(response)
    }
}

/// Opens a connection from an address and a port, or another one where that is in use, as after a
/// connection that has just ended.
pub(super) fn connect(client: SocketAddr, midnight: Instant) -> Result<TcpStream> {
    shun(midnight);
    let any_port = SocketAddr::new(client.ip(), 0);
    let socket = connected(client)
        .or_else(|_| connected(any_port))
        .with_context(|| format!("{client} cannot connect"))?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn connected(client: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(client);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&client.into())?;
    socket.connect_timeout(&service(client.ip(), PLAIN).into(), PATIENCE)?;
    Ok(socket)
}

/// Sends messages in one go over a connection of their own, and reads as many responses.
pub(super) fn converse(
    client: SocketAddr,
    midnight: Instant,
    messages: &[Vec<u8>],
) -> Result<Vec<Vec<u8>>> {
    let mut stream = connect(client, midnight)?;
    let octets: Vec<u8> = messages
        .iter()
        .flat_map(|message| framed(message))
        .collect();
    stream.write_all(&octets)?;
    let mut responses = Vec::new();
    while responses.len() < messages.len() {
        match read_message(&mut stream) {
            Some(response) => responses.push(response),
            None => break,
        }
    }
    Ok(responses)
}

/// Reads one message; none if the connection ends, or nothing comes for long.
pub(super) fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

/// Waits until midnight is over, if it is close.
pub(super) fn shun(midnight: Instant) {
    let now = Instant::now();
    if now + MARGIN > midnight && now < midnight + MARGIN {
        thread::sleep(midnight + MARGIN - now);
    }
}

/// A client of IPv4 by number, in a network for benchmarks (RFC 2544), which no capture has.
pub(super) fn ipv4(number: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 19, high, low)), OWN_PORT)
}

/// A client of IPv6 by number, 16 of them in a /64 (RFC 3849).
pub(super) fn ipv6(number: u16) -> SocketAddr {
    let address = Ipv6Addr::new(0x2001, 0xdb8, 0xc, number / 16, 0, 0, 0, 1 + number % 16);
    SocketAddr::new(IpAddr::V6(address), OWN_PORT)
}

/// The port of clients that no capture shows.
const OWN_PORT: u16 = 40_000;

/// How long a client waits for anything.
const PATIENCE: Duration = Duration::from_secs(2);

/// So far from midnight nobody sends: more than what a busy machine may keep a message waiting.
const MARGIN: Duration = Duration::from_millis(700);

/// Sockets that wait for responses at once: within what a process may have open.
const SOCKETS: usize = 500;
