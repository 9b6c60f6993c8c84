//! The file of prefixes that are not answered: one a line, `#` begins a comment.

use crate::files::{self, FileError};
use crate::limits::BLOCKLIST_OCTETS_MAX;
use imrs_engine::Prefixes;
use imrs_transfer::access::{NoPrefix, Prefix};
use std::path::{Path, PathBuf};

/// The prefixes of a file.
#[derive(Clone, Debug, Default)]
pub struct Blocked(pub Prefixes);

/// Why a file of blocked prefixes is not taken. What was blocked before stays so.
#[derive(Debug, thiserror::Error)]
pub enum BlocklistError {
    /// The file cannot be read.
    #[error(transparent)]
    Unread(#[from] FileError),
    /// A line is not text.
    #[error("{}:{line}: this is no text in UTF-8", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A line is no prefix.
    #[error("{}:{line}: {cause}", path.display())]
    NoPrefix {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        cause: NoPrefix,
    },
    /// A line blocks everybody.
    #[error("{}:{line}: {prefix} would block everybody; remove the line", path.display())]
    Everybody {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The prefix.
        prefix: Prefix,
    },
}

/// Reads a file of blocked prefixes, which may be packed by xz, gzip or zstd.
pub(crate) fn read(path: &Path) -> Result<Blocked, BlocklistError> {
    let octets = files::read_packed(path, "a blocklist", BLOCKLIST_OCTETS_MAX)?;
    parse(path, &octets)
}

/// Reads the text of such a file, which `path` names in errors (fuzz target `blocklist`).
pub fn parse(path: &Path, octets: &[u8]) -> Result<Blocked, BlocklistError> {
    let mut prefixes = Vec::new();
    for (line, octets) in (1..).zip(octets.split(|octet| *octet == b'\n')) {
        let path = || path.to_owned();
        let Ok(text) = std::str::from_utf8(octets) else {
            return Err(BlocklistError::NoText { path: path(), line });
        };
        let text = text.split_once('#').map_or(text, |(text, _)| text).trim();
        if text.is_empty() {
            continue;
        }
        let prefix: Prefix = { text.parse() }.map_err(|cause| BlocklistError::NoPrefix {
            path: path(),
            line,
            cause,
        })?;
        if prefix.len() == 0 {
            let path = path();
            return Err(BlocklistError::Everybody { path, line, prefix });
        }
        prefixes.push((prefix.address(), prefix.len()));
    }
    Ok(Blocked(Prefixes::new(prefixes)))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::path::Path;

    fn check(text: &[u8], expected: Result<&[&str], &str>) {
        let found = parse(Path::new("blocked"), text);
        match (found, expected) {
            (Ok(blocked), Ok(addresses)) => {
                for address in addresses {
                    assert!(blocked.0.contains(address.parse().unwrap()), "{address}");
                }
                assert!(!blocked.0.contains("203.0.113.1".parse().unwrap()));
                assert!(!blocked.0.contains("3fff::1".parse().unwrap()));
            }
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn a_line_is_a_prefix_or_a_comment() {
        check(b"", Ok(&[]));
        check(
            b"# ours\n192.0.2.0/24  # a neighbour\n\n2001:db8::/32\r\n198.51.100.7",
            Ok(&["192.0.2.9", "2001:db8:1::1", "198.51.100.7"]),
        );
    }

    #[test]
    fn a_line_that_is_no_prefix_is_named() {
        check(
            b"192.0.2.0/24\n192.0.2.1/24\n",
            Err(
                "blocked:2: 192.0.2.1 has bits set behind the first 24; 192.0.2.0/24 would be right",
            ),
        );
        check(b"\n\xff\n", Err("blocked:2: this is no text in UTF-8"));
        check(
            b"0.0.0.0/0",
            Err("blocked:1: 0.0.0.0/0 would block everybody; remove the line"),
        );
        check(
            b"example.com",
            Err(
                "blocked:1: `example.com` is no address; write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32",
            ),
        );
    }
}
