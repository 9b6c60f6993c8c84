//! Every limit of transfers: a name, a unit, a reason.

use std::time::Duration;

/// Octets of the largest message over TCP (RFC 1035 section 4.2.2): its length has 16 bits.
pub const MESSAGE_OCTETS_MAX: usize = 65_535;

/// Octets of the shortest MAC of any algorithm (RFC 8945 section 5.2.2.1).
pub const MAC_OCTETS_MIN: usize = 10;

/// Seconds by which the clocks of two peers may differ (RFC 8945 section 10: recommended).
pub const FUDGE_SECONDS: u16 = 300;

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
