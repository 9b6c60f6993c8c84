//! What is wrong with a file that should be PEM (RFC 7468), so that an operator sees the slip. Says
//! nothing of what stands between the lines that begin and end a section: it may be a secret.

use std::fmt;

/// What is wrong with a file that should be PEM. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing is in it.
    Empty,
    /// It is the binary form of what PEM wraps.
    Binary,
    /// No line begins a section.
    NoSection,
    /// It has other sections, of which this is the first.
    Other {
        /// Where the section begins.
        line: usize,
        /// What it is called.
        label: String,
    },
    /// A section is encrypted by a passphrase.
    Encrypted {
        /// Where the section begins.
        line: usize,
    },
    /// A line that begins a section is not whole.
    Beginning {
        /// The line.
        line: usize,
    },
    /// A section does not end.
    Unfinished {
        /// Where the section begins.
        line: usize,
        /// What it is called.
        label: String,
    },
    /// A line of a section is not base64.
    NotBase64 {
        /// The line.
        line: usize,
    },
    /// A section is base64 by its letters and not in all.
    Damaged {
        /// Where the section begins.
        line: usize,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Empty => f.write_str("it is empty"),
            Flaw::Binary => f.write_str(
                "it looks like DER; `openssl x509 -inform DER` makes PEM of a certificate, \
                 `openssl pkey -inform DER` of a key",
            ),
            Flaw::NoSection => f.write_str("no line of it begins with `-----BEGIN`"),
            Flaw::Other { line, label } => write!(f, "line {line} begins a section `{label}`"),
            Flaw::Encrypted { line } => write!(
                f,
                "the section at line {line} is encrypted; `openssl pkey` takes the passphrase and \
                 prints the key without"
            ),
            Flaw::Beginning { line } => write!(
                f,
                "line {line} begins a section and does not end with `-----`"
            ),
            Flaw::Unfinished { line, label } => write!(
                f,
                "the section at line {line} has no end; write `-----END {label}-----` behind it, or \
                 copy the file anew"
            ),
            Flaw::NotBase64 { line } => {
                write!(f, "line {line} is not base64; copy the file anew")
            }
            Flaw::Damaged { line } => {
                write!(
                    f,
                    "the section at line {line} is damaged; copy the file anew"
                )
            }
        }
    }
}

impl std::error::Error for Flaw {}

/// A section that has begun.
struct Section {
    line: usize,
    label: String,
}

impl Flaw {
    /// What is wrong with a file in which what was looked for is not to be found (fuzz target `pem`).
    pub fn of(octets: &[u8]) -> Self {
        if octets.trim_ascii().is_empty() {
            return Flaw::Empty;
        }
        // A SEQUENCE with a length of its own octets.
        if octets.starts_with(&[0x30, 0x82]) || octets.starts_with(&[0x30, 0x81]) {
            return Flaw::Binary;
        }
        let mut open: Option<Section> = None;
        let mut first: Option<Section> = None;
        for (line, octets) in (1..).zip(octets.split(|octet| *octet == b'\n')) {
            let text = octets.trim_ascii_end();
            // Its last space counts, as it does to the library.
            if let Some(rest) = octets.strip_prefix(BEGIN) {
                match (open.take(), rest.trim_ascii_end().strip_suffix(DASHES)) {
                    (Some(section), _) => return section.unfinished(),
                    (None, None) => return Flaw::Beginning { line },
                    (None, Some(label)) => open = Some(Section::new(line, label)),
                }
            } else if let Some(section) = open.take() {
                if text.starts_with(ENCRYPTED) {
                    return Flaw::Encrypted { line: section.line };
                } else if text.starts_with(END) {
                    first.get_or_insert(section);
                } else if text.iter().all(is_base64) {
                    open = Some(section);
                } else {
                    return Flaw::NotBase64 { line };
                }
            }
        }
        match (open, first) {
            (Some(section), _) => section.unfinished(),
            (None, None) => Flaw::NoSection,
            (None, Some(Section { line, label })) if label == "ENCRYPTED PRIVATE KEY" => {
                Flaw::Encrypted { line }
            }
            (None, Some(Section { line, label })) => Flaw::Other { line, label },
        }
    }

    /// What is wrong with a file in which a section is there and cannot be read.
    pub fn of_unread(octets: &[u8]) -> Self {
        match Flaw::of(octets) {
            Flaw::Other { line, .. } => Flaw::Damaged { line },
            flaw => flaw,
        }
    }
}

impl Section {
    fn new(line: usize, label: &[u8]) -> Self {
        let label = label.iter().take(LABEL_OCTETS_SHOWN);
        let label = label.map(|&octet| match octet {
            b' '..=b'~' => char::from(octet),
            _ => '?',
        });
        Section {
            line,
            label: label.collect(),
        }
    }

    fn unfinished(self) -> Flaw {
        let Section { line, label } = self;
        Flaw::Unfinished { line, label }
    }
}

fn is_base64(octet: &u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/' | b'=' | b' ' | b'\t')
}

const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// The head of a key in the older form with a passphrase (RFC 1421 section 4.6.1.1).
const ENCRYPTED: &[u8] = b"Proc-Type: 4,ENCRYPTED";

/// Octets of a label that are shown; the longest in use has 21.
const LABEL_OCTETS_SHOWN: usize = 32;

#[cfg(test)]
mod tests {
    use super::Flaw;

    fn check(text: &[u8], expected: &str) {
        assert_eq!(Flaw::of(text).to_string(), expected);
    }

    #[test]
    fn a_file_that_is_not_pem_tells_what_it_is_by_its_line() {
        check(b" \n", "it is empty");
        check(b"hello\n", "no line of it begins with `-----BEGIN`");
        check(
            b"\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "line 2 begins a section `PRIVATE KEY`",
        );
        check(
            b"-----BEGIN CERTIFICATE----\nAAAA\n",
            "line 1 begins a section and does not end with `-----`",
        );
        // Found by the fuzz target.
        check(
            b"-----BEGIN \nAAAA\n",
            "line 1 begins a section and does not end with `-----`",
        );
        let unfinished = "the section at line 1 has no end; write `-----END CERTIFICATE-----` behind \
                          it, or copy the file anew";
        check(b"-----BEGIN CERTIFICATE-----\nAAAA\n", unfinished);
        check(
            b"-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----BEGIN CERTIFICATE-----\n",
            unfinished,
        );
        check(
            b"-----BEGIN CERTIFICATE-----\nAAAA\nA{A\n",
            "line 3 is not base64; copy the file anew",
        );
        assert_eq!(Flaw::of(b"\x30\x82\x01\x00"), Flaw::Binary);
    }

    #[test]
    fn a_key_with_a_passphrase_is_told_in_both_its_forms() {
        let flaw = Flaw::Encrypted { line: 1 };
        let old = b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n";
        assert_eq!(Flaw::of(old), flaw);
        let new =
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----";
        assert_eq!(Flaw::of(new), flaw);
    }

    #[test]
    fn a_section_that_cannot_be_read_is_named_by_its_line() {
        let odd = b"-----BEGIN CERTIFICATE-----\nAAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(Flaw::of_unread(odd), Flaw::Damaged { line: 1 });
    }
}
