//! Limits of route control: a name, a unit, a reason.

use std::time::Duration;

/// Time after which a wish that is not said again is void: five that were not said, or one stall of
/// the machine that is worth a withdrawal.
pub const WISH_TTL: Duration = Duration::from_millis(1500);

/// Longest time that a wish may be asked to hold, so that none outlives whoever wished it for long.
pub const WISH_TTL_MAX: Duration = Duration::from_secs(10);

/// Time for one exchange with the keeper: less than the time to live, so that a keeper that hangs is
/// noticed before the wish ends.
pub const LINK_PATIENCE: Duration = Duration::from_secs(1);

/// Octets of a line to the keeper: a policy for each of 32 neighbors, each under 200.
pub const REQUEST_OCTETS_MAX: usize = 16 << 10;

/// Octets of a line from the keeper: 32 neighbors with 1,024 octets of trouble each, and room.
pub const REPORT_OCTETS_MAX: usize = 128 << 10;

/// Clients at once: a server, its successor while it takes over, and two operators that look.
pub const CLIENTS_MAX: usize = 4;

/// How often BIRD is asked whether what is in force is what is wished.
pub const LOOK: Duration = Duration::from_secs(1);

/// Time for one reply of BIRD, which takes 5 ms for a configuration of this size.
pub const BIRD_PATIENCE: Duration = Duration::from_secs(2);

/// Octets of one reply of BIRD: `show protocols all` takes under 2,000 for each neighbor.
pub const BIRD_REPLY_OCTETS_MAX: usize = 256 << 10;

/// Octets of a message of BIRD that is told on.
pub const TROUBLE_OCTETS_MAX: usize = 512;

/// Time that BIRD is given beyond a trial, so that it undoes settings only when the keeper is gone.
pub const TRIAL_SPARE: Duration = Duration::from_secs(5);

/// Time without a sign of the thread that speaks to BIRD after which the watchdog is not told that
/// all is well: four replies that did not come.
pub const SPEAKER_STALL: Duration = Duration::from_secs(10);
