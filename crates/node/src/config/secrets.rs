//! `[[key]]` and `[[tls]]`: what peers are known by, and how zones name it.

use super::Mistake;
use super::error::nearest;
use super::lists::too_many;
use super::values::{KeyName, Secret};
use crate::chain;
use crate::files::{self, FileError};
use crate::limits::{KEYS_MAX, PINS_MAX, SECRET_FILE_OCTETS_MAX, SECRET_OCTETS_MIN, TLS_MAX};
use domain::utils::base64;
use imrs_transfer::key::{Algorithm, Key};
use rustls::pki_types::ServerName;
use serde::Deserialize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;
use zeroize::Zeroizing;

/// `[[key]]` as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenKey {
    name: Spanned<KeyName>,
    algorithm: Spanned<String>,
    #[serde(default)]
    allow_sha1: bool,
    secret: Option<Spanned<Secret>>,
    secret_file: Option<Spanned<PathBuf>>,
}

/// `[[tls]]` as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenTls {
    name: Spanned<String>,
    server_name: Option<Spanned<String>>,
    ca: Option<Spanned<PathBuf>>,
    pins: Option<Spanned<Vec<Spanned<String>>>>,
    certificate: Option<Spanned<PathBuf>>,
    private_key: Option<Spanned<PathBuf>>,
}

/// How to speak TLS to a peer (RFC 9103). At least one of `ca` and `pins` says who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// What zones call it.
    pub name: String,
    /// The name that the certificate has to hold; there whenever `ca` is.
    pub server_name: Option<ServerName<'static>>,
    /// File of the certificates, in PEM, under one of which the peer's has to be.
    pub ca: Option<PathBuf>,
    /// SHA-256 digests of the public keys, one of which the peer's certificate has to have
    /// (RFC 7858 section 4.2).
    pub pins: Vec<Pin>,
    /// What this side shows, where the peer wants to know it.
    pub identity: Option<Identity>,
}

/// A SHA-256 digest of a SubjectPublicKeyInfo.
pub type Pin = [u8; 32];

/// Files of a certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those that lead from it to the authority.
    pub certificate: PathBuf,
    /// The private key.
    pub private_key: PathBuf,
}

/// Reads a file of a secret.
pub(super) type ReadSecret<'a> = &'a dyn Fn(&Path) -> Result<Vec<u8>, String>;

/// Reads a file of a secret, unless others than its owner and group can do so too.
pub(super) fn read_secret(path: &Path) -> Result<Vec<u8>, String> {
    if is_public(path).map_err(|error| chain(&error))? {
        return Err(public_secret(path));
    }
    files::read_plain(path, "a secret", SECRET_FILE_OCTETS_MAX).map_err(|error| chain(&error))
}

/// What to say of a file of a secret that every user of the machine can read.
pub(super) fn public_secret(path: &Path) -> String {
    let path = path.display();
    format!("{path} holds a secret and every user can read it; run chmod o= {path}")
}

/// Whether every user of the machine can read a file.
pub(crate) fn is_public(path: &Path) -> Result<bool, FileError> {
    let metadata = files::open(path)?
        .metadata()
        .map_err(|cause| FileError::Read {
            path: path.into(),
            cause,
        })?;
    Ok(metadata.mode() & 0o004 != 0)
}

impl WrittenKey {
    /// The file of its secret, if it has one.
    pub(super) fn file_mut(&mut self) -> Option<&mut PathBuf> {
        self.secret_file.as_mut().map(Spanned::get_mut)
    }

    /// Whether its secret stands in the configuration itself.
    pub(super) fn is_inline(&self) -> bool {
        self.secret.is_some()
    }

    fn resolve(&self, read: ReadSecret<'_>) -> Result<Key, Mistake> {
        let at = |place: usize, message: String| (place, message);
        let algorithm_at = self.algorithm.span().start;
        let algorithm: Algorithm = self
            .algorithm
            .get_ref()
            .parse()
            .map_err(|error| at(algorithm_at, format!("{error}")))?;
        if algorithm == Algorithm::HmacSha1 && !self.allow_sha1 {
            let message = "hmac-sha1 is for peers that know no better (RFC 8945 section 6); write \
                           hmac-sha256, or add `allow-sha1 = true`";
            return Err(at(algorithm_at, message.to_owned()));
        }
        let (place, octets) = match (&self.secret, &self.secret_file) {
            (Some(secret), None) => {
                let text = Zeroizing::new(secret.get_ref().0.clone());
                (secret.span().start, text)
            }
            (None, Some(path)) => {
                let place = path.span().start;
                let octets = read(path.get_ref()).map_err(|message| at(place, message))?;
                let text = String::from_utf8(octets).map_err(|_| at(place, NOT_BASE64.into()))?;
                (place, Zeroizing::new(text))
            }
            (Some(_), Some(file)) => {
                let message = "the key has both `secret` and `secret-file`; keep one of the two";
                return Err(at(file.span().start, message.to_owned()));
            }
            (None, None) => {
                let message = format!(
                    "key `{}` has no secret; add `secret = \"…\"` or `secret-file = \"…\"`",
                    self.name.get_ref()
                );
                return Err(at(self.name.span().start, message));
            }
        };
        let secret: Vec<u8> =
            base64::decode(octets.trim()).map_err(|_| at(place, NOT_BASE64.into()))?;
        let secret = Zeroizing::new(secret);
        if secret.len() < SECRET_OCTETS_MIN {
            let message = format!(
                "the secret has {} octets; it needs {SECRET_OCTETS_MIN} at least, and {} are good \
                 for {algorithm} (RFC 8945 section 8)",
                secret.len(),
                algorithm.octets()
            );
            return Err(at(place, message));
        }
        Ok(Key::new(self.name.get_ref().0.clone(), algorithm, &secret))
    }
}

const NOT_BASE64: &str = "the secret is not base64, as in `openssl rand -base64 32`";

/// The keys as written, checked and with their secrets.
pub(super) fn keys(written: &[WrittenKey], read: ReadSecret<'_>) -> Result<Vec<Key>, Mistake> {
    let mut keys: Vec<Key> = Vec::with_capacity(written.len());
    for key in written {
        let place = key.name.span().start;
        let name = key.name.get_ref();
        if keys.len() == KEYS_MAX {
            return Err((place, too_many(KEYS_MAX, "keys")));
        }
        if keys.iter().any(|other| *other.name() == name.0) {
            return Err((
                place,
                format!("key `{name}` is there twice; keep one of the two"),
            ));
        }
        keys.push(key.resolve(read)?);
    }
    Ok(keys)
}

/// Finds the key that is named.
pub(super) fn find_key<'a>(keys: &'a [Key], name: &KeyName) -> Result<&'a Key, String> {
    keys.iter()
        .find(|key| *key.name() == name.0)
        .ok_or_else(|| {
            let known = keys.iter().map(|key| key.name().to_string());
            unknown("key", &name.to_string(), known)
        })
}

impl WrittenTls {
    /// Its files.
    pub(super) fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let files = [&mut self.ca, &mut self.certificate, &mut self.private_key];
        files.into_iter().flatten().map(Spanned::get_mut)
    }

    /// Its files of certificates.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &Spanned<PathBuf>> {
        self.ca.iter().chain(&self.certificate)
    }

    /// Its file of a private key.
    pub(super) fn private_key(&self) -> Option<&Spanned<PathBuf>> {
        self.private_key.as_ref()
    }

    fn resolve(&self) -> Result<Tls, Mistake> {
        let name = self.name.get_ref().clone();
        let name_at = self.name.span().start;
        let server_name = self.server_name.as_ref().map(server_name).transpose()?;
        let pins = self.pins.as_ref().map_or(Ok(Vec::new()), pins)?;
        match (&self.ca, &server_name) {
            (None, _) if pins.is_empty() => {
                let message = format!(
                    "tls `{name}` does not say who the peer is; add `ca` and `server-name`, or \
                     `pins`: encryption alone is no protection (RFC 9103 section 9.3)"
                );
                return Err((name_at, message));
            }
            (Some(ca), None) => {
                let message = "a CA vouches for many; add `server-name`, the name that the \
                               certificate has to hold";
                return Err((ca.span().start, message.to_owned()));
            }
            _ => {}
        }
        Ok(Tls {
            name,
            server_name,
            ca: self.ca.as_ref().map(|path| path.get_ref().clone()),
            pins,
            identity: identity(self.certificate.as_ref(), self.private_key.as_ref())?,
        })
    }
}

/// The tables as written, checked.
pub(super) fn tls(written: &[WrittenTls]) -> Result<Vec<Arc<Tls>>, Mistake> {
    let mut all: Vec<Arc<Tls>> = Vec::with_capacity(written.len());
    for tls in written {
        let place = tls.name.span().start;
        let name = tls.name.get_ref();
        if name.is_empty() {
            return Err((
                place,
                "the name is empty; zones call the table by it".into(),
            ));
        }
        if all.len() == TLS_MAX {
            return Err((place, too_many(TLS_MAX, "[[tls]] tables")));
        }
        if all.iter().any(|other| other.name == *name) {
            return Err((
                place,
                format!("tls `{name}` is there twice; keep one of the two"),
            ));
        }
        all.push(Arc::new(tls.resolve()?));
    }
    Ok(all)
}

/// Finds the table that is named.
pub(super) fn find_tls(all: &[Arc<Tls>], name: &str) -> Result<Arc<Tls>, String> {
    let found = all.iter().find(|tls| tls.name == name).cloned();
    found.ok_or_else(|| unknown("tls", name, all.iter().map(|tls| tls.name.clone())))
}

/// A certificate and its key, or neither.
pub(super) fn identity(
    certificate: Option<&Spanned<PathBuf>>,
    private_key: Option<&Spanned<PathBuf>>,
) -> Result<Option<Identity>, Mistake> {
    let lone = |file: &Spanned<PathBuf>, has: &str, lacks: &str| {
        let message = format!("`{has}` is of no use without `{lacks}`; add it, or leave both out");
        Err((file.span().start, message))
    };
    match (certificate, private_key) {
        (None, None) => Ok(None),
        (Some(certificate), None) => lone(certificate, "certificate", "private-key"),
        (None, Some(key)) => lone(key, "private-key", "certificate"),
        (Some(certificate), Some(private_key)) => Ok(Some(Identity {
            certificate: certificate.get_ref().clone(),
            private_key: private_key.get_ref().clone(),
        })),
    }
}

fn server_name(text: &Spanned<String>) -> Result<ServerName<'static>, Mistake> {
    let name = text.get_ref().strip_suffix('.').unwrap_or(text.get_ref());
    ServerName::try_from(name.to_owned()).map_err(|_| {
        let message = format!("`{name}` is not the name of a server; write it as xfr.example");
        (text.span().start, message)
    })
}

fn pins(list: &Spanned<Vec<Spanned<String>>>) -> Result<Vec<Pin>, Mistake> {
    let place = list.span().start;
    let listed = list.get_ref();
    if listed.is_empty() {
        let message = "`pins` is empty; name a pin such as \"sha256/…\", or leave it out";
        return Err((place, message.to_owned()));
    }
    if listed.len() > PINS_MAX {
        return Err((place, too_many(PINS_MAX, "pins")));
    }
    listed.iter().map(pin).collect()
}

fn pin(text: &Spanned<String>) -> Result<Pin, Mistake> {
    let wrong = |what: String| {
        let message = format!(
            "{what}; write \"sha256/\" and the base64 of the SHA-256 digest of the public key, 32 \
             octets (RFC 7858 section 4.2)"
        );
        (text.span().start, message)
    };
    let Some(digest) = text.get_ref().strip_prefix("sha256/") else {
        return Err(wrong("the pin does not start with sha256/".to_owned()));
    };
    let octets: Vec<u8> =
        base64::decode(digest).map_err(|_| wrong("the pin is not base64".to_owned()))?;
    let count = octets.len();
    octets
        .try_into()
        .map_err(|_| wrong(format!("the pin has {count} octets")))
}

fn unknown(kind: &str, name: &str, known: impl Iterator<Item = String>) -> String {
    let known: Vec<String> = known.collect();
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("there is no {kind} `{name}`; did you mean `{near}`?"),
        None => format!("there is no {kind} `{name}`; define it under [[{kind}]]"),
    }
}
