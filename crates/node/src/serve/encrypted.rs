//! Encrypted transport in a node: opened, started, and shown a new certificate.

use super::plan::Plan;
use crate::chain;
use crate::control::v1::UsedFor;
use crate::encrypted::{Bound, Encrypted, Inherited, Medium};
use crate::hand_over::Taken;
use arc_swap::ArcSwap;
use imrs_engine::Service;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use tracing::{info, warn};

/// Opens the sockets, if any are configured, but for those that another node has handed over.
pub(super) fn bind(plan: &Plan, taken: &mut Taken) -> anyhow::Result<Option<Bound>> {
    let Some(settings) = &plan.encrypted else {
        return Ok(None);
    };
    let tls = settings.tls.iter().map(|&at| (Medium::Tls, at));
    let quic = settings.quic.iter().map(|&at| (Medium::Quic, at));
    let inherited = tls.chain(quic).map(|(medium, address)| {
        let used_for = match medium {
            Medium::Tls => UsedFor::Tls,
            Medium::Quic => UsedFor::Quic,
        };
        let found = taken.take(used_for, &address.to_string());
        Inherited {
            medium,
            address,
            sockets: found.into_iter().map(|(_, socket)| socket).collect(),
        }
    });
    let inherited = inherited.collect();
    Ok(Some(Encrypted::bind_with(settings, inherited)?))
}

/// Serves them.
pub(super) fn start(
    bound: Option<Bound>,
    service: &Arc<ArcSwap<Service>>,
    pressure: &Arc<AtomicU8>,
) -> anyhow::Result<Option<Encrypted>> {
    let Some(bound) = bound else {
        return Ok(None);
    };
    let started = bound.start(service, pressure)?;
    let addresses = started.addresses();
    for (what, addresses) in [("TLS", &addresses.tls), ("QUIC", &addresses.quic)] {
        if !addresses.is_empty() {
            let shown: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
            info!("DNS over {what} on {}", shown.join(", "));
        }
    }
    Ok(Some(started))
}

/// Shows what is in the files of the certificate now.
pub(super) fn reload(encrypted: Option<&Encrypted>) {
    let Some(encrypted) = encrypted else {
        return;
    };
    match encrypted.certificate().reload() {
        Ok(()) => info!("DNS over TLS and QUIC: the certificate was read anew"),
        Err(error) => warn!(
            "DNS over TLS and QUIC: the certificate shown stays, as the new one does not do: {}",
            chain(&error)
        ),
    }
}
