//! `[[capture]]`: where messages are written one by one, if anywhere.

use super::Mistake;
use super::values::Limited;
use crate::limits::{CAPTURE_NAME_MAX, CAPTURES_MAX};
use imrs_telemetry::capture::privacy::Method;
use serde::Deserialize;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

/// `[[capture]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// What it is called in names of files, logs and counts.
    pub name: String,
    /// What is written.
    pub format: Format,
    /// Where it goes.
    pub sink: Sink,
    /// One of so many messages is captured.
    pub one_in: NonZeroU32,
    /// How clients are anonymised, if they are.
    pub privacy: Option<Privacy>,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Format {
    /// C-DNS (RFC 8618).
    CDns,
    /// dnstap.
    Dnstap,
}

/// Where a capture goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Into files.
    Files(Files),
    /// To whoever listens on a Unix socket.
    Unix(PathBuf),
    /// To whoever listens on an address.
    Tcp(SocketAddr),
}

/// Files, and how much of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Their folder.
    pub directory: PathBuf,
    /// A file ends when this is over, counted from midnight (UTC).
    pub rotate: Duration,
    /// A file ends when it has so many octets.
    pub rotate_octets: u64,
    /// How files are packed.
    pub compression: Compression,
    /// Octets that may be written within one hour.
    pub octets_per_hour: Option<u64>,
    /// Octets of all files of the capture; the oldest go.
    pub directory_octets: u64,
}

/// How files are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Compression {
    /// By zstd.
    Zstd,
    /// By xz: smaller, at several times the cost.
    Xz,
    /// Not at all.
    None,
}

/// How clients are anonymised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privacy {
    /// The method.
    pub method: Method,
    /// The file of the secret that keys are made of.
    pub key_file: PathBuf,
}

/// `[[capture]]`, as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrittenCapture {
    name: Option<Spanned<String>>,
    format: Spanned<Format>,
    pub(super) directory: Option<Spanned<PathBuf>>,
    pub(super) socket: Option<Spanned<PathBuf>>,
    tcp: Option<Spanned<String>>,
    rotate_seconds: Option<Spanned<Limited<1, 86_400>>>,
    rotate_octets: Option<Spanned<Limited<{ 1 << 16 }, { 1 << 40 }>>>,
    compression: Option<Spanned<Compression>>,
    octets_per_hour: Option<Spanned<Limited<{ 1 << 20 }, { 1 << 40 }>>>,
    directory_octets: Option<Spanned<Limited<{ 1 << 20 }, { 1 << 50 }>>>,
    sample: Option<Limited<1, 1_000_000>>,
    anonymise: Option<Spanned<WrittenMethod>>,
    pub(super) key_file: Option<Spanned<PathBuf>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct WrittenMethod(Method);

/// Seconds of a file, where nothing is written.
const ROTATE_SECONDS: u64 = 300;

/// Octets of a file, where nothing is written: what one reader takes at once.
const ROTATE_OCTETS: u64 = 256 << 20;

/// Octets of all files, where nothing is written: some days of a busy node, and no disk is full.
const DIRECTORY_OCTETS: u64 = 10 << 30;

impl Capture {
    /// What the tables say, checked.
    pub(super) fn resolve(written: &[Spanned<WrittenCapture>]) -> Result<Vec<Self>, Mistake> {
        if let Some(table) = written.get(CAPTURES_MAX) {
            let message = format!("more than {CAPTURES_MAX} captures; leave some out");
            return Err((table.span().start, message));
        }
        let mut captures: Vec<Capture> = Vec::new();
        for (number, table) in (1..).zip(written) {
            let place = table.span().start;
            let capture = table.get_ref().resolve(place, number)?;
            if captures.iter().any(|other| other.name == capture.name) {
                let place = table.get_ref().name.as_ref();
                let place = place.map_or(table.span().start, |name| name.span().start);
                let message = format!(
                    "two captures are called `{}`; write another `name`",
                    capture.name
                );
                return Err((place, message));
            }
            captures.push(capture);
        }
        Ok(captures)
    }
}

impl WrittenCapture {
    /// The paths that are named.
    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let paths = [&mut self.directory, &mut self.socket, &mut self.key_file];
        paths.into_iter().flatten().map(Spanned::get_mut)
    }

    fn resolve(&self, place: usize, number: usize) -> Result<Capture, Mistake> {
        let format = *self.format.get_ref();
        Ok(Capture {
            name: self.name(number)?,
            format,
            sink: self.sink(place, format)?,
            one_in: self.sample.map_or(NonZeroU32::MIN, |sample| {
                let sample = u32::try_from(sample.0).unwrap_or(u32::MAX);
                NonZeroU32::new(sample).unwrap_or(NonZeroU32::MIN)
            }),
            privacy: self.privacy()?,
        })
    }

    fn name(&self, number: usize) -> Result<String, Mistake> {
        let Some(name) = &self.name else {
            return Ok(format!("capture{number}"));
        };
        let text = name.get_ref();
        let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        if text.is_empty() || text.len() > CAPTURE_NAME_MAX || !text.bytes().all(is_plain) {
            let message = format!(
                "`{text}` cannot be part of a file's name; write 1 to {CAPTURE_NAME_MAX} letters, \
                 digits, `-` or `_`"
            );
            return Err((name.span().start, message));
        }
        Ok(text.clone())
    }

    /// Where it goes: one place, and for a stream nothing that concerns files.
    fn sink(&self, place: usize, format: Format) -> Result<Sink, Mistake> {
        let named = [
            self.directory.as_ref().map(|path| path.span().start),
            self.socket.as_ref().map(|path| path.span().start),
            self.tcp.as_ref().map(|address| address.span().start),
        ];
        let mut named = named.into_iter().flatten();
        let _first = named.next();
        if let Some(second) = named.next() {
            let message = "a capture goes to one place; keep one of `directory`, `socket` and \
                           `tcp`, or add another [[capture]]";
            return Err((second, message.to_owned()));
        }
        if let Some(directory) = &self.directory {
            return Ok(Sink::Files(self.files(directory.get_ref())));
        }
        let Some((stream, stream_at)) = self.stream()? else {
            let message = match format {
                Format::CDns => "nothing says where the capture goes; add `directory = \"…\"`",
                Format::Dnstap => {
                    "nothing says where the capture goes; add `directory = \"…\"`, `socket = \
                     \"…\"` or `tcp = \"…\"`"
                }
            };
            return Err((place, message.to_owned()));
        };
        if format == Format::CDns {
            let message = "C-DNS goes into files; write `directory = \"…\"`, or `format = \
                           \"dnstap\"`";
            return Err((stream_at, message.to_owned()));
        }
        match self.of_files_alone() {
            None => Ok(stream),
            Some((key, place)) => {
                let message = format!("`{key}` is for files alone; leave it out");
                Err((place, message))
            }
        }
    }

    fn stream(&self) -> Result<Option<(Sink, usize)>, Mistake> {
        if let Some(path) = &self.socket {
            return Ok(Some((
                Sink::Unix(path.get_ref().clone()),
                path.span().start,
            )));
        }
        let Some(text) = &self.tcp else {
            return Ok(None);
        };
        let place = text.span().start;
        let address: SocketAddr = text.get_ref().parse().map_err(|_| {
            let text = text.get_ref();
            let message = format!("`{text}` is no address with a port, such as \"127.0.0.1:6000\"");
            (place, message)
        })?;
        Ok(Some((Sink::Tcp(address), place)))
    }

    fn files(&self, directory: &Path) -> Files {
        let or = |written: Option<u64>, otherwise: u64| written.unwrap_or(otherwise);
        let rotate = self.rotate_seconds.as_ref().map(|it| it.get_ref().0);
        let rotate_octets = self.rotate_octets.as_ref().map(|it| it.get_ref().0);
        let directory_octets = self.directory_octets.as_ref().map(|it| it.get_ref().0);
        Files {
            directory: directory.to_owned(),
            rotate: Duration::from_secs(or(rotate, ROTATE_SECONDS)),
            rotate_octets: or(rotate_octets, ROTATE_OCTETS),
            compression: { self.compression.as_ref() }
                .map_or(Compression::Zstd, |it| *it.get_ref()),
            octets_per_hour: self.octets_per_hour.as_ref().map(|it| it.get_ref().0),
            directory_octets: or(directory_octets, DIRECTORY_OCTETS),
        }
    }

    /// The first key that says something about files, and its place.
    fn of_files_alone(&self) -> Option<(&'static str, usize)> {
        let place = |key, at: Option<usize>| at.map(|at| (key, at));
        [
            place(
                "rotate-seconds",
                self.rotate_seconds.as_ref().map(|it| it.span().start),
            ),
            place(
                "rotate-octets",
                self.rotate_octets.as_ref().map(|it| it.span().start),
            ),
            place(
                "compression",
                self.compression.as_ref().map(|it| it.span().start),
            ),
            place(
                "octets-per-hour",
                self.octets_per_hour.as_ref().map(|it| it.span().start),
            ),
            place(
                "directory-octets",
                self.directory_octets.as_ref().map(|it| it.span().start),
            ),
        ]
        .into_iter()
        .flatten()
        .next()
    }

    fn privacy(&self) -> Result<Option<Privacy>, Mistake> {
        match (&self.anonymise, &self.key_file) {
            (None, None) => Ok(None),
            (Some(method), Some(key_file)) => Ok(Some(Privacy {
                method: method.get_ref().0,
                key_file: key_file.get_ref().clone(),
            })),
            (Some(method), None) => {
                let message = "anonymising needs a secret; add `key-file = \"…\"`, made by \
                               `openssl rand -base64 32`";
                Err((method.span().start, message.to_owned()))
            }
            (None, Some(key_file)) => {
                let message = "nothing says what the key is for; add `anonymise = \"crypto-pan\"` \
                               or `\"ipcrypt\"`";
                Err((key_file.span().start, message.to_owned()))
            }
        }
    }
}

impl TryFrom<String> for Format {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "c-dns" => Ok(Format::CDns),
            "dnstap" => Ok(Format::Dnstap),
            _ => Err(format!(
                "`{text}` is no format; write \"c-dns\" or \"dnstap\""
            )),
        }
    }
}

impl TryFrom<String> for Compression {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "zstd" => Ok(Compression::Zstd),
            "xz" => Ok(Compression::Xz),
            "none" => Ok(Compression::None),
            _ => Err(format!(
                "`{text}` is no way to pack files; write \"zstd\", \"xz\" or \"none\""
            )),
        }
    }
}

impl TryFrom<String> for WrittenMethod {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "crypto-pan" => Ok(WrittenMethod(Method::CryptoPan)),
            "ipcrypt" => Ok(WrittenMethod(Method::Ipcrypt)),
            _ => Err(format!(
                "`{text}` is no method; write \"crypto-pan\" or \"ipcrypt\""
            )),
        }
    }
}
