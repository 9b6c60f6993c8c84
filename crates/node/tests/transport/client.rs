//! A server with a plain responder, and clients that speak to it.

use arc_swap::ArcSwap;
use imrs_engine::{Client, Identity, Kind, Outcome, Service, Transport};
use imrs_node::transport::{Running, Settings};
use imrs_wire::Rcode;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than anything here takes; only a failing test waits for so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A query to which the response is as long as the octets after this one say (big endian).
pub(crate) const BIG: u8 = b'B';
/// A query to which there is no response.
pub(crate) const SILENT: u8 = b'S';
/// A query to which the response is the identity of the service.
pub(crate) const IDENTITY: u8 = b'I';
/// A query to which the response is the keepalive time, two octets.
pub(crate) const KEEPALIVE: u8 = b'K';
/// A query to which the response is the address of who asked, as text.
pub(crate) const WHO: u8 = b'W';
/// A query to which the response is the limit of the response's size, two octets.
pub(crate) const ROOM: u8 = b'R';

/// Responds as the first octet says, and otherwise with the query itself.
pub(crate) fn respond(service: &Service, client: Client, query: &[u8], room: &mut [u8]) -> Outcome {
    let limit = u16::try_from(room.len()).unwrap_or(u16::MAX);
    let response: Vec<u8> = match query {
        [SILENT, ..] => return Outcome::DROPPED,
        [BIG, high, low, ..] => vec![BIG; usize::from(u16::from_be_bytes([*high, *low]))],
        [IDENTITY, ..] => service.identity.name.clone().unwrap_or_default(),
        [WHO, ..] => { client.peer }.map_or(Vec::new(), |peer| peer.address.to_string().into()),
        [KEEPALIVE, ..] => match client.transport {
            Transport::Tcp { keepalive } => keepalive.to_be_bytes().into(),
            _ => Vec::new(),
        },
        [ROOM, ..] => limit.to_be_bytes().into(),
        _ => query.to_vec(),
    };
    let len = response.len().min(room.len());
    room[..len].copy_from_slice(&response[..len]);
    Outcome {
        len,
        kind: Kind::Answer,
        rcode: Rcode::NOERROR,
        ..Outcome::DROPPED
    }
}

pub(crate) fn service(identity: &str) -> Service {
    let name = Some(identity.as_bytes().to_vec());
    Service {
        identity: Identity {
            name,
            version: None,
        },
        ..Service::default()
    }
}

pub(crate) fn settings(listen: &str) -> Settings {
    Settings {
        listen: vec![listen.parse().unwrap()],
        workers: NonZeroUsize::MIN,
        pinned: false,
        udp_payload_ipv4: 1232,
        udp_payload_ipv6: 1232,
        tcp_idle: PATIENCE * 2,
        tcp_connections: 2000,
        tcp_connections_per_prefix: 2000,
        tcp_new_per_prefix: 1_000_000,
        tcp_busy_per_prefix: Duration::from_secs(1),
        tcp_queries: None,
        proxies: Vec::new(),
    }
}

/// A free port that the system does not give to clients, so that it stays free.
pub(crate) fn quiet_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(15_400);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    std::iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed))
        .take_while(|port| *port < 15_500)
        .find(is_free)
        .unwrap()
}

pub(crate) fn start(settings: &Settings) -> Running {
    let service = Arc::new(ArcSwap::from_pointee(service("test")));
    Running::start_with(settings, service, respond).unwrap()
}

/// Holds the worker of a server.
pub(crate) struct Gate {
    opened: Arc<Barrier>,
}

impl Gate {
    pub(crate) fn open(&self) {
        self.opened.wait();
    }
}

/// Starts a server whose only worker is held by a first query, so that all that is sent until the
/// gate opens waits in its sockets.
pub(crate) fn start_held(settings: &Settings) -> (Running, Gate) {
    let [held, opened] = [(); 2].map(|()| Arc::new(Barrier::new(2)));
    let hold = {
        let (held, opened) = (Arc::clone(&held), Arc::clone(&opened));
        move |service: &Service, client: Client, query: &[u8], room: &mut [u8]| {
            if query == b"hold" {
                held.wait();
                opened.wait();
            }
            respond(service, client, query, room)
        }
    };
    let service = Arc::new(ArcSwap::from_pointee(service("test")));
    let server = Running::start_with(settings, service, hold).unwrap();
    let address = server.addresses()[0];
    udp(address).send_to(b"hold", address).unwrap();
    held.wait();
    (server, Gate { opened })
}

/// A UDP client that gives up in the end.
pub(crate) fn udp(server: SocketAddr) -> UdpSocket {
    let any = if server.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(any).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

pub(crate) fn ask_udp(client: &UdpSocket, server: SocketAddr, query: &[u8]) -> Vec<u8> {
    client.send_to(query, server).unwrap();
    let mut room = vec![0; 65_535];
    let (octets, from) = client.recv_from(&mut room).unwrap();
    assert_eq!(from, server, "the response comes from where the query went");
    room.truncate(octets);
    room
}

/// A TCP client that gives up in the end.
pub(crate) fn tcp(server: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(server).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A message with its length before it.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes()[..], message].concat()
}

pub(crate) fn receive(mut stream: &TcpStream) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message
}

pub(crate) fn ask_tcp(mut stream: &TcpStream, query: &[u8]) -> Vec<u8> {
    stream.write_all(&framed(query)).unwrap();
    receive(stream)
}

/// Waits until the server has closed the connection, in whatever manner.
pub(crate) fn expect_closed(mut stream: &TcpStream) {
    match stream.read(&mut [0]) {
        Ok(0) => {}
        Ok(_) => panic!("an octet where the end was expected"),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

/// Waits until the server has come so far.
pub(crate) fn wait_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "still not so");
        thread::yield_now();
    }
}
