//! What can be wrong with a master file, and where.

use domain::base::iana::Rtype;
use domain::zonefile::inplace;
use std::fmt;

/// Why a master file could not be read, and where. Line and column count from 1, the column in
/// octets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct ReadError {
    /// The line.
    pub line: usize,
    /// The octet in the line.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong at a place of a master file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// `$INCLUDE`: the reader knows no files.
    #[error("$INCLUDE is not supported; put the records of all files into one")]
    Include,
    /// A directive other than `$ORIGIN` and `$TTL`.
    #[error("`{0}` is not supported; only $ORIGIN and $TTL are")]
    Directive(String),
    /// A TTL like `1h30m`.
    #[error("`{token}` is a TTL with units; write it in seconds: {seconds}")]
    TtlUnits {
        /// As it stands in the file.
        token: String,
        /// The same in seconds.
        seconds: u64,
    },
    /// A TTL above 2^31 - 1.
    #[error("a TTL of {0} seconds is too long; at most 2147483647 is allowed (RFC 2181 section 8)")]
    LongTtl(u32),
    /// Where a type, class or TTL should be.
    #[error(
        "`{0}` is no type, class or TTL; a type without a mnemonic is written TYPE followed by \
         its number (RFC 3597)"
    )]
    NotAType(String),
    /// Not a domain name.
    #[error("`{0}` is not a domain name; labels have 1 to 63 octets, a name at most 255")]
    BadName(String),
    /// `a..b`.
    #[error("the owner has an empty label: two dots in a row")]
    EmptyLabel,
    /// A relative name and no origin.
    #[error(
        "`{0}` is relative, and no origin is known; end the name with a dot or put $ORIGIN \
         before it"
    )]
    NoOrigin(String),
    /// The first record begins with white space.
    #[error("the first record has no owner; begin its line with a name")]
    NoOwner,
    /// A closing parenthesis too many.
    #[error("`)` closes a parenthesis that was not opened")]
    Parenthesis,
    /// The text ends within a record.
    #[error(
        "the text ends within a record; a quotation mark or a parenthesis is left open, or the \
         file is cut short"
    )]
    CutShort,
    /// The line ends within a record.
    #[error("the record ends before its data is complete")]
    Incomplete,
    /// Something follows a quotation without white space between.
    #[error("a quotation is followed by something directly; put white space between")]
    Glued,
    /// More fields than the type has.
    #[error("`{0}` follows after the end of the record")]
    Trailing(String),
    /// A type whose own form is not known.
    #[error(
        "data of this type is not read in its own form; write it in the generic form of \
         RFC 3597: \\# LENGTH HEXADECIMAL"
    )]
    UnknownForm,
    /// A field that is not what the type has there.
    #[error("`{token}`: {expected}")]
    Field {
        /// As it stands in the file.
        token: String,
        /// What is wrong with it.
        expected: String,
    },
    /// The file begins with a byte order mark: UTF-8 with one, or UTF-16.
    #[error("the file begins with a byte order mark; save it as plain ASCII or UTF-8 without one")]
    ByteOrderMark,
    /// Octets that no text has, such as those of an archive.
    #[error(
        "this is no text; a master file is wanted, plain or packed by xz, gzip or zstd, and not \
         an archive of files"
    )]
    NoText,
    /// An octet that must be escaped, or an escape that is none.
    #[error(
        "`{0}`: this octet is written \\DDD with three decimal digits, at most 255; or a quotation \
         mark is left open"
    )]
    BadSymbol(String),
    /// Data that its type cannot have.
    #[error(
        "the data is not what type {0} has; check its fields, its length and its names for empty labels"
    )]
    BadData(Rtype),
    /// Malformed ZONEMD data.
    #[error(
        "the ZONEMD data is malformed: serial, scheme, hash algorithm and at least 12 octets of \
         digest are needed (RFC 8976 section 2.2)"
    )]
    BadZonemd,
    /// More than 65,535 octets of data.
    #[error("the data of this {0} record is longer than 65535 octets")]
    LongData(Rtype),
    /// A record of a kind that does not belong into the file.
    #[error("{0}")]
    Misplaced(String),
}

impl ReadError {
    /// The error at an offset of the text.
    pub(super) fn at(text: &[u8], offset: usize, problem: Problem) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before
            .iter()
            .rposition(|&octet| octet == b'\n')
            .map_or(0, |at| at + 1);
        ReadError {
            line: 1 + before.iter().filter(|&&octet| octet == b'\n').count(),
            column: 1 + before.len() - line_start,
            problem,
        }
    }
}

/// Says what `domain` found, in words that help.
pub(super) fn explain(text: &[u8], error: &inplace::Error) -> ReadError {
    let message = error.to_string();
    let mut parts = message.splitn(3, ':');
    let mut number = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(1);
    let (line, column): (usize, usize) = (number(), number());
    let words = parts.next().unwrap_or_default().trim();

    // `domain` tells where it stopped reading: within the token, after it, or on the next line.
    let stop = offset(text, line, column);
    let (start, token) = token_before(text, stop);
    let problem = match words {
        "unexpected end of entry" => {
            return ReadError::at(text, line_end_before(text, stop), Problem::Incomplete);
        }
        "short buffer" => return ReadError::at(text, text.len(), Problem::CutShort),
        _ if stop > text.len() + 1 => return ReadError::at(text, text.len(), Problem::CutShort),
        "trailing tokens" => {
            let (start, token) = token_before(text, stop + 1);
            return ReadError::at(text, start, Problem::Trailing(token));
        }
        "unbalanced parens" => return ReadError::at(text, stop, Problem::Parenthesis),
        "missing last owner" => return ReadError::at(text, stop, Problem::NoOwner),
        "unknown record type with concrete data" => {
            return ReadError::at(text, stop, Problem::UnknownForm);
        }
        "expected rtype" => match seconds(&token) {
            Some(seconds) => Problem::TtlUnits { token, seconds },
            None => Problem::NotAType(token),
        },
        "expected decimal number" if seconds(&token).is_some() => Problem::TtlUnits {
            seconds: seconds(&token).unwrap_or_default(),
            token,
        },
        "bad name" => Problem::BadName(token),
        "missing origin" => Problem::NoOrigin(token),
        "expected Rtype" => Problem::Field {
            token,
            expected: "expected a type; one without a mnemonic is written TYPE followed by its \
                       number (RFC 3597)"
                .to_owned(),
        },
        _ if words.starts_with("bad symbol") => not_text(text).unwrap_or(Problem::BadSymbol(token)),
        _ if words.starts_with("unknown control") => Problem::Directive(token),
        _ => Problem::Field {
            token,
            expected: words.to_owned(),
        },
    };
    ReadError::at(text, start, problem)
}

/// What the first octets tell of a file that is not a master file at all.
fn not_text(text: &[u8]) -> Option<Problem> {
    const MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];
    if MARKS.iter().any(|mark| text.starts_with(mark)) {
        return Some(Problem::ByteOrderMark);
    }
    let start = text.get(..TEXT_OCTETS_JUDGED).unwrap_or(text);
    start.contains(&0).then_some(Problem::NoText)
}

/// Octets that tell whether a file is text: an archive or a program has a zero among them.
const TEXT_OCTETS_JUDGED: usize = 512;

/// The offset of a line and column, both from 1. What follows after the text has the line after it.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let line_start = match line {
        0 | 1 => 0,
        _ => text
            .iter()
            .enumerate()
            .filter(|&(_, &octet)| octet == b'\n')
            .nth(line - 2)
            .map_or(text.len() + 1, |(at, _)| at + 1),
    };
    line_start + column.saturating_sub(1)
}

/// The token that ends at `stop` or goes on there, or if there is none, the last before it.
fn token_before(text: &[u8], stop: usize) -> (usize, String) {
    let is_space = |octet: &u8| octet.is_ascii_whitespace() || matches!(octet, b'(' | b')');
    let before = text.get(..stop).unwrap_or(text);
    let last = before
        .iter()
        .rposition(|octet| !is_space(octet))
        .unwrap_or(0);
    let start = before
        .get(..last)
        .and_then(|head| head.iter().rposition(is_space))
        .map_or(0, |at| at + 1);
    let token = text.get(start..).unwrap_or_default();
    let end = token
        .iter()
        .position(|octet| is_space(octet) || *octet == b';')
        .unwrap_or(token.len())
        .min(TOKEN_OCTETS_SHOWN);
    (
        start,
        printable(token.get(..end).unwrap_or_default()).to_string(),
    )
}

/// The end of the line that `stop` is on, or if `stop` begins a line, of the one before.
fn line_end_before(text: &[u8], stop: usize) -> usize {
    if stop > text.len() {
        return text.len();
    }
    match stop.checked_sub(1).and_then(|before| text.get(before)) {
        Some(b'\n') => stop - 1,
        _ => stop,
    }
}

/// The value of a TTL with units, such as `1h30m`.
fn seconds(token: &str) -> Option<u64> {
    let mut total = 0u64;
    let mut number: Option<u64> = None;
    for letter in token.bytes() {
        if letter.is_ascii_digit() {
            let digit = u64::from(letter - b'0');
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
            continue;
        }
        let unit = match letter.to_ascii_lowercase() {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    // Without any unit it was not the unit that was wrong.
    (number.is_none() && total > 0).then_some(total)
}

/// Octets of a token that an error shows.
const TOKEN_OCTETS_SHOWN: usize = 60;

/// Shows octets, those that are not printable ASCII escaped.
fn printable(octets: &[u8]) -> impl fmt::Display + '_ {
    octets.escape_ascii()
}
