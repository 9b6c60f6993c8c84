//! Every limit of the simulated world: a name, a unit, a reason.

use std::time::Duration;

/// Time from one version of the zone to the next: the root has two a day.
pub const PUBLISH_INTERVAL: Duration = Duration::from_secs(12 * 3600);

/// Longest time that an honest primary needs to have a version which was published.
pub const DISTRIBUTION_MAX: Duration = Duration::from_secs(60);

/// How long signatures of a version hold, as those of the root do.
pub const LIFETIME: Duration = Duration::from_secs(13 * 86_400);

/// Time after which a question that was not answered is given up.
pub const ASK_PATIENCE: Duration = Duration::from_secs(5);

/// How often a question is sent over UDP before it is given up.
pub const ASK_TRIES: u32 = 3;

/// Time that a message of a transfer takes on its way, beside the delay of the link.
pub const MESSAGE_TIME: Duration = Duration::from_millis(1);

/// A node looks at its clock this often, so that it notices when a signature ends: the interval of
/// `imrs_node::limits::CLOCK_LOOK`.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// Age of a stored copy from which on it is not served before a primary confirmed it.
pub const STORED_AGE_MAX: Duration = Duration::from_secs(48 * 3600);

/// How long observers may be ahead of a node before it counts as stale.
pub const OBSERVERS_AHEAD_MAX: Duration = Duration::from_secs(3600);

/// Time after which an honest observer, another root server, has what was published.
pub const OBSERVER_DELAY: Duration = Duration::from_secs(300);

/// Versions that a node keeps on its disk.
pub const VERSIONS_KEPT: usize = 3;

/// Delegations that may come and go in one step: more than steps of this world have, fewer than a
/// mishap has.
pub const CHANGED_DELEGATIONS_MAX: usize = 6;

/// Octets of one transfer that a node takes. A zone of this world has a tenth.
pub const TRANSFER_OCTETS_MAX: usize = 300_000;

/// Records of one transfer that a node takes. A zone of this world has a tenth.
pub const TRANSFER_RECORDS_MAX: usize = 3_000;

/// Messages of one transfer that a node takes: as many as records, and a few.
pub const TRANSFER_MESSAGES_MAX: usize = 3_100;

/// Fetches from one primary within an hour: twice (differences and the whole) for each time that
/// the delay after a fetch doubles and for each time that its longest passes, and twice for each
/// version and crash of the hour.
pub const FETCHES_PER_HOUR_MAX: usize = 2 * (9 + 12) + 10;

/// Events at one moment: more than a node, a storm and a publication can cause together. What
/// exceeds it is a loop that does not let time pass.
pub const EVENTS_AT_ONCE_MAX: usize = 10_000;

/// Time from the healing of everything to the newest version in service, for nodes next to the
/// primaries: a serial that was refused under a wrong clock or a lie is fetched again after an
/// hour, and a round for that comes a refresh and a retry later at the latest.
pub const HEALED_WITHIN: Duration = Duration::from_secs(3600 + 1800 + 900 + 300);

// Many nodes that announce the same prefix.

/// Milliseconds of one step of the fleet's world.
pub const FLEET_STEP: u64 = 50;

/// Milliseconds in which a node that cannot prove its zone is withdrawn: a look at itself every
/// 500 ms, and what its router takes.
pub const FLEET_REACTION: u64 = 1100;

/// Probation of its nodes: short, so that a life has room for many.
pub const FLEET_PROBATION: Duration = Duration::from_secs(2);

/// Their longest.
pub const FLEET_PROBATION_MAX: Duration = Duration::from_secs(8);

/// Time without a lease after a start: longer than the first announcement takes, after which it must
/// no longer count.
pub const FLEET_START_PATIENCE: Duration = Duration::from_secs(15);

/// Milliseconds after the last trouble in which all announce again: the longest probation, and
/// messages that were on their way.
pub const FLEET_HEALED_WITHIN: u64 = 25_000;

/// Milliseconds in which a node that answers wrongly among well ones is withdrawn: three probes,
/// as many questions as the floor, and the router.
pub const FLEET_WITHDRAWN_WITHIN: u64 = 3000;

/// Milliseconds in which it is withdrawn even if it had promised to stand in: 5 s after its first
/// wrong probe, which comes within 500 ms.
pub const FLEET_WRONG_AT_MOST: u64 = 5500;

/// Milliseconds for which it is watched then: longer than a promise lasts.
pub const FLEET_STAYS_FOR: u64 = 15_000;
