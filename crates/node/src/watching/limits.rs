//! Limits of the watch that a node keeps over itself: a name, a unit, a reason.

use std::time::Duration;

/// How often clock, workers and load are looked at, and peers asked if they are to be.
pub(crate) const LOOK: Duration = Duration::from_millis(200);

/// How often the keeper is told what is wished: five times before a wish is void.
pub(crate) const SAY: Duration = Duration::from_millis(300);

/// Longest time that answers to one round of probes are waited for: the way to oneself takes well
/// under a millisecond, so that what takes longer is a fault of its own.
pub(crate) const ANSWER: Duration = Duration::from_millis(400);

/// Octets of a response that a probe takes: more than any that it asks for.
pub(crate) const RESPONSE_OCTETS_MAX: usize = 16 << 10;

/// Time over which rates and shares are taken.
pub(crate) const WINDOW: Duration = Duration::from_secs(2);

/// Step of the wall clock against the steady one that is told: more than a clock that is kept is
/// slewed within [`WINDOW`].
pub(crate) const STEP: Duration = Duration::from_millis(500);

/// Time for which a step is told.
pub(crate) const STEP_TOLD: Duration = Duration::from_secs(3600);

/// Time without a lease after which a node that was told to stop leaves all the same: it will be
/// gone soon in any case, and a drain without one is better than none.
pub(crate) const STOP_FORCED_AFTER: Duration = Duration::from_secs(15);

/// How often a node that drains before it stops looks whether it may.
pub(crate) const STOP_LOOK: Duration = Duration::from_millis(100);

/// Time that a node has to be as fit as the one that it takes over from.
pub(crate) const WELL_PATIENCE: Duration = Duration::from_secs(60);
