//! Why a zone was not loaded. What is served stays as it is.

use crate::files::FileError;
use imrs_probe::judge::Failed;
use imrs_wire::Serial;
use imrs_zone::anchors::AnchorError;
use imrs_zone::difference::Inapplicable;
use imrs_zone::image::TooLarge;
use imrs_zone::packed::Damaged;
use imrs_zone::plausible::Implausible;
use imrs_zone::read::{Problem, ReadError};
use imrs_zone::synth::SynthError;
use imrs_zone::{Name, Unfit, Unverified};
use std::path::{Path, PathBuf};

/// Why a zone was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file could not be read.
    #[error(transparent)]
    File(FileError),
    /// The zone file is no master file.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    Read {
        /// The zone file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        problem: Box<Problem>,
    },
    /// Its records have not the shape of a zone that this server can serve.
    #[error("{origin}")]
    Unfit {
        /// Where the records come from.
        origin: String,
        /// What is wrong.
        #[source]
        cause: Box<Unfit>,
    },
    /// The test root could not be made.
    #[error("the test root could not be made")]
    Synth(#[source] SynthError),
    /// It holds another zone than was asked for.
    #[error("{origin} holds the zone {}, not {}; correct the name or the file", .found.fmt_with_dot(), .expected.fmt_with_dot())]
    OtherZone {
        /// Where the records come from.
        origin: String,
        /// The apex found.
        found: Name,
        /// The apex asked for.
        expected: Name,
    },
    /// Two sources hold the same zone.
    #[error("{origin} holds the zone {}, which another file holds as well; leave one out", .name.fmt_with_dot())]
    Twice {
        /// Where the records come from.
        origin: String,
        /// The zone.
        name: Name,
    },
    /// The file of trust anchors is wrong.
    #[error("trust anchors {}", path.display())]
    Anchors {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        cause: Box<AnchorError>,
    },
    /// The anchors named for a zone are of another.
    #[error("trust anchors {} are of {}, not of {}; name the right file", path.display(), .found.fmt_with_dot(), .expected.fmt_with_dot())]
    OtherAnchors {
        /// The file.
        path: PathBuf,
        /// The zone that they are of.
        found: Name,
        /// The zone that they are for.
        expected: Name,
    },
    /// The zone is older than the one in service.
    #[error(
        "zone {}: serial {serial} is older than {served}, which is served (RFC 1982); \
         restart the server to go back",
        .name.fmt_with_dot()
    )]
    Older {
        /// The zone.
        name: Name,
        /// Its serial.
        serial: Serial,
        /// The serial in service.
        served: Serial,
    },
    /// It is not proven.
    #[error("zone {} of serial {serial} is not proven", .name.fmt_with_dot())]
    Unverified {
        /// The zone.
        name: Name,
        /// Its serial.
        serial: Serial,
        /// The check that failed.
        #[source]
        cause: Box<Unverified>,
    },
    /// The zone above it, by which it is to be proven, is not there yet.
    #[error(
        "zone {} is to be proven by the zone {}, of which no version is held yet; it waits for that",
        .name.fmt_with_dot(), .parent.fmt_with_dot()
    )]
    NoParent {
        /// The zone.
        name: Name,
        /// The zone above it.
        parent: Name,
    },
    /// Differences do not apply to what is held.
    #[error("the difference from serial {from} to {to} does not apply")]
    Inapplicable {
        /// The serial that it is to be applied to.
        from: Serial,
        /// The serial that it leads to.
        to: Serial,
        /// What does not fit.
        #[source]
        cause: Box<Inapplicable>,
    },
    /// It changes more than one step may.
    #[error("zone {} of serial {serial} is not plausible", .name.fmt_with_dot())]
    Implausible {
        /// The zone.
        name: Name,
        /// Its serial.
        serial: Serial,
        /// What changes too much.
        #[source]
        cause: Box<Implausible>,
    },
    /// The compiled zone answers otherwise than its records say: a fault of this server.
    #[error(
        "zone {} of serial {serial} is compiled wrongly, which is a fault of imrs; please report it",
        .name.fmt_with_dot()
    )]
    Unsound {
        /// The zone.
        name: Name,
        /// Its serial.
        serial: Serial,
        /// What is answered wrongly.
        #[source]
        cause: Box<Failed>,
    },
    /// Its records cannot be kept.
    #[error("the records cannot be kept")]
    Damaged(#[source] Damaged),
    /// It does not fit into an image.
    #[error("zone {} of serial {serial} cannot be compiled", .name.fmt_with_dot())]
    Uncompiled {
        /// The zone.
        name: Name,
        /// Its serial.
        serial: Serial,
        /// What is too large.
        #[source]
        cause: TooLarge,
    },
}

impl LoadError {
    /// What is wrong in a zone file.
    pub(crate) fn read(path: &Path, error: ReadError) -> Self {
        let ReadError {
            line,
            column,
            problem,
        } = error;
        LoadError::Read {
            path: path.into(),
            line,
            column,
            problem: Box::new(problem),
        }
    }
}
