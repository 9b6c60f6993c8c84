//! Certificates and keys from PEM files.

use super::error::TlsError;
use super::flaw::Flaw;
use crate::config::Identity;
use crate::dial::limits::PEM_OCTETS_MAX;
use crate::files;
use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::Path;
use zeroize::Zeroizing;

/// Authorities under which a peer's certificate has to be. All in the file have to be good, so that
/// none is missed by a slip.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let certificates = certificates(path, "certificates of authorities")?;
    for (number, certificate) in (1..).zip(certificates) {
        roots
            .add(certificate)
            .map_err(|cause| TlsError::Authority {
                path: path.into(),
                number,
                cause,
            })?;
    }
    Ok(roots)
}

/// The certificate of this side with those that lead to its authority, and its key.
pub(crate) fn identity(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
    let chain = certificates(&identity.certificate, "certificates")?;
    let what = "private key";
    let path = &identity.private_key;
    let octets = Zeroizing::new(read(path, what)?);
    let key = PrivateKeyDer::from_pem_slice(&octets).map_err(|cause| match cause {
        pem::Error::NoItemsFound => TlsError::Nothing {
            path: path.clone(),
            what,
            section: "PRIVATE KEY",
            flaw: Flaw::of(&octets),
        },
        _ => TlsError::Pem {
            path: path.clone(),
            what,
            flaw: Flaw::of_unread(&octets),
        },
    })?;
    Ok((chain, key))
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let octets = read(path, what)?;
    let certificates = CertificateDer::pem_slice_iter(&octets)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TlsError::Pem {
            path: path.into(),
            what,
            flaw: Flaw::of_unread(&octets),
        })?;
    match certificates.is_empty() {
        false => Ok(certificates),
        true => Err(TlsError::Nothing {
            path: path.into(),
            what,
            section: "CERTIFICATE",
            flaw: Flaw::of(&octets),
        }),
    }
}

fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, TlsError> {
    files::read_plain(path, what, PEM_OCTETS_MAX).map_err(|cause| TlsError::File { what, cause })
}
