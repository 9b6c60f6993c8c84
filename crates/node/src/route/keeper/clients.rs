//! The keeper's socket: one thread accepts, one a client reads its lines and replies to each.

use super::desk::Desk;
use crate::route::limits::{
    CLIENT_SILENCE_MAX, CLIENTS_MAX, LINK_PATIENCE, PREPEND_MAX, REQUEST_OCTETS_MAX, WISH_TTL_MAX,
};
use crate::route::v1::{Asked, Reply, Request, SCHEMA, Told, Wish};
use imrs_fleet::anycast;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// Takes clients from now on, until the process ends.
pub(super) fn start(listener: UnixListener, desk: Arc<Desk>) -> io::Result<()> {
    { thread::Builder::new().name("clients".to_owned()) }
        .spawn(move || accept(&listener, &desk))
        .map(drop)
}

fn accept(listener: &UnixListener, desk: &Arc<Desk>) {
    // Each client holds a copy; their number is that of the clients.
    let clients = Arc::new(());
    let mut number = 0;
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            // Out of descriptors, most likely: others have to end first.
            thread::sleep(Duration::from_millis(100));
            continue;
        };
        if Arc::strong_count(&clients) > CLIENTS_MAX {
            let message = format!("{CLIENTS_MAX} clients speak to the keeper; try again");
            let _ = send(&stream, Reply::Error(message));
            continue;
        }
        number += 1;
        let (client, desk) = (Arc::clone(&clients), Arc::clone(desk));
        let serve = move || {
            let _client = client;
            let gone = Gone(&desk, number);
            if let Some(message) = converse(&stream, gone.1, &desk) {
                // A client that does not take it does without.
                let _ = send(&stream, Reply::Error(message));
            }
        };
        // Without a thread for it, the client sees its connection end.
        let _ = { thread::Builder::new().name("client".to_owned()) }.spawn(serve);
    }
}

/// Voids the wish of a client however its thread ends.
struct Gone<'a>(&'a Desk, u64);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.gone(self.1);
    }
}

/// Replies to a client until it is gone, or until it says what cannot be understood: then why.
fn converse(stream: &UnixStream, number: u64, desk: &Desk) -> Option<String> {
    let mut rest = Vec::new();
    loop {
        let line = match line(stream, &mut rest) {
            Ok(line) => line?,
            Err(cause) => return Some(format!("no request came: {cause}")),
        };
        let report = match read(&line) {
            Ok(Request::Show {}) => desk.report(),
            Ok(Request::Wish(wish)) => {
                let ttl = Duration::from_millis(wish.ttl_ms);
                desk.say(number, anycast::Wish::from(&wish), ttl)
            }
            Err(message) => return Some(message),
        };
        send(stream, Reply::Report(report)).ok()?;
    }
}

/// What a line asks for.
fn read(line: &[u8]) -> Result<Request, String> {
    let asked: Asked = serde_json::from_slice(line)
        .map_err(|cause| format!("the request is not of {SCHEMA}: {cause}"))?;
    if asked.schema != SCHEMA {
        let schema: String = asked.schema.chars().take(SCHEMA.len()).collect();
        return Err(format!("{schema:?} is not understood here, {SCHEMA} is"));
    }
    if let Request::Wish(wish) = &asked.request {
        check(wish)?;
    }
    Ok(asked.request)
}

fn check(wish: &Wish) -> Result<(), String> {
    if Duration::from_millis(wish.ttl_ms) > WISH_TTL_MAX {
        return Err(format!(
            "`ttl_ms` is {}, and {} at most",
            wish.ttl_ms,
            WISH_TTL_MAX.as_millis()
        ));
    }
    let policies = wish.neighbors.values();
    match policies
        .filter_map(|policy| policy.prepend)
        .find(|&times| times > PREPEND_MAX)
    {
        Some(times) => Err(format!("`prepend` is {times}, and {PREPEND_MAX} at most")),
        None => Ok(()),
    }
}

/// The next line, or none if the client is gone. It has [`CLIENT_SILENCE_MAX`] for it in all.
fn line(mut stream: &UnixStream, rest: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let deadline = Instant::now() + CLIENT_SILENCE_MAX;
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = rest.iter().position(|&octet| octet == b'\n') {
            return Ok(Some(rest.drain(..=end).collect()));
        }
        if rest.len() > REQUEST_OCTETS_MAX {
            return Err(io::Error::other(format!(
                "a line of more than {REQUEST_OCTETS_MAX} octets"
            )));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left < Duration::from_millis(1) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(None),
            Ok(count) => rest.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(_) => return Ok(None),
        }
    }
}

fn send(mut stream: &UnixStream, reply: Reply) -> io::Result<()> {
    let told = Told {
        schema: SCHEMA.to_owned(),
        reply,
    };
    let mut line = serde_json::to_vec(&told)?;
    line.push(b'\n');
    stream.set_write_timeout(Some(LINK_PATIENCE))?;
    stream.write_all(&line)
}
