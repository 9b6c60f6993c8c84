//! The secret that clients are anonymised with.

use crate::config::is_public;
use crate::files::{self, FileError};
use crate::limits::{SECRET_FILE_OCTETS_MAX, SECRET_OCTETS_MIN};
use domain::utils::base64;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why a file gives no secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error(transparent)]
    Unread(#[from] FileError),
    /// Others can read it.
    #[error("{path} holds a secret and every user can read it; run chmod o= {path}", path = .0.display())]
    Public(PathBuf),
    /// It is no secret.
    #[error("{path} is not base64, as in `openssl rand -base64 32`", path = .0.display())]
    NotBase64(PathBuf),
    /// It is too short.
    #[error("{path} has {octets} octets of secret; it needs {SECRET_OCTETS_MIN} at least", path = path.display())]
    Short {
        /// The file.
        path: PathBuf,
        /// Octets of the secret.
        octets: usize,
    },
}

/// Reads the secret of a capture.
pub fn read_key(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if is_public(path)? {
        return Err(KeyError::Public(path.to_owned()));
    }
    let octets = files::read_plain(path, "a secret", SECRET_FILE_OCTETS_MAX)?;
    let not_base64 = || KeyError::NotBase64(path.to_owned());
    let text = String::from_utf8(octets).map_err(|_| not_base64())?;
    let text = Zeroizing::new(text);
    let secret: Vec<u8> = base64::decode(text.trim()).map_err(|_| not_base64())?;
    let secret = Zeroizing::new(secret);
    if secret.len() < SECRET_OCTETS_MIN {
        return Err(KeyError::Short {
            path: path.to_owned(),
            octets: secret.len(),
        });
    }
    Ok(secret)
}
