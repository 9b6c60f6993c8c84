//! Puts tables and bodies into the one run of octets that an image is.

use super::Image;
use super::layout::{ALIGN, BodyHead, Header, Span};
use super::render::Rendered;
use imrs_wire::Flags;
use std::collections::HashMap;
use zerocopy::{Immutable, IntoBytes};

/// An image in the making.
pub(super) struct Pack {
    octets: Vec<u8>,
    /// Where bodies and shared octets are that were packed before.
    known: HashMap<Vec<u8>, u32>,
}

impl Pack {
    pub(super) fn new() -> Self {
        Pack {
            octets: vec![0; size_of::<Header>()],
            known: HashMap::new(),
        }
    }

    /// Packs a body and gives its place. Bodies that are the same are packed once.
    pub(super) fn body(&mut self, body: &Rendered) -> u32 {
        let (shared, own) = body.octets.split_at(body.shared_len);
        let head = BodyHead {
            shared: if shared.is_empty() {
                0
            } else {
                self.once(shared.to_vec())
            },
            shared_len: shared.len() as u16,
            own_len: own.len() as u16,
            answer: body.counts[0],
            authority: body.counts[1],
            additional: body.counts[2],
            anchor_len: body.anchor_len,
            pointers: body.pointers.len() as u16,
            cuts: body.cuts.len() as u16,
            flags: if body.authoritative { Flags::AA } else { 0 },
            kind: body.kind as u16,
        };
        let mut block = head.as_bytes().to_vec();
        block.extend_from_slice(body.pointers.as_bytes());
        block.extend_from_slice(body.cuts.as_bytes());
        block.extend_from_slice(own);
        self.once(block)
    }

    fn once(&mut self, octets: Vec<u8>) -> u32 {
        if let Some(place) = self.known.get(&octets) {
            return *place;
        }
        let place = self.place();
        self.octets.extend_from_slice(&octets);
        self.known.insert(octets, place);
        place
    }

    /// Packs a table.
    pub(super) fn table<T: IntoBytes + Immutable>(&mut self, entries: &[T]) -> Span {
        let start = self.place();
        self.octets.extend_from_slice(entries.as_bytes());
        Span {
            start,
            len: entries.len() as u32,
        }
    }

    /// Packs strings of octets one behind the other, and tells where each is.
    pub(super) fn concatenate(&mut self, strings: &[Vec<u8>], mut at: impl FnMut(usize, Span)) {
        let mut start = self.place();
        for (index, octets) in strings.iter().enumerate() {
            let span = Span {
                start,
                len: octets.len() as u32,
            };
            at(index, span);
            self.octets.extend_from_slice(octets);
            start += span.len;
        }
    }

    /// The place of what is packed next.
    fn place(&mut self) -> u32 {
        self.octets
            .resize(self.octets.len().next_multiple_of(ALIGN), 0);
        u32::try_from(self.octets.len()).expect("limits keep zones far below 4 GiB")
    }

    /// The image, with `header` in front.
    pub(super) fn finish(mut self, header: Header) -> Image {
        self.place();
        self.octets[..size_of::<Header>()].copy_from_slice(header.as_bytes());
        let mut words = vec![0u64; self.octets.len() / size_of::<u64>()].into_boxed_slice();
        words.as_mut_bytes().copy_from_slice(&self.octets);
        Image { words, header }
    }
}
