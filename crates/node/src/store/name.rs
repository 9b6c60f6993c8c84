//! The names of the store: a folder per zone, a file per copy and per difference.

use super::Generation;
use super::limits::FOLDER_NAME_MAX;
use domain::base::name::ToLabelIter;
use imrs_wire::Serial;
use imrs_zone::Name;
use std::fmt::{self, Write};

/// The folder of a zone: its name in lower case with the final dot, `root` for the root.
///
/// Octets other than letters, digits, `-` and `_` are written `%XX`. No two zones have one folder:
/// all but the root and the longest end with a dot, and of the longest the digest is the name.
pub fn folder(zone: &Name) -> String {
    if zone.is_root() {
        return "root".to_owned();
    }
    let mut text = String::new();
    for label in zone.iter_labels().filter(|label| !label.is_root()) {
        for octet in label.iter().map(|octet| octet.to_ascii_lowercase()) {
            let plain = octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
            let written = match plain {
                true => text.write_char(char::from(octet)),
                false => write!(text, "%{octet:02X}"),
            };
            written.expect("a String takes all");
        }
        text.push('.');
    }
    if text.len() <= FOLDER_NAME_MAX {
        return text;
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let mut short = String::from("long-");
    for octet in digest.as_ref() {
        write!(short, "{octet:02x}").expect("a String takes all");
    }
    short
}

/// A file of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileName {
    /// `copy-000000000012-2026073101`: generation and serial.
    Copy(Generation, Serial),
    /// `difference-000000000012-2026073100-2026073101`: generation and both serials.
    Difference(Generation, Serial, Serial),
    /// `confirmed`.
    Confirmed,
}

impl FileName {
    /// Reads a name, if it is one of the store.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let name = match parts.as_slice() {
            ["copy", generation, serial] => {
                FileName::Copy(Generation(number(generation)?), Serial(number(serial)?))
            }
            ["difference", generation, from, to] => FileName::Difference(
                Generation(number(generation)?),
                Serial(number(from)?),
                Serial(number(to)?),
            ),
            ["confirmed"] => FileName::Confirmed,
            _ => return None,
        };
        // A second way to write the same name is not ours.
        (name.to_string() == text).then_some(name)
    }

    /// The name under which it is written before it has its own.
    pub(super) fn aside(self) -> String {
        format!("{self}{ASIDE}")
    }

    /// Whether `text` is a name under which the store writes aside.
    pub(super) fn is_aside(text: &str) -> bool {
        text.strip_suffix(ASIDE)
            .is_some_and(|name| FileName::parse(name).is_some())
    }

    pub(super) fn generation(self) -> Option<Generation> {
        match self {
            FileName::Copy(generation, _) | FileName::Difference(generation, _, _) => {
                Some(generation)
            }
            FileName::Confirmed => None,
        }
    }
}

const ASIDE: &str = ".new";

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileName::Copy(generation, serial) => write!(f, "copy-{:012}-{serial}", generation.0),
            FileName::Difference(generation, from, to) => {
                write!(f, "difference-{:012}-{from}-{to}", generation.0)
            }
            FileName::Confirmed => f.write_str("confirmed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_folder(zone: &str, expected: &str) {
        assert_eq!(folder(&zone.parse().unwrap()), expected, "{zone}");
    }

    #[test]
    fn a_zone_has_a_folder_that_no_other_zone_has() {
        check_folder(".", "root");
        check_folder("root.", "root.");
        check_folder("arpa.", "arpa.");
        check_folder("Root-Servers.NET.", "root-servers.net.");
        check_folder("a.b.", "a.b.");
        check_folder(r"a\.b.", "a%2Eb.");
        check_folder("a%2Eb.", "a%252eb.");
        check_folder(r"/\000.", "%2F%00.");
        check_folder(r"\.\..", "%2E%2E.");
    }

    #[test]
    fn the_folder_of_the_longest_zone_fits_a_file_system() {
        let label = r"\000".repeat(62);
        let one: Name = format!("a.{label}.{label}.{label}.").parse().unwrap();
        let other: Name = format!("b.{label}.{label}.{label}.").parse().unwrap();
        assert_eq!(folder(&one).len(), 69);
        assert!(folder(&one).starts_with("long-"));
        assert_ne!(folder(&one), folder(&other));
    }

    fn check_file(text: &str, expected: Option<FileName>) {
        assert_eq!(FileName::parse(text), expected, "{text}");
        if let Some(name) = expected {
            assert!(FileName::is_aside(&name.aside()));
        }
    }

    #[test]
    fn only_names_that_the_store_writes_are_its_own() {
        check_file(
            "copy-000000000012-2026073101",
            Some(FileName::Copy(Generation(12), Serial(2026073101))),
        );
        check_file(
            "difference-000000000012-1-2",
            Some(FileName::Difference(Generation(12), Serial(1), Serial(2))),
        );
        check_file("confirmed", Some(FileName::Confirmed));
        check_file("copy-12-2026073101", None);
        check_file("copy-000000000012-+1", None);
        check_file("copy-000000000012", None);
        check_file("copy-000000000012-4294967296", None);
        check_file("confirmed.new", None);
        check_file("", None);
        assert!(!FileName::is_aside("notes.new"));
        assert!(!FileName::is_aside("confirmed"));
    }
}
