//! What was counted of the transfers of a zone.

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// NOTIFY messages heard.
    pub(crate) notified: u64,
    /// Transfers that were proven and served.
    pub(crate) accepted: u64,
    /// Transfers that were refused.
    pub(crate) refused: u64,
    /// Transfers that came to nothing.
    pub(crate) failed: u64,
    /// NOTIFY messages that a secondary took.
    pub(crate) told: u64,
    /// NOTIFY messages that were sent in vain.
    pub(crate) untold: u64,
}
