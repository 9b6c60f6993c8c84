//! Who a server is: by an authority and its name, by its key, or by both.

use super::error::OtherKey;
use crate::config::Pin;
use ring::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, PeerIncompatible, SignatureScheme,
};
use std::sync::Arc;

/// Judges the certificate of a server.
///
/// With authorities it has to be valid under one of them and hold the name (RFC 9103
/// section 9.3.2). With pins its key has to be one of them; alone they say all, and the names and
/// dates of the certificate nothing (RFC 7858 section 4.2). The handshake proves in each case that
/// the server has the key.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) authorities: Option<Arc<WebPkiServerVerifier>>,
    pub(super) pins: Vec<Pin>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.authorities.is_none() && self.pins.is_empty() {
            // Nothing would vouch for anybody.
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        if let Some(authorities) = &self.authorities {
            authorities.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            )?;
        }
        if !self.pins.is_empty() {
            let key = pin(end_entity)?;
            if !self.pins.contains(&key) {
                let cause = OtherError(Arc::new(OtherKey(key)));
                return Err(CertificateError::Other(cause).into());
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // Not asked: TLS 1.3 is all that is offered.
        Err(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The SHA-256 digest of the public key of a certificate (RFC 7858 section 4.2).
fn pin(certificate: &CertificateDer<'_>) -> Result<Pin, Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let key = parsed.subject_public_key_info();
    let digest = digest(&SHA256, key.as_ref());
    Ok(digest.as_ref().try_into().expect("SHA-256 gives 32 octets"))
}
