//! `[transfer]` and `[transfer.tls]`: limits of transfers, and where they are given over TLS.

use super::Mistake;
use super::lists::{check_length, twice};
use super::secrets::Identity;
use super::values::{TLS_PORT, address_or};
use super::written::{WrittenListener, WrittenTransfer};
use crate::limits::LISTEN_MAX;
use crate::store::limits::{STORE_OCTETS_MAX, VERSIONS};
use imrs_transfer::limits::{INCOMING_IDLE, INCOMING_WALL};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `[transfer]`
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// A stored zone that was confirmed longer ago is not served before it is refreshed.
    pub max_age: Duration,
    /// Versions of a zone that are kept.
    pub versions: usize,
    /// Octets of the store of one zone.
    pub store_octets: u64,
    /// Transfers to secondaries at once.
    pub outgoing_limit: usize,
    /// Octets that all of them together may send in a second.
    pub outgoing_octets_per_second: u64,
    /// Longest time of a transfer from a primary.
    pub wall: Duration,
    /// Longest time in it without an octet.
    pub idle: Duration,
    /// Where transfers over TLS are given.
    pub tls: Option<Listener>,
}

impl Default for Transfer {
    fn default() -> Self {
        Transfer {
            max_age: Duration::from_secs(48 * 3600),
            versions: VERSIONS,
            store_octets: STORE_OCTETS_MAX,
            outgoing_limit: 64,
            outgoing_octets_per_second: 100_000_000,
            wall: INCOMING_WALL,
            idle: INCOMING_IDLE,
            tls: None,
        }
    }
}

/// `[transfer.tls]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Addresses to take connections on.
    pub listen: Vec<SocketAddr>,
    /// What it shows.
    pub identity: Identity,
    /// File of the certificates, in PEM, under one of which a client's has to be; clients need
    /// none where this is absent.
    pub client_ca: Option<PathBuf>,
}

impl Transfer {
    /// What the table says, checked; `taken` are the addresses that DNS is answered on.
    pub(super) fn resolve(
        written: &WrittenTransfer,
        taken: &[SocketAddr],
    ) -> Result<Self, Mistake> {
        let absent = Transfer::default();
        let seconds = Duration::from_secs;
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let wall = { written.wall_seconds }.map_or(absent.wall, |wall| seconds(wall.0));
        let idle = written.idle_seconds.as_ref();
        if let Some(idle) = idle
            && seconds(idle.get_ref().0) > wall
        {
            let message = format!(
                "no transfer can be idle for {} seconds, as `wall-seconds` ends it after {}; \
                 write less",
                idle.get_ref().0,
                wall.as_secs()
            );
            return Err((idle.span().start, message));
        }
        Ok(Transfer {
            max_age: { written.max_age_hours }
                .map_or(absent.max_age, |hours| seconds(hours.0 * 3600)),
            versions: { written.versions }.map_or(absent.versions, |count| number(count.0)),
            store_octets: { written.store_octets_limit }
                .map_or(absent.store_octets, |octets| octets.0),
            outgoing_limit: { written.outgoing_limit }
                .map_or(absent.outgoing_limit, |count| number(count.0)),
            outgoing_octets_per_second: { written.outgoing_octets_per_second }
                .map_or(absent.outgoing_octets_per_second, |octets| octets.0),
            wall,
            idle: idle.map_or(absent.idle.min(wall), |idle| seconds(idle.get_ref().0)),
            tls: match &written.tls {
                Some(tls) => Some(listener(tls, taken)?),
                None => None,
            },
        })
    }
}

fn listener(written: &WrittenListener, taken: &[SocketAddr]) -> Result<Listener, Mistake> {
    let list = &written.listen;
    let hint = "name an address, such as \"192.0.2.1:853\"";
    check_length(list, LISTEN_MAX, "addresses", hint)?;
    let mut listen = Vec::with_capacity(list.get_ref().len());
    for text in list.get_ref() {
        let place = text.span().start;
        // Port 0 lets the system choose, as in `[node]`.
        let address = match text.get_ref().parse() {
            Ok(address) => address,
            Err(_) => address_or(text.get_ref(), TLS_PORT).map_err(|what| (place, what))?,
        };
        if address.port() != 0 && listen.contains(&address) {
            return Err(twice(text, address));
        }
        if address.port() != 0 && taken.contains(&address) {
            let message = format!(
                "`{address}` is where [node] listens for DNS without TLS; write another port, \
                 such as 853"
            );
            return Err((place, message));
        }
        listen.push(address);
    }
    Ok(Listener {
        listen,
        identity: Identity {
            certificate: written.certificate.get_ref().clone(),
            private_key: written.private_key.get_ref().clone(),
        },
        client_ca: { written.client_ca.as_ref() }.map(|path| path.get_ref().clone()),
    })
}
