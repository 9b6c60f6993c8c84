//! Shared secrets by which messages are signed (RFC 8945).

use crate::limits::MAC_OCTETS_MIN;
use domain::base::ToName;
use domain::tsig;
use imrs_zone::Name;
use ring::hmac;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A secret with its name and the algorithm that it is used with. Shown, it keeps its secret.
#[derive(Clone)]
pub struct Key {
    name: Name,
    algorithm: Algorithm,
    inner: Arc<tsig::Key>,
    /// The same secret for the responses that `domain` does not sign: see `tsig::complaint`.
    mac: hmac::Key,
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
        // Truncated MACs are verified, so that the right error can be told of them, and then
        // refused (RFC 8945 section 5.2.4).
        let mac_len_min = Some(algorithm.mac_octets_min());
        let inner = tsig::Key::new(algorithm.into(), secret, own_name, mac_len_min, None)
            .expect("both lengths are within the bounds of the algorithm");
        Key {
            name,
            algorithm,
            inner: Arc::new(inner),
            mac: hmac::Key::new(algorithm.into(), secret),
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

    /// The secret, ready for use.
    pub(crate) fn mac(&self) -> &hmac::Key {
        &self.mac
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

    /// Octets of the shortest MAC that is one (RFC 8945 section 5.2.2.1).
    pub(crate) fn mac_octets_min(self) -> usize {
        (self.octets() / 2).max(MAC_OCTETS_MIN)
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

impl From<Algorithm> for hmac::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::HmacSha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Algorithm::HmacSha256 => hmac::HMAC_SHA256,
            Algorithm::HmacSha384 => hmac::HMAC_SHA384,
            Algorithm::HmacSha512 => hmac::HMAC_SHA512,
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
