//! Peers that do what a test says, each on a thread of its own until the test ends.

use imrs_node::dial::Patience;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Long enough for anything that is to come on loopback.
pub(crate) const PLENTY: Patience = Patience {
    connect: Duration::from_secs(20),
    idle: Duration::from_secs(20),
    wall: Duration::from_secs(20),
};

/// What a test waits for in vain.
pub(crate) const SHORT: Duration = Duration::from_millis(250);

/// Time between two octets of a peer that sends one at a time.
pub(crate) const BEAT: Duration = Duration::from_millis(5);

/// A peer that takes one connection.
pub(crate) struct Peer<T> {
    pub(crate) address: SocketAddr,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Peer<T> {
    /// Takes one connection and does with it what is said.
    pub(crate) fn start(conversation: impl FnOnce(TcpStream) -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Peer::on(listener, conversation)
    }

    pub(crate) fn on(
        listener: TcpListener,
        conversation: impl FnOnce(TcpStream) -> T + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let thread = thread::spawn(move || conversation(listener.accept().unwrap().0));
        Peer { address, thread }
    }

    /// Waits for its end and gives what came of it.
    pub(crate) fn end(self) -> T {
        self.thread.join().unwrap()
    }
}

/// A framed message.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes(), message].concat()
}

/// Reads one framed message.
pub(crate) fn read_frame(stream: &mut impl Read) -> Vec<u8> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).unwrap();
    message
}

/// Waits until the other side has closed.
pub(crate) fn wait(mut stream: TcpStream) {
    let mut room = [0; 4096];
    while stream.read(&mut room).is_ok_and(|read| read > 0) {}
}

/// Sends piece after piece, one a beat, until the other side has closed or there are no more.
pub(crate) fn drip<'a>(mut stream: TcpStream, pieces: impl IntoIterator<Item = &'a [u8]>) {
    stream.set_read_timeout(Some(BEAT)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut room = [0; 4096];
    for piece in pieces {
        if stream.write_all(piece).is_err() {
            return;
        }
        // Nothing comes, so that this is the time between two beats.
        match stream.read(&mut room) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(read) if read > 0 => {}
            _ => return,
        }
    }
    stream.set_read_timeout(None).unwrap();
    wait(stream);
}
