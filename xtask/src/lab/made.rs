//! What a play needs beforehand: how long it is, and the versions of the zone.

use crate::transfer::versions::{Version, Versions};
use anyhow::Result;
use std::time::Duration;
use std::vec;

/// How much of it is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// All scenes.
    Full,
    /// Those that do not need long waits, or more servers.
    Brief,
}

impl Length {
    /// Time to see that nothing happens.
    pub(super) fn quiet(self) -> Duration {
        match self {
            Length::Full => Duration::from_secs(3),
            Length::Brief => Duration::from_secs(1),
        }
    }

    /// Time in which a serial that does not exist may be chased.
    pub(super) fn chase(self) -> Duration {
        match self {
            Length::Full => Duration::from_secs(10),
            Length::Brief => Duration::from_secs(3),
        }
    }
}

/// The versions of a play, made before it.
pub(super) struct Made {
    /// Good ones, in order.
    pub(super) good: vec::IntoIter<Version>,
    /// Two in their midst that are not, and what is wrong with them.
    pub(super) bad: vec::IntoIter<(&'static str, Version)>,
}

impl Made {
    /// Makes them all.
    pub(super) fn make(versions: &Versions) -> Result<Made> {
        let numbers = (0..GOOD).filter(|number| ![BAD, BAD + 1].contains(number));
        let good: Vec<Version> = numbers
            .map(|number| versions.make_changed(number))
            .collect::<Result<_>>()?;
        let bad = vec![
            (
                "ZONEMD",
                versions.with_wrong_digest(versions.make_changed(BAD)?)?,
            ),
            (
                "RRSIG",
                versions.with_wrong_signature(versions.make_changed(BAD + 1)?)?,
            ),
        ];
        Ok(Made {
            good: good.into_iter(),
            bad: bad.into_iter(),
        })
    }
}

/// As many versions as all scenes take, bad ones included.
const GOOD: u32 = 10;

/// The first of two versions that are bad.
const BAD: u32 = 3;
