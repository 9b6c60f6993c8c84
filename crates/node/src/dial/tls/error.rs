//! Why TLS could not be set up, and why it failed with a peer.

use super::flaw::Flaw;
use crate::files::FileError;
use domain::utils::base64;
use rustls::server::VerifierBuilderError;
use rustls::{AlertDescription, CertificateError, PeerIncompatible};
use std::path::{Path, PathBuf};

/// Why what is configured does not do for TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("no {what} without its file")]
    File {
        /// What it should hold.
        what: &'static str,
        /// Why it cannot be read.
        #[source]
        cause: FileError,
    },
    /// A file is not PEM.
    #[error("{} is no file of {what} in PEM", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong in it.
        #[source]
        flaw: Flaw,
    },
    /// A file holds nothing of what it should hold.
    #[error("{} holds no {what}; it should have a section `-----BEGIN {section}-----`", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// How such a section is called.
        section: &'static str,
        /// What it holds instead.
        #[source]
        flaw: Flaw,
    },
    /// A certificate of an authority is none.
    #[error("certificate {number} in {} cannot be an authority's", path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// Which of its certificates, counted from 1.
        number: usize,
        /// What is wrong with it.
        #[source]
        cause: rustls::Error,
    },
    /// A certificate and a key do not belong together, or are of a kind that is not known.
    #[error(
        "the certificate in {} and the private key in {} cannot be used together; the first \
         certificate must be the one of the key, an RSA, ECDSA or Ed25519 key",
        certificate.display(),
        key.display()
    )]
    Identity {
        /// File of the certificate.
        certificate: PathBuf,
        /// File of the key.
        key: PathBuf,
        /// What is wrong with them.
        #[source]
        cause: rustls::Error,
    },
    /// Nothing says who the peer is.
    #[error("tls `{name}` does not say who the peer is; add `ca` and `server-name`, or `pins`")]
    Anybody {
        /// The table of the configuration.
        name: String,
    },
    /// The authorities cannot be used to judge certificates.
    #[error("the certificates in {} cannot be used as authorities", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        cause: VerifierBuilderError,
    },
    /// The library cannot do what is always asked of it.
    #[error("TLS 1.3 is not available")]
    Library(#[source] rustls::Error),
}

impl TlsError {
    /// The file that does not do, if it is one of them.
    pub fn file(&self) -> Option<&Path> {
        match self {
            TlsError::File { cause, .. } => Some(cause.path()),
            TlsError::Pem { path, .. }
            | TlsError::Nothing { path, .. }
            | TlsError::Authority { path, .. }
            | TlsError::Authorities { path, .. } => Some(path),
            TlsError::Identity { certificate, .. } => Some(certificate),
            TlsError::Anybody { .. } | TlsError::Library(_) => None,
        }
    }
}

/// Why TLS failed with a peer. Who it is the caller knows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TlsFault {
    /// What it sends is not TLS.
    #[error("the peer does not speak TLS on this port")]
    NotTls(#[source] rustls::Error),
    /// It has no version in common (RFC 9103 section 7.2 asks for 1.3).
    #[error("the peer does not speak TLS 1.3, which zone transfers need")]
    OtherVersion,
    /// It did not agree to speak DNS (RFC 9103 section 7.1).
    #[error("the peer did not agree to speak DNS: it must choose `dot` by ALPN")]
    NoDot,
    /// Its certificate is not under the authorities that are trusted.
    #[error(
        "the certificate of the peer is under no authority of those trusted here (`ca`, `client-ca`)"
    )]
    Untrusted,
    /// Its certificate is for other names.
    #[error("the certificate of the peer is not for `server-name`")]
    OtherName(#[source] rustls::Error),
    /// Its certificate is not valid yet or no longer.
    #[error("the certificate of the peer is not valid at this time")]
    OutOfDate(#[source] rustls::Error),
    /// Its key is none of the pinned ones.
    #[error("the key of the peer is none of `pins`")]
    OtherKey(#[source] OtherKey),
    /// Its certificate is wrong in another way.
    #[error("the certificate of the peer is not accepted")]
    BadCertificate(#[source] rustls::Error),
    /// It wants to know who we are.
    #[error("the peer wants a certificate; add `certificate` and `private-key`")]
    WantsCertificate,
    /// It does not take us for who we say we are.
    #[error("the peer does not accept our certificate ({0:?})")]
    RefusesCertificate(AlertDescription),
    /// It showed no certificate.
    #[error("the client shows no certificate, which `client-ca` demands")]
    NoCertificate,
    /// The peer ended the session with an alert.
    #[error("the peer ended the session ({0:?})")]
    Alert(AlertDescription),
    /// Something else.
    #[error("the peer breaks the rules of TLS")]
    Other(#[source] rustls::Error),
}

/// A key that is none of the pinned ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is sha256/{}", base64::encode_string(&.0))]
pub struct OtherKey(pub [u8; 32]);

impl TlsFault {
    /// Names what an error of the library means.
    pub(crate) fn from_library(error: &rustls::Error) -> Self {
        use rustls::Error;
        match error {
            Error::InvalidMessage(_) | Error::PeerSentOversizedRecord => {
                TlsFault::NotTls(error.clone())
            }
            Error::PeerIncompatible(what) if is_version(what) => TlsFault::OtherVersion,
            Error::NoApplicationProtocol => TlsFault::NoDot,
            Error::NoCertificatesPresented => TlsFault::NoCertificate,
            Error::InvalidCertificate(what) => from_certificate(what, error),
            Error::AlertReceived(alert) => from_alert(*alert),
            _ => TlsFault::Other(error.clone()),
        }
    }
}

fn is_version(what: &PeerIncompatible) -> bool {
    matches!(
        what,
        PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic
    )
}

fn from_certificate(what: &CertificateError, error: &rustls::Error) -> TlsFault {
    use CertificateError as What;
    match what {
        What::UnknownIssuer => TlsFault::Untrusted,
        What::NotValidForName | What::NotValidForNameContext { .. } => {
            TlsFault::OtherName(error.clone())
        }
        What::Expired
        | What::ExpiredContext { .. }
        | What::NotValidYet
        | What::NotValidYetContext { .. } => TlsFault::OutOfDate(error.clone()),
        What::Other(other) => match other.0.downcast_ref::<OtherKey>() {
            Some(key) => TlsFault::OtherKey(key.clone()),
            None => TlsFault::BadCertificate(error.clone()),
        },
        _ => TlsFault::BadCertificate(error.clone()),
    }
}

fn from_alert(alert: AlertDescription) -> TlsFault {
    use AlertDescription as Alert;
    match alert {
        Alert::ProtocolVersion => TlsFault::OtherVersion,
        Alert::NoApplicationProtocol => TlsFault::NoDot,
        Alert::CertificateRequired => TlsFault::WantsCertificate,
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied => TlsFault::RefusesCertificate(alert),
        _ => TlsFault::Alert(alert),
    }
}
