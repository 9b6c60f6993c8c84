//! The NSEC chain of a zone, for finding the record that covers a name (RFC 4034 section 4).

use super::contents::Contents;
use super::layout;
use super::names::NameId;
use imrs_wire::{LabelEnds, Rtype};

/// The NSEC records of a zone, in canonical order of owners. Empty if the zone is not signed.
pub(super) struct Chain {
    pub owners: Vec<NameId>,
    /// What the owners sort by; see [`layout::sort_key`].
    pub keys: Vec<Vec<u8>>,
    /// The first octets of each owner's label next below the apex; see [`layout::Header::heads`].
    pub heads: Vec<u64>,
}

impl Chain {
    pub(super) fn new(contents: &Contents<'_>) -> Self {
        let signed = contents
            .rrsets
            .iter()
            .filter(|rrset| rrset.rtype == Rtype::NSEC.0);
        let owners: Vec<NameId> = signed.map(|rrset| rrset.owner).collect();
        let keys = owners
            .iter()
            .map(|owner| Self::key(contents, *owner))
            .collect();
        let heads = owners.iter().map(|owner| head(contents, *owner)).collect();
        Chain {
            owners,
            keys,
            heads,
        }
    }

    /// What a name sorts by.
    pub(super) fn key(contents: &Contents<'_>, name: NameId) -> Vec<u8> {
        let below = contents
            .names
            .ancestry(name)
            .take_while(|name| *name != contents.apex);
        let labels: Vec<_> = below.map(|name| contents.names.label(name)).collect();
        let mut key = Vec::new();
        for label in labels.iter().rev() {
            push_label(&mut key, label);
        }
        key
    }

    /// What the wildcard below a name sorts by.
    pub(super) fn wildcard_key(contents: &Contents<'_>, encloser: NameId) -> Vec<u8> {
        let mut key = Self::key(contents, encloser);
        push_label(&mut key, b"*");
        key
    }

    /// The place of the record whose owner is the last at or before a key.
    pub(super) fn covering(&self, key: &[u8]) -> Option<usize> {
        self.keys
            .partition_point(|owner| owner.as_slice() <= key)
            .checked_sub(1)
    }

    /// The names that can be the closest encloser of a name in a gap: those at or above the owner
    /// before it, and those above the owner behind it, but none at or below a cut.
    pub(super) fn enclosers(&self, gap: usize, contents: &Contents<'_>) -> Vec<NameId> {
        let names = &contents.names;
        let behind = self.owners.get(gap + 1).map(|owner| names.parent(*owner));
        let mut enclosers: Vec<NameId> = [Some(self.owners[gap]), behind]
            .into_iter()
            .flatten()
            .flat_map(|name| names.ancestry(name))
            .filter(|name| names.is_within(*name, contents.apex) && contents.cut(*name).is_none())
            .collect();
        enclosers.sort_unstable();
        enclosers.dedup();
        enclosers
    }
}

fn head(contents: &Contents<'_>, owner: NameId) -> u64 {
    let below = contents
        .names
        .ancestry(owner)
        .take_while(|name| *name != contents.apex);
    below
        .last()
        .map_or(0, |name| LabelEnds::of(contents.names.label(name)).head)
}

fn push_label(key: &mut Vec<u8>, label: &[u8]) {
    let mut push = |octet| {
        key.push(octet);
        Some(())
    };
    layout::sort_key(&mut push, label).expect("a vector takes every octet");
}
