//! Limits of what nodes ask of one another: a name, a unit, a reason.

use std::time::Duration;

/// Time for one question to another node: what `imrs_fleet` waits for a promise.
pub(super) const PATIENCE: Duration = imrs_fleet::limits::ASK_TIMEOUT;

/// Time for one attempt over UDP, two of which fit into [`PATIENCE`].
pub(super) const ATTEMPT: Duration = Duration::from_millis(330);

/// Octets of a text, which is one record: 4 times what a node says of itself.
pub(super) const TEXT_OCTETS_MAX: usize = 4096;

/// Characters of a reason that is told in a brief, so that a brief fits a datagram.
pub(super) const WHY_MAX: usize = 160;
