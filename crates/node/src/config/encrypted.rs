//! `[encrypted]`: where DNS is answered over TLS and QUIC, and within which limits.

use super::Mistake;
use super::lists::{List, check_length, twice};
use super::secrets::Identity;
use super::values::{TLS_PORT, address_or};
use super::written::WrittenEncrypted;
use crate::limits::LISTEN_MAX;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

/// `[encrypted]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// Addresses to answer on over TLS (RFC 7858).
    pub tls: Vec<SocketAddr>,
    /// Addresses to answer on over QUIC (RFC 9250).
    pub quic: Vec<SocketAddr>,
    /// What it shows.
    pub identity: Identity,
    /// Threads.
    pub workers: NonZeroUsize,
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one client prefix.
    pub connections_per_prefix: usize,
    /// New connections in a second from one client prefix, per thread.
    pub new_per_prefix: u32,
    /// Time in a second that a thread spends on the connections of one client prefix.
    pub busy_per_prefix: Duration,
    /// A connection without progress is closed after this.
    pub idle: Duration,
    /// Queries that one connection may have.
    pub queries_per_connection: u64,
    /// Queries at once on one connection over QUIC.
    pub streams_per_connection: u32,
}

/// Connections at once, where nothing is written: some 100 MB if each holds all that it may.
const CONNECTIONS: u64 = 1024;

/// The same from one prefix.
const CONNECTIONS_PER_PREFIX: u64 = 64;

/// New connections in a second from one prefix, per thread: 3 % of its time in handshakes. A
/// resolver needs one in ten seconds at most.
const NEW_PER_PREFIX: u64 = 100;

/// Milliseconds in a second that a thread spends on one prefix, as over TCP.
const BUSY_MS_PER_PREFIX: u64 = 250;

/// The idle time in seconds, as over TCP.
const IDLE_SECONDS: u64 = 10;

/// Queries of one connection. A busy resolver is not sent away within minutes; one that never
/// leaves is, so that connections spread anew over nodes.
const QUERIES_PER_CONNECTION: u64 = 100_000;

/// Queries at once on one connection over QUIC.
const STREAMS_PER_CONNECTION: u64 = 16;

/// Addresses that something else listens on.
pub(super) struct Taken<'a> {
    /// `[node]`, by UDP and TCP.
    pub(super) node: &'a [SocketAddr],
    /// `[transfer.tls]`, by TCP.
    pub(super) transfers: &'a [SocketAddr],
}

impl Encrypted {
    /// What the table says, checked.
    pub(super) fn resolve(written: &WrittenEncrypted, taken: &Taken<'_>) -> Result<Self, Mistake> {
        let tls = addresses(written.listen_tls.as_ref(), taken.node, taken.transfers)?;
        let quic = addresses(written.listen_quic.as_ref(), taken.node, &[])?;
        if tls.is_empty() && quic.is_empty() {
            let message = "nothing says where to listen; add `listen-tls = [\"…\"]` or \
                           `listen-quic = [\"…\"]`, or leave [encrypted] out";
            return Err((written.certificate.span().start, message.to_owned()));
        }
        let all = { written.connections.as_ref() }.map_or(CONNECTIONS, |all| all.get_ref().0);
        let per_prefix = match &written.connections_per_prefix {
            Some(per_prefix) if per_prefix.get_ref().0 > all => {
                let message = format!(
                    "one prefix cannot have {} connections, as `connections` allows {all} in all; \
                     write less",
                    per_prefix.get_ref().0
                );
                return Err((per_prefix.span().start, message));
            }
            Some(per_prefix) => per_prefix.get_ref().0,
            None => CONNECTIONS_PER_PREFIX.min(all),
        };
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let workers = written.workers.map_or(1, |workers| count(workers.0));
        let streams =
            { written.streams_per_connection }.map_or(STREAMS_PER_CONNECTION, |streams| streams.0);
        Ok(Encrypted {
            tls,
            quic,
            identity: Identity {
                certificate: written.certificate.get_ref().clone(),
                private_key: written.private_key.get_ref().clone(),
            },
            workers: NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN),
            connections: count(all),
            connections_per_prefix: count(per_prefix),
            new_per_prefix: u32::try_from(
                { written.new_per_second_per_prefix }.map_or(NEW_PER_PREFIX, |count| count.0),
            )
            .unwrap_or(u32::MAX),
            busy_per_prefix: Duration::from_millis(
                { written.cpu_milliseconds_per_prefix }.map_or(BUSY_MS_PER_PREFIX, |time| time.0),
            ),
            idle: Duration::from_secs(
                { written.idle_seconds }.map_or(IDLE_SECONDS, |seconds| seconds.0),
            ),
            queries_per_connection: { written.queries_per_connection }
                .map_or(QUERIES_PER_CONNECTION, |queries| queries.0),
            streams_per_connection: u32::try_from(streams).unwrap_or(u32::MAX),
        })
    }
}

/// The addresses of a list, none of which another listener has.
fn addresses(
    list: Option<&List<String>>,
    node: &[SocketAddr],
    transfers: &[SocketAddr],
) -> Result<Vec<SocketAddr>, Mistake> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    let hint = "name an address, such as \"192.0.2.1:853\"";
    check_length(list, LISTEN_MAX, "addresses", hint)?;
    let mut addresses = Vec::with_capacity(list.get_ref().len());
    for text in list.get_ref() {
        let place = text.span().start;
        // Port 0 lets the system choose, as in `[node]`.
        let address = match text.get_ref().parse() {
            Ok(address) => address,
            Err(_) => address_or(text.get_ref(), TLS_PORT).map_err(|what| (place, what))?,
        };
        if address.port() != 0 && addresses.contains(&address) {
            return Err(twice(text, address));
        }
        if let Some(other) = clash(address, &addresses) {
            let message = format!(
                "`{address}` and `{other}` of the same list cover each other; leave one of them out"
            );
            return Err((place, message));
        }
        for (table, what, taken) in [
            ("node", "DNS without TLS", node),
            ("transfer.tls", "transfers", transfers),
        ] {
            if let Some(other) = clash(address, taken) {
                let message = format!(
                    "`{address}` is where [{table}] listens for {what}, on `{other}`; write \
                     another address or port"
                );
                return Err((place, message));
            }
        }
        addresses.push(address);
    }
    Ok(addresses)
}

/// The one of some addresses that cannot be listened on beside this one: the same, or one that
/// covers it or is covered by it.
pub(super) fn clash(address: SocketAddr, taken: &[SocketAddr]) -> Option<SocketAddr> {
    let is_beside = |other: &SocketAddr| {
        address.port() == 0
            || address.port() != other.port()
            || address.is_ipv4() != other.is_ipv4()
            || (address.ip() != other.ip()
                && !address.ip().is_unspecified()
                && !other.ip().is_unspecified())
    };
    taken.iter().copied().find(|other| !is_beside(other))
}
