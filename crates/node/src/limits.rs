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

/// Keys of TSIG. An operator has one per peer and one to roll to.
pub const KEYS_MAX: usize = 256;

/// Least octets of a secret: 128 bits, which nobody guesses. Half the output of hmac-sha256, the
/// least that RFC 8945 section 5.2.2.1 takes of a signature.
pub const SECRET_OCTETS_MIN: usize = 16;

/// Octets of a file of a secret. The longest useful one has 128 octets, 172 in base64.
pub const SECRET_FILE_OCTETS_MAX: u64 = 4096;

/// Ways to speak TLS to peers.
pub const TLS_MAX: usize = 64;

/// Pins of one peer: that of its key, of the next, and of those of an authority.
pub const PINS_MAX: usize = 8;

/// Rules of access in one list; each is compared with each request.
pub const RULES_MAX: usize = 256;

/// Prefixes that the limits on responses do not concern: the operator's own probes and resolvers.
pub const EXEMPT_MAX: usize = 4096;

/// Proxies that speak for others; each datagram's sender is compared with each.
pub const PROXIES_MAX: usize = 16;

/// Octets of a file of blocked prefixes: a million of them.
pub const BLOCKLIST_OCTETS_MAX: u64 = 64 << 20;

/// Secondaries that one zone's NOTIFY goes to.
pub const SECONDARIES_MAX: usize = 256;

/// Observers of one zone. Twice the addresses of all root servers.
pub const OBSERVERS_MAX: usize = 52;

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
///
/// 256 zones with what happened to them lately, each reason of which may have 1,024 octets.
pub const CONTROL_LINE_MAX: usize = 16 << 20;

/// Octets of a request on the control socket; the longest that exists has under 100.
pub const CONTROL_REQUEST_MAX: usize = 4096;

/// Clients of the control socket at once.
pub const CONTROL_CLIENTS_MAX: usize = 16;

/// Time that a control client has to send its request and to take the reply.
pub const CONTROL_PATIENCE: Duration = Duration::from_secs(5);

/// Addresses on which metrics can be fetched: loopback of both families, and a few for management.
pub const METRICS_LISTEN_MAX: usize = 8;

/// Clients of the metrics endpoint at once; one more sends the oldest away, so that those who stall
/// keep nobody out.
pub const METRICS_CLIENTS_MAX: usize = 16;

/// Time from a client's connection to the last octet of its response. Half of what Prometheus
/// waits unless configured.
pub const METRICS_PATIENCE: Duration = Duration::from_secs(5);

/// Time that metrics wait for the node, which takes one thing at a time. Less than the above, so
/// that the client is told.
pub const METRICS_WAIT: Duration = Duration::from_secs(3);

/// Octets of a request for metrics, head and all: the least that the library takes. Prometheus
/// sends some 300.
pub const METRICS_REQUEST_MAX: usize = 8192;

/// Header fields of such a request.
pub const METRICS_FIELDS_MAX: usize = 64;

/// Within this time all clients get the same numbers, so that many of them ask the node ten times a
/// second at most.
pub const METRICS_FRESH: Duration = Duration::from_millis(100);

/// Time that `imrs ctl` and the control socket wait for a reload to finish.
pub const RELOAD_PATIENCE: Duration = Duration::from_secs(120);

/// Time that `imrs ctl` and the control socket wait for primaries: a transfer may take 120 seconds,
/// and more than one primary may be asked.
pub const ROUND_PATIENCE: Duration = Duration::from_secs(180);

/// Differences to the version in service that are kept for secondaries: those of four days.
pub const DIFFERENCES_MAX: usize = 8;

/// Refresh times of its SOA record without a confirmation after which a zone counts as ageing: two
/// hours for the root, which has then missed four checks and is good for six more days.
pub const AGEING_REFRESHES: u32 = 4;

/// Things that happened to a zone that are remembered: two weeks of versions.
pub const HISTORY_ENTRIES: usize = 32;

/// How often new sources are taken from the threads that answer: their rings hold what comes new
/// in this time at 650,000 a second each.
pub const STATISTICS_DRAIN: Duration = Duration::from_millis(100);

/// How often counts are read, so that days begin and end within this time.
pub const STATISTICS_READ: Duration = Duration::from_secs(1);

/// How often what is known of open days is written: as much is missing after a crash.
pub const STATISTICS_KEEP: Duration = Duration::from_secs(60);

/// How often counts of different places are compared.
pub const STATISTICS_AUDIT: Duration = Duration::from_secs(10);

/// Closed days that wait to be written, each of up to some 100 MB.
pub const STATISTICS_UNWRITTEN_MAX: usize = 3;

/// Closed days that are kept unless the operator says otherwise: a year, and time to notice.
pub const STATISTICS_DAYS_KEPT: u32 = 400;

/// Clients and domains of each kind that are told: more than a terminal has lines.
pub const TOP_TOLD: usize = 100;

/// Captures at once: C-DNS for the archive, dnstap for a reader, and each once more for a study. A
/// worker copies each message for each of them.
pub const CAPTURES_MAX: usize = 4;

/// Octets of a capture's name, which is part of names of files.
pub const CAPTURE_NAME_MAX: usize = 32;

/// Octets that wait between a worker and a capture that takes responses whole: at 900 octets each
/// for query and response 9,000 of them, drained every 2 ms enough for 4 million a second.
pub const CAPTURE_WHOLE_RING_OCTETS: usize = 8 << 20;

/// Messages that a capture takes from one worker before it looks at the next.
pub const CAPTURE_BATCH: usize = 1024;

/// Time in which a capture takes what is left when the server ends: all rings are drained in a
/// tenth of it.
pub const CAPTURE_END: Duration = Duration::from_secs(2);

/// Time that a capture rests when it found nothing to write: a tenth of what fills its rings.
pub const CAPTURE_REST: Duration = Duration::from_millis(2);

/// Octets of dnstap that are written to a file at once.
pub const CAPTURE_CHUNK_OCTETS: usize = 64 << 10;

/// Time after which a block is written though it is not full, so that what a crash takes is little.
pub const CAPTURE_BLOCK_PATIENCE: Duration = Duration::from_secs(60);

/// Octets that wait for a reader of dnstap; a reader that takes none of them loses what is more.
pub const CAPTURE_STREAM_OCTETS: usize = 4 << 20;

/// Time after which a reader that takes nothing is left, and in which it has to accept.
pub const CAPTURE_STALL: Duration = Duration::from_secs(10);

/// Time in which a connection over TCP has to come about, and a reader to read the end.
pub const CAPTURE_CONNECT: Duration = Duration::from_secs(2);

/// Time until a file or a connection is tried again, at first; doubled each time.
pub const CAPTURE_RETRY_MIN: Duration = Duration::from_secs(1);

/// The same at most.
pub const CAPTURE_RETRY_MAX: Duration = Duration::from_secs(60);

/// Messages of one place in the code that are logged in [`LOG_WINDOW`]: one for each of fifty zones,
/// and of a fault that comes with every packet or connection a picture.
pub const LOG_BURST: u32 = 50;

/// Time after which a place in the code may log as many again.
pub const LOG_WINDOW: Duration = Duration::from_secs(60);

/// Time that a node waits for the one that it takes over from to read no more: this one tells
/// clients over QUIC that it ends (0.2 s), and writes what it has begun to.
pub const HANDED_OVER_PATIENCE: Duration = Duration::from_secs(10);

/// Time for which a folder is waited for that another node has, which ends: it gives connections
/// as long as they may be idle.
pub const FOLDER_PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at meanwhile.
pub const FOLDER_LOOK: Duration = Duration::from_millis(100);

/// How often a node that leaves its sockets to another looks whether its connections have ended.
pub const LEAVE_LOOK: Duration = Duration::from_millis(100);

/// Time that transfers may take to end when another node has the sockets: that of the longest one
/// unless configured. A secondary whose transfer is cut fetches it again.
pub const TRANSFERS_LEAVE: Duration = Duration::from_secs(120);

/// Time that `imrs serve --detach` gives the server until it serves: less than the 90 s after which
/// systemd gives up a reload, so that it is told why.
pub const DETACH_PATIENCE: Duration = Duration::from_secs(80);

/// How often it looks meanwhile.
pub const DETACH_LOOK: Duration = Duration::from_millis(50);

/// How often the service manager is told that the node is alive: five times in the 10 s after which
/// the unit has it started anew.
pub const WATCHDOG_LOOK: Duration = Duration::from_secs(2);

/// Time that a worker may be busy before the node no longer counts as alive: what remains of that is
/// a fault that only a start cures.
pub const WATCHDOG_STALL: Duration = Duration::from_secs(5);

/// Service addresses of one node: a root server has two, and each is looked at in each round.
pub const SERVICE_ADDRESSES_MAX: usize = 16;

/// Prefixes that one node announces: one for each service address.
pub const PREFIXES_MAX: usize = 16;

/// Neighbors of one node: two routers, two families, and as many route servers of an exchange.
pub const NEIGHBORS_MAX: usize = 32;

/// Other nodes that one node knows: as many as a site can have, and each has a round of its own.
pub const SITE_NODES_MAX: usize = 99;

/// Octets of a neighbor's name, which is part of names that BIRD knows: it takes 64 in all.
pub const NEIGHBOR_NAME_MAX: usize = 32;

/// Octets of the password of a BGP session: what Linux takes (TCP_MD5SIG_MAXKEYLEN).
pub const BGP_PASSWORD_OCTETS_MAX: usize = 80;

/// Time that `imrs doctor` waits for an answer of this machine's own server, which comes within a
/// millisecond where there is one.
pub const DOCTOR_PATIENCE: Duration = Duration::from_secs(2);
