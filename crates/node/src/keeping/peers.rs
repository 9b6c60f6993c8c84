//! Whom a zone comes from, whom it goes to, and who else has it: as configured, ready to be dialled.

use crate::config::Transfers;
use crate::dial::{Target, tls};
use imrs_transfer::key::Key;
use imrs_transfer::refresh;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The peers of one zone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers {
    /// Whom it is fetched from.
    pub(crate) primaries: Vec<Peer>,
    /// In which order they are asked.
    pub(crate) order: Vec<refresh::Primary>,
    /// Who is told of a new serial.
    pub(crate) secondaries: Vec<Peer>,
    /// Who else serves it.
    pub(crate) observers: Vec<Peer>,
    /// How long observers may be ahead.
    pub(crate) observers_limit: Duration,
    /// How old a copy from the disk may be to be served before a primary confirms it.
    pub(crate) max_age: Duration,
}

/// A server to talk to.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Where it is, and how to speak to it.
    pub(crate) target: Target,
    /// By what requests to it are signed.
    pub(crate) key: Option<Key>,
    /// What the configuration calls the way to speak TLS to it.
    pub(crate) tls: Option<String>,
}

impl Peers {
    /// Makes the peers of a zone of what is configured.
    pub(crate) fn new(transfers: &Transfers, max_age: Duration) -> Result<Self, tls::TlsError> {
        let mut peers = Peers {
            observers_limit: transfers.observers_limit,
            max_age,
            ..Peers::default()
        };
        for primary in &transfers.primaries {
            let tls = match &primary.tls {
                Some(tls) => Some(Arc::new(tls::Client::read(tls)?)),
                None => None,
            };
            peers.primaries.push(Peer {
                target: Target::new(primary.address, tls),
                key: primary.key.clone(),
                tls: primary.tls.as_ref().map(|tls| tls.name.clone()),
            });
            peers.order.push(refresh::Primary {
                priority: primary.priority,
                weight: primary.weight,
            });
        }
        let plain = |address: SocketAddr, key: Option<Key>| Peer {
            target: Target::new(address, None),
            key,
            tls: None,
        };
        let secondaries = { transfers.notify.iter() }
            .map(|secondary| plain(secondary.address, secondary.key.clone()));
        peers.secondaries = secondaries.collect();
        let observers = transfers.observers.iter();
        peers.observers = observers.map(|address| plain(*address, None)).collect();
        Ok(peers)
    }

    /// The primary that speaks from an address.
    pub(super) fn primary_at(&self, peer: IpAddr) -> Option<usize> {
        let mut primaries = self.primaries.iter();
        primaries.position(|primary| primary.target.address().ip() == peer)
    }
}

impl Peer {
    /// Where it is, for people.
    pub(crate) fn place(&self) -> String {
        self.target.to_string()
    }
}
