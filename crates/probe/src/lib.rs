//! Asks from outside and judges: what a response must be for a zone that is known.
//!
//! [`judge`] is the table of RSSAC047 section 5.3 as code. This crate shares no look-up code with
//! what it measures: it knows neither the engine nor compiled zones, only records and messages.
#![forbid(unsafe_code)]

pub mod judge;
