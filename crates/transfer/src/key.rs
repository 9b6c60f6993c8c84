//! Shared secrets by which messages are signed (RFC 8945).

use domain::base::ToName;
use domain::tsig;
use imrs_zone::Name;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A secret with its name and the algorithm that it is used with. Shown, it keeps its secret.
#[derive(Clone)]
pub struct Key {
    name: Name,
    algorithm: Algorithm,
    inner: Arc<tsig::Key>,
}

/// The algorithms of RFC 8945 section 6 that are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// hmac-sha1: only for peers that know no better.
    HmacSha1,
    /// hmac-sha256.
    HmacSha256,
    /// hmac-sha384.
    HmacSha384,
    /// hmac-sha512.
    HmacSha512,
}

/// Why a text names no algorithm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no algorithm of TSIG; write hmac-sha256, hmac-sha384 or hmac-sha512")]
pub struct UnknownAlgorithm(String);

impl Key {
    /// Makes a key. Any secret will do for the algorithms; how long it should be is the caller's
    /// care.
    pub fn new(name: Name, algorithm: Algorithm, secret: &[u8]) -> Self {
        let own_name = key_name(&name);
        let inner = tsig::Key::new(algorithm.into(), secret, own_name, None, None)
            .expect("full signatures are within every bound");
        Key {
            name,
            algorithm,
            inner: Arc::new(inner),
        }
    }

    /// Its name, which both sides must know it by.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The algorithm that it is used with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// The name in the form that `domain` wants for keys.
fn key_name(name: &Name) -> tsig::KeyName {
    name.try_to_name()
        .expect("the longest name has 255 octets, as many as there is room for")
}

impl AsRef<tsig::Key> for Key {
    fn as_ref(&self) -> &tsig::Key {
        &self.inner
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.algorithm)
    }
}

impl Algorithm {
    /// Octets of its output, which a good secret has at least.
    pub fn octets(self) -> usize {
        tsig::Algorithm::from(self).native_len()
    }
}

impl From<Algorithm> for tsig::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::HmacSha1 => tsig::Algorithm::Sha1,
            Algorithm::HmacSha256 => tsig::Algorithm::Sha256,
            Algorithm::HmacSha384 => tsig::Algorithm::Sha384,
            Algorithm::HmacSha512 => tsig::Algorithm::Sha512,
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        match text.trim_end_matches('.').to_ascii_lowercase().as_str() {
            "hmac-sha1" => Ok(Algorithm::HmacSha1),
            "hmac-sha256" => Ok(Algorithm::HmacSha256),
            "hmac-sha384" => Ok(Algorithm::HmacSha384),
            "hmac-sha512" => Ok(Algorithm::HmacSha512),
            _ => Err(UnknownAlgorithm(text.to_owned())),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Algorithm::HmacSha1 => "hmac-sha1",
            Algorithm::HmacSha256 => "hmac-sha256",
            Algorithm::HmacSha384 => "hmac-sha384",
            Algorithm::HmacSha512 => "hmac-sha512",
        })
    }
}
