//! Why something could not be stored or was not taken from the store, in words for the operator.

use super::Generation;
use imrs_wire::Serial;
use imrs_zone::Name;
use std::io;

/// Why the store could not do what it was asked. What was stored before is untouched.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The medium or the quota is full.
    #[error("no space left for {name} in {place}; free some, or keep fewer versions (`versions`)")]
    NoSpace {
        /// The file.
        name: String,
        /// The folder.
        place: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The file system takes no changes.
    #[error("{place} is on a file system that is read-only; remount it or set another `state`")]
    ReadOnly {
        /// The folder.
        place: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The user of this process may not do that.
    #[error("no permission to {what} {name} in {place}; it must belong to the user imrs runs as")]
    Denied {
        /// What was attempted.
        what: &'static str,
        /// The file.
        name: String,
        /// The folder.
        place: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The folder is not there.
    #[error("the folder {place} is missing; make it, or set another `state`")]
    Missing {
        /// The folder.
        place: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Another process works in the folder.
    #[error("{place} is in use by another imrs; give each its own `state`")]
    InUse {
        /// The folder.
        place: String,
    },
    /// The system failed in another way.
    #[error("cannot {what} {name} in {place}")]
    Failed {
        /// What was attempted.
        what: &'static str,
        /// The file.
        name: String,
        /// The folder.
        place: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The file would be larger than one that is read back.
    #[error("{name} would have {octets} octets, over the limit of {limit} for one file")]
    TooLarge {
        /// The file.
        name: String,
        /// Its octets.
        octets: u64,
        /// The limit.
        limit: u64,
    },
    /// A zone was offered to the store of another.
    #[error("the zone {offered} cannot be stored among the copies of {zone}")]
    OtherZone {
        /// The zone offered.
        offered: Name,
        /// The zone of this store.
        zone: Name,
    },
    /// A difference does not lead from a kept copy to the new one.
    #[error(
        "the difference from {from} to {to} leads from no kept copy to serial {new}; \
         secondaries will get the zone whole"
    )]
    Unchained {
        /// The serial that the difference starts from.
        from: Serial,
        /// The serial that it leads to.
        to: Serial,
        /// The serial of the new copy.
        new: Serial,
    },
    /// There is no such copy.
    #[error("no copy of generation {generation} is kept")]
    NoSuchCopy {
        /// Which copy.
        generation: Generation,
    },
    /// A copy was found damaged when it was read again.
    #[error("{name} cannot be used")]
    Unusable {
        /// The file.
        name: String,
        /// Why.
        #[source]
        reason: Reason,
    },
}

/// What the store did with its disk.
#[derive(Clone, Copy)]
pub(super) enum Step {
    List,
    Read,
    Write,
    Rename,
    Remove,
    Sync,
}

impl Step {
    fn verb(self) -> &'static str {
        match self {
            Step::List => "list",
            Step::Read => "read",
            Step::Write => "write",
            Step::Rename => "rename",
            Step::Remove => "remove",
            Step::Sync => "sync",
        }
    }
}

impl StoreError {
    /// Names what the system's error means.
    pub(super) fn from_system(step: Step, name: &str, place: String, cause: io::Error) -> Self {
        use io::ErrorKind as Kind;
        let name = name.to_owned();
        let what = step.verb();
        match (cause.kind(), step) {
            (Kind::StorageFull | Kind::QuotaExceeded, _) => {
                StoreError::NoSpace { name, place, cause }
            }
            (Kind::ReadOnlyFilesystem, _) => StoreError::ReadOnly { place, cause },
            (Kind::PermissionDenied, _) => StoreError::Denied {
                what,
                name,
                place,
                cause,
            },
            (Kind::NotFound, Step::List | Step::Write | Step::Sync) => {
                StoreError::Missing { place, cause }
            }
            _ => StoreError::Failed {
                what,
                name,
                place,
                cause,
            },
        }
    }
}

/// A file of the store that was not taken, and why.
#[derive(Debug, thiserror::Error)]
#[error("{name} was dropped")]
pub struct Dropped {
    /// The file.
    pub name: String,
    /// Why.
    #[source]
    pub reason: Reason,
}

/// Why a file of the store is of no use.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// A crash came while it was written. It is removed.
    #[error("its writing was not finished")]
    Unfinished,
    /// Its end is missing.
    #[error("it was torn: {present} of {expected} octets are there")]
    Torn {
        /// Octets that are there.
        present: u64,
        /// Octets that its beginning promises.
        expected: u64,
    },
    /// Its digest does not match.
    #[error("it was corrupted: its SHA-384 digest does not match")]
    Corrupted,
    /// Its digest matches and its content makes no sense: not written by a version of ours.
    #[error("its content is unfit: {what}")]
    Unfit {
        /// What is wrong in it.
        what: String,
    },
    /// Another version of imrs wrote it. It is left alone.
    #[error("it is of the format {found:?}, which this imrs does not know; it is left alone")]
    OtherVersion {
        /// Its first line.
        found: String,
    },
    /// It belongs to another zone.
    #[error("it belongs to the zone {found}")]
    OtherZone {
        /// That zone.
        found: String,
    },
    /// A difference that no chain to the newest copy uses.
    #[error("no chain of differences to the newest copy needs it")]
    Unchained,
    /// The system would not give it. It is left alone.
    #[error("the system does not give it; it is left alone")]
    Unreadable {
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

impl Reason {
    /// Whether the file is ours and worthless for ever, so that it may go once a newer copy is safe.
    pub(super) fn is_worthless(&self) -> bool {
        match self {
            Reason::Torn { .. } | Reason::Corrupted | Reason::Unfit { .. } | Reason::Unchained => {
                true
            }
            Reason::Unfinished
            | Reason::OtherVersion { .. }
            | Reason::OtherZone { .. }
            | Reason::Unreadable { .. } => false,
        }
    }
}
