//! What changed from one version of a zone to another, and how to get there.

use crate::record::Record;
use imrs_wire::Serial;

/// What makes one version of a zone of another (RFC 1995 section 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The serial of the version that it starts from.
    pub from: Serial,
    /// The serial of the version that it leads to.
    pub to: Serial,
    /// Records to take out, in canonical order, the SOA record of `from` among them.
    pub removed: Vec<Record>,
    /// Records to put in, in canonical order, the SOA record of `to` among them.
    pub added: Vec<Record>,
}
