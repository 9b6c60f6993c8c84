//! The limits of encrypted transport that are not the operator's to set: name, unit, reason.
//!
//! A connection over TLS may hold [`INBOX_OCTETS_MAX`] of queries, one response beyond
//! [`WRITE_OCTETS`], two buffers of [`TLS_BUFFER_OCTETS`] and the kernel's buffers; one over QUIC its
//! two windows.

use std::time::Duration;

/// How long a client may take for the handshake: three round trips, packets lost among them.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(5);

/// Time between two looks at the pressure and at connections whose time is over.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// Level of pressure from which no connection is left open.
pub(super) const PRESSURE_CLOSES_ALL: u8 = 2;

/// Octets of the largest query, as over UDP. One question padded as RFC 8467 section 4.1 says has
/// a few hundred.
pub const QUERY_OCTETS_MAX: usize = 4096;

/// Octets read from a connection before it is looked for queries in them: some eight of them as
/// RFC 8467 pads them.
pub(super) const READ_OCTETS: usize = 1024;

/// Octets that wait to become a query at most.
pub const INBOX_OCTETS_MAX: usize = 2 + QUERY_OCTETS_MAX + READ_OCTETS;

/// Octets of responses gathered before they are sent: what one TLS record may hold.
pub(super) const WRITE_OCTETS: usize = 16 << 10;

/// The largest DNS message, fixed by its two octets of length (RFC 1035 section 4.2.2).
pub(super) const MESSAGE_OCTETS_MAX: usize = 65_535;

/// Octets that the library may keep, before encryption and again after it.
pub(super) const TLS_BUFFER_OCTETS: usize = 16 << 10;

/// Octets of receive buffer per TLS connection in the kernel, which doubles it.
pub(super) const TLS_RECEIVE_OCTETS: usize = 16 << 10;

/// Octets of send buffer per TLS connection in the kernel, which doubles it.
pub(super) const TLS_SEND_OCTETS: usize = 32 << 10;

/// Connections waiting to be accepted, per listener. All of them at once cost a thread 0.3 s of
/// handshakes.
pub(super) const BACKLOG: i32 = 1024;

/// How long nothing is accepted after descriptors or memory ran out.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Tickets for resumption that a client gets; it can keep one for its next connection.
pub(super) const TICKETS: usize = 1;

/// How long a peer may take to hear that its connection is closed.
pub(super) const FAREWELL: Duration = Duration::from_millis(100);

/// Buckets of 64 octets in which one thread counts what client prefixes cost it: 64 KiB, twice.
pub(super) const BUDGET_BUCKETS: usize = 1 << 10;

/// Seconds over which what a client prefix may do is evened out, as over TCP.
pub(super) const BUDGET_WINDOW_S: u32 = 5;

/// What a handshake over QUIC is counted as: the library does it in tasks of its own, whose time
/// cannot be told by client. One over TLS takes 300 µs, and its packets come on top.
pub(super) const QUIC_HANDSHAKE: Duration = Duration::from_micros(500);

/// What the packets of a query over QUIC are counted as, for the same reason.
pub(super) const QUIC_QUERY: Duration = Duration::from_micros(20);

/// How many of the connections without progress for longest are looked at for one of the prefix
/// that is at its limit.
pub(super) const EVICTION_SEARCH: usize = 256;

/// Handshakes over QUIC going on in one thread from which on a client has to show that its address
/// is its own (RFC 9000 section 8.1.2), before anything is held for it.
pub(super) const HANDSHAKES_BEFORE_RETRY: usize = 16;

/// Connections over QUIC that wait to be looked at, and octets of packets kept for one, and for
/// all of them. A first flight has two or three packets.
pub(super) const INCOMING_MAX: usize = 256;
/// See [`INCOMING_MAX`].
pub(super) const INCOMING_OCTETS_EACH: u64 = 4 << 10;
/// See [`INCOMING_MAX`].
pub(super) const INCOMING_OCTETS_ALL: u64 = 256 << 10;

/// Octets of handshake messages out of order over QUIC. A ClientHello has 300 to 2,000.
pub(super) const QUIC_CRYPTO_OCTETS: usize = 8 << 10;

/// Octets that a peer may send on one stream before they are read: a query.
pub(super) const QUIC_STREAM_WINDOW: u32 = 2 + QUERY_OCTETS_MAX as u32;

/// Octets that a peer may send on all streams of a connection before they are read.
pub(super) const QUIC_WINDOW: u32 = 16 << 10;

/// Octets of responses that a connection may have sent or waiting and not acknowledged.
pub(super) const QUIC_SEND_WINDOW: u64 = 64 << 10;

/// Octets of a UDP payload over QUIC, which every path takes (RFC 9000 section 14); nothing is
/// tried beyond it, as no packet should depend on what ICMP says of the path.
pub(super) const QUIC_MTU: u16 = 1200;

/// Octets of receive buffer per QUIC socket: some 500 first packets.
pub(super) const QUIC_RECEIVE_BUFFER_OCTETS: usize = 1 << 20;

/// Octets of send buffer per QUIC socket.
pub(super) const QUIC_SEND_BUFFER_OCTETS: usize = 1 << 20;

/// How long a stopping thread waits for peers to hear of it.
pub(super) const STOP: Duration = Duration::from_millis(200);

/// Attempts to find a port that is free when the system may choose it.
pub(super) const PORT_ATTEMPTS: usize = 16;

/// How long a thread may take to leave its sockets to another node: to tell clients over QUIC, and
/// what runs on it at that moment.
pub(super) const LEAVE: Duration = Duration::from_secs(2);
