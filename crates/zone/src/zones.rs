//! The zones that a server answers for, each with its image or without.

use crate::image::Image;
use crate::record::Name;
use std::sync::Arc;

/// The zones of a server, immutable; a change makes a new value that replaces the old one whole.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    apex: Name,
    image: Option<Arc<Image>>,
}

impl Zones {
    /// Makes the set. A zone without an image is known but not served: its queries get SERVFAIL.
    pub fn new(zones: impl IntoIterator<Item = (Name, Option<Arc<Image>>)>) -> Self {
        let entries = zones
            .into_iter()
            .map(|(apex, image)| Entry { apex, image })
            .collect();
        Zones { entries }
    }

    /// The zones by name, each with its image if it is served.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, Option<&Arc<Image>>)> {
        self.entries
            .iter()
            .map(|entry| (&entry.apex, entry.image.as_ref()))
    }
}
