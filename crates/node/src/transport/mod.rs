//! Sockets and worker threads: packets in, `imrs_engine::respond`, packets out.

use arc_swap::ArcSwap;
use imrs_engine::Service;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// How a node listens and within which limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses to answer on, UDP and TCP each; wildcard addresses are allowed.
    pub listen: Vec<SocketAddr>,
    /// Worker threads; each has its own sockets (SO_REUSEPORT).
    pub workers: NonZeroUsize,
    /// Whether worker n stays on core n.
    pub pinned: bool,
    /// Largest UDP response over IPv4, in octets of DNS message.
    pub udp_payload_ipv4: u16,
    /// Largest UDP response over IPv6, in octets of DNS message.
    pub udp_payload_ipv6: u16,
    /// An idle TCP connection is closed after this time.
    pub tcp_idle: Duration,
    /// TCP connections at once, over all workers.
    pub tcp_connections: usize,
    /// TCP connections at once from one client prefix (IPv4 /24, IPv6 /56), over all workers.
    pub tcp_connections_per_prefix: usize,
}

/// The running workers.
#[derive(Debug)]
pub struct Running {}

/// Why the workers could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {}

/// Sums over all workers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// UDP messages received.
    pub udp_received: u64,
}

impl Running {
    /// Opens all sockets, starts the workers, and returns when every listener answers.
    ///
    /// A worker loads `service` once per batch, so a store there is the swap.
    pub fn start(
        settings: &Settings,
        service: Arc<ArcSwap<Service>>,
    ) -> Result<Running, StartError> {
        let _ = (settings, service);
        todo!()
    }

    /// The addresses in use, with the ports that the system chose where 0 was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        todo!()
    }

    /// What was counted so far; nobody is stopped for it.
    pub fn counters(&self) -> Counters {
        todo!()
    }

    /// Stops gracefully: what has arrived is answered, then sockets close and threads end.
    pub fn stop(self) {
        todo!()
    }
}
