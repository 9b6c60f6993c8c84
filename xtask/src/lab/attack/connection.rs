//! A TCP connection with one query, from a given address, that is never waited for.

use super::field::SERVER;
use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

/// It.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// What is still to be sent, framed.
    unsent: Vec<u8>,
    received: Vec<u8>,
}

/// Begins to connect from `source`; does not wait.
pub(super) fn begin(source: Ipv4Addr) -> Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Without it, a thousand ports of one address are soon gone.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    match socket.connect(&SERVER.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => {
            Err(error).with_context(|| format!("TCP from {source}"))
        }
        _ => Ok(socket.into()),
    }
}

impl Connection {
    /// Begins one that asks `query`.
    pub(super) fn open(source: Ipv4Addr, query: Vec<u8>) -> Result<Connection> {
        let stream = begin(source)?;
        let mut unsent = (query.len() as u16).to_be_bytes().to_vec();
        unsent.extend(query);
        Ok(Connection {
            stream,
            unsent,
            received: Vec::new(),
        })
    }

    /// Goes on as far as it can. Gives whether there was a response, once that is known.
    pub(super) fn turn(&mut self) -> Option<bool> {
        if !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if is_early(error.kind()) => return None,
                Err(_) => return Some(false),
            }
        }
        let mut octets = [0; 4096];
        loop {
            match self.stream.read(&mut octets) {
                Ok(0) => return Some(false),
                Ok(count) => self.received.extend_from_slice(&octets[..count]),
                Err(error) if is_early(error.kind()) => return None,
                Err(_) => return Some(false),
            }
            if let [high, low, response @ ..] = self.received.as_slice()
                && response.len() >= usize::from(u16::from_be_bytes([*high, *low]))
            {
                return Some(
                    response
                        .get(3)
                        .is_some_and(|octet| matches!(octet & 0xf, 0 | 3)),
                );
            }
        }
    }
}

/// Whether an error tells that there is nothing to be done yet.
pub(super) fn is_early(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted
    )
}
