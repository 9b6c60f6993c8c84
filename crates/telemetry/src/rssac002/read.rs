//! From YAML to a document, or to the line that is wrong.
//!
//! In two steps: [`Reader`] takes the events of the YAML parser and knows of maps of scalars only,
//! then [`Document::read`] looks whether these are what the metric has. Aliases, anchors, tags and
//! deeper nesting are refused: no operator writes them, and they are what YAML is attacked by.

use super::{Document, Field, Key, Metric, Quote, SIZES, SOURCES, Service, Style, VOLUME, Version};
use crate::limits::{BIN_OCTETS, DOCUMENT_OCTETS_MAX, DOCUMENT_TEXT_MAX};
use crate::time::Day;
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

/// Why a text is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {mistake}")]
pub struct ReadError {
    /// From 1 on.
    pub line: usize,
    /// What is wrong there.
    pub mistake: Mistake,
}

/// What is wrong in a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// It is larger than any document.
    #[error("a document has at most {DOCUMENT_OCTETS_MAX} octets")]
    TooLarge,
    /// It is not YAML.
    #[error("not YAML: {0}")]
    Yaml(String),
    /// It is YAML, but not a map of scalars and of maps of scalars.
    #[error("only keys with a value, or with a map of values, belong here")]
    Shape,
    /// A key is there twice.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// A field that every document has is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// The version is not one from 2 to 5.
    #[error("`{0}` is no version; known are rssac002v3 to rssac002v5, and none for 2")]
    Version(String),
    /// The service is none of the root.
    #[error("`{0}` is no service; it looks like l.root-servers.net")]
    Service(String),
    /// The period does not start with a day of UTC.
    #[error("`{0}` is no start of a day; it looks like 2025-06-15T00:00:00Z")]
    Start(String),
    /// The metric is unknown.
    #[error("`{0}` is no metric")]
    Metric(String),
    /// The field belongs to no document of this metric, and is not the operator's own.
    #[error("`{0}` is no field of this metric; fields of one's own begin with the letter and `-`")]
    Field(String),
    /// The key belongs to no map of this name.
    #[error("`{0}` is no key of this map")]
    Key(String),
    /// The value is no number.
    #[error("`{0}` is no number")]
    Number(String),
    /// A text is too long or has characters that are not printed.
    #[error("a text here has at most {DOCUMENT_TEXT_MAX} characters, of printable ASCII")]
    Text,
}

/// A key and its value as they stand there.
struct Entry {
    key: Scalar,
    value: Value,
}

struct Scalar {
    text: String,
    quote: Quote,
    line: usize,
}

enum Value {
    Scalar(Scalar),
    Map(Vec<Entry>),
}

impl Document {
    /// Reads one document.
    pub fn read(text: &str) -> Result<Document, ReadError> {
        if text.len() > DOCUMENT_OCTETS_MAX {
            return Err(error(1, Mistake::TooLarge));
        }
        let mut entries = Reader::new(text).document()?;
        let version = match take(&mut entries, "version") {
            None => Version::V2,
            Some(value) => read_version(&scalar(value)?)?,
        };
        let service = scalar(needed(&mut entries, "service")?)?;
        let start = scalar(needed(&mut entries, "start-period")?)?;
        let end = match version {
            Version::V2 => take(&mut entries, "end-period"),
            _ => None,
        };
        let metric = scalar(needed(&mut entries, "metric")?)?;
        let mut document = Document {
            version,
            service: Service::parse(&service.text)
                .ok_or_else(|| error(service.line, Mistake::Service(service.text.clone())))?,
            day: read_start(&start)?,
            end: end.map(|end| printable(scalar(end)?)).transpose()?,
            metric: read_metric(&metric)?,
            fields: Vec::with_capacity(entries.len()),
            style: Style {
                is_marked: text.starts_with("---"),
                start: start.quote,
                keys: first_quote(&entries),
                has_nested_rcodes: false,
                blank_lines: text
                    .len()
                    .saturating_sub(text.trim_end_matches('\n').len() + 1),
            },
        };
        for entry in entries {
            document.read_field(entry)?;
        }
        document.check_main_field()?;
        Ok(document)
    }

    fn read_field(&mut self, Entry { key, value }: Entry) -> Result<(), ReadError> {
        let unknown = || error(key.line, Mistake::Field(key.text.clone()));
        let name = key.text.as_str();
        let is_map = matches!(value, Value::Map(_));
        let field = match (self.metric, value) {
            (Metric::RcodeVolume, Value::Map(map)) if name == "rcodes" => {
                if self.style.has_nested_rcodes || self.rcodes().next().is_some() {
                    return Err(unknown());
                }
                self.style.has_nested_rcodes = true;
                for (key, count) in read_map(map, rcode)? {
                    self.fields.push((key, Field::Count(count)));
                }
                return Ok(());
            }
            (Metric::RcodeVolume, Value::Scalar(value)) if rcode(name).is_some() => {
                if self.style.has_nested_rcodes {
                    return Err(unknown());
                }
                let key = rcode(name).ok_or_else(unknown)?;
                self.fields.push((key, Field::Count(number(&value)?)));
                return Ok(());
            }
            (Metric::LoadTime, Value::Map(map)) if name == "time" => read_map(map, serial)?.into(),
            (Metric::ZoneSize, Value::Map(map)) if name == "size" => read_map(map, serial)?.into(),
            (Metric::TrafficSizes, Value::Map(map)) if SIZES.contains(&name) => {
                read_map(map, |text| bin(name, text))?.into()
            }
            (Metric::TrafficVolume, Value::Scalar(value)) if VOLUME.contains(&name) => {
                Field::Count(number(&value)?)
            }
            (Metric::UniqueSources, Value::Scalar(value)) if SOURCES.contains(&name) => {
                Field::Count(number(&value)?)
            }
            (_, value) if self.is_own(name) => read_own(name, value)?,
            _ => return Err(unknown()),
        };
        debug_assert_eq!(is_map, matches!(field, Field::Map(_)), "maps stay maps");
        let name = printable(key)?;
        self.fields.push((Key::Name(name), field));
        Ok(())
    }

    /// Whether a field is the operator's own, by its name.
    fn is_own(&self, name: &str) -> bool {
        let Service::Root(letter) = self.service else {
            return false;
        };
        let rest = name.strip_prefix(char::from(letter.0));
        let rest = rest.and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            !rest.is_empty() && rest.bytes().all(is_plain)
        })
    }

    /// The one map that these metrics consist of is there, even if it is empty.
    fn check_main_field(&self) -> Result<(), ReadError> {
        let name = match self.metric {
            Metric::LoadTime => "time",
            Metric::ZoneSize => "size",
            _ => return Ok(()),
        };
        match self.map(name) {
            Some(_) => Ok(()),
            None => Err(error(1, Mistake::Missing(name))),
        }
    }
}

impl From<Vec<(Key, u64)>> for Field {
    fn from(map: Vec<(Key, u64)>) -> Field {
        Field::Map(map)
    }
}

fn read_version(scalar: &Scalar) -> Result<Version, ReadError> {
    let found = Version::ALL.into_iter().find(|v| v.name() == scalar.text);
    found.ok_or_else(|| error(scalar.line, Mistake::Version(scalar.text.clone())))
}

fn read_metric(scalar: &Scalar) -> Result<Metric, ReadError> {
    let found = Metric::ALL.into_iter().find(|m| m.name() == scalar.text);
    found.ok_or_else(|| error(scalar.line, Mistake::Metric(scalar.text.clone())))
}

fn read_start(scalar: &Scalar) -> Result<Day, ReadError> {
    let day = scalar.text.strip_suffix("T00:00:00Z").and_then(Day::parse);
    day.ok_or_else(|| error(scalar.line, Mistake::Start(scalar.text.clone())))
}

/// A field of the operator's own: numbers where they are numbers, otherwise texts.
fn read_own(name: &str, value: Value) -> Result<Field, ReadError> {
    match value {
        Value::Scalar(value) => match number(&value) {
            Ok(count) if value.quote == Quote::None => Ok(Field::Count(count)),
            _ => Ok(Field::Text(printable(value)?)),
        },
        Value::Map(map) => {
            let key = |text: &str| {
                if super::open_bin(name).is_some() {
                    return bin(name, text);
                }
                serial(text).or_else(|| is_printable(text).then(|| Key::name(text)))
            };
            Ok(read_map(map, key)?.into())
        }
    }
}

fn read_map(
    map: Vec<Entry>,
    key: impl Fn(&str) -> Option<Key>,
) -> Result<Vec<(Key, u64)>, ReadError> {
    let pairs = map.into_iter().map(|entry| {
        let wrong = || error(entry.key.line, Mistake::Key(entry.key.text.clone()));
        let read = key(&entry.key.text).ok_or_else(wrong)?;
        Ok((read, number(&scalar(entry.value)?)?))
    });
    pairs.collect()
}

fn serial(text: &str) -> Option<Key> {
    digits(text)?.try_into().ok().map(Key::Number)
}

/// RCODEs have 12 bits with their extension (RFC 6891 section 6.1.3).
fn rcode(text: &str) -> Option<Key> {
    serial(text).filter(|key| matches!(key, Key::Number(0..=0xfff)))
}

/// A bin of a map of this name: 16 octets, or all from where it opens.
fn bin(map: &str, text: &str) -> Option<Key> {
    let open = super::open_bin(map)?;
    let (low, _) = text.split_once('-')?;
    let low = usize::try_from(digits(low)?).ok()?;
    if low % BIN_OCTETS != 0 || low > open {
        return None;
    }
    let key = Key::bin(low / BIN_OCTETS, open);
    (key.to_string() == text).then_some(key)
}

fn number(scalar: &Scalar) -> Result<u64, ReadError> {
    digits(&scalar.text).ok_or_else(|| error(scalar.line, Mistake::Number(scalar.text.clone())))
}

/// A number in decimal digits alone, and without a leading zero, which some readers of YAML take
/// as octal.
fn digits(text: &str) -> Option<u64> {
    let is_plain =
        text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok())?
}

fn printable(scalar: Scalar) -> Result<String, ReadError> {
    if is_printable(&scalar.text) {
        Ok(scalar.text)
    } else {
        Err(error(scalar.line, Mistake::Text))
    }
}

fn is_printable(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= DOCUMENT_TEXT_MAX
        && text.bytes().all(|b| matches!(b, b' '..=b'~'))
}

fn scalar(value: Value) -> Result<Scalar, ReadError> {
    match value {
        Value::Scalar(scalar) => Ok(scalar),
        Value::Map(entries) => {
            let line = entries.first().map_or(1, |entry| entry.key.line);
            Err(error(line, Mistake::Shape))
        }
    }
}

fn take(entries: &mut Vec<Entry>, name: &str) -> Option<Value> {
    let at = entries.iter().position(|entry| entry.key.text == name)?;
    Some(entries.remove(at).value)
}

fn needed(entries: &mut Vec<Entry>, name: &'static str) -> Result<Value, ReadError> {
    take(entries, name).ok_or_else(|| error(1, Mistake::Missing(name)))
}

/// How the first number that is a key is quoted.
fn first_quote(entries: &[Entry]) -> Quote {
    let nested = entries.iter().flat_map(|entry| match &entry.value {
        Value::Map(map) => map.as_slice(),
        Value::Scalar(_) => &[],
    });
    let mut keys = entries.iter().chain(nested).map(|entry| &entry.key);
    let first = keys.find(|key| digits(&key.text).is_some());
    first.map_or(Quote::None, |key| key.quote)
}

fn error(line: usize, mistake: Mistake) -> ReadError {
    ReadError { line, mistake }
}

/// Takes the events of the YAML parser.
struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Reader<'a> {
        Reader {
            parser: Parser::new_from_str(text),
        }
    }

    /// One document that is a map, and nothing behind it.
    fn document(&mut self) -> Result<Vec<Entry>, ReadError> {
        self.expect(|event| matches!(event, Event::StreamStart))?;
        self.expect(|event| matches!(event, Event::DocumentStart(_)))?;
        self.expect(|event| matches!(event, Event::MappingStart(0, None)))?;
        let entries = self.map(true)?;
        self.expect(|event| matches!(event, Event::DocumentEnd))?;
        self.expect(|event| matches!(event, Event::StreamEnd))?;
        Ok(entries)
    }

    /// The rest of a map. Only the outer one may have maps in it.
    fn map(&mut self, is_outer: bool) -> Result<Vec<Entry>, ReadError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut names = std::collections::HashSet::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (event, line) => scalar_of(event, line)?,
            };
            if !names.insert(key.text.clone()) {
                return Err(error(key.line, Mistake::Twice(key.text)));
            }
            let value = match self.next()? {
                (Event::MappingStart(0, None), _) if is_outer => Value::Map(self.map(false)?),
                (event, line) => Value::Scalar(scalar_of(event, line)?),
            };
            entries.push(Entry { key, value });
        }
    }

    fn expect(&mut self, is_it: impl Fn(&Event<'_>) -> bool) -> Result<(), ReadError> {
        let (event, line) = self.next()?;
        if is_it(&event) {
            Ok(())
        } else {
            Err(error(line, Mistake::Shape))
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, usize), ReadError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line().max(1))),
            Some(Err(cause)) => {
                let mistake = Mistake::Yaml(cause.info().to_owned());
                Err(error(cause.marker().line().max(1), mistake))
            }
            None => Err(error(1, Mistake::Shape)),
        }
    }
}

fn scalar_of(event: Event<'_>, line: usize) -> Result<Scalar, ReadError> {
    let Event::Scalar(text, style, 0, None) = event else {
        return Err(error(line, Mistake::Shape));
    };
    let quote = match style {
        ScalarStyle::Plain => Quote::None,
        ScalarStyle::SingleQuoted => Quote::Single,
        ScalarStyle::DoubleQuoted => Quote::Double,
        _ => return Err(error(line, Mistake::Shape)),
    };
    Ok(Scalar {
        text: text.into_owned(),
        quote,
        line,
    })
}
