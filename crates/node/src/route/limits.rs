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

/// Time that a client may take for a line: as long as the longest wish holds.
pub const CLIENT_SILENCE_MAX: Duration = WISH_TTL_MAX;

/// How often our AS number may be put ahead of a path by a wish: as often as by the configuration.
pub const PREPEND_MAX: u8 = 10;

/// Time after which a client is told how things are, whether all that it wished is done or not: a
/// configuration takes BIRD 5 ms, and who waits has its own work.
pub const REPORT_PATIENCE: Duration = Duration::from_millis(200);

/// How often is looked for what is awaited: a BIRD that begins a moment after its keeper, or sessions
/// that are to come back.
pub const SEEK: Duration = Duration::from_millis(250);

/// Time that BIRD is given from its word until what it was told shows.
pub const SETTLE: Duration = Duration::from_millis(200);

/// Time between two looks meanwhile.
pub const SETTLE_LOOK: Duration = Duration::from_millis(10);

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

/// Time for the last withdrawal, after which the process ends whatever became of it: a look, a
/// configuration with its check, and a look, of which BIRD may let each wait.
pub const END_PATIENCE: Duration = Duration::from_secs(5);

/// Time for the kernel to add an address, which it does at once.
pub const NETLINK_PATIENCE: Duration = Duration::from_secs(1);

/// Time without a sign of the keeper after which BIRD drops our prefixes: six signs that did not
/// come, and more than BIRD itself may take for a reply. A keeper that died is noticed at once.
pub const PRESENCE_HOLD: Duration = Duration::from_secs(6);

/// Time for each step of opening the keeper's session with BIRD, which is on the same machine.
pub const PRESENCE_PATIENCE: Duration = Duration::from_millis(500);
