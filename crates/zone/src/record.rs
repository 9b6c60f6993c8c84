//! The record types that the stages of a zone share, as `domain` gives them.

use bytes::Bytes;
use domain::rdata::ZoneRecordData;

/// A domain name in wire form, uncompressed, in the case of its source.
pub type Name = domain::base::Name<Bytes>;

/// Record data whose octets are shared with the text that they were read from.
pub type Data = ZoneRecordData<Bytes, Name>;

/// One resource record.
pub type Record = domain::base::Record<Name, Data>;

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// The zone crate never reads a clock: whoever verifies says what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);
