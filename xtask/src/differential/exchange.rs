//! Sends the corpus to one server over UDP or TCP and brings back what it said.
//!
//! A query's ID is its place in its part of the corpus, so that responses find their queries in any
//! order.

use super::constants::rtype;
use super::name::ROOT;
use super::query::{Builder, Kind, Query};
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

/// What a server said to each query of the corpus; `None` where it stayed silent.
pub(super) type Responses = Vec<Option<Vec<u8>>>;

/// Queries of one part of the corpus: an ID each.
const PART_MAX: usize = 65_536;
/// Queries on their way over UDP at once. Few enough that no socket buffer overflows.
const WINDOW: usize = 64;
/// A query unanswered for this long no longer counts against the window.
const PARKED_AFTER: Duration = Duration::from_millis(40);
/// A query unanswered for this long is sent again over UDP.
const RETRY_AFTER: Duration = Duration::from_millis(400);
/// A query unanswered so many times counts as silently dropped.
const TRIES: u32 = 3;
/// Pause between two repeated queries: NSD sends no more than 100 errors a second.
const REPEAT_PAUSE: Duration = Duration::from_millis(12);
/// TCP connections at once to one server. Many, since a server that leaves Nagle's algorithm on
/// waits out a delayed acknowledgement in every batch.
const CONNECTIONS: usize = 16;
/// Queries sent on a TCP connection before their responses are awaited. BIND reads 23 at once.
const PIPELINE: usize = 16;
/// A TCP connection that says nothing for this long says nothing more.
const TCP_PATIENCE: Duration = Duration::from_secs(3);
/// The same where the query may have silenced it: NSD reads no further on such a connection.
const TCP_PATIENCE_ALONE: Duration = Duration::from_millis(700);
/// How long after the response to a later query an earlier one may still be answered.
const TCP_OVERTAKEN: Duration = Duration::from_millis(30);

/// The transports compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Via {
    Udp,
    Tcp,
}

impl Via {
    /// The transport's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Via::Udp => "udp",
            Via::Tcp => "tcp",
        }
    }
}

/// Sends every query and waits for every response.
pub(super) fn exchange(server: SocketAddr, via: Via, queries: &[Query]) -> Result<Responses> {
    let mut responses = Vec::with_capacity(queries.len());
    for part in queries.chunks(PART_MAX) {
        responses.extend(match via {
            Via::Udp => udp(server, part)?,
            Via::Tcp => tcp(server, part)?,
        });
    }
    Ok(responses)
}

/// One query alone, over UDP.
pub(super) fn ask_udp(server: SocketAddr, query: &Query) -> Result<Option<Vec<u8>>> {
    Ok(udp(server, std::slice::from_ref(query))?.pop().flatten())
}

/// One query alone, over TCP.
pub(super) fn ask_tcp(server: SocketAddr, query: &Query) -> Result<Option<Vec<u8>>> {
    tcp_alone(server, query, 0)
}

fn id_of(octets: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes([*octets.first()?, *octets.get(1)?]))
}

struct Flight {
    sent: Instant,
    tries: u32,
}

fn udp(server: SocketAddr, queries: &[Query]) -> Result<Responses> {
    let local = if server.is_ipv4() {
        "127.0.0.1:0"
    } else {
        "[::1]:0"
    };
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_millis(1)))?;
    let mut responses: Responses = vec![None; queries.len()];
    let mut flights: HashMap<u16, Flight> = HashMap::new();
    let mut next = 0;
    let mut repeated = Instant::now();
    let mut buffer = [0; 65_535];
    while next < queries.len() || !flights.is_empty() {
        let now = Instant::now();
        let fresh = flights
            .values()
            .filter(|flight| now - flight.sent < PARKED_AFTER)
            .count();
        let mut room = WINDOW.saturating_sub(fresh);
        // Repeated queries wait until all others are through.
        if next == queries.len() && now - repeated >= REPEAT_PAUSE {
            let is_due = |flight: &Flight| now - flight.sent >= RETRY_AFTER;
            flights.retain(|_, flight| flight.tries < TRIES || !is_due(flight));
            if let Some((id, flight)) = flights.iter_mut().find(|(_, flight)| is_due(flight)) {
                send(&socket, &queries[usize::from(*id)].with_id(*id))?;
                *flight = Flight {
                    sent: now,
                    tries: flight.tries + 1,
                };
                repeated = now;
            }
        }
        while room > 0 && next < queries.len() {
            send(&socket, &queries[next].with_id(next as u16))?;
            flights.insert(
                next as u16,
                Flight {
                    sent: now,
                    tries: 1,
                },
            );
            next += 1;
            room -= 1;
        }
        receive(&socket, &mut buffer, |response| {
            if let Some(id) = id_of(response).filter(|id| flights.remove(id).is_some()) {
                responses[usize::from(id)] = Some(response.to_vec());
            }
        })?;
    }
    Ok(responses)
}

fn send(socket: &UdpSocket, octets: &[u8]) -> Result<()> {
    socket
        .send(octets)
        .with_context(|| format!("{:?} is not listening", socket.peer_addr()))?;
    Ok(())
}

/// Takes what has come, and waits a moment when nothing has.
fn receive(socket: &UdpSocket, buffer: &mut [u8], mut take: impl FnMut(&[u8])) -> Result<()> {
    for _ in 0..WINDOW / 4 {
        match socket.recv(buffer) {
            Ok(len) => take(&buffer[..len]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(());
            }
            Err(error) => bail!("{:?} went away: {error}", socket.peer_addr()),
        }
    }
    Ok(())
}

fn tcp(server: SocketAddr, queries: &[Query]) -> Result<Responses> {
    let (tame, wild): (Vec<usize>, Vec<usize>) =
        (0..queries.len()).partition(|&place| queries[place].seen.is_plain());
    let mut responses: Responses = vec![None; queries.len()];
    std::thread::scope(|scope| -> Result<()> {
        let mut threads = Vec::new();
        for part in 0..CONNECTIONS {
            let tame: Vec<usize> = tame
                .iter()
                .copied()
                .skip(part)
                .step_by(CONNECTIONS)
                .collect();
            let wild: Vec<usize> = wild
                .iter()
                .copied()
                .skip(part)
                .step_by(CONNECTIONS)
                .collect();
            threads.push(scope.spawn(move || tcp_part(server, queries, &tame, &wild)));
        }
        for thread in threads {
            let part = thread
                .join()
                .map_err(|_| anyhow::anyhow!("a client thread panicked"))??;
            for (place, response) in part {
                responses[place] = Some(response);
            }
        }
        Ok(())
    })?;
    for (place, response) in responses.iter_mut().enumerate() {
        if response.is_none() {
            std::thread::sleep(REPEAT_PAUSE);
            *response = tcp_alone(server, &queries[place], place as u16)?;
        }
    }
    Ok(responses)
}

/// Well-formed queries pipelined, the others each on a connection of their own: a server may close
/// a connection on which it read nonsense (RFC 7766 section 6.2.4).
fn tcp_part(
    server: SocketAddr,
    queries: &[Query],
    tame: &[usize],
    wild: &[usize],
) -> Result<Vec<(usize, Vec<u8>)>> {
    let mut answered = Vec::new();
    let mut alone = wild.to_vec();
    let mut stream = connect(server)?;
    for batch in tame.chunks(PIPELINE) {
        let mut frames = Vec::new();
        for &place in batch {
            frames.extend(frame(&queries[place].with_id(place as u16)));
        }
        let mut missing = batch.to_vec();
        let mut is_open = stream.write_all(&frames).is_ok();
        while is_open && !missing.is_empty() {
            let Some(response) = read_frame(&mut stream) else {
                is_open = false;
                break;
            };
            let id = id_of(&response).map(usize::from);
            if let Some(found) = missing.iter().position(|&place| Some(place) == id) {
                answered.push((missing.swap_remove(found), response));
            }
        }
        if !is_open {
            alone.extend(missing);
            stream = connect(server)?;
        }
    }
    for place in alone {
        if let Some(response) = tcp_alone(server, &queries[place], place as u16)? {
            answered.push((place, response));
        }
    }
    Ok(answered)
}

/// Sends one query and, behind it, one that every server answers: when that is answered or the
/// connection closed, the first will not be.
fn tcp_alone(server: SocketAddr, query: &Query, id: u16) -> Result<Option<Vec<u8>>> {
    let mut stream = connect(server)?;
    stream.set_read_timeout(Some(TCP_PATIENCE_ALONE))?;
    let sentinel = Builder::ask(ROOT, rtype::SOA)
        .build(Kind::Flags)
        .with_id(!id);
    let mut frames = frame(&query.with_id(id));
    frames.extend(frame(&sentinel));
    if stream.write_all(&frames).is_err() {
        return Ok(None);
    }
    while let Some(response) = read_frame(&mut stream) {
        match id_of(&response) {
            Some(found) if found == id => return Ok(Some(response)),
            Some(found) if found == !id => stream.set_read_timeout(Some(TCP_OVERTAKEN))?,
            _ => {}
        }
    }
    Ok(None)
}

fn connect(server: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&server, TCP_PATIENCE)
        .with_context(|| format!("{server} does not take TCP connections"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TCP_PATIENCE))?;
    stream.set_write_timeout(Some(TCP_PATIENCE))?;
    Ok(stream)
}

/// A message behind its length (RFC 1035 section 4.2.2).
fn frame(octets: &[u8]) -> Vec<u8> {
    let mut frame = (octets.len() as u16).to_be_bytes().to_vec();
    frame.extend_from_slice(octets);
    frame
}

fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut len = [0; 2];
    stream.read_exact(&mut len).ok()?;
    let mut octets = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut octets).ok()?;
    Some(octets)
}
