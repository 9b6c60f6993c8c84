//! Keeps from the scanner the texts at which it panics.
//!
//! `domain` 0.12.3 panics in two cases, found by the property tests in `tests/robust.rs`: where the
//! text ends within parentheses after TXT data, and where a token follows a quoted directive or
//! path without white space between. Neither may reach it, since a panic tells nobody what is wrong with the file.

use super::problem::{Problem, ReadError};

/// Follows after every text. It makes the first case an error, as nothing closes its quotation
/// mark. A text that is whole never comes so far: the directive before it tells that it has ended.
pub(super) const END: &[u8] = b"\n$INCLUDE .\n\"";

/// A text up to the first quotation that is followed by something without white space between.
/// No type has a use for that.
pub(super) struct Guarded<'a> {
    pub(super) text: &'a [u8],
    /// There is such a quotation, and the text ends with it.
    glued: Option<ReadError>,
}

impl<'a> Guarded<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        let end = glued_quotation(text);
        Guarded {
            text: end.and_then(|end| text.get(..end)).unwrap_or(text),
            glued: end.map(|end| ReadError::at(text, end, Problem::Glued)),
        }
    }

    /// What the scanner came to, unless it came to the quotation.
    pub(super) fn conclude(self, scanned: Result<(), ReadError>) -> Result<(), ReadError> {
        match (self.glued, scanned) {
            (Some(glued), Err(error)) if error.line < glued.line => Err(error),
            (Some(glued), _) => Err(glued),
            (None, scanned) => scanned,
        }
    }
}

/// Where a quotation ends that is followed by something other than white space, a parenthesis, a
/// comment or another quotation.
fn glued_quotation(text: &[u8]) -> Option<usize> {
    // The zones of a root server have no quotations.
    let mut at = text
        .iter()
        .position(|octet| matches!(octet, b'"' | b';' | b'\\'))?;
    while let Some(octet) = text.get(at) {
        at = match octet {
            b'\\' => at + 2,
            b';' => at + text.get(at..)?.iter().position(|&octet| octet == b'\n')?,
            b'"' => {
                let end = quotation_end(text, at + 1)?;
                match text.get(end)? {
                    b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b';' | b'"' => end,
                    _ => return Some(end),
                }
            }
            _ => at + 1,
        };
    }
    None
}

/// The end of a quotation, after its closing mark.
fn quotation_end(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at = match text.get(at)? {
            b'\\' => at + 2,
            b'"' => return Some(at + 1),
            _ => at + 1,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::glued_quotation;

    fn check(text: &str, expected: Option<usize>) {
        assert_eq!(glued_quotation(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn only_what_follows_a_quotation_directly_is_glued() {
        check("", None);
        check("a \"b\"", None);
        check("a \"b\" c \"d\"\n", None);
        check("a \"b\"c", Some(5));
        check("a \"b\\\"\"c", Some(7));
        check("a \\\"b\"c", None);
        check("; \"b\"c\na", None);
        check("a \"b;\"\"c\")(;\n", None);
        check("a \"b\nc\"d", Some(7));
        check("\"\"\\", Some(2));
    }
}
