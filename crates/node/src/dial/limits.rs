//! The limits of talking to peers: name, unit, reason.

use std::time::Duration;

/// Datagrams sent for one question before its peer counts as silent.
pub(crate) const UDP_ATTEMPTS: u32 = 3;

/// Time for the answer to the first datagram; it doubles with each. 7 seconds in all, in which a
/// packet to any place of the earth comes back.
pub(super) const UDP_PATIENCE: Duration = Duration::from_secs(1);

/// Datagrams read while one is waited for. Whoever guesses at answers has so many guesses at
/// an identifier of 16 bits behind a port of as many; then the question is sent from another port.
pub(super) const UDP_STRAYS_MAX: usize = 16;

/// Octets of one message (RFC 1035 section 4.2.2).
pub(super) const MESSAGE_OCTETS_MAX: usize = u16::MAX as usize;

/// Octets read from a stream at once: the content of one TLS record (RFC 8446 section 5.1).
pub(super) const READ_OCTETS: usize = 16 << 10;

/// Octets that wait to be encrypted or sent at most: a framed message.
pub(super) const TLS_BUFFER_OCTETS: usize = MESSAGE_OCTETS_MAX + 2;

/// Time to say that a TLS session ends, which no peer may keep waiting with.
pub(super) const CLOSE_PATIENCE: Duration = Duration::from_millis(100);

/// Time in which what a refused client still sends is read, so that it hears why: unread octets
/// would have the system reset the connection and drop the alert.
pub(super) const LINGER_PATIENCE: Duration = Duration::from_millis(500);

/// Octets read of a refused client: a handshake with a long chain of certificates.
pub(super) const LINGER_OCTETS: usize = 64 << 10;

/// Octets of a file of certificates or keys. All authorities of the web have some 250,000.
pub(super) const PEM_OCTETS_MAX: u64 = 1 << 20;

/// Time to connect, handshake included, unless the caller says otherwise.
pub(super) const CONNECT: Duration = Duration::from_secs(5);

/// Time of a session unless the caller says otherwise; the root takes some seconds over a line of
/// 10 Mbit/s.
pub(super) const WALL: Duration = Duration::from_secs(120);

/// Time without a whole message unless the caller says otherwise.
pub(super) const IDLE: Duration = Duration::from_secs(10);
