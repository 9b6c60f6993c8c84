//! What health is measured by.

use super::Path;
use crate::limits;
use imrs_wire::{Both, Family};
use std::time::Duration;

/// What health is measured by. [`Settings::of`] gives the defaults of [`limits`].
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Families with a service address: the others have no paths and are never fit.
    pub families: Both<bool>,
    /// Wrong or unanswered probes of one path in a row that make its family unfit.
    pub wrong_in_a_row: u32,
    /// Age of the last result of a path beyond which the prober counts as silent.
    pub probes_max_age: Duration,
    /// Right rounds of each path before the first time.
    pub rounds_at_start: u32,
    /// Unbroken good evidence before a return.
    pub probation: Duration,
    /// Longest probation, however often it doubled.
    pub probation_max: Duration,
    /// Age of the zone beyond which the node withdraws; from half of it on it tells.
    pub zone_age_max: Duration,
    /// Life left of the zone or of its first signature below which it tells.
    pub ends_soon: Duration,
    /// Life left of the first signature below which it withdraws.
    pub signatures_left_min: Duration,
    /// Error of the clock of which it tells.
    pub clock_error_told: Duration,
    /// Error of the clock beyond which it withdraws.
    pub clock_error_max: Duration,
    /// Standstill of a worker beyond which it withdraws.
    pub stall_max: Duration,
    /// Share of dropped queries of which it tells.
    pub dropped_told: f64,
    /// Share of dropped queries beyond which it withdraws; by default never, since what is too
    /// much here is then too much for the next site.
    pub dropped_max: Option<f64>,
}

impl Settings {
    /// The defaults, for a node with service addresses of these families.
    #[must_use]
    pub fn of(families: Both<bool>) -> Settings {
        Settings {
            families,
            wrong_in_a_row: limits::WRONG_IN_A_ROW,
            probes_max_age: limits::PROBES_MAX_AGE,
            rounds_at_start: limits::ROUNDS_AT_START,
            probation: limits::PROBATION,
            probation_max: limits::PROBATION_MAX,
            zone_age_max: limits::ZONE_AGE_MAX,
            ends_soon: limits::ENDS_SOON,
            signatures_left_min: limits::SIGNATURES_LEFT_MIN,
            clock_error_told: limits::CLOCK_ERROR_TOLD,
            clock_error_max: limits::CLOCK_ERROR_MAX,
            stall_max: limits::STALL_MAX,
            dropped_told: limits::DROPPED_TOLD,
            dropped_max: None,
        }
    }

    /// The paths that exist.
    pub fn paths(&self) -> impl Iterator<Item = Path> {
        let has = |family: &Family| *self.families.of(*family);
        Family::ALL.into_iter().filter(has).flat_map(Path::of)
    }
}
