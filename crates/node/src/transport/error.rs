//! Why the workers could not start, in words for the operator.

use std::fmt;
use std::io;
use std::net::SocketAddr;

/// Why the workers could not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// There is nothing to listen on.
    #[error("no address to listen on; give at least one, such as 127.0.0.1:5300")]
    NoAddress,
    /// One address of the list covers another.
    #[error("{address} is already covered by {other} in the same list; leave one of them out")]
    Covered {
        /// The later address of the list.
        address: SocketAddr,
        /// The earlier one.
        other: SocketAddr,
    },
    /// Another socket has the address.
    #[error(
        "{address} is in use over {protocol} by another program; \
         stop it or choose another port (`ss -lnp 'sport = :{}'` names it)",
        address.port()
    )]
    InUse {
        /// The address asked for.
        address: SocketAddr,
        /// The protocol that failed.
        protocol: Protocol,
    },
    /// The process may not bind the port.
    #[error(
        "no permission to listen on {address} over {protocol}; ports under 1024 need root, \
         the capability CAP_NET_BIND_SERVICE or a lower net.ipv4.ip_unprivileged_port_start"
    )]
    Denied {
        /// The address asked for.
        address: SocketAddr,
        /// The protocol that failed.
        protocol: Protocol,
    },
    /// No interface has the address.
    #[error(
        "no interface of this machine has the address {address} (asked for over {protocol}); \
         add it to an interface or correct the list"
    )]
    NotLocal {
        /// The address asked for.
        address: SocketAddr,
        /// The protocol that failed.
        protocol: Protocol,
    },
    /// The socket could not be made for another reason.
    #[error("cannot listen on {address} over {protocol}")]
    Socket {
        /// The address asked for.
        address: SocketAddr,
        /// The protocol that failed.
        protocol: Protocol,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The limit of open files is too low for the connections asked for.
    #[error(
        "{needed} open files are needed for so many TCP connections and sockets, {allowed} are \
         allowed; raise the limit (LimitNOFILE, `ulimit -Hn`) or lower the number of connections"
    )]
    Descriptors {
        /// Open files at most in use.
        needed: u64,
        /// The hard limit of the process.
        allowed: u64,
    },
    /// A worker could not be made.
    #[error("cannot start worker {worker}")]
    Worker {
        /// The worker, counted from 0.
        worker: usize,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Udp => "UDP",
            Protocol::Tcp => "TCP",
        })
    }
}

impl StartError {
    /// Names what the system's error means for one address.
    pub(super) fn from_system(address: SocketAddr, protocol: Protocol, cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::AddrInUse => StartError::InUse { address, protocol },
            io::ErrorKind::PermissionDenied => StartError::Denied { address, protocol },
            io::ErrorKind::AddrNotAvailable => StartError::NotLocal { address, protocol },
            _ => StartError::Socket {
                address,
                protocol,
                cause,
            },
        }
    }
}
