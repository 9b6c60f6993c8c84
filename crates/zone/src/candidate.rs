//! A set of records that has the shape of a zone which this server can serve.

use crate::record::{Name, Record};
use imrs_wire::Serial;

/// Records as received, sorted canonically and without duplicates; nothing about them is trusted.
#[derive(Clone, Debug)]
pub struct Candidate {
    apex: Name,
    serial: Serial,
    records: Vec<Record>,
}

/// Why a set of records cannot be a zone of this server.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {}

impl Candidate {
    /// Takes records that have the shape of a zone: one SOA, one class, nothing out of zone, …
    pub fn new(records: Vec<Record>) -> Result<Self, Unfit> {
        todo!("{records:?}")
    }

    /// The name of the zone.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The serial of its SOA record.
    pub fn serial(&self) -> Serial {
        self.serial
    }
}
