//! The file of the secrets that cookies are made with (RFC 7873, RFC 9018).
//!
//! All nodes behind one anycast address share the secrets, and roll them in steps, so that no node
//! meets a cookie that it does not know (RFC 9018 section 5):
//!
//! ```text
//! stage      every node accepts cookies of the next secret; none makes them yet
//! activate   a node makes cookies with it, and goes on accepting those of the one before
//! drop       the one before is forgotten
//! ```
//!
//! A line of the file is a role and 32 hexadecimal digits. Lines without a role are those of a
//! secret file of NSD: the first is active, the second staged.

use crate::chain;
use crate::config::is_public;
use crate::files::{self, FileError};
use crate::limits::SECRET_FILE_OCTETS_MAX;
use domain::utils::base16;
use imrs_engine::cookie::{Secret, Secrets};
use ring::digest::{SHA256, digest};
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Name of the file in the folder of the node's state.
const FILE: &str = "cookie-secrets";

/// The octets of a secret (RFC 9018 section 4.4).
type Octets = Zeroizing<[u8; 16]>;

/// The secrets, and where they are kept.
#[derive(Debug)]
pub struct Jar {
    held: Held,
    file: Option<PathBuf>,
}

#[derive(Clone, Default)]
struct Held {
    active: Octets,
    staging: Option<Octets>,
    previous: Option<Octets>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secrets)")
    }
}

/// Why there are no secrets, or why they stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum JarError {
    /// The file cannot be read.
    #[error(transparent)]
    Unread(#[from] FileError),
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Everybody can read the file.
    #[error("{} holds secrets and every user can read it; run chmod o= {}", .0.display(), .0.display())]
    Public(PathBuf),
    /// The file says something else.
    #[error("{}:{line}: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what would be right.
        what: String,
    },
    /// An order that does not fit what is held.
    #[error("{0}")]
    OutOfStep(&'static str),
}

impl Jar {
    /// The secrets of a file that has to be there.
    pub(crate) fn read(path: &Path) -> Result<Jar, JarError> {
        if is_public(path)? {
            return Err(JarError::Public(path.to_owned()));
        }
        let octets = files::read_plain(path, "secrets", SECRET_FILE_OCTETS_MAX)?;
        Jar::parse(path, &Zeroizing::new(octets))
    }

    /// The secrets of the text of such a file, which is at `path` (fuzz target `cookie_secrets`).
    pub fn parse(path: &Path, octets: &[u8]) -> Result<Jar, JarError> {
        let held = parse(octets).map_err(|(line, what)| JarError::Malformed {
            path: path.to_owned(),
            line,
            what,
        })?;
        Ok(Jar {
            held,
            file: Some(path.to_owned()),
        })
    }

    /// The secrets in the folder of the node's state, made where there are none yet.
    pub(crate) fn read_or_make(state: &Path) -> Result<Jar, JarError> {
        let path = state.join(FILE);
        if path.exists() {
            return Jar::read(&path);
        }
        let jar = Jar {
            file: Some(path),
            ..Jar::at_random()
        };
        jar.write()?;
        Ok(jar)
    }

    /// A secret that nobody shares and no restart survives.
    pub(crate) fn at_random() -> Jar {
        let held = Held {
            active: Zeroizing::new(rand::random()),
            ..Held::default()
        };
        Jar { held, file: None }
    }

    /// What cookies are made and checked with.
    pub(crate) fn secrets(&self) -> Secrets {
        let secret = |octets: &Octets| Secret::from_octets(**octets);
        Secrets::new(
            secret(&self.held.active),
            self.held.staging.as_ref().map(secret),
            self.held.previous.as_ref().map(secret),
        )
    }

    /// Where the secrets are kept.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The roles, and the start of a digest of each secret: enough to see that nodes share it.
    pub fn fingerprints(&self) -> Vec<(&'static str, String)> {
        let roles = [
            ("active", Some(&self.held.active)),
            ("staging", self.held.staging.as_ref()),
            ("previous", self.held.previous.as_ref()),
        ];
        let shown = roles.into_iter().filter_map(|(role, octets)| {
            let digest = digest(&SHA256, &**octets?);
            let start = digest.as_ref().get(..4)?;
            Some((role, base16::encode_string(start).to_lowercase()))
        });
        shown.collect()
    }

    /// Accepts cookies of the next secret from now on.
    pub(crate) fn stage(&mut self, secret: &str) -> Result<(), JarError> {
        let octets = parse_secret(secret.trim()).ok_or(JarError::OutOfStep(
            "a secret is 32 hexadecimal digits, such as `openssl rand -hex 16` prints",
        ))?;
        if octets == self.held.active {
            return Err(JarError::OutOfStep("this secret is the active one already"));
        }
        let mut next = self.held.clone();
        next.staging = Some(octets);
        self.change(next)
    }

    /// Makes cookies with the staged secret from now on.
    pub(crate) fn activate(&mut self) -> Result<(), JarError> {
        let mut next = self.held.clone();
        let Some(staged) = next.staging.take() else {
            return Err(JarError::OutOfStep(
                "no secret is staged; stage one on every node first: imrs ctl cookies stage FILE",
            ));
        };
        next.previous = Some(std::mem::replace(&mut next.active, staged));
        self.change(next)
    }

    /// Forgets the secret before the active one, or else the staged one.
    pub(crate) fn drop_one(&mut self) -> Result<(), JarError> {
        let mut next = self.held.clone();
        if next.previous.take().is_none() && next.staging.take().is_none() {
            return Err(JarError::OutOfStep(
                "only the active secret is left, which stays",
            ));
        }
        self.change(next)
    }

    /// What is on disk is what is in force: where it cannot be written, nothing changes.
    fn change(&mut self, next: Held) -> Result<(), JarError> {
        let before = std::mem::replace(&mut self.held, next);
        let written = self.write();
        if written.is_err() {
            self.held = before;
        }
        written
    }

    /// The text of its file.
    pub fn render(&self) -> Zeroizing<String> {
        Zeroizing::new(self.held.render())
    }

    fn write(&self) -> Result<(), JarError> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let text = self.render();
        files::write_secret(path, text.as_bytes()).map_err(|cause| JarError::Unwritten {
            path: path.clone(),
            cause,
        })
    }
}

impl Held {
    fn render(&self) -> String {
        let roles = [
            ("active", Some(&self.active)),
            ("staging", self.staging.as_ref()),
            ("previous", self.previous.as_ref()),
        ];
        let mut text = String::with_capacity(256);
        for (role, octets) in roles {
            if let Some(octets) = octets {
                writeln!(text, "{role} {}", base16::encode_display(&**octets))
                    .expect("a string takes it");
            }
        }
        text
    }
}

fn parse(octets: &[u8]) -> Result<Held, (usize, String)> {
    let form = "write `active`, `staging` or `previous` and 32 hexadecimal digits";
    let (mut active, mut staging, mut previous) = (None, None, None);
    for (line, octets) in (1..).zip(octets.split(|octet| *octet == b'\n')) {
        let text = String::from_utf8_lossy(octets);
        let text = text.split('#').next().unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().collect();
        let (place, digits) = match words.as_slice() {
            [] => continue,
            [digits] if active.is_none() => (&mut active, digits),
            [digits] => (&mut staging, digits),
            ["active", digits] => (&mut active, digits),
            ["staging", digits] => (&mut staging, digits),
            ["previous", digits] => (&mut previous, digits),
            _ => return Err((line, format!("this is no secret; {form}"))),
        };
        let secret = parse_secret(digits)
            .ok_or_else(|| (line, format!("this is no secret of 128 bits; {form}")))?;
        if place.replace(secret).is_some() {
            return Err((
                line,
                "there is one of this role already; keep one".to_owned(),
            ));
        }
    }
    Ok(Held {
        active: active.ok_or_else(|| (1, format!("there is no active secret; {form}")))?,
        staging,
        previous,
    })
}

fn parse_secret(digits: &str) -> Option<Octets> {
    let octets = Zeroizing::new(base16::decode::<Vec<u8>>(digits).ok()?);
    octets.as_slice().try_into().ok().map(Zeroizing::new)
}

impl From<JarError> for String {
    fn from(error: JarError) -> String {
        chain(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    const B: &str = "445536bcd2513298075a5d379663c962";

    fn roles(jar: &Jar) -> Vec<&'static str> {
        jar.fingerprints()
            .into_iter()
            .map(|(role, _)| role)
            .collect()
    }

    fn check(text: &str, expected: Result<&[&str], &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        files::write_secret(&path, text.as_bytes()).unwrap();
        match (Jar::read(&path), expected) {
            (Ok(jar), Ok(expected)) => assert_eq!(roles(&jar), expected),
            (Err(error), Err(expected)) => {
                assert_eq!(error.to_string(), format!("{}:{expected}", path.display()));
            }
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn a_file_names_roles_or_has_the_active_secret_first() {
        check(A, Ok(&["active"]));
        check(&format!("{A}\n{B}\n"), Ok(&["active", "staging"]));
        check(
            &format!("# shared\nprevious {B}\nactive {A}\n"),
            Ok(&["active", "previous"]),
        );
    }

    #[test]
    fn what_is_no_secret_is_named_by_its_line() {
        let form = "write `active`, `staging` or `previous` and 32 hexadecimal digits";
        check("", Err(&format!("1: there is no active secret; {form}")));
        check(
            &format!("{A}\nxyz\n"),
            Err(&format!("2: this is no secret of 128 bits; {form}")),
        );
        check(
            &format!("active {A}\nactive {B}"),
            Err("2: there is one of this role already; keep one"),
        );
        check(
            &format!("next {A}"),
            Err(&format!("1: this is no secret; {form}")),
        );
    }

    #[test]
    fn a_roll_goes_in_steps_and_outlives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut jar = Jar::read_or_make(folder.path()).unwrap();
        assert!(jar.activate().is_err(), "nothing is staged");
        assert!(jar.drop_one().is_err(), "the active one stays");
        jar.stage(B).unwrap();
        assert_eq!(roles(&jar), ["active", "staging"]);
        jar.activate().unwrap();
        assert!(jar.stage(B).is_err(), "it is active already");
        let again = Jar::read_or_make(folder.path()).unwrap();
        assert_eq!(again.fingerprints(), jar.fingerprints());
        assert_eq!(roles(&again), ["active", "previous"]);
        jar.drop_one().unwrap();
        assert_eq!(roles(&jar), ["active"]);
    }

    #[test]
    fn where_nothing_can_be_written_nothing_changes() {
        let folder = tempfile::tempdir().unwrap();
        let mut jar = Jar::read_or_make(folder.path()).unwrap();
        let before = jar.fingerprints();
        jar.file = Some(folder.path().join("absent/secrets"));
        assert!(jar.stage(B).is_err());
        assert_eq!(jar.fingerprints(), before);
    }

    #[test]
    fn a_file_that_everybody_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        std::fs::write(&path, A).unwrap();
        assert!(matches!(Jar::read(&path), Err(JarError::Public(_))));
    }
}
