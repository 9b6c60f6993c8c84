//! Versions of a root of the real size, which differ in SOA, ZONEMD and their signatures: the
//! commonest step of the real root, which cannot be signed anew.

use crate::transfer::versions;
use anyhow::Result;
use imrs_zone::synth::REAL_TLDS;

/// The versions, by rising serial, and their trust anchor.
pub(super) struct Versions {
    pub(super) all: Vec<Version>,
    /// As DS records.
    pub(super) anchors: String,
}

/// One version.
pub(super) struct Version {
    pub(super) serial: u32,
    /// The master file.
    pub(super) text: String,
}

impl Versions {
    /// Makes so many, ahead of what is measured.
    pub(super) fn make(count: u32) -> Result<Versions> {
        eprintln!("making {count} versions of a root");
        let versions = versions::Versions::new(REAL_TLDS)?;
        let make = |number| {
            let version = versions.make(number)?;
            Ok(Version {
                serial: version.serial,
                text: version.text(),
            })
        };
        Ok(Versions {
            all: (0..count).map(make).collect::<Result<_>>()?,
            anchors: versions.anchors,
        })
    }
}
