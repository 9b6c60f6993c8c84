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

/// Seconds of an epoch: a source that is seen in three of them in calm times is known. Long enough
/// that one burst, and a resolver's retries for one lookup, are one epoch.
pub(super) const KNOWN_EPOCH_S: u32 = 5;

/// Seconds that a known source stays known without being seen, while others want its place: every
/// resolver that counts asks a root more often than its records live in caches, a day or two.
pub(super) const KNOWN_UNSEEN_S: u32 = 24 * 60 * 60;

/// One in 2 to the power of this of the datagrams of a condemned source passes, so that who
/// condemned it sees whether it goes on, at a 64th of the price.
pub(super) const CONDEMNED_PASS_BITS: u32 = 6;

/// Seconds for which a source stays condemned. Then the gate judges it anew, which takes it a
/// fraction of a second of a flood.
pub(super) const CONDEMNED_S: u32 = 60;

/// Milliseconds after which the share of unknown sources that pass may shrink again: what a full
/// queue takes to answer, so that the last step shows.
pub(super) const OPENNESS_SHRINK_MS: u64 = 10;

/// Milliseconds of a nearly empty queue after which the share grows: ten times slower than it
/// shrinks, so that a flood that goes on costs a full queue about once a second.
pub(super) const OPENNESS_GROWTH_MS: u64 = 100;

/// The part of itself by which the share grows: a step beyond what the worker can do is a small
/// one. From its floor to full takes five seconds.
pub(super) const OPENNESS_GROWTH_PART: u32 = 8;

/// The smallest share of ordinary queries of unknown sources, of `u32::MAX`: who retries has some
/// chance, and the worker sees how the flood goes on. Of five million in a second it is 20,000.
pub(super) const OPENNESS_ORDINARY_MIN: u32 = u32::MAX >> 8;

/// The smallest share of special ones. More, since resolvers that start have nothing but these.
pub(super) const OPENNESS_SPECIAL_MIN: u32 = u32::MAX >> 6;

/// Milliseconds for which a queue must be well below a level before the next lower one holds.
pub(super) const PRESSURE_DWELL_MS: u64 = 100;

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

/// How long connections may go on once another process has the sockets: as long as one may say
/// nothing, so that those end by themselves whose clients are done, and what a stop may take.
pub(super) fn leave(tcp_idle: Duration) -> Duration {
    tcp_idle.min(TCP_IDLE_MAX) + STOP_TCP
}

/// Reads per connection when stopping: what one connection's receive buffer holds by default.
pub(super) const STOP_READS: usize = 32;

/// Descriptors beside sockets and connections: standard streams, log, control socket, zone files.
pub(super) const OTHER_DESCRIPTORS: usize = 64;

/// Buckets of 64 octets in which one worker counts what networks cost it over TCP: 64 KiB.
pub(super) const TCP_BUCKETS: usize = 1 << 10;

/// New TCP connections of unknown sources in a second that a worker lets in while it is behind: some
/// 3 % of its time.
pub(super) const TCP_STRANGERS_PER_SECOND: u32 = 1000;

/// Turns one after the other, each with a full batch, after which a worker is behind: what is served
/// beside it gives way. A burst of 512 queries is none yet.
pub(super) const BEHIND_TURNS: u32 = 8;

/// The same after which it is far behind: some 100,000 queries without an end of the queue, a third of
/// a second at the fastest rate of one worker.
pub(super) const FAR_BEHIND_TURNS: u32 = 1600;
