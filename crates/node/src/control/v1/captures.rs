//! What is told of captures.

use serde::{Deserialize, Serialize};

/// What became of the messages of one capture. All but the octets add up to the messages that were
/// answered or passed over while it ran.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// What it is called.
    pub name: String,
    /// Messages in whole files, or taken by the system on the way to a reader.
    pub written: u64,
    /// Messages on their way there.
    pub pending: u64,
    /// Messages lost: no room between a worker and the capture, or nowhere to write.
    pub lost: u64,
    /// Messages that sampling passed over.
    pub sampled_away: u64,
    /// Messages beyond what may be written in an hour.
    pub over_budget: u64,
    /// Octets written.
    pub octets: u64,
    /// Whether nothing can be written now.
    pub is_failing: bool,
}
