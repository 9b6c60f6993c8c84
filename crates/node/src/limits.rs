//! Every limit of the node that is not a limit of its sockets: a name, a unit, a reason.

use std::time::Duration;

/// Octets of a zone file as stored. The root is 2.2 million octets of text; this is 30 times that.
pub const FILE_OCTETS_MAX: u64 = 64 << 20;

/// Octets of a zone file after decompression, so that a small file cannot fill the memory.
pub const TEXT_OCTETS_MAX: u64 = 64 << 20;

/// Octets of a file of trust anchors. The root's is under 2,000.
pub const ANCHORS_OCTETS_MAX: u64 = 1 << 20;

/// Octets of a configuration file.
pub const CONFIG_OCTETS_MAX: u64 = 1 << 20;

/// Zones of one server. A root server has three; each costs an image and a look at start.
pub const ZONES_MAX: usize = 256;

/// Listen addresses of one server; each costs a socket per worker and transport.
pub const LISTEN_MAX: usize = 64;

/// Worker threads; more than any machine of a site has cores.
pub const WORKERS_MAX: u64 = 256;

/// Octets of an identity or version text: one character-string (RFC 1035 section 3.3).
pub const TEXT_MAX: usize = 255;

/// Verification threads while the node serves, so that workers keep their cores.
pub const RELOAD_THREADS_MAX: usize = 2;

/// Time before the earliest expiry of a signature at which a zone counts as degraded.
///
/// The root is signed for about 13 days and published twice a day: a day before the end, some 20
/// versions were missed.
pub const EXPIRY_ALARM: Duration = Duration::from_secs(24 * 3600);

/// Longest time between two looks at the wall clock, so that a clock that jumps is noticed.
pub const CLOCK_LOOK: Duration = Duration::from_secs(60);

/// Octets of one line on the control socket.
pub const CONTROL_LINE_MAX: usize = 1 << 20;

/// Octets of a request on the control socket; the longest that exists has under 100.
pub const CONTROL_REQUEST_MAX: usize = 4096;

/// Clients of the control socket at once.
pub const CONTROL_CLIENTS_MAX: usize = 16;

/// Time that a control client has to send its request and to take the reply.
pub const CONTROL_PATIENCE: Duration = Duration::from_secs(5);

/// Time that `imrs ctl` and the control socket wait for a reload to finish.
pub const RELOAD_PATIENCE: Duration = Duration::from_secs(120);
