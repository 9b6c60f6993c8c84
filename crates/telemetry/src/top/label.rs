//! The top-level domain of a query.

use std::fmt::{self, Write};

/// The last label of a name, in lower case; without octets for the root itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    octets: [u8; LABEL_MAX],
    len: u8,
}

impl Label {
    /// The root, which has no label.
    pub const ROOT: Label = Label {
        octets: [0; LABEL_MAX],
        len: 0,
    };

    /// A label of these octets, in lower case; `None` if it would be longer than a label may be
    /// (RFC 1035 section 2.3.4).
    pub fn new(octets: &[u8]) -> Option<Label> {
        let mut label = Label::ROOT;
        let place = label.octets.get_mut(..octets.len())?;
        place.copy_from_slice(octets);
        place.make_ascii_lowercase();
        label.len = octets.len() as u8;
        Some(label)
    }

    /// The last label of the first question of a query (RFC 1035 section 4.1.2); `None` where no
    /// name can be read. One that is compressed is not, since nothing stands before it.
    pub fn of_query(query: &[u8]) -> Option<Label> {
        let mut name = query.get(HEADER_OCTETS..)?;
        let mut last: &[u8] = &[];
        for _ in 0..=LABELS_MAX {
            let (len, rest) = name.split_first()?;
            if *len == 0 {
                return Label::new(last);
            }
            (last, name) = rest.split_at_checked(usize::from(*len))?;
        }
        None
    }

    /// Its octets.
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).unwrap_or(&[])
    }
}

/// As in a master file (RFC 1035 section 5.1): whatever a client sent, only printable ASCII.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.len == 0 {
            return f.write_char('.');
        }
        for octet in self.octets() {
            match octet {
                b'.' | b'\\' => write!(f, "\\{}", char::from(*octet))?,
                b'!'..=b'~' => f.write_char(char::from(*octet))?,
                _ => write!(f, "\\{octet:03}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label({self})")
    }
}

/// Octets of a label (RFC 1035 section 2.3.4).
pub(super) const LABEL_MAX: usize = 63;

/// Labels of a name of 255 octets, without the root.
const LABELS_MAX: usize = 127;

/// Octets of a header (RFC 1035 section 4.1.1).
const HEADER_OCTETS: usize = 12;

#[cfg(test)]
mod tests {
    use super::Label;

    /// What is read of a query whose name is given in wire form.
    fn check(name: &[u8], expected: Option<&str>) {
        let query = [&[0; 12], name].concat();
        let found = Label::of_query(&query).map(|label| label.to_string());
        assert_eq!(found.as_deref(), expected, "{name:?}");
    }

    #[test]
    fn the_last_label_is_read_in_lower_case() {
        check(b"\0\0\x02\0\x01", Some("."));
        check(b"\x03COM\0\0\x01\0\x01", Some("com"));
        check(b"\x03www\x07example\x03Net\0", Some("net"));
        check(
            &[b"\x01a".repeat(126).as_slice(), b"\x01Z\0"].concat(),
            Some("z"),
        );
        check(
            &[b"\x3f".as_slice(), &[b'x'; 63], b"\0"].concat(),
            Some(&"x".repeat(63)),
        );
    }

    #[test]
    fn what_is_no_name_has_no_label() {
        check(b"", None);
        check(b"\x03co", None);
        check(b"\x03com", None);
        check(b"\xc0\x0c", None);
        check(&[b"\x40".as_slice(), &[b'x'; 64], b"\0"].concat(), None);
        check(&b"\x01a".repeat(200), None);
        assert_eq!(Label::of_query(&[0; 5]), None);
    }

    #[test]
    fn labels_are_printed_without_what_a_terminal_would_obey() {
        check(b"\x04\x1b[2J\0", Some("\\027[2j"));
        check(b"\x05a.b\\c\0", Some("a\\.b\\\\c"));
        check(b"\x03 \xff\x7f\0", Some("\\032\\255\\127"));
    }
}
