//! Encrypted transport in a node: opened, started, and shown a new certificate.

use super::plan::Plan;
use crate::chain;
use crate::encrypted::{Bound, Encrypted};
use arc_swap::ArcSwap;
use imrs_engine::Service;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use tracing::{info, warn};

/// Opens the sockets, if any are configured.
pub(super) fn bind(plan: &Plan) -> anyhow::Result<Option<Bound>> {
    let bound = plan.encrypted.as_ref().map(Encrypted::bind).transpose();
    Ok(bound?)
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
