//! What arrived for a zone: from a primary, or from the disk at the start.

use super::error::LoadError;
use super::load::Held;
use super::source::Source;
use imrs_wire::Serial;
use imrs_zone::difference::Difference;
use imrs_zone::packed::Packed;
use imrs_zone::plausible;
use imrs_zone::{Record, Verified};

/// What arrived for a zone.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The records, or the way to them.
    pub what: Offered,
    /// A serial that an operator lets pass, however much it changes.
    pub accepted: Option<Serial>,
}

/// Records of a zone, in the form in which they arrived.
#[derive(Clone, Debug)]
pub enum Offered {
    /// All of them, by AXFR.
    Whole(Vec<Record>),
    /// What changed since the version that is held, by IXFR.
    Differences(Vec<Difference>),
    /// All of them, from the disk.
    Stored(Packed),
}

impl Offer {
    /// The records of the version that is offered, which is given away.
    pub(super) fn take_records(&mut self, held: Option<&Held>) -> Result<Vec<Record>, LoadError> {
        match std::mem::replace(&mut self.what, Offered::Whole(Vec::new())) {
            Offered::Whole(records) => Ok(records),
            Offered::Stored(packed) => Ok(packed.records()),
            Offered::Differences(chain) => {
                let mut records = held.map(|held| held.packed.records()).unwrap_or_default();
                for difference in chain {
                    records =
                        difference
                            .apply(&records)
                            .map_err(|cause| LoadError::Inapplicable {
                                from: difference.from,
                                to: difference.to,
                                cause: Box::new(cause),
                            })?;
                }
                Ok(records)
            }
        }
    }

    /// Refuses a version that changes more than one step may, unless an operator named it.
    pub(super) fn refuse_implausible(
        &self,
        source: &Source,
        before: &[Record],
        verified: &Verified,
    ) -> Result<(), LoadError> {
        let Some(bounds) = &source.plausible else {
            return Ok(());
        };
        if self.accepted == Some(verified.serial()) {
            return Ok(());
        }
        plausible::check(before, verified.records(), bounds)
            .map(drop)
            .map_err(|cause| LoadError::Implausible {
                name: verified.apex().clone(),
                serial: verified.serial(),
                cause: Box::new(cause),
            })
    }
}
