//! Certificates of tests, in PEM files of a temporary folder.

use imrs_node::config::{Identity, Pin, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData,
    date_time_ymd,
};
use ring::digest::{SHA256, digest};
use std::path::PathBuf;
use tempfile::TempDir;

/// The name in the certificates of good servers.
pub(crate) const NAME: &str = "xfr.example";

/// A folder with an authority.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(crate) struct Issued {
    pub(crate) identity: Identity,
    pub(crate) pin: Pin,
}

/// When a certificate is valid.
#[derive(Clone, Copy)]
pub(crate) enum Valid {
    Now,
    Past,
    Future,
}

impl Authority {
    /// Authorities of different names are different.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Authority { folder, issuer }
    }

    /// The file of its certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Issues a certificate for a name.
    pub(crate) fn issue(&self, name: &str, valid: Valid) -> Issued {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let (from, to) = match valid {
            Valid::Now => (2000, 4000),
            Valid::Past => (2000, 2001),
            Valid::Future => (3999, 4000),
        };
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pin = digest(&SHA256, &key.subject_public_key_info());
        let identity = Identity {
            certificate: self.file_of("certificate", &certificate.pem()),
            private_key: self.file_of("key", &key.serialize_pem()),
        };
        let pin = pin.as_ref().try_into().unwrap();
        Issued { identity, pin }
    }

    /// Puts a file into the folder.
    pub(crate) fn file_of(&self, what: &str, text: &str) -> PathBuf {
        let number = self.folder.path().read_dir().unwrap().count();
        let path = self.folder.path().join(format!("{number}-{what}.pem"));
        std::fs::write(&path, text).unwrap();
        path
    }

    /// How to speak to servers with its certificates for [`NAME`].
    pub(crate) fn tls(&self) -> Tls {
        Tls {
            ca: Some(self.file()),
            server_name: Some(NAME.try_into().unwrap()),
            ..pinned(&[])
        }
    }
}

/// How to speak to servers with one of some keys.
pub(crate) fn pinned(pins: &[Pin]) -> Tls {
    Tls {
        name: "test".into(),
        server_name: None,
        ca: None,
        pins: pins.to_vec(),
        identity: None,
    }
}
