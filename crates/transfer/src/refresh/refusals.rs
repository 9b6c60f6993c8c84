//! Which serials were refused, and when they may be fetched again.

use super::timers::doubled;
use crate::limits::{REASON_OCTETS_MAX, REFUSAL_DELAY, REFUSAL_DELAY_MAX, REFUSALS_MAX};
use crate::time::Moment;
use imrs_wire::Serial;

/// A serial that a primary offered and that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Who offered it. Another primary may have the same serial in good order.
    pub primary: usize,
    /// The serial.
    pub serial: Serial,
    /// Why it was refused the last time.
    pub reason: String,
    /// How often it was refused.
    pub count: u32,
    /// When it was refused the last time.
    pub at: Moment,
    /// When it may be fetched from this primary again.
    pub again_at: Moment,
}

/// The refusals of one zone, [`REFUSALS_MAX`] of each primary.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals {
    /// In the order of their last refusal.
    all: Vec<Refusal>,
}

impl Refusals {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Refusal> {
        self.all.iter()
    }

    /// When this serial of this primary may be fetched, if it was refused.
    pub(super) fn again_at(&self, primary: usize, serial: Serial) -> Option<Moment> {
        let is_it = |refusal: &&Refusal| refusal.primary == primary && refusal.serial == serial;
        self.all.iter().find(is_it).map(|refusal| refusal.again_at)
    }

    pub(super) fn add(&mut self, now: Moment, primary: usize, serial: Serial, reason: &str) {
        let is_it = |refusal: &Refusal| refusal.primary == primary && refusal.serial == serial;
        let before = match self.all.iter().position(is_it) {
            Some(at) => self.all.remove(at).count,
            None => 0,
        };
        let of_primary = |refusal: &Refusal| refusal.primary == primary;
        if self
            .all
            .iter()
            .filter(|refusal| of_primary(refusal))
            .count()
            >= REFUSALS_MAX
            && let Some(oldest) = self.all.iter().position(of_primary)
        {
            self.all.remove(oldest);
        }
        self.all.push(Refusal {
            primary,
            serial,
            reason: shortened(reason),
            count: before.saturating_add(1),
            at: now,
            again_at: now + doubled(REFUSAL_DELAY, before, REFUSAL_DELAY_MAX),
        });
    }

    /// Forgets a serial, whoever offered it.
    pub(super) fn forget(&mut self, serial: Serial) {
        self.all.retain(|refusal| refusal.serial != serial);
    }

    /// Forgets what can no longer be fetched, `held` being what is held now.
    pub(super) fn keep_newer_than(&mut self, held: Serial) {
        self.all
            .retain(|refusal| refusal.serial.is_newer_than(held));
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
    }
}

/// As much of a reason as is kept.
fn shortened(reason: &str) -> String {
    reason[..reason.floor_char_boundary(REASON_OCTETS_MAX)].to_owned()
}
