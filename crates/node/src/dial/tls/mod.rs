//! Zone transfers over TLS (RFC 9103): who the peer is, and who we are.
//!
//! [`Client`] is for primaries that we talk to, [`Server`] for secondaries that come to us. Both
//! speak TLS 1.3 alone (section 7.2) and DNS alone (section 7.1), and both resume nothing: each
//! session proves anew who is there.

mod error;
mod files;
mod flaw;
mod verifier;

pub use error::{OtherKey, TlsError, TlsFault};
pub(crate) use files::identity;
pub use flaw::Flaw;

use super::error::DialError;
use super::limits::{LINGER_OCTETS, LINGER_PATIENCE, READ_OCTETS, TLS_BUFFER_OCTETS};
use super::stream::{Stream, Wire, say_last};
use crate::config::{Identity, Tls};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, ServerConfig, ServerConnection, StreamOwned,
};
use std::fmt;
use std::io::{self, Read};
use std::net::{IpAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use verifier::Verifier;

/// How to speak TLS to a server.
#[derive(Clone)]
pub struct Client {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

/// How to speak TLS to those that come to us.
#[derive(Clone)]
pub struct Server {
    config: Arc<ServerConfig>,
}

impl Client {
    /// Reads the files that a table of the configuration names.
    pub fn read(tls: &Tls) -> Result<Self, TlsError> {
        if tls.pins.is_empty() && (tls.ca.is_none() || tls.server_name.is_none()) {
            let name = tls.name.clone();
            return Err(TlsError::Anybody { name });
        }
        let provider = Arc::new(ring::default_provider());
        let authorities = match &tls.ca {
            Some(path) => Some(authorities(path, &provider)?),
            None => None,
        };
        let verifier = Verifier {
            authorities,
            pins: tls.pins.clone(),
            algorithms: provider.signature_verification_algorithms,
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::Library)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &tls.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = files::identity(identity)?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|cause| unusable(identity, cause))?
            }
        };
        config.alpn_protocols = vec![DOT.to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Client {
            config: Arc::new(config),
            server_name: tls.server_name.clone(),
        })
    }

    /// Does the handshake with the server at `address`, within the deadline of the connection,
    /// which is `most` from its beginning.
    pub(super) fn connect(
        &self,
        wire: Wire,
        address: IpAddr,
        most: Duration,
    ) -> Result<StreamOwned<ClientConnection, Wire>, DialError> {
        let name = self.server_name.clone();
        let name = name.unwrap_or_else(|| ServerName::from(address));
        let connection = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|error| DialError::Tls(TlsFault::from_library(&error)))?;
        let mut tls = StreamOwned::new(connection, wire);
        tls.conn.set_buffer_limit(Some(TLS_BUFFER_OCTETS));
        while tls.conn.is_handshaking() {
            if let Err(cause) = tls.conn.complete_io(&mut tls.sock) {
                say_last(&mut tls.conn, &mut tls.sock);
                return Err(handshake_broke(cause, most));
            }
        }
        speak_dns(&mut tls.conn, &mut tls.sock)?;
        Ok(tls)
    }
}

impl Server {
    /// Reads the files of a listener. With `client_ca`, clients have to show a certificate under one
    /// of the authorities in that file.
    pub fn read(identity: &Identity, client_ca: Option<&Path>) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::Library)?;
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let roots = Arc::new(files::authorities(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
                builder.with_client_cert_verifier(verifier.map_err(|cause| {
                    let path = path.into();
                    TlsError::Authorities { path, cause }
                })?)
            }
        };
        let (chain, key) = files::identity(identity)?;
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|cause| unusable(identity, cause))?;
        config.alpn_protocols = vec![DOT.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Server {
            config: Arc::new(config),
        })
    }

    /// Does the handshake with a client that has connected, within `handshake`. The stream has the
    /// idle time and no wall.
    pub fn accept(
        &self,
        stream: TcpStream,
        handshake: Duration,
        idle: Duration,
    ) -> Result<Stream, DialError> {
        let deadline = Instant::now() + handshake;
        let wire = Wire::new(stream, deadline).map_err(|cause| DialError::Broken { cause })?;
        let connection = ServerConnection::new(Arc::clone(&self.config))
            .map_err(|error| DialError::Tls(TlsFault::from_library(&error)))?;
        let mut tls = StreamOwned::new(connection, wire);
        tls.conn.set_buffer_limit(Some(TLS_BUFFER_OCTETS));
        while tls.conn.is_handshaking() {
            if let Err(cause) = tls.conn.complete_io(&mut tls.sock) {
                say_last(&mut tls.conn, &mut tls.sock);
                linger(&mut tls.sock);
                return Err(handshake_broke(cause, handshake));
            }
        }
        // The library refuses a client that offers other protocols, not one that offers none.
        speak_dns(&mut tls.conn, &mut tls.sock)?;
        Ok(Stream::server(tls, idle, None))
    }
}

/// Both sides must agree on DNS (RFC 9103 section 7.1), so that nobody can turn a session of
/// another protocol under the same certificate into one of DNS.
fn speak_dns<S>(tls: &mut ConnectionCommon<S>, wire: &mut Wire) -> Result<(), DialError> {
    if tls.alpn_protocol() == Some(DOT) {
        return Ok(());
    }
    tls.send_close_notify();
    say_last(tls, wire);
    Err(DialError::Tls(TlsFault::NoDot))
}

fn handshake_broke(cause: io::Error, after: Duration) -> DialError {
    match cause.kind() {
        io::ErrorKind::TimedOut => DialError::ConnectTimeout { after },
        io::ErrorKind::UnexpectedEof => DialError::Closed,
        _ => DialError::from_broken(cause),
    }
}

/// Takes what a refused client still sends, so that the alert reaches it.
fn linger(wire: &mut Wire) {
    wire.deadline = Instant::now() + LINGER_PATIENCE;
    let mut room = [0; READ_OCTETS];
    let mut left = LINGER_OCTETS;
    // Whatever fails here has failed already.
    let _ = wire.finish();
    while left > 0 {
        match wire.read(&mut room) {
            Ok(read) if read > 0 => left = left.saturating_sub(read),
            _ => break,
        }
    }
}

fn authorities(
    path: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let roots = Arc::new(files::authorities(path)?);
    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
        .build()
        .map_err(|cause| TlsError::Authorities {
            path: path.into(),
            cause,
        })
}

fn unusable(identity: &Identity, cause: rustls::Error) -> TlsError {
    TlsError::Identity {
        certificate: identity.certificate.clone(),
        key: identity.private_key.clone(),
        cause,
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration has a private key.
        f.debug_struct("Client")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

/// DNS over TLS, as ALPN calls it (RFC 9103 section 7.1).
const DOT: &[u8] = b"dot";
