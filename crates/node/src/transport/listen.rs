//! Opens the sockets of all workers, before any worker runs.
//!
//! Each worker has a UDP socket and a TCP listener of its own for every address; the kernel
//! spreads clients over them (SO_REUSEPORT). Knows nothing of what the workers do with them.

use super::error::{Protocol, StartError};
use super::limits;
use super::sys;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

/// One worker's sockets for one address.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    pub(super) udp: Udp,
    pub(super) tcp: TcpListener,
}

/// A UDP socket of a worker.
#[derive(Debug)]
pub(super) struct Udp {
    pub(super) socket: UdpSocket,
    pub(super) held: Held,
}

/// Whose a UDP socket is within this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// One worker's.
    Alone {
        /// What it had dropped, by the kernel's count, when it came to us.
        dropped: u32,
    },
    /// Also that of another worker, which answers for it.
    Shared,
}

/// Sockets of one address that another process hands over, and may still be serving.
#[derive(Debug)]
pub struct Inherited {
    /// The address.
    pub address: SocketAddr,
    /// As many as the other process had workers, or had from another before it.
    pub pairs: Vec<InheritedPair>,
}

/// The sockets of one worker of another process.
#[derive(Debug)]
pub struct InheritedPair {
    /// For UDP.
    pub udp: UdpSocket,
    /// What it had dropped, by the kernel's count, when the other process counted last.
    pub dropped: u32,
    /// For TCP.
    pub tcp: TcpListener,
}

/// Whether a socket is the first of its address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Binds alone, so that an address that another process uses is noticed even if that process
    /// shares it, and then lets the others join.
    First,
    /// Joins those of the first.
    Further,
}

/// Opens the sockets: one list per worker, each with one entry per address. An address of which
/// there are sockets already has these.
pub(super) fn open(
    listen: &[SocketAddr],
    workers: usize,
    mut inherited: Vec<Inherited>,
) -> Result<Vec<Vec<Endpoint>>, StartError> {
    refuse_covered(listen)?;
    let mut per_worker: Vec<Vec<Endpoint>> = (0..workers).map(|_| Vec::new()).collect();
    for &asked in listen {
        let same = |one: &Inherited| one.address == asked && !one.pairs.is_empty();
        if let Some(at) = inherited.iter().position(same) {
            spread(inherited.swap_remove(at), &mut per_worker)
                .map_err(|cause| StartError::from_system(asked, Protocol::Udp, cause))?;
            continue;
        }
        let first = open_first(asked)?;
        let address = first.address;
        let mut endpoints = vec![first];
        for _ in 1..workers {
            endpoints.push(open_at(address, Place::Further)?);
        }
        for (worker, endpoint) in per_worker.iter_mut().zip(endpoints) {
            worker.push(endpoint);
        }
    }
    Ok(per_worker)
}

/// Gives each socket to a worker. No socket may be left out, since the kernel sends clients to all
/// of them; and none is added, since it would send clients to it before anybody reads. So a worker
/// has several where they are more than workers, and shares one where they are fewer.
fn spread(inherited: Inherited, per_worker: &mut [Vec<Endpoint>]) -> io::Result<()> {
    let Inherited { address, pairs } = inherited;
    let workers = per_worker.len();
    let mut endpoints = Vec::new();
    for number in pairs.len()..workers {
        let InheritedPair { udp, tcp, .. } = &pairs[number % pairs.len()];
        let udp = Udp {
            socket: udp.try_clone()?,
            held: Held::Shared,
        };
        let tcp = tcp.try_clone()?;
        endpoints.push((number, Endpoint { address, udp, tcp }));
    }
    for (number, InheritedPair { udp, dropped, tcp }) in pairs.into_iter().enumerate() {
        let udp = Udp {
            socket: udp,
            held: Held::Alone { dropped },
        };
        endpoints.push((number % workers, Endpoint { address, udp, tcp }));
    }
    for (worker, endpoint) in endpoints {
        per_worker[worker].push(endpoint);
    }
    Ok(())
}

/// Refuses a list in which one address includes another: the kernel would give all queries to the
/// more special one, or refuse it with an error that does not say why.
pub fn refuse_covered(listen: &[SocketAddr]) -> Result<(), StartError> {
    if listen.is_empty() {
        return Err(StartError::NoAddress);
    }
    let covers = |a: &SocketAddr, b: &SocketAddr| {
        a == b || (a.ip().is_unspecified() && a.is_ipv4() == b.is_ipv4())
    };
    for (place, &address) in listen.iter().enumerate() {
        let same_port = |a: &&SocketAddr| a.port() == address.port() && a.port() != 0;
        let earlier = listen.iter().take(place).filter(same_port);
        if let Some(&other) = { earlier }.find(|a| covers(a, &address) || covers(&address, a)) {
            return Err(StartError::Covered { address, other });
        }
    }
    Ok(())
}

/// Opens the first sockets of an address, with a port that both protocols have free if the system
/// is to choose one.
fn open_first(asked: SocketAddr) -> Result<Endpoint, StartError> {
    for _ in 1..limits::PORT_ATTEMPTS {
        match open_at(asked, Place::First) {
            Err(StartError::InUse { .. }) if asked.port() == 0 => {}
            result => return result,
        }
    }
    open_at(asked, Place::First)
}

fn open_at(asked: SocketAddr, place: Place) -> Result<Endpoint, StartError> {
    let udp = open_udp(asked, place)
        .map_err(|cause| StartError::from_system(asked, Protocol::Udp, cause))?;
    let mut address = asked;
    if let Ok(bound) = udp.local_addr() {
        address.set_port(bound.port());
    }
    let tcp = open_tcp(address, place)
        .map_err(|cause| StartError::from_system(asked, Protocol::Tcp, cause))?;
    let udp = Udp {
        socket: udp,
        held: Held::Alone { dropped: 0 },
    };
    Ok(Endpoint { address, udp, tcp })
}

fn open_udp(address: SocketAddr, place: Place) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM.nonblocking(),
        None,
    )?;
    set_buffers(&socket)?;
    let wildcard = address.ip().is_unspecified();
    match address.ip() {
        // Path-MTU discovery off (RFC 9715 section 3.1): no packet of ours depends on, or is
        // steered by, what ICMP messages say of the path, which anybody can forge. OMIT sends
        // without DF and ignores such messages; DONT would still let them shrink fragments.
        // Responses are small enough not to be fragmented on the way.
        IpAddr::V4(_) => {
            let omit = libc::IP_PMTUDISC_OMIT;
            sys::set_option(&socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, omit)?;
            if wildcard {
                sys::set_option(&socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
            }
        }
        // The same for IPv6, where OMIT ignores Packet Too Big messages. IPV6_DONTFRAG stays off:
        // with the default of 1232 octets there is nothing to fragment at any legal MTU, and who
        // configures more than the interface's MTU gets fragments rather than silence.
        IpAddr::V6(_) => {
            socket.set_only_v6(true)?;
            let omit = libc::IPV6_PMTUDISC_OMIT;
            sys::set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, omit)?;
            if wildcard {
                sys::set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
            }
        }
    }
    bind(&socket, address, place)?;
    Ok(socket.into())
}

/// Sizes the buffers past the system's limit where that is permitted, else up to it.
fn set_buffers(socket: &Socket) -> io::Result<()> {
    let force = |name, octets| {
        i32::try_from(octets)
            .is_ok_and(|octets| sys::set_option(socket, libc::SOL_SOCKET, name, octets).is_ok())
    };
    if !force(libc::SO_RCVBUFFORCE, limits::UDP_RECEIVE_BUFFER_OCTETS) {
        socket.set_recv_buffer_size(limits::UDP_RECEIVE_BUFFER_OCTETS)?;
    }
    if !force(libc::SO_SNDBUFFORCE, limits::UDP_SEND_BUFFER_OCTETS) {
        socket.set_send_buffer_size(limits::UDP_SEND_BUFFER_OCTETS)?;
    }
    Ok(())
}

/// Opens a listener. Accepted connections inherit its options, which saves a call for each.
fn open_tcp(address: SocketAddr, place: Place) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM.nonblocking(),
        None,
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Lets a restarted server listen while connections of the last one linger (TIME_WAIT). Another
    // listener is noticed all the same.
    socket.set_reuse_address(true)?;
    // Responses are gathered into one write anyway; waiting for acknowledgements only delays the
    // next one.
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(limits::TCP_SEND_BUFFER_OCTETS)?;
    bind(&socket, address, place)?;
    socket.listen(limits::TCP_BACKLOG)?;
    Ok(socket.into())
}

fn bind(socket: &Socket, address: SocketAddr, place: Place) -> io::Result<()> {
    match place {
        Place::First => {
            socket.bind(&address.into())?;
            socket.set_reuse_port(true)
        }
        Place::Further => {
            socket.set_reuse_port(true)?;
            socket.bind(&address.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which sockets each worker has of so many inherited ones; shared ones in brackets.
    fn check(inherited: usize, workers: usize, expected: &[&str]) {
        let pairs: Vec<InheritedPair> = (0..inherited)
            .map(|number| InheritedPair {
                udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
                dropped: u32::try_from(number).unwrap(),
                tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            })
            .collect();
        let ports: Vec<SocketAddr> = { pairs.iter() }
            .map(|pair| pair.udp.local_addr().unwrap())
            .collect();
        let mut per_worker: Vec<Vec<Endpoint>> = (0..workers).map(|_| Vec::new()).collect();
        let address = ([127, 0, 0, 1], 53).into();
        spread(Inherited { address, pairs }, &mut per_worker).unwrap();
        let told = |endpoint: &Endpoint| {
            let port = endpoint.udp.socket.local_addr().unwrap();
            let number = ports.iter().position(|known| *known == port).unwrap();
            match endpoint.udp.held {
                Held::Alone { dropped } => {
                    assert_eq!(dropped as usize, number);
                    number.to_string()
                }
                Held::Shared => format!("[{number}]"),
            }
        };
        let found: Vec<String> = { per_worker.iter() }
            .map(|own| own.iter().map(told).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_inherited_socket_has_one_worker_that_answers_for_it_and_every_worker_has_a_socket() {
        check(2, 2, &["0", "1"]);
        check(1, 3, &["0", "[0]", "[0]"]);
        check(2, 3, &["0", "1", "[0]"]);
        check(3, 2, &["0 2", "1"]);
        check(4, 1, &["0 1 2 3"]);
    }
}
