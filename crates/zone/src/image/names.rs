//! The names of a zone as a tree of labels, so that a name is a number while compiling.

use crate::record::Name;
use domain::base::name::ToLabelIter;
use std::collections::HashMap;

/// A name of the tree. The root is number 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameId(u32);

impl NameId {
    pub(super) const ROOT: NameId = NameId(0);

    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// All names met while compiling one zone, and the names above them.
pub(super) struct Names {
    entries: Vec<Entry>,
    /// By the number of the parent and the label in lower case.
    index: HashMap<Vec<u8>, NameId>,
    /// Where keys of `index` are put together.
    scratch: Vec<u8>,
}

struct Entry {
    parent: NameId,
    /// As first met, without length octet.
    label: Box<[u8]>,
    /// Octets of the whole name.
    len: u16,
    labels: u8,
}

impl Names {
    pub(super) fn new() -> Self {
        let root = Entry {
            parent: NameId::ROOT,
            label: Box::default(),
            len: 1,
            labels: 0,
        };
        Names {
            entries: vec![root],
            index: HashMap::new(),
            scratch: Vec::new(),
        }
    }

    /// The number of `name`; names that differ in case only are the same.
    pub(super) fn intern(&mut self, name: &Name) -> NameId {
        let labels: Vec<_> = name
            .iter_labels()
            .filter(|label| !label.is_root())
            .collect();
        labels.iter().rev().fold(NameId::ROOT, |parent, label| {
            self.child(parent, label.as_slice())
        })
    }

    /// The number of a name that was interned.
    pub(super) fn find(&self, name: &Name) -> NameId {
        let labels: Vec<_> = name
            .iter_labels()
            .filter(|label| !label.is_root())
            .collect();
        let mut key = Vec::with_capacity(64);
        labels.iter().rev().fold(NameId::ROOT, |parent, label| {
            write_key(&mut key, parent, label.as_slice());
            *self
                .index
                .get(&key)
                .expect("every name of the zone was interned")
        })
    }

    fn child(&mut self, parent: NameId, label: &[u8]) -> NameId {
        write_key(&mut self.scratch, parent, label);
        if let Some(id) = self.index.get(&self.scratch) {
            return *id;
        }
        let id = NameId(self.entries.len() as u32);
        let above = &self.entries[parent.index()];
        let entry = Entry {
            parent,
            label: label.into(),
            len: above.len + label.len() as u16 + 1,
            labels: above.labels + 1,
        };
        self.entries.push(entry);
        self.index.insert(self.scratch.clone(), id);
        id
    }

    /// How many there are; numbers are below this.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }

    /// The name one label up; the root's is the root.
    pub(super) fn parent(&self, id: NameId) -> NameId {
        self.entries[id.index()].parent
    }

    /// Its first label, without length octet.
    pub(super) fn label(&self, id: NameId) -> &[u8] {
        &self.entries[id.index()].label
    }

    /// Octets of the name in wire form.
    pub(super) fn len(&self, id: NameId) -> u16 {
        self.entries[id.index()].len
    }

    /// Labels without the root label.
    pub(super) fn labels(&self, id: NameId) -> u8 {
        self.entries[id.index()].labels
    }

    /// The name itself and the names above it, the root last.
    pub(super) fn ancestry(&self, id: NameId) -> impl Iterator<Item = NameId> {
        let mut next = Some(id);
        std::iter::from_fn(move || {
            let id = next?;
            next = (id != NameId::ROOT).then(|| self.parent(id));
            Some(id)
        })
    }

    /// The name itself.
    pub(super) fn name(&self, id: NameId) -> Name {
        let mut octets = Vec::with_capacity(self.len(id).into());
        for name in self.ancestry(id) {
            octets.push(self.label(name).len() as u8);
            octets.extend_from_slice(self.label(name));
        }
        Name::from_octets(octets.into()).expect("a name that was interned is one")
    }

    /// Whether `id` is `above` or below it.
    pub(super) fn is_within(&self, id: NameId, above: NameId) -> bool {
        self.ancestry(id).any(|name| name == above)
    }
}

fn write_key(key: &mut Vec<u8>, parent: NameId, label: &[u8]) {
    key.clear();
    key.extend_from_slice(&parent.0.to_ne_bytes());
    key.extend(label.iter().map(u8::to_ascii_lowercase));
}
