//! Stands between a secondary and its primary, passes everything on, and notes when what came.

use anyhow::Result;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A relay; its threads end with it.
pub(super) struct Relay {
    noted: Arc<Mutex<Passed>>,
    stop: Arc<AtomicBool>,
}

/// What has passed since the last look.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    /// When the first query came over UDP.
    pub(super) asked: Option<Instant>,
    /// When the first octet of a request came over TCP.
    pub(super) requested: Option<Instant>,
    /// When the last octet of the responses to it went on.
    pub(super) fetched: Option<Instant>,
    /// Octets of these responses.
    pub(super) octets: usize,
}

type Noted = Arc<Mutex<Passed>>;

impl Relay {
    /// Listens on `at` for the primary `to`, over UDP and TCP.
    pub(super) fn start(at: SocketAddr, to: SocketAddr) -> Result<Relay> {
        let (noted, stop) = (Noted::default(), Arc::new(AtomicBool::new(false)));
        let socket = UdpSocket::bind(at)?;
        socket.set_read_timeout(Some(LOOK))?;
        let listener = TcpListener::bind(at)?;
        listener.set_nonblocking(true)?;
        let (notes, stopped) = (Arc::clone(&noted), Arc::clone(&stop));
        thread::spawn(move || pass_datagrams(&socket, to, &notes, &stopped));
        let (notes, stopped) = (Arc::clone(&noted), Arc::clone(&stop));
        thread::spawn(move || pass_connections(&listener, to, &notes, &stopped));
        Ok(Relay { noted, stop })
    }

    /// What has passed since the last look.
    pub(super) fn take(&self) -> Passed {
        std::mem::take(&mut *lock(&self.noted))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

fn lock(noted: &Noted) -> std::sync::MutexGuard<'_, Passed> {
    noted.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One query at a time: a secondary asks for one zone, and waits for the answer.
fn pass_datagrams(socket: &UdpSocket, to: SocketAddr, noted: &Noted, stop: &AtomicBool) {
    let mut octets = [0; 65_535];
    while !stop.load(Relaxed) {
        let Ok((length, client)) = socket.recv_from(&mut octets) else {
            continue;
        };
        lock(noted).asked.get_or_insert_with(Instant::now);
        let answer = (|| {
            let onward = UdpSocket::bind((to.ip(), 0))?;
            onward.connect(to)?;
            onward.set_read_timeout(Some(PATIENCE))?;
            onward.send(&octets[..length])?;
            onward.recv(&mut octets)
        })();
        // The secondary asks again for what is lost.
        if let Ok(length) = answer {
            let _ = socket.send_to(&octets[..length], client);
        }
    }
}

fn pass_connections(listener: &TcpListener, to: SocketAddr, noted: &Noted, stop: &AtomicBool) {
    while !stop.load(Relaxed) {
        let Ok((client, _)) = listener.accept() else {
            thread::sleep(ACCEPT_LOOK);
            continue;
        };
        let noted = Arc::clone(noted);
        // A connection that breaks is what the secondary then sees.
        thread::spawn(move || pass_connection(client, to, &noted));
    }
}

fn pass_connection(client: TcpStream, to: SocketAddr, noted: &Noted) -> std::io::Result<()> {
    client.set_nonblocking(false)?;
    let server = TcpStream::connect(to)?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let requests = Arc::clone(noted);
    thread::spawn(move || {
        pass(from_client, to_server, |_| {
            lock(&requests).requested.get_or_insert_with(Instant::now);
        })
    });
    pass(server, client, |length| {
        let mut passed = lock(noted);
        passed.fetched = Some(Instant::now());
        passed.octets += length;
    })
}

fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    mut note: impl FnMut(usize),
) -> std::io::Result<()> {
    let mut octets = vec![0; 65_536];
    loop {
        let length = from.read(&mut octets)?;
        if length == 0 {
            return to.shutdown(Shutdown::Write);
        }
        to.write_all(&octets[..length])?;
        note(length);
    }
}

/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// How often new connections are looked for, which is what the relay adds to a transfer at most.
const ACCEPT_LOOK: Duration = Duration::from_micros(500);

/// A primary that has not answered by then does not.
const PATIENCE: Duration = Duration::from_secs(2);
