//! What is told and ordered of the secrets of DNS cookies.

use crate::limits::SECRET_FILE_OCTETS_MAX;
use crate::{chain, files};
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;

/// A step of a roll (RFC 9018 section 5), or a change of who needs a cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Subcommand)]
#[serde(rename_all = "kebab-case")]
pub enum CookieOrder {
    /// Accepts cookies of the secret in a file; to be done on all nodes before one activates it.
    Stage {
        /// File of 32 hexadecimal digits, such as `openssl rand -hex 16` prints.
        #[arg(value_name = "FILE", value_parser = secret_of)]
        secret: Hidden,
    },
    /// Makes cookies with the staged secret, and accepts those of the one before.
    Activate,
    /// Forgets the secret before the active one, or else the staged one.
    Drop,
    /// Answers nobody by UDP who shows no cookie, but to send one, or to TCP: for attacks.
    Require,
    /// Answers everybody again.
    Relax,
}

/// A secret on its way; shown, it stays one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The secrets of DNS cookies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cookies {
    /// Whether cookies are used at all.
    pub enabled: bool,
    /// Whether who shows none is sent for one, or to TCP.
    pub required: bool,
    /// Where the secrets are kept; nowhere means that a restart makes new ones.
    pub file: Option<String>,
    /// The secrets.
    pub secrets: Vec<CookieSecret>,
}

/// One secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CookieSecret {
    /// `active`, `staging` or `previous`.
    pub role: String,
    /// The first four octets of its SHA-256 digest: the same on all nodes that share it.
    pub fingerprint: String,
}

/// The secret in a file, so that it is on no command line, which every user can read.
fn secret_of(file: &str) -> Result<Hidden, String> {
    let octets = files::read_plain(Path::new(file), "a secret", SECRET_FILE_OCTETS_MAX)
        .map_err(|error| chain(&error))?;
    match String::from_utf8(octets) {
        Ok(text) => Ok(Hidden(text.trim().to_owned())),
        Err(_) => Err("the file is no text".to_owned()),
    }
}
