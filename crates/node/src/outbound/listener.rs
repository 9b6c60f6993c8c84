//! Takes connections over TLS, on which zones are given out (RFC 9103).
//!
//! One thread an address accepts; each connection has a thread of its own from the handshake on,
//! within the limits on connections that all transfers share.

use super::desk::Desk;
use super::transfers::Conversation;
use crate::accounting::Ends;
use crate::bell::Bell;
use crate::dial::tls;
use crate::system;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tracing::debug;

/// Why connections over TLS are not taken.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for transfers over TLS")]
pub(crate) struct ListenError {
    address: SocketAddr,
    #[source]
    cause: io::Error,
}

/// How long a client may take for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long nothing is accepted after the system refused to.
const PAUSE: Duration = Duration::from_millis(100);

/// Listeners that are open, and on which nothing is accepted yet.
pub(crate) struct Listeners(Vec<(SocketAddr, TcpListener)>);

impl Listeners {
    /// Opens one for each address, but for those that another node has handed over.
    pub(crate) fn open(
        addresses: &[SocketAddr],
        mut inherited: Vec<(SocketAddr, TcpListener)>,
    ) -> Result<Self, ListenError> {
        let mut open = |&address: &SocketAddr| {
            let same = |(at, _): &(SocketAddr, TcpListener)| *at == address;
            let listener = match inherited.iter().position(same) {
                Some(at) => Ok(inherited.swap_remove(at).1),
                None => TcpListener::bind(address),
            };
            // Two processes may accept from it for a while.
            let listener = listener.and_then(|listener| {
                listener.set_nonblocking(true)?;
                Ok((address, listener))
            });
            listener.map_err(|cause| ListenError { address, cause })
        };
        addresses
            .iter()
            .map(&mut open)
            .collect::<Result<_, _>>()
            .map(Listeners)
    }
}

/// Listeners that are accepted from, until dropped.
pub(crate) struct Listening {
    listeners: Vec<(SocketAddr, Arc<TcpListener>)>,
    bell: Arc<Bell>,
}

impl Listening {
    /// The listeners, for another node.
    pub(crate) fn lend(&self) -> io::Result<Vec<(SocketAddr, OwnedFd)>> {
        let lend = |(at, listener): &(SocketAddr, Arc<TcpListener>)| {
            Ok((*at, OwnedFd::from(listener.try_clone()?)))
        };
        self.listeners.iter().map(lend).collect()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.bell.ring();
    }
}

/// Takes connections from now on.
pub(super) fn listen(
    listeners: Listeners,
    server: &Arc<tls::Server>,
    desk: &Arc<Desk>,
) -> Result<Listening, ListenError> {
    let first = { listeners.0.first() }.map_or(([0; 4], 0).into(), |(address, _)| *address);
    let bell = Bell::new().map_err(|cause| ListenError {
        address: first,
        cause,
    })?;
    let mut listening = Listening {
        listeners: Vec::new(),
        bell: Arc::new(bell),
    };
    for (address, listener) in listeners.0 {
        let failed = |cause| ListenError { address, cause };
        let (server, desk) = (Arc::clone(server), Arc::clone(desk));
        let (listener, bell) = (Arc::new(listener), Arc::clone(&listening.bell));
        listening.listeners.push((address, Arc::clone(&listener)));
        thread::Builder::new()
            .name("transfers-tls".to_owned())
            .spawn(move || accept(&listener, &bell, &server, &desk))
            .map_err(failed)?;
    }
    Ok(listening)
}

fn accept(listener: &TcpListener, bell: &Bell, server: &Arc<tls::Server>, desk: &Arc<Desk>) {
    while bell.has_not_rung(listener) {
        let (stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(_) => {
                // Out of descriptors, most likely: others have to end first.
                thread::sleep(PAUSE);
                continue;
            }
        };
        // Without a seat for it, the client sees its connection end and tries again later.
        let Some(seat) = desk.transfers().seat(peer.ip()) else {
            continue;
        };
        let (server, desk) = (Arc::clone(server), Arc::clone(desk));
        let work = move || {
            let _seat = seat;
            system::yield_to_workers(desk.transfers().bounds().pinned);
            if let Err(error) = converse(stream, peer, &server, &desk) {
                debug!("connection over TLS from {peer}: {error}");
            }
        };
        let _ = thread::Builder::new()
            .name("transfer".to_owned())
            .spawn(work);
    }
}

fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    server: &tls::Server,
    desk: &Desk,
) -> io::Result<()> {
    let idle = desk.transfers().bounds().idle;
    let ends = Ends::new(peer, stream.local_addr().ok());
    let stream = server.accept(stream, HANDSHAKE, idle);
    let with = Conversation {
        stream: stream.map_err(io::Error::other)?,
        ends,
        input: Vec::new(),
    };
    desk.transfers().converse(desk, with)
}
