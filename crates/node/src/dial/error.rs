//! Why a peer could not be talked to.

use super::tls::TlsFault;
use std::io;
use std::time::Duration;

/// Why a peer could not be talked to. Who it is the caller knows.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// No socket could be made.
    #[error("cannot make a socket")]
    Socket {
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Nobody listens there.
    #[error("connection refused: nothing listens there, or a firewall says so")]
    Refused,
    /// There is no way to the peer.
    #[error("cannot reach it")]
    Unreachable {
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The connection, or the TLS handshake on it, took too long.
    #[error("no connection within {} ms", .after.as_millis())]
    ConnectTimeout {
        /// How long was waited.
        after: Duration,
    },
    /// No datagram was answered.
    #[error("no answer to {attempts} datagrams")]
    Unanswered {
        /// Datagrams sent.
        attempts: u32,
    },
    /// No whole message came, or went, for too long.
    #[error("no whole message within {} ms", .after.as_millis())]
    Idle {
        /// How long was waited.
        after: Duration,
    },
    /// The session took too long altogether.
    #[error("not done within {} ms altogether", .after.as_millis())]
    Wall {
        /// How long it may take.
        after: Duration,
    },
    /// The peer closed the connection where a message should begin.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer closed the connection within a message.
    #[error("the peer closed the connection after {present} of {expected} octets of a message")]
    ClosedWithin {
        /// Octets that came, with the two of the length.
        present: usize,
        /// Octets that there should be; 2 as long as the length is not known.
        expected: usize,
    },
    /// The connection broke.
    #[error("the connection broke")]
    Broken {
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The answer over a connection is to something else.
    #[error("the peer answered another question")]
    OtherAnswer,
    /// The message is too long to be sent (RFC 1035 section 4.2.2).
    #[error("a message of {octets} octets cannot be sent; at most 65535 can")]
    TooLong {
        /// Octets of the message.
        octets: usize,
    },
    /// TLS failed.
    #[error("TLS failed")]
    Tls(#[source] TlsFault),
}

impl DialError {
    /// What an error of a connection means when no deadline was the cause.
    pub(super) fn from_broken(cause: io::Error) -> Self {
        match tls_error(&cause) {
            Some(error) => DialError::Tls(TlsFault::from_library(error)),
            None => DialError::Broken { cause },
        }
    }

    /// What an error of connecting means; `after` is how long it may take.
    pub(super) fn from_connecting(cause: io::Error, after: Duration) -> Self {
        use io::ErrorKind as Kind;
        match cause.kind() {
            Kind::ConnectionRefused => DialError::Refused,
            Kind::TimedOut | Kind::WouldBlock => DialError::ConnectTimeout { after },
            _ => DialError::Unreachable { cause },
        }
    }
}

/// The TLS library hands its errors out within those of the system.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
