//! Takes connections over TLS, on which zones are given out (RFC 9103).
//!
//! One thread an address accepts; each connection has a thread of its own from the handshake on,
//! within the limits on connections that all transfers share.

use super::desk::Desk;
use super::transfers::Conversation;
use crate::accounting::Ends;
use crate::dial::tls;
use crate::system;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
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
    /// Opens one for each address.
    pub(crate) fn open(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        let open = |&address: &SocketAddr| {
            let listener = TcpListener::bind(address);
            let listener = listener.map_err(|cause| ListenError { address, cause })?;
            Ok((address, listener))
        };
        addresses
            .iter()
            .map(open)
            .collect::<Result<_, _>>()
            .map(Listeners)
    }
}

/// Takes connections from now on.
pub(super) fn listen(
    listeners: Listeners,
    server: &Arc<tls::Server>,
    desk: &Arc<Desk>,
) -> Result<(), ListenError> {
    for (address, listener) in listeners.0 {
        let failed = |cause| ListenError { address, cause };
        let (server, desk) = (Arc::clone(server), Arc::clone(desk));
        thread::Builder::new()
            .name("transfers-tls".to_owned())
            .spawn(move || accept(&listener, &server, &desk))
            .map_err(failed)?;
    }
    Ok(())
}

fn accept(listener: &TcpListener, server: &Arc<tls::Server>, desk: &Arc<Desk>) {
    loop {
        let Ok((stream, peer)) = listener.accept() else {
            // Out of descriptors, most likely: others have to end first.
            thread::sleep(PAUSE);
            continue;
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
