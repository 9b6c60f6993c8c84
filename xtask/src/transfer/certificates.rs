//! Certificates for trials of TLS: an issuer, and servers that it vouches for.

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The files of a server that speaks TLS.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    /// Its certificate, in PEM.
    pub(crate) certificate: PathBuf,
    /// The private key of it, in PEM.
    pub(crate) private_key: PathBuf,
    /// The certificate of who issued it, in PEM.
    pub(crate) ca: PathBuf,
}

/// Makes a certificate for a server of this name, and an issuer, in `directory`.
pub(crate) fn make(directory: &Path, name: &str) -> Result<Certificate> {
    let path = |end: &str| directory.join(format!("{name}.{end}"));
    let issuer_key = KeyPair::generate()?;
    let mut issuer = CertificateParams::new(Vec::new())?;
    issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Some take a certificate for self-signed when issuer and subject have one name.
    issuer
        .distinguished_name
        .push(DnType::CommonName, "issuer of trials");
    let ca = issuer.self_signed(&issuer_key)?;
    let issuer = Issuer::new(issuer, issuer_key);
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(vec![name.to_owned()])?;
    leaf.distinguished_name.push(DnType::CommonName, name);
    let leaf = leaf.signed_by(&key, &issuer)?;
    let made = Certificate {
        certificate: path("pem"),
        private_key: path("key"),
        ca: path("ca.pem"),
    };
    fs::write(&made.certificate, leaf.pem())?;
    fs::write(&made.private_key, key.serialize_pem())?;
    fs::set_permissions(&made.private_key, Permissions::from_mode(0o600))?;
    fs::write(&made.ca, ca.pem())?;
    Ok(made)
}
