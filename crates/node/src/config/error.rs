//! What is wrong with a configuration, where, and what would be right.

use crate::files::FileError;
use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with a configuration. Nothing of it was applied.
#[derive(Debug)]
pub struct ConfigError {
    path: PathBuf,
    /// Line and column, both from 1; none when the file could not be read.
    place: Option<(usize, usize)>,
    message: String,
    cause: Option<Box<FileError>>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "{}:{line}:{column}: ", self.path.display())?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl ConfigError {
    pub(super) fn unread(path: &Path, cause: FileError) -> Self {
        let message = "no configuration".to_owned();
        ConfigError {
            path: path.into(),
            place: None,
            message,
            cause: Some(Box::new(cause)),
        }
    }

    /// The options, alone or with the configuration, ask for what cannot be.
    pub fn of_options(message: String) -> Self {
        ConfigError {
            path: PathBuf::new(),
            place: None,
            message,
            cause: None,
        }
    }

    pub(super) fn not_utf8(path: &Path, octets: &[u8], offset: usize) -> Self {
        let text = String::from_utf8_lossy(&octets[..offset]);
        ConfigError::at(
            path,
            &text,
            offset,
            "the text is not UTF-8, as TOML is".to_owned(),
        )
    }

    pub(super) fn of_toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        let rest = text.get(offset..).unwrap_or_default();
        let single = SEVERAL
            .iter()
            .find(|(table, _)| rest.starts_with(&format!("[{table}]")));
        let message = match single {
            Some((table, what)) => format!(
                "a {what} is written under [[{table}]], in two brackets, as there may be several"
            ),
            None => explain(error.message()),
        };
        ConfigError::at(path, text, offset, message)
    }

    /// The error at an offset of the text.
    pub(super) fn at(path: &Path, text: &str, offset: usize, message: String) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |start| start.chars().count())
            + 1;
        ConfigError {
            path: path.into(),
            place: Some((line, column)),
            message,
            cause: None,
        }
    }
}

/// Keys of the documented configuration that this version cannot carry out.
const NOT_YET: &[&str] = &["xdp"];

/// Tables of which there may be several, and what one of them is.
const SEVERAL: &[(&str, &str)] = &[
    ("zone", "zone"),
    ("capture", "capture"),
    ("key", "key"),
    ("neighbor", "neighbor"),
    ("tls", "way to speak TLS"),
];

/// Rust's types that are tables, and how the table is written.
const TABLES: &[(&str, &str)] = &[
    ("struct Node", "a table such as [node]"),
    ("struct Zone", "a table such as [[zone]]"),
    ("struct Verify", "a table such as [verify]"),
    ("struct Sandbox", "a table such as [sandbox]"),
    ("struct WrittenKey", "a table such as [[key]]"),
    ("struct WrittenTls", "a table such as [[tls]]"),
    ("struct WrittenTransfer", "a table such as [transfer]"),
    ("struct WrittenListener", "a table such as [transfer.tls]"),
    ("struct WrittenEncrypted", "a table such as [encrypted]"),
    ("struct WrittenMetrics", "a table such as [metrics]"),
    ("struct WrittenAnycast", "a table such as [anycast]"),
    ("struct WrittenNeighbor", "a table such as [[neighbor]]"),
    ("struct WrittenSite", "a table such as [site]"),
    (
        "struct WrittenSiteNode",
        "a table such as { identity = \"aa01-ke-nbo-n1\", address = \"10.1.0.11:53\" }",
    ),
    ("struct WrittenCapture", "a table such as [[capture]]"),
];

/// Says in an operator's words what the TOML reader found.
fn explain(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown field")
        && let [unknown, known @ ..] = quoted.as_slice()
    {
        return unknown_key(unknown, known);
    }
    if message.starts_with("missing field")
        && let [missing] = quoted.as_slice()
    {
        let value = if *missing == "listen" {
            "[\"…\"]"
        } else {
            "\"…\""
        };
        return format!("`{missing}` is missing here; add `{missing} = {value}`");
    }
    // The reader names Rust's types where they are the only names it has.
    let tables = |message: String, (found, written): &(&str, &str)| {
        // Of names that start alike, the whole one is meant: it ends the message.
        match message.strip_suffix(&format!("expected {found}")) {
            Some(start) => format!("{start}expected {written}"),
            None => message,
        }
    };
    TABLES
        .iter()
        .fold(message.to_owned(), tables)
        .replace("expected i64", "expected a whole number")
        .replace("expected a boolean", "expected true or false")
        .replace("expected a sequence", "expected a list")
        .replace("expected path string", "expected a string")
        // A date and time is a table to the reader.
        .replace(
            "invalid type: map, expected a string",
            "this is not a string; write it in quotation marks",
        )
        .replace("` as i128", "`")
        .replace('\n', "; ")
}

fn unknown_key(unknown: &str, known: &[&str]) -> String {
    if NOT_YET.contains(&unknown) {
        return format!("`{unknown}` is not supported yet by this version of imrs; remove it");
    }
    match nearest(unknown, known.iter().copied()) {
        Some(key) => format!("unknown key `{unknown}`; did you mean `{key}`?"),
        None => {
            let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
            format!(
                "unknown key `{unknown}`; known here are {}",
                known.join(", ")
            )
        }
    }
}

/// Of the known words the one that was most likely meant, if any is near.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (steps, near) = known.map(|known| (distance(word, known), known)).min()?;
    (steps <= 2 || steps * 3 <= word.len()).then_some(near)
}

/// The least number of letters to add, drop or change to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
