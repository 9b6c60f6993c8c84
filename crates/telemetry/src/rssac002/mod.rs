//! RSSAC002 documents: what a root server operator publishes of each day.
//!
//! Start reading at [`Document`]. Six metrics have a file each, in versions 2 to 5, and operators
//! write them in different ways. A document remembers the way, so that what was read is written
//! again as it was; what is made here is of version 5, in the order and form of its examples.
//!
//! ```text
//! read      YAML → Document, or the line that is wrong
//! write     Document → YAML
//! check     what must be equal and is not, over the documents of a day
//! report    an account of a day → its documents
//! ```
//!
//! This module does not know where documents are kept.

mod check;
mod read;
mod report;
mod write;

pub use check::{Violation, violations};
pub use read::{Mistake, ReadError};
pub use report::documents;

use crate::limits::{BIN_OCTETS, REQUEST_OPEN_OCTETS, RESPONSE_OPEN_OCTETS};
use crate::time::Day;
use std::fmt;

/// One document, whose fields are what its metric has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    version: Version,
    service: Service,
    day: Day,
    /// What version 2 says of the end of the period.
    end: Option<String>,
    metric: Metric,
    fields: Vec<(Key, Field)>,
    style: Style,
}

/// A version of RSSAC002.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 2016; its documents do not say so.
    V2,
    /// 2016: no end of the period.
    V3,
    /// 2020: RCODEs stand for themselves.
    V4,
    /// 2023.
    V5,
}

/// What a document tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// How long a serial took to be served by 95 % of the instances, in s.
    LoadTime,
    /// How large each version of the zone was, in octets.
    ZoneSize,
    /// Queries and responses by transport and family.
    TrafficVolume,
    /// Messages by size.
    TrafficSizes,
    /// Responses by RCODE.
    RcodeVolume,
    /// Different sources.
    UniqueSources,
}

/// Whose document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// That of a root server, by its letter.
    Root(Letter),
    /// That of the maintainer of the root zone.
    Maintainer,
}

/// The letter of a root server, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Letter(u8);

/// The name of a field or of a number in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A serial or an RCODE.
    Number(u32),
    /// The bin of sizes that begins here, in octets.
    Bin(u16),
    /// The bin of all sizes from here on.
    OpenBin(u16),
    /// A name.
    Name(String),
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A number.
    Count(u64),
    /// A text, which only an operator's own fields have.
    Text(String),
    /// Numbers by key.
    Map(Vec<(Key, u64)>),
}

/// The way in which a document was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Style {
    /// It opens with `---`.
    is_marked: bool,
    /// Around the start of the period.
    start: Quote,
    /// Around numbers that are keys.
    keys: Quote,
    /// RCODEs are in a map `rcodes`, as some wrote them in version 3.
    has_nested_rcodes: bool,
    /// Empty lines at the end.
    blank_lines: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

impl Document {
    /// A document of version 5.
    fn new(service: Service, day: Day, metric: Metric, fields: Vec<(Key, Field)>) -> Document {
        Document {
            version: Version::V5,
            service,
            day,
            end: None,
            metric,
            fields,
            style: Style {
                is_marked: true,
                start: Quote::None,
                keys: Quote::None,
                has_nested_rcodes: false,
                blank_lines: 0,
            },
        }
    }

    /// The version that it says it follows.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whose it is.
    pub fn service(&self) -> Service {
        self.service
    }

    /// The day that it is about.
    pub fn day(&self) -> Day {
        self.day
    }

    /// What it tells.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Its fields in order, an operator's own among them. RCODEs that are in a map in the text
    /// stand for themselves here.
    pub fn fields(&self) -> &[(Key, Field)] {
        &self.fields
    }

    /// The number in a field of this name.
    pub fn count(&self, name: &str) -> Option<u64> {
        match self.field(name)? {
            Field::Count(count) => Some(*count),
            _ => None,
        }
    }

    /// The numbers in a field of this name.
    pub fn map(&self, name: &str) -> Option<&[(Key, u64)]> {
        match self.field(name)? {
            Field::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Responses by RCODE.
    pub fn rcodes(&self) -> impl Iterator<Item = (u32, u64)> {
        self.fields.iter().filter_map(|field| match field {
            (Key::Number(number), Field::Count(count)) => Some((*number, *count)),
            _ => None,
        })
    }

    /// Where it is published, below the folder of all: `YYYY/MM/METRIC/x-root-YYYYMMDD-METRIC.yaml`.
    pub fn path(&self) -> String {
        let (year, month, day) = self.day.date();
        let metric = self.metric;
        let prefix = match self.service {
            Service::Root(letter) => format!("{letter}-root"),
            Service::Maintainer => "rzm".to_owned(),
        };
        format!("{year:04}/{month:02}/{metric}/{prefix}-{year:04}{month:02}{day:02}-{metric}.yaml")
    }

    fn field(&self, name: &str) -> Option<&Field> {
        let is_it = |key: &Key| matches!(key, Key::Name(other) if other == name);
        let found = self.fields.iter().find(|(key, _)| is_it(key));
        found.map(|(_, field)| field)
    }
}

impl Metric {
    /// All of them.
    pub const ALL: [Metric; 6] = [
        Metric::LoadTime,
        Metric::ZoneSize,
        Metric::TrafficVolume,
        Metric::TrafficSizes,
        Metric::RcodeVolume,
        Metric::UniqueSources,
    ];

    fn name(self) -> &'static str {
        match self {
            Metric::LoadTime => "load-time",
            Metric::ZoneSize => "zone-size",
            Metric::TrafficVolume => "traffic-volume",
            Metric::TrafficSizes => "traffic-sizes",
            Metric::RcodeVolume => "rcode-volume",
            Metric::UniqueSources => "unique-sources",
        }
    }
}

impl Version {
    const ALL: [Version; 4] = [Version::V2, Version::V3, Version::V4, Version::V5];

    fn name(self) -> &'static str {
        match self {
            Version::V2 => "rssac002v2",
            Version::V3 => "rssac002v3",
            Version::V4 => "rssac002v4",
            Version::V5 => "rssac002v5",
        }
    }
}

impl Letter {
    /// The letter, in lower case, if it is one from `a` to `m`.
    pub fn new(letter: char) -> Option<Letter> {
        let letter = letter.to_ascii_lowercase();
        ('a'..='m')
            .contains(&letter)
            .then_some(Letter(letter as u8))
    }
}

impl Service {
    /// The service of this name, such as `l.root-servers.net`.
    pub fn parse(name: &str) -> Option<Service> {
        if name == DOMAIN {
            return Some(Service::Maintainer);
        }
        let letter = name.strip_suffix(DOMAIN)?.strip_suffix('.')?;
        let mut letters = letter.chars();
        let letter = letters.next().filter(char::is_ascii_lowercase)?;
        let letter = Letter::new(letter)?;
        letters.next().is_none().then_some(Service::Root(letter))
    }
}

impl Key {
    /// The bin of a map that has a message of so many octets; `open` is where its last bin begins.
    fn bin(index: usize, open: usize) -> Key {
        let low = (index * BIN_OCTETS).min(open);
        let low_octets = u16::try_from(low).unwrap_or(u16::MAX);
        if low < open {
            Key::Bin(low_octets)
        } else {
            Key::OpenBin(low_octets)
        }
    }

    fn name(name: impl Into<String>) -> Key {
        Key::Name(name.into())
    }
}

/// Where the last bin of a map of sizes begins, if its name is that of one.
fn open_bin(name: &str) -> Option<usize> {
    if name.ends_with("-request-sizes") {
        Some(REQUEST_OPEN_OCTETS)
    } else if name.ends_with("-response-sizes") {
        Some(RESPONSE_OPEN_OCTETS)
    } else {
        None
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(self.0))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Service::Root(letter) => write!(f, "{letter}.{DOMAIN}"),
            Service::Maintainer => f.write_str(DOMAIN),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Number(number) => number.fmt(f),
            Key::Bin(low) => write!(f, "{low}-{}", u32::from(*low) + BIN_OCTETS as u32 - 1),
            Key::OpenBin(low) => write!(f, "{low}-"),
            Key::Name(name) => f.write_str(name),
        }
    }
}

const DOMAIN: &str = "root-servers.net";

/// The fields that traffic-volume has: queries and responses over UDP and TCP, IPv4 and IPv6.
const VOLUME: [&str; 8] = [
    "dns-udp-queries-received-ipv4",
    "dns-udp-queries-received-ipv6",
    "dns-tcp-queries-received-ipv4",
    "dns-tcp-queries-received-ipv6",
    "dns-udp-responses-sent-ipv4",
    "dns-udp-responses-sent-ipv6",
    "dns-tcp-responses-sent-ipv4",
    "dns-tcp-responses-sent-ipv6",
];

/// Those that traffic-sizes has.
const SIZES: [&str; 4] = [
    "udp-request-sizes",
    "udp-response-sizes",
    "tcp-request-sizes",
    "tcp-response-sizes",
];

/// Those that unique-sources has.
const SOURCES: [&str; 3] = [
    "num-sources-ipv4",
    "num-sources-ipv6",
    "num-sources-ipv6-aggregate",
];

#[cfg(test)]
mod tests;
