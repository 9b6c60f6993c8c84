//! From a document to YAML: fixed shapes of plain scalars and maps one deep.

use super::{Document, Field, Key, Quote, Version};
use std::fmt;

impl fmt::Display for Document {
    /// The text of the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.style.is_marked {
            writeln!(f, "---")?;
        }
        if self.version != Version::V2 {
            writeln!(f, "version: {}", self.version)?;
        }
        writeln!(f, "service: {}", self.service)?;
        let start = format!("{}T00:00:00Z", self.day);
        writeln!(f, "start-period: {}", Quoted(&start, self.style.start))?;
        if let Some(end) = &self.end {
            writeln!(f, "end-period: {}", Quoted(end, self.style.start))?;
        }
        writeln!(f, "metric: {}", self.metric)?;
        self.write_fields(f)?;
        for _ in 0..self.style.blank_lines {
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Document {
    fn write_fields(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_nested = |key: &Key| self.style.has_nested_rcodes && matches!(key, Key::Number(_));
        let mut has_opened = false;
        for (key, field) in &self.fields {
            let indent = if is_nested(key) {
                if !has_opened {
                    writeln!(f, "rcodes:")?;
                    has_opened = true;
                }
                "  "
            } else {
                ""
            };
            write!(f, "{indent}{}:", self.quoted(key))?;
            match field {
                Field::Count(count) => writeln!(f, " {count}")?,
                Field::Text(text) => writeln!(f, " {}", Quoted(text, quote_of(text)))?,
                Field::Map(map) if map.is_empty() => writeln!(f, " {{}}")?,
                Field::Map(map) => {
                    writeln!(f)?;
                    for (key, count) in map {
                        writeln!(f, "  {}: {count}", self.quoted(key))?;
                    }
                }
            }
        }
        if self.style.has_nested_rcodes && !has_opened {
            writeln!(f, "rcodes: {{}}")?;
        }
        Ok(())
    }

    fn quoted(&self, key: &Key) -> String {
        let text = key.to_string();
        let quote = match key {
            Key::Number(_) => self.style.keys,
            Key::Bin(_) | Key::OpenBin(_) => Quote::None,
            Key::Name(name) => quote_of(name),
        };
        Quoted(&text, quote).to_string()
    }
}

/// A text of printable ASCII in quotes.
struct Quoted<'a>(&'a str, Quote);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Quote::None => f.write_str(self.0),
            Quote::Single => write!(f, "'{}'", self.0.replace('\'', "''")),
            Quote::Double => {
                let escaped = self.0.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\"")
            }
        }
    }
}

/// The quotes that a text needs so that it is read as this text: none if it begins with a letter
/// and goes on with what has no meaning in YAML.
fn quote_of(text: &str) -> Quote {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./%+".contains(&b);
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.bytes().all(is_plain) {
        Quote::None
    } else {
        Quote::Single
    }
}
