//! Asks from outside and judges: what a response must be for a zone that is known.
//!
//! Start reading at [`judge::judge`], the table of RSSAC047 section 5.3 as code. This crate shares
//! no look-up code with what it measures: it knows neither the engine nor compiled zones, only
//! records and messages.
#![forbid(unsafe_code)]

pub mod judge;
pub mod limits;

/// A domain name in wire form, uncompressed, in the case of its source.
pub type Name = domain::base::Name<bytes::Bytes>;

/// Record data whose octets are shared with the buffer that they were read into.
pub type Data = domain::rdata::ZoneRecordData<bytes::Bytes, Name>;

/// One resource record.
pub type Record = domain::base::Record<Name, Data>;
