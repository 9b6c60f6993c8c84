//! How an image is laid out: a header, rendered bodies, tables of fixed-size entries.
//!
//! ```text
//! Header | bodies | labels | keys | nodes | slots | types | heads | key spans | gaps | proofs
//! ```
//!
//! All places are offsets in octets from the start of the image, all numbers are in the byte order
//! of the machine, and every table starts at a multiple of eight. Nothing is a pointer, so an image
//! means the same wherever it lies.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The first octets of an image.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Header {
    /// Mixed into the hash of a label, chosen so that no look-up needs many probes.
    pub seed: u64,
    /// The serial of the zone.
    pub serial: u32,
    /// Labels of the apex, without the root label.
    pub apex_labels: u32,
    /// [`Node`]s; the first is the apex.
    pub nodes: Span,
    /// Hash table of nodes by parent and label, a power of two; see [`Slot`].
    pub slots: Span,
    /// [`Types`] of all nodes, those of one node together and sorted by type.
    pub types: Span,
    /// For each NSEC record in canonical order of owners: the first eight octets of the owner's
    /// label next below the apex, in lower case, as a big-endian number.
    pub heads: Span,
    /// For each NSEC record: a [`Span`] of octets that sort as owners do.
    pub keys: Span,
    /// For each NSEC record: a [`Span`] of [`Proof`]s that a name in its gap does not exist.
    pub gaps: Span,
    /// [`Proof`]s of all gaps.
    pub proofs: Span,
    /// The body of NXDOMAIN without proofs.
    pub nxdomain: u32,
    /// Probes that a look-up makes at the most.
    pub probes: u32,
}

/// A table: where it starts, in octets from the start of the image, and how many entries it has.
/// Where it stands for entries of another table, `start` is the index of the first of them.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Span {
    pub start: u32,
    pub len: u32,
}

/// A name at which the zone has something to say: the apex, an owner of authoritative records, an
/// empty non-terminal, or a zone cut.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Node {
    /// [`imrs_wire::LabelEnds::head`] of its label.
    pub head: u64,
    /// The node one label up.
    pub parent: u32,
    /// Where its label is, in lower case, without length octet.
    pub label: u32,
    pub label_len: u32,
    /// Bits of [`node`].
    pub flags: u32,
    /// Its [`Types`].
    pub types: Span,
    /// Bodies for all other types, without and with DNSSEC records: NODATA, or at a zone cut the
    /// referral.
    pub otherwise: [u32; 2],
}

/// Bits of [`Node::flags`].
pub(super) mod node {
    /// Everything at and below this name is delegated, but for the types that the node lists.
    pub(in crate::image) const CUT: u32 = 1;
    /// There are nodes below this one.
    pub(in crate::image) const PARENT: u32 = 2;
}

/// An entry of the hash table: the upper half is that of the hash, the lower half the index of the
/// node and one; zero is free.
pub(super) type Slot = u64;

/// The bodies for one type at one node, without and with DNSSEC records.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Types {
    pub rtype: u32,
    pub bodies: [u32; 2],
}

/// The body that proves that a name does not exist, given its closest encloser.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Proof {
    pub encloser: u32,
    pub body: u32,
}

/// What stands in front of a body; behind it its pointers (`u16`), its [`Cut`]s, its octets.
#[derive(Clone, Copy, Debug, PartialEq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct BodyHead {
    /// Where the octets are that the body shares with others; they come first.
    pub shared: u32,
    pub shared_len: u16,
    pub own_len: u16,
    pub answer: u16,
    pub authority: u16,
    pub additional: u16,
    /// Octets of the name for which pointers were computed.
    pub anchor_len: u16,
    pub pointers: u16,
    pub cuts: u16,
    /// Header bits: AA.
    pub flags: u16,
    /// Number of the [`super::Kind`].
    pub kind: u16,
}

/// A place before its end at which a body may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Cut {
    /// Octets that stay, of shared and own together.
    pub len: u16,
    /// Records that then stay in the additional section.
    pub additional: u16,
}

/// Where tables and bodies start: at multiples of this.
pub(super) const ALIGN: usize = 8;

/// Octets of the longest [`sort_key`]: a name of 255 octets, each standing for two.
pub(super) const KEY_LEN_MAX: usize = 512;

/// Mixes what identifies a node into 64 bits.
#[inline]
pub(super) fn hash(seed: u64, parent: u32, label: imrs_wire::LabelEnds) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let place = u64::from(parent) << 8 | u64::from(label.len);
    let mixed = (label.head ^ seed).wrapping_mul(ODD);
    let mixed = (mixed ^ mixed >> 32 ^ label.tail.rotate_left(29) ^ place).wrapping_mul(ODD);
    mixed ^ mixed >> 32
}

/// Appends a label to a key such that keys compare as octet strings like the names do in canonical
/// order (RFC 4034 section 6.1): labels from the apex down, each ended by a zero, octets 0 and 1
/// written as two so that no octet of a label is zero. `None` if the key is full.
pub(super) fn sort_key(key: &mut impl FnMut(u8) -> Option<()>, label: &[u8]) -> Option<()> {
    for octet in label {
        match octet.to_ascii_lowercase() {
            low @ 0..=1 => {
                key(1)?;
                key(low.wrapping_add(1))?;
            }
            octet => key(octet)?,
        }
    }
    key(0)
}
