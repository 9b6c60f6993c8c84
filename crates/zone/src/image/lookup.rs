//! Finds the body for a question. On the packet path: total, and free of allocation.
#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable
)]

use super::layout::{self, BodyHead, KEY_LEN_MAX, Node, Proof, Slot, Span, Types, node};
use super::{Cut, Image, Kind};
use imrs_wire::{LabelEnds, Qname, Rtype};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A rendered response body: all that stands behind the question, but for the OPT record.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    head: &'a BodyHead,
    shared: &'a [u8],
    own: &'a [u8],
    /// Where two octets of a compression pointer are, from the start of the body.
    pointers: &'a [u16],
    cuts: &'a [Cut],
}

impl Image {
    /// The body for a question of class IN, with DNSSEC records or without.
    ///
    /// `qname` must be the apex or below it. `None` only if the image is corrupt.
    #[inline]
    pub fn lookup(&self, qname: &Qname<'_>, qtype: Rtype, dnssec: bool) -> Option<Body<'_>> {
        let mut level = self.header.apex_labels as u8;
        let mut index = 0u32;
        let mut top = None;
        loop {
            let node: &Node = self.entry(self.header.nodes, index)?;
            let exact = level == qname.labels();
            if exact || node.flags & node::CUT != 0 {
                let bodies = if exact {
                    self.bodies(node, qtype)?
                } else {
                    &node.otherwise
                };
                return self.body(*bodies.get(usize::from(dnssec))?);
            }
            let ends = qname.label_ends(level)?;
            let top = *top.get_or_insert(ends.head);
            let child = match node.flags & node::PARENT {
                0 => None,
                _ => self.child(index, qname, level, ends),
            };
            match child {
                Some(child) => index = child,
                None if dnssec => return self.denial(index, qname, top),
                None => return self.body(self.header.nxdomain),
            }
            level = level.wrapping_add(1);
        }
    }

    /// The pair of bodies for a type at a node.
    #[inline]
    fn bodies<'a>(&'a self, node: &'a Node, qtype: Rtype) -> Option<&'a [u32; 2]> {
        let types: &[Types] = self.part(self.header.types, node.types)?;
        let found = types.iter().find(|types| types.rtype == u32::from(qtype.0));
        match found {
            Some(types) => Some(&types.bodies),
            None => Some(&node.otherwise),
        }
    }

    /// The node below `parent` whose label is the one at `level` of `qname`, with these ends.
    #[inline]
    fn child(&self, parent: u32, qname: &Qname<'_>, level: u8, ends: LabelEnds) -> Option<u32> {
        let hash = layout::hash(self.header.seed, parent, ends);
        let slots = self.header.slots;
        let last = slots.len.wrapping_sub(1);
        for step in 0..self.header.probes {
            let slot: &Slot = self.entry(slots, (hash as u32).wrapping_add(step) & last)?;
            if *slot == 0 {
                return None;
            }
            if (slot ^ hash) >> 32 == 0 {
                let index = (*slot as u32).wrapping_sub(1);
                let node: &Node = self.entry(self.header.nodes, index)?;
                if node.parent == parent && self.is_label(node, ends, qname, level) {
                    return Some(index);
                }
            }
        }
        None
    }

    #[inline]
    fn is_label(&self, node: &Node, ends: LabelEnds, qname: &Qname<'_>, level: u8) -> bool {
        if node.head != ends.head || node.label_len != u32::from(ends.len) {
            return false;
        }
        if ends.len <= 8 {
            return true;
        }
        let label = self.octets(node.label, node.label_len as usize);
        let asked = qname.label(level);
        asked
            .zip(label)
            .is_some_and(|(asked, label)| asked.eq_ignore_ascii_case(label))
    }

    /// The body that proves that `qname`, whose closest encloser is a node, does not exist. `top`
    /// is the head of its label next below the apex.
    #[inline]
    fn denial(&self, encloser: u32, qname: &Qname<'_>, top: u64) -> Option<Body<'_>> {
        let Some(gap) = self.gap(qname, top) else {
            // A zone without NSEC records has nothing to prove it with.
            return self.body(self.header.nxdomain);
        };
        let gap: &Span = self.entry(self.header.gaps, gap)?;
        let proofs: &[Proof] = self.part(self.header.proofs, *gap)?;
        // In a chain with holes, which a policy may let pass, a name can have no proof.
        let proof = proofs.iter().find(|proof| proof.encloser == encloser);
        self.body(proof.map_or(self.header.nxdomain, |proof| proof.body))
    }

    /// The last NSEC record whose owner does not sort behind `qname`.
    ///
    /// The first eight octets below the apex decide, for all but the few names that have them in
    /// common.
    #[inline]
    fn gap(&self, qname: &Qname<'_>, head: u64) -> Option<u32> {
        let heads: &[u64] = self.table(self.header.heads)?;
        let behind = heads.partition_point(|owner| *owner <= head) as u32;
        let gap = behind.checked_sub(1)?;
        if heads.get(gap as usize) == Some(&head) {
            self.gap_among(qname, head)
        } else {
            Some(gap)
        }
    }

    /// The same, by whole names.
    #[cold]
    fn gap_among(&self, qname: &Qname<'_>, head: u64) -> Option<u32> {
        let mut key = [0u8; KEY_LEN_MAX];
        let mut len = 0usize;
        for level in self.header.apex_labels as u8..qname.labels() {
            let mut push = |octet| {
                *key.get_mut(len)? = octet;
                len = len.wrapping_add(1);
                Some(())
            };
            layout::sort_key(&mut push, qname.label(level)?)?;
        }
        let key = key.get(..len)?;
        let heads: &[u64] = self.table(self.header.heads)?;
        let first = heads.partition_point(|owner| *owner < head);
        let end = heads.partition_point(|owner| *owner <= head);
        let keys: &[Span] = self.table(self.header.keys)?;
        let before = keys.get(first..end)?.partition_point(|span| {
            self.octets(span.start, span.len as usize)
                .is_some_and(|owner| owner <= key)
        });
        (first.wrapping_add(before) as u32).checked_sub(1)
    }

    /// The body at a place.
    #[inline]
    fn body(&self, place: u32) -> Option<Body<'_>> {
        let from = self.words.as_bytes().get(place as usize..)?;
        let (head, rest) = BodyHead::ref_from_prefix(from).ok()?;
        let (pointers, rest) =
            <[u16]>::ref_from_prefix_with_elems(rest, usize::from(head.pointers)).ok()?;
        let (cuts, rest) =
            <[Cut]>::ref_from_prefix_with_elems(rest, usize::from(head.cuts)).ok()?;
        let own = rest.get(..usize::from(head.own_len))?;
        let shared = self.octets(head.shared, usize::from(head.shared_len))?;
        Some(Body {
            head,
            shared,
            own,
            pointers,
            cuts,
        })
    }

    /// One entry of a table.
    #[inline]
    fn entry<T: FromBytes + Immutable + KnownLayout>(&self, table: Span, index: u32) -> Option<&T> {
        let at = (index as usize)
            .wrapping_mul(size_of::<T>())
            .wrapping_add(table.start as usize);
        T::ref_from_prefix(self.words.as_bytes().get(at..)?)
            .ok()
            .map(|(entry, _)| entry)
    }

    /// A whole table.
    #[inline]
    fn table<T: FromBytes + Immutable + KnownLayout>(&self, table: Span) -> Option<&[T]>
    where
        [T]: FromBytes + Immutable + KnownLayout<PointerMetadata = usize>,
    {
        let from = self.words.as_bytes().get(table.start as usize..)?;
        <[T]>::ref_from_prefix_with_elems(from, table.len as usize)
            .ok()
            .map(|(entries, _)| entries)
    }

    /// A few entries of a table.
    #[inline]
    fn part<T: FromBytes + Immutable + KnownLayout>(&self, table: Span, part: Span) -> Option<&[T]>
    where
        [T]: FromBytes + Immutable + KnownLayout<PointerMetadata = usize>,
    {
        let skip = (part.start as usize).wrapping_mul(size_of::<T>()) as u32;
        self.table(Span {
            start: table.start.wrapping_add(skip),
            len: part.len,
        })
    }

    #[inline]
    fn octets(&self, start: u32, len: usize) -> Option<&[u8]> {
        self.words.as_bytes().get(start as usize..)?.get(..len)
    }
}

impl Body<'_> {
    /// What the body says.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self.head.kind {
            1 => Kind::Referral,
            2 => Kind::NoData,
            3 => Kind::NxDomain,
            _ => Kind::Answer,
        }
    }

    /// The header bits that go with it: AA or none.
    #[inline]
    pub fn flags(&self) -> u16 {
        self.head.flags
    }

    /// Records of its answer and authority sections; these are never cut.
    #[inline]
    pub fn counts(&self) -> (u16, u16) {
        (self.head.answer, self.head.authority)
    }

    /// How much of it may be sent in `room` octets: the whole body, or up to a place behind all that
    /// has to be there. `None` if even that is too long, and the response is truncated.
    #[inline]
    pub fn fit(&self, room: usize) -> Option<Cut> {
        // Compiling keeps bodies below 65,536 octets.
        let len = self.head.shared_len.wrapping_add(self.head.own_len);
        if usize::from(len) <= room {
            return Some(Cut {
                len,
                additional: self.head.additional,
            });
        }
        self.cuts
            .iter()
            .find(|cut| usize::from(cut.len) <= room)
            .copied()
    }

    /// Fills `out` with the start of the body, as it stands behind a question whose name has
    /// `qname_len` octets: copies, then shifts the compression pointers.
    #[inline]
    pub fn write(&self, qname_len: usize, out: &mut [u8]) {
        let shared = self.shared.len().min(out.len());
        let (first, rest) = out.split_at_mut(shared);
        if let Some(from) = self.shared.get(..shared) {
            first.copy_from_slice(from);
        }
        if let Some(from) = self.own.get(..rest.len()) {
            rest.copy_from_slice(from);
        }
        let shift = (qname_len as u16).wrapping_sub(self.head.anchor_len);
        if shift == 0 {
            return;
        }
        for at in self.pointers {
            let Some(pointer) = out
                .get_mut(usize::from(*at)..)
                .and_then(<[u8]>::first_chunk_mut)
            else {
                // Pointers are in order: the others were cut off as well.
                return;
            };
            *pointer = u16::from_be_bytes(*pointer)
                .wrapping_add(shift)
                .to_be_bytes();
        }
    }
}
