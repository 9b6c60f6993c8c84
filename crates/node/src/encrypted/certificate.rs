//! What this side shows, which can change while it is served, and how TLS is spoken with it.

use super::limits::TICKETS;
use crate::chain;
use crate::config::Identity;
use crate::dial::tls::{self, TlsError};
use arc_swap::{ArcSwap, ArcSwapOption};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use std::fmt;
use std::sync::Arc;

/// The certificate of a server, with its key.
pub struct Certificate {
    identity: Identity,
    shown: Arc<Shown>,
    /// Why the files did not do when they were read last.
    refusal: ArcSwapOption<String>,
}

impl Certificate {
    /// Reads the files.
    pub fn read(identity: &Identity) -> Result<Self, TlsError> {
        Ok(Certificate {
            identity: identity.clone(),
            shown: Arc::new(Shown(ArcSwap::from_pointee(certified(identity)?))),
            refusal: ArcSwapOption::empty(),
        })
    }

    /// Reads the files anew. New connections are shown what is in them; if they do not do, what was
    /// shown stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        let certified = certified(&self.identity);
        let refusal = certified.as_ref().err().map(|error| Arc::new(chain(error)));
        self.refusal.store(refusal);
        self.shown.0.store(Arc::new(certified?));
        Ok(())
    }

    /// Why what is shown is not what is in the files, if so.
    pub fn refusal(&self) -> Option<Arc<String>> {
        self.refusal.load_full()
    }

    /// How TLS is spoken with it: version 1.3 alone, without clients' certificates and without data
    /// before the end of the handshake. Tickets for resumption hold all that is to be known, under
    /// a key that changes every six hours, so that nothing is kept for any client.
    pub(super) fn config(&self, protocol: &[u8]) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.shown) as _);
        config.alpn_protocols = vec![protocol.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = ring::Ticketer::new()?;
        config.send_tls13_tickets = TICKETS;
        config.max_early_data_size = 0;
        Ok(config)
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// What is shown at this moment.
struct Shown(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").finish_non_exhaustive()
    }
}

fn certified(identity: &Identity) -> Result<CertifiedKey, TlsError> {
    let (chain, key) = tls::identity(identity)?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|cause| TlsError::Identity {
        certificate: identity.certificate.clone(),
        key: identity.private_key.clone(),
        cause,
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
