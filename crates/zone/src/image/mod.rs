//! The compiled, flat form of one zone.

use crate::verify::Verified;
use imrs_wire::Serial;

/// One zone, compiled: fixed-size tables and rendered response bodies in one run of octets.
#[derive(Debug)]
pub struct Image {
    octets: Vec<u64>,
    serial: Serial,
}

impl Image {
    pub(crate) fn compile(zone: &Verified) -> Self {
        Image {
            octets: Vec::new(),
            serial: zone.serial(),
        }
    }

    /// The size of the image in octets.
    pub fn size(&self) -> usize {
        self.octets.len() * 8
    }

    /// The serial of the zone that was compiled.
    pub fn serial(&self) -> Serial {
        self.serial
    }
}
