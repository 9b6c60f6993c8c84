//! Compresses names in a message of a transfer.
//!
//! Only names that are the same octet for octet are joined, so that every name arrives in the
//! letter case that it has in the zone (RFC 5936 section 3.4). The compressors of `domain` join
//! names that differ in case. For the same reason nothing points into the question, whose case is
//! the client's.

use domain::base::ToName;
use domain::base::name::Label;
use domain::base::wire::Composer;
use domain::dep::octseq::{OctetsBuilder, Truncate};
use std::collections::HashMap;
use std::convert::Infallible;

/// The answer section of a message under construction.
pub(super) struct Names {
    octets: Vec<u8>,
    /// Where the section begins in the message.
    base: usize,
    /// Where each name begins in the message, as far as a pointer reaches.
    known: HashMap<Box<[u8]>, u16>,
}

impl Names {
    /// Begins a section behind so many octets of header and question.
    pub(super) fn behind(base: usize) -> Self {
        Names {
            octets: Vec::new(),
            base,
            known: HashMap::new(),
        }
    }

    /// Octets of the section.
    pub(super) fn len(&self) -> usize {
        self.octets.len()
    }

    /// Where the section ends in the message.
    pub(super) fn end(&self) -> usize {
        self.base + self.octets.len()
    }

    /// Ends the section after `len` octets and gives it; begins another behind `base` octets.
    pub(super) fn take(&mut self, len: usize, base: usize) -> Vec<u8> {
        let mut octets = std::mem::take(&mut self.octets);
        octets.truncate(len);
        octets.shrink_to_fit();
        self.known.clear();
        self.base = base;
        octets
    }

    fn append(&mut self, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
    }
}

impl Composer for Names {
    fn append_compressed_name<N: ToName + ?Sized>(&mut self, name: &N) -> Result<(), Infallible> {
        let Some(mut rest) = name.as_flat_slice() else {
            return name.compose(self);
        };
        while let Ok((label, parent)) = Label::split_from(rest)
            && !label.is_root()
        {
            if let Some(place) = self.known.get(rest) {
                self.append(&(place | POINTER).to_be_bytes());
                return Ok(());
            }
            let here = self.end();
            if here < usize::from(POINTER_END) {
                self.known.insert(rest.into(), here as u16);
            }
            self.append(&rest[..rest.len() - parent.len()]);
            rest = parent;
        }
        self.append(&[0]);
        Ok(())
    }

    fn can_compress(&self) -> bool {
        true
    }
}

impl OctetsBuilder for Names {
    type AppendError = Infallible;

    fn append_slice(&mut self, slice: &[u8]) -> Result<(), Infallible> {
        self.append(slice);
        Ok(())
    }
}

impl Truncate for Names {
    fn truncate(&mut self, len: usize) {
        self.octets.truncate(len);
        let end = self.end();
        self.known.retain(|_, place| usize::from(*place) < end);
    }
}

impl AsRef<[u8]> for Names {
    fn as_ref(&self) -> &[u8] {
        &self.octets
    }
}

impl AsMut<[u8]> for Names {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.octets
    }
}

/// The bits that make a pointer (RFC 1035 section 4.1.4).
const POINTER: u16 = 0xc000;

/// The first place that no pointer reaches.
const POINTER_END: u16 = 0x4000;
