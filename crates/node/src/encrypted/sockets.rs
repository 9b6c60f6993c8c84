//! Opens the sockets of all threads, before any runs.

use super::limits;
use super::{BindError, Medium};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

/// Sockets of another node, which may still be serving them.
#[derive(Debug)]
pub struct Inherited {
    /// What is spoken.
    pub medium: Medium,
    /// Their address.
    pub address: SocketAddr,
    /// One for each thread of the other node, or of one before it.
    pub sockets: Vec<OwnedFd>,
}

/// Gives each socket of an address to a thread. None may be left out, since the kernel sends clients
/// to all of them. Where they are fewer than threads, threads share listeners; packets of QUIC have
/// to come to the thread of their connection, so some threads have none.
pub(super) fn spread(
    medium: Medium,
    sockets: Vec<OwnedFd>,
    per_thread: &mut [Sockets],
) -> io::Result<()> {
    let (count, threads) = (sockets.len(), per_thread.len());
    let mut give = |thread: usize, socket: OwnedFd| {
        let of_thread = &mut per_thread[thread % threads];
        match medium {
            Medium::Tls => of_thread.tls.push(socket.into()),
            Medium::Quic => of_thread.quic.push(socket.into()),
        }
    };
    if medium == Medium::Tls {
        for thread in count..threads {
            give(thread, sockets[thread % count].try_clone()?);
        }
    }
    for (thread, socket) in sockets.into_iter().enumerate() {
        give(thread, socket);
    }
    Ok(())
}

/// The sockets of one address: one for each thread.
pub(super) fn open<S: From<Socket>>(
    medium: Medium,
    asked: SocketAddr,
    threads: usize,
) -> Result<(SocketAddr, Vec<S>), BindError> {
    let failed = |cause| BindError {
        medium,
        address: asked,
        cause,
    };
    let first = open_first(medium, asked).map_err(failed)?;
    let mut address = asked;
    if let Some(bound) = first.local_addr().ok().and_then(|bound| bound.as_socket()) {
        address.set_port(bound.port());
    }
    let mut sockets = vec![S::from(first)];
    for _ in 1..threads {
        let socket = prepare(medium, address).and_then(|socket| {
            socket.set_reuse_port(true)?;
            socket.bind(&address.into())?;
            listen(medium, &socket)?;
            Ok(socket)
        });
        sockets.push(socket.map_err(failed)?.into());
    }
    Ok((address, sockets))
}

/// Opens the first socket of an address. It binds alone, so that an address that another program
/// uses is noticed even if that program shares it, and then lets others join.
fn open_first(medium: Medium, asked: SocketAddr) -> io::Result<Socket> {
    let open = || -> io::Result<Socket> {
        let socket = prepare(medium, asked)?;
        socket.bind(&asked.into())?;
        socket.set_reuse_port(true)?;
        listen(medium, &socket)?;
        Ok(socket)
    };
    for _ in 1..limits::PORT_ATTEMPTS {
        match open() {
            Err(error) if asked.port() == 0 && error.kind() == io::ErrorKind::AddrInUse => {}
            opened => return opened,
        }
    }
    open()
}

fn prepare(medium: Medium, address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let (kind, protocol) = match medium {
        Medium::Tls => (Type::STREAM, Protocol::TCP),
        Medium::Quic => (Type::DGRAM, Protocol::UDP),
    };
    let socket = Socket::new(domain, kind.nonblocking(), Some(protocol))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    let (receive, send) = match medium {
        Medium::Tls => {
            // Lets a restarted server listen while connections of the last one linger (TIME_WAIT).
            socket.set_reuse_address(true)?;
            // Accepted connections inherit the sizes.
            (limits::TLS_RECEIVE_OCTETS, limits::TLS_SEND_OCTETS)
        }
        Medium::Quic => (
            limits::QUIC_RECEIVE_BUFFER_OCTETS,
            limits::QUIC_SEND_BUFFER_OCTETS,
        ),
    };
    socket.set_recv_buffer_size(receive)?;
    socket.set_send_buffer_size(send)?;
    Ok(socket)
}

fn listen(medium: Medium, socket: &Socket) -> io::Result<()> {
    match medium {
        Medium::Tls => socket.listen(limits::BACKLOG),
        Medium::Quic => Ok(()),
    }
}

/// The sockets of one thread.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    pub(super) tls: Vec<TcpListener>,
    pub(super) quic: Vec<UdpSocket>,
}
