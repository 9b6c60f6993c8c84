//! The zones that a server answers for, each with its image or without.

use crate::image::Image;
use crate::record::Name;
use imrs_wire::{Qname, Rtype};
use std::sync::Arc;

/// The zones of a server, immutable; a change makes a new value that replaces the old one whole.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    /// Names with more labels first, so that the first match is the longest.
    entries: Vec<Zone>,
}

/// One zone of a server.
#[derive(Clone, Debug)]
pub struct Zone {
    apex: Name,
    /// Labels of the apex, without the root label.
    labels: u8,
    image: Option<Arc<Image>>,
}

impl Zones {
    /// Makes the set. A zone without an image is known but not served: its queries get SERVFAIL.
    pub fn new(zones: impl IntoIterator<Item = (Name, Option<Arc<Image>>)>) -> Self {
        let mut entries: Vec<Zone> = zones
            .into_iter()
            .map(|(apex, image)| {
                let labels = apex.label_count().saturating_sub(1) as u8;
                Zone {
                    apex,
                    labels,
                    image,
                }
            })
            .collect();
        entries.sort_by_key(|zone| std::cmp::Reverse(zone.labels));
        Zones { entries }
    }

    /// The zones by name, each with its image if it is served.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, Option<&Arc<Image>>)> {
        self.entries
            .iter()
            .map(|zone| (&zone.apex, zone.image.as_ref()))
    }

    /// The zone that answers a question: the one with the longest name that encloses `qname`. DS
    /// is a matter of the zone above (RFC 4035 section 3.1.4.1), if that is here as well.
    #[inline]
    pub fn find(&self, qname: &Qname<'_>, qtype: Rtype) -> Option<&Zone> {
        let encloses = |zone: &&Zone| qname.ends_with(zone.apex.as_slice(), zone.labels);
        let mut enclosing = self.entries.iter().filter(encloses);
        let nearest = enclosing.next()?;
        if qtype == Rtype::DS && nearest.labels == qname.labels() {
            return enclosing.next().or(Some(nearest));
        }
        Some(nearest)
    }
}

impl Zone {
    /// Its image, unless it is not served.
    #[inline]
    pub fn image(&self) -> Option<&Image> {
        self.image.as_deref()
    }
}
