//! The limits of the transports that are not the operator's to set: name, unit, reason.

use std::time::Duration;

/// Sockets that one wait reports. With more of them ready, UDP has its turn all the same.
pub(super) const EVENTS: usize = 64;

/// Datagrams that one system call receives or sends. Above 32 a larger batch wins nothing that
/// can be measured; 64 leaves room for bursts.
pub(super) const UDP_BATCH: usize = 64;

/// Octets of one UDP query that are read. Real queries stay far below, padded ones too; what is
/// longer is cut here and then judged as the malformed message that it has become.
pub(super) const UDP_QUERY_OCTETS: usize = 4096;

/// Octets of receive buffer per UDP socket: about 2,500 queries, so some 10 ms at full speed.
/// A longer queue would only make late answers.
pub(super) const UDP_RECEIVE_BUFFER_OCTETS: usize = 2 << 20;

/// Octets of send buffer per UDP socket. Generous, since datagrams to neighbours whose link
/// address does not resolve are held in it and could keep others from being sent.
pub(super) const UDP_SEND_BUFFER_OCTETS: usize = 4 << 20;

/// How long a worker waits, once per batch, for a full UDP send buffer to drain.
pub(super) const UDP_SEND_PATIENCE: Duration = Duration::from_millis(1);

/// Attempts to find a port that is free for UDP and for TCP when the system may choose it.
pub(super) const PORT_ATTEMPTS: usize = 16;

/// Connections waiting to be accepted, per listener (the system's own limit may be lower).
pub(super) const TCP_BACKLOG: i32 = 4096;

/// Connections accepted from one listener before others have their turn.
pub(super) const TCP_ACCEPTS_PER_TURN: usize = 16;

/// How long nothing is accepted after descriptors or memory ran out, so that the attempt is not
/// repeated at full speed.
pub(super) const TCP_ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Octets read from a connection before others have their turn: some 80 queries.
pub(super) const TCP_READ_OCTETS: usize = 4 << 10;

/// Octets of what a proxy says ahead of a connection: addresses take 52, and what proxies add to
/// them a few hundred.
pub(super) const PROXY_HEADER_OCTETS: usize = 2048;

/// Seconds over which what a client prefix may do over TCP is evened out.
pub(super) const TCP_WINDOW_S: u32 = 5;

/// The longest idle time of a connection: what its option can say (RFC 7828 section 3.1).
pub(super) const TCP_IDLE_MAX: Duration = Duration::from_millis(65_535 * 100);

/// Octets of responses gathered into one write, if there are so many queries in one read.
pub(super) const TCP_WRITE_OCTETS: usize = 16 << 10;

/// The largest DNS message over TCP, fixed by its two octets of length (RFC 1035 section 4.2.2).
pub(super) const TCP_MESSAGE_OCTETS: usize = 65_535;

/// Octets of send buffer per connection in the kernel. Fixed, because what the kernel would
/// choose for a peer that asks much and reads nothing is twenty times as much.
pub(super) const TCP_SEND_BUFFER_OCTETS: usize = 128 << 10;

/// Octets of unfinished queries and unsent responses that the connections of one worker may hold
/// together. The connection that would exceed it is closed.
pub(super) const TCP_HELD_OCTETS: usize = 16 << 20;

/// How many of the connections without progress for longest are looked at for one of the prefix
/// that is at its limit. Bounds the work that a flood of connections causes.
pub(super) const TCP_EVICTION_SEARCH: usize = 256;

/// How long a stopping worker answers datagrams that keep arriving.
pub(super) const STOP_UDP: Duration = Duration::from_millis(200);

/// How long a stopping worker waits for peers to take their responses over TCP.
pub(super) const STOP_TCP: Duration = Duration::from_secs(2);

/// Reads per connection when stopping: what one connection's receive buffer holds by default.
pub(super) const STOP_READS: usize = 32;

/// Descriptors beside sockets and connections: standard streams, log, control socket, zone files.
pub(super) const OTHER_DESCRIPTORS: usize = 64;

/// Buckets of 64 octets in which one worker counts what networks cost it over TCP: 64 KiB.
pub(super) const TCP_BUCKETS: usize = 1 << 10;

/// Turns one after the other, each with a full batch, after which a worker is behind: what is served
/// beside it gives way. A burst of 512 queries is none yet.
pub(super) const BEHIND_TURNS: u32 = 8;

/// The same after which it is far behind: some 100,000 queries without an end of the queue, a third of
/// a second at the fastest rate of one worker.
pub(super) const FAR_BEHIND_TURNS: u32 = 1600;
