//! How long serials took from the primary's NOTIFY to being served (RSSAC002v5, load-time).
//!
//! One node knows when it began to serve; how long the identity took shows when the nodes' times
//! are merged. So times are kept, not durations.

use crate::limits::{LOADED_PERCENT, SERIALS_MAX};
use imrs_wire::Serial;
use std::collections::BTreeMap;

/// Serials of one day, and when they came, in ms of Unix time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loads {
    serials: BTreeMap<u32, Load>,
}

/// One serial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    /// When its NOTIFY arrived at the operator, the first of all.
    pub(super) notified_ms: Option<u64>,
    /// When nodes began to serve it, in order.
    pub(super) served_ms: Vec<u64>,
}

impl Loads {
    /// Notes that the primary told of a serial.
    pub fn note_notified(&mut self, serial: Serial, at_ms: u64) {
        if let Some(load) = self.entry(serial) {
            let first = load.notified_ms.map_or(at_ms, |before| before.min(at_ms));
            load.notified_ms = Some(first);
        }
    }

    /// Notes that this node began to serve a serial. It does so once; a later time is passed over.
    pub fn note_served(&mut self, serial: Serial, at_ms: u64) {
        if let Some(load) = self.entry(serial)
            && load.served_ms.is_empty()
        {
            load.served_ms.push(at_ms);
        }
    }

    /// Whether anything is known of a serial.
    pub fn has(&self, serial: Serial) -> bool {
        self.serials.contains_key(&serial.0)
    }

    /// For each serial the seconds, rounded up, from its first NOTIFY until 95 % of so many
    /// instances served it. Serials without a NOTIFY, and those that so many never served, are left
    /// out.
    pub fn times(&self, instances: usize) -> Vec<(Serial, u64)> {
        let needed = (instances * LOADED_PERCENT).div_ceil(100).max(1);
        let timed = self.serials.iter().filter_map(|(serial, load)| {
            let from = load.notified_ms?;
            let to = load.served_ms.get(needed - 1)?;
            Some((Serial(*serial), to.saturating_sub(from).div_ceil(1000)))
        });
        timed.collect()
    }

    /// Adds those of other nodes.
    pub(super) fn merge(&mut self, other: &Loads) {
        for (serial, load) in &other.serials {
            if let Some(at_ms) = load.notified_ms {
                self.note_notified(Serial(*serial), at_ms);
            }
            if let Some(own) = self.entry(Serial(*serial)) {
                own.served_ms.extend(&load.served_ms);
                own.served_ms.sort_unstable();
            }
        }
    }

    pub(super) fn serials(&self) -> &BTreeMap<u32, Load> {
        &self.serials
    }

    pub(super) fn of(serials: BTreeMap<u32, Load>) -> Loads {
        Loads { serials }
    }

    fn entry(&mut self, serial: Serial) -> Option<&mut Load> {
        if self.serials.len() >= SERIALS_MAX && !self.has(serial) {
            return None;
        }
        Some(self.serials.entry(serial.0).or_default())
    }
}
