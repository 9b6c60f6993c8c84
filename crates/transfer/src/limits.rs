//! Every limit of transfers: a name, a unit, a reason.

use std::time::Duration;

/// Octets of the largest message over TCP (RFC 1035 section 4.2.2): its length has 16 bits.
pub const MESSAGE_OCTETS_MAX: usize = 65_535;

/// Octets of the shortest MAC of any algorithm (RFC 8945 section 5.2.2.1).
pub const MAC_OCTETS_MIN: usize = 10;

/// Seconds by which the clocks of two peers may differ (RFC 8945 section 10: recommended).
pub const FUDGE_SECONDS: u16 = 300;

// Refresh, NOTIFY and comparison.

/// Shortest refresh and retry time that is followed, whatever the SOA record says: a zone that asks
/// for less would have its primaries flooded by every secondary.
pub const REFRESH_MIN: Duration = Duration::from_secs(60);

/// Longest refresh and retry time that is followed: a zone that says weeks by mistake would
/// otherwise not be looked at again until somebody wonders.
pub const REFRESH_MAX: Duration = Duration::from_secs(86_400);

/// A check comes this much earlier than its time at most, as one part in so many, so that the
/// nodes of a fleet do not ask in step. Never later: RSSAC047 counts on the SOA's own refresh.
pub const JITTER_PART: u32 = 10;

/// First delay between rounds while no copy may be served; doubles.
pub const UNSERVED_DELAY: Duration = Duration::from_secs(1);

/// Longest delay between rounds while no copy may be served: a minute after a primary is back, so
/// is the zone.
pub const UNSERVED_DELAY_MAX: Duration = Duration::from_secs(60);

/// Primaries of one zone: more than any operator runs, and a round asks them one after the other.
pub const PRIMARIES_MAX: usize = 64;

/// Time that a primary is passed over after its first unanswered question; doubles.
pub const SILENCE_DELAY: Duration = Duration::from_secs(15);

/// Longest time that a primary is passed over for its silence; the zone's retry time bounds it too.
pub const SILENCE_DELAY_MAX: Duration = Duration::from_secs(900);

/// Time that a primary is not fetched from after a fetch that brought nothing; doubles.
pub const FETCH_DELAY: Duration = Duration::from_secs(1);

/// Longest time that a primary is not fetched from because its fetches brought nothing. A whole
/// root has 1.3 million octets, so one that lies at its best costs 4 kB a second.
pub const FETCH_DELAY_MAX: Duration = Duration::from_secs(300);

/// Time before a refused serial is fetched from the same primary again; doubles.
pub const REFUSAL_DELAY: Duration = Duration::from_secs(60);

/// Longest time before a refused serial is fetched again. Some refusals heal by themselves: a
/// clock that was wrong, octets that were damaged on their way.
pub const REFUSAL_DELAY_MAX: Duration = Duration::from_secs(3600);

/// Refused serials that are remembered of one primary. One that invents serials pushes out its own
/// only, and its fetches are spaced by [`FETCH_DELAY_MAX`] besides.
pub const REFUSALS_MAX: usize = 8;

/// Octets of a reason for a refusal that are kept.
pub const REASON_OCTETS_MAX: usize = 1024;

/// Shortest time between two rounds that NOTIFY causes; doubles with each that finds nothing.
pub const NOTIFY_SPACING: Duration = Duration::from_secs(1);

/// Longest time between two rounds that NOTIFY causes. An asked primary costs two packets, so a
/// storm costs little, and a true NOTIFY within it waits no longer than this.
pub const NOTIFY_SPACING_MAX: Duration = Duration::from_secs(16);

/// Time without a round that NOTIFY caused after which the spacing begins anew.
pub const NOTIFY_QUIET: Duration = Duration::from_secs(300);

/// Rounds that look for a serial which NOTIFY announced or which could not be fetched. With doubled
/// spacing that is half a minute, longer than primaries differ among themselves; then it is
/// forgotten until the next NOTIFY or timer.
pub const CHASES_MAX: u32 = 6;

/// Times between the sendings of one NOTIFY (RFC 1996 section 3.6 leaves them to us); after the
/// last one it is given up until the next serial. Half a minute; then the secondary's own refresh
/// will do.
pub const NOTIFY_INTERVALS: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(15),
];

/// Time between two questions to one observer: the steps in which RSSAC047 measures publication.
pub const OBSERVE_INTERVAL: Duration = Duration::from_secs(300);

/// How long what an observer said counts: three questions may be lost in a row.
pub const OBSERVATION_AGE_MAX: Duration = Duration::from_secs(4 * 300);

/// Serials that are remembered of one observer, to know since when it is ahead. The root has two
/// a day.
pub const OBSERVED_SERIALS_MAX: usize = 8;

/// Messages of one transfer that is received. A primary may send one record in each (RFC 5936
/// section 2.2), and a root has 24,877 records.
pub const INCOMING_MESSAGES_MAX: usize = 300_000;

/// Records of one transfer that is received: as many as a zone may have, and what a chain of
/// differences adds to that; the largest step of the root in three years changed 351.
pub const INCOMING_RECORDS_MAX: usize = 300_000;

/// Octets of one transfer that is received, both as messages and as records in uncompressed form:
/// twice what a zone may have, as a difference may take all out and put all in again. Keeps what
/// a lying primary can make us hold below this and the records themselves.
pub const INCOMING_OCTETS_MAX: usize = 32 * 1024 * 1024;

/// Octets of record data as received. Two names in it may grow from a pointer to 255 octets, and
/// it must still be record data then.
pub const INCOMING_RDATA_OCTETS_MAX: usize = 65_535 - 2 * 255;

/// How long one transfer that is received may take: the root takes less than a second, and a
/// secondary that waits longer than this does better with another primary.
pub const INCOMING_WALL: Duration = Duration::from_secs(120);

/// How long a transfer that is received may stand still: many times any round trip.
pub const INCOMING_IDLE: Duration = Duration::from_secs(10);

/// Octets of a message of an outgoing transfer. Compression pointers reach 16,384 octets, and a
/// TLS record holds as many (RFC 8446 section 5.1), with the two octets that frame a message. The
/// root of 2026-07-31 takes 1.33 MB in 84 such messages; in messages twice and four times as
/// large it takes 8 % and 14 % more, and no less CPU to sign.
pub const OUTGOING_MESSAGE_OCTETS: usize = 16_384 - 2;

/// Octets of a message that are kept free of records: for the OPT record with an extended error
/// (17) and for the longest TSIG record (name 255, fixed parts 26, algorithm 13, MAC 64).
pub const OUTGOING_RESERVED_OCTETS: usize = 17 + 255 + 26 + 13 + 64;
