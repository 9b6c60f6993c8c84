//! Stands between a secondary and its primary, passes everything on, and counts what was asked.
//!
//! Start reading at [`Tap::start`]. So the same facts are known of every software: whether a
//! version came by AXFR or by IXFR, and in how many octets. This file does not change a message,
//! so that signatures hold.

use crate::peers::wait_until_free;
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A running tap. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Tap {
    shared: Arc<Shared>,
    /// They hold the sockets.
    threads: Vec<JoinHandle<()>>,
}

/// One question over TCP, and its response so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// The type asked for.
    pub(crate) qtype: u16,
    /// Messages of the response.
    pub(crate) messages: usize,
    /// Octets of the response, framing included.
    pub(crate) octets: usize,
    /// RCODE of its first message.
    pub(crate) rcode: Option<u8>,
    /// When it was asked.
    pub(crate) asked: Instant,
    /// When the last message so far had come.
    pub(crate) answered: Instant,
}

#[derive(Debug)]
struct Shared {
    primary: SocketAddr,
    exchanges: Mutex<Vec<Exchange>>,
    datagrams: AtomicUsize,
    is_cut: AtomicBool,
    ends: AtomicBool,
}

/// Which exchange a message identifier of a connection belongs to.
type Indices = Mutex<HashMap<u16, usize>>;

impl Tap {
    /// Listens on `address` over UDP and TCP for who wants to reach `primary`.
    pub(crate) fn start(address: SocketAddr, primary: SocketAddr) -> Result<Tap> {
        wait_until_free(address)?;
        let listener = TcpListener::bind(address).with_context(|| format!("tap on {address}"))?;
        let socket = UdpSocket::bind(address).with_context(|| format!("tap on {address}"))?;
        listener.set_nonblocking(true)?;
        socket.set_read_timeout(Some(TURN))?;
        let shared = Arc::new(Shared {
            primary,
            exchanges: Mutex::default(),
            datagrams: AtomicUsize::new(0),
            is_cut: AtomicBool::new(false),
            ends: AtomicBool::new(false),
        });
        let (over_tcp, over_udp) = (Arc::clone(&shared), Arc::clone(&shared));
        let threads = vec![
            thread::spawn(move || accept(&listener, &over_tcp)),
            thread::spawn(move || relay_datagrams(&socket, &over_udp)),
        ];
        Ok(Tap { shared, threads })
    }

    /// All that was asked over TCP so far, oldest first.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.shared.exchanges).clone()
    }

    /// How often something was asked so far, over UDP and TCP.
    pub(crate) fn questions(&self) -> usize {
        self.shared.datagrams.load(Ordering::Relaxed) + lock(&self.shared.exchanges).len()
    }

    /// From now on nothing passes, until [`Tap::mend`].
    pub(crate) fn cut(&self) {
        self.shared.is_cut.store(true, Ordering::Relaxed);
    }

    /// Passes everything on again.
    pub(crate) fn mend(&self) {
        self.shared.is_cut.store(false, Ordering::Relaxed);
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked holds nothing either.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.ends.load(Ordering::Relaxed)
    }

    fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::Relaxed)
    }

    fn note_request(&self, request: &[u8], indices: &Indices) {
        let now = Instant::now();
        let mut exchanges = lock(&self.exchanges);
        lock(indices).insert(identifier(request), exchanges.len());
        exchanges.push(Exchange {
            qtype: question_type(request).unwrap_or(0),
            messages: 0,
            octets: 0,
            rcode: None,
            asked: now,
            answered: now,
        });
    }

    fn note_response(&self, response: &[u8], indices: &Indices) {
        let index = lock(indices).get(&identifier(response)).copied();
        let mut exchanges = lock(&self.exchanges);
        if let Some(exchange) = index.and_then(|index| exchanges.get_mut(index)) {
            exchange.messages += 1;
            exchange.octets += response.len();
            exchange.answered = Instant::now();
            let rcode = response.get(FRAME + 3).map(|octet| octet & 0x0f);
            exchange.rcode = exchange.rcode.or(rcode);
        }
    }
}

/// A count that a panic left half-made is still a count.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while shared.goes_on() {
        match listener.accept() {
            Ok(_) if shared.is_cut() => {}
            Ok((secondary, _)) => {
                let shared = Arc::clone(shared);
                // A connection that fails is for the secondary to complain about.
                thread::spawn(move || relay_stream(&secondary, &shared));
            }
            Err(_) => thread::sleep(ACCEPT_TURN),
        }
    }
}

/// Passes messages on, both ways, until both sides have closed.
fn relay_stream(secondary: &TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    secondary.set_nonblocking(false)?;
    let primary = TcpStream::connect(shared.primary)?;
    let indices = Indices::default();
    thread::scope(|scope| {
        scope.spawn(|| relay(secondary, &primary, |it| shared.note_request(it, &indices)));
        relay(&primary, secondary, |it| shared.note_response(it, &indices));
    });
    Ok(())
}

/// Passes messages on until one side closes, which the other is told.
fn relay(mut from: &TcpStream, mut to: &TcpStream, note: impl Fn(&[u8])) {
    while let Ok(message) = read(&mut from) {
        note(&message);
        if to.write_all(&message).is_err() {
            // Nobody listens: who sends may stop.
            let _ = from.shutdown(Shutdown::Both);
            return;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// One message with its framing (RFC 1035 section 4.2.2).
fn read(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut message = vec![0; FRAME];
    stream.read_exact(&mut message)?;
    let length = usize::from(u16::from_be_bytes([message[0], message[1]]));
    message.resize(FRAME + length, 0);
    stream.read_exact(&mut message[FRAME..])?;
    Ok(message)
}

fn identifier(message: &[u8]) -> u16 {
    match message[FRAME..] {
        [high, low, ..] => u16::from_be_bytes([high, low]),
        _ => 0,
    }
}

/// The type in the question; none if there is no question.
fn question_type(message: &[u8]) -> Option<u16> {
    let mut at = FRAME + 12;
    loop {
        match *message.get(at)? {
            0 => break,
            length => at += 1 + usize::from(length),
        }
    }
    Some(u16::from_be_bytes([
        *message.get(at + 1)?,
        *message.get(at + 2)?,
    ]))
}

/// Passes questions over UDP on, one after the other.
fn relay_datagrams(socket: &UdpSocket, shared: &Shared) {
    let mut octets = [0; 65_535];
    while shared.goes_on() {
        let Ok((length, secondary)) = socket.recv_from(&mut octets) else {
            continue;
        };
        if shared.is_cut() {
            continue;
        }
        shared.datagrams.fetch_add(1, Ordering::Relaxed);
        // What fails here is lost, as UDP may.
        let _ = ask(shared.primary, &octets[..length])
            .and_then(|response| socket.send_to(&response, secondary));
    }
}

fn ask(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((server.ip(), 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(TURN))?;
    socket.send(query)?;
    let mut response = vec![0; 65_535];
    let length = socket.recv(&mut response)?;
    response.truncate(length);
    Ok(response)
}

/// Octets ahead of each message over TCP that say its length.
const FRAME: usize = 2;

/// How long a thread waits before it looks whether all is over.
const TURN: Duration = Duration::from_millis(100);

/// How long the thread that accepts waits before it looks again: what a tap adds to a transfer.
const ACCEPT_TURN: Duration = Duration::from_millis(1);
