//! The compiled, flat form of one zone.
//!
//! [`crate::Verified::compile`] renders every response body once; [`Image::lookup`] finds the one
//! for a question. `layout` says how the octets lie, `contents` groups the records, `render` writes
//! bodies, `compile` decides which bodies there are. Nothing here knows messages: a body is what
//! stands behind the question, and who sends it shifts its compression pointers.

mod chain;
mod compile;
mod contents;
mod layout;
mod lookup;
mod names;
mod pack;
mod render;
#[cfg(test)]
mod tests;

pub use layout::Cut;
pub use lookup::Body;
pub use render::TooLarge;

use crate::verify::Verified;
use imrs_wire::Serial;
use std::fmt;

/// One zone, compiled: fixed-size tables and rendered response bodies in one run of octets.
pub struct Image {
    /// The image; words only so that it starts at a multiple of eight.
    words: Box<[u64]>,
    /// A copy of the header in front of it.
    header: layout::Header,
}

/// What a body says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// The RRset that was asked for.
    Answer = 0,
    /// The servers of a delegated zone.
    Referral = 1,
    /// The name exists, the type does not.
    NoData = 2,
    /// The name does not exist.
    NxDomain = 3,
}

impl Image {
    pub(crate) fn compile(zone: &Verified) -> Result<Self, TooLarge> {
        compile::compile(zone.apex(), zone.serial(), zone.records())
    }

    /// The size of the image in octets.
    pub fn size(&self) -> usize {
        size_of_val(&*self.words)
    }

    /// The serial of the zone that was compiled.
    pub fn serial(&self) -> Serial {
        Serial(self.header.serial)
    }

    /// Labels of the apex, without the root label.
    pub fn apex_labels(&self) -> u8 {
        self.header.apex_labels as u8
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("size", &self.size())
            .field("header", &self.header)
            .finish()
    }
}
