//! Turns records into a proven, compiled, immutable image and finds names in it.
//!
//! The way of a zone is a row of types: [`read`] makes records of a master file, [`Candidate`]
//! is a set of records that has the shape of a zone, [`Verified`] is one whose digest and
//! signatures held, [`Image`] is that zone compiled for answering. An unproven zone cannot be
//! served because nothing makes an [`Image`] of one.
//!
//! This crate does not know where records came from, who asks, sockets, files, or the present
//! time: time is an argument.
#![forbid(unsafe_code)]

pub mod anchors;
pub mod candidate;
pub mod difference;
pub mod image;
pub mod limits;
pub mod owners;
pub mod packed;
pub mod plausible;
pub mod read;
pub mod record;
pub mod synth;
pub mod verify;
pub mod zonemd;
pub mod zones;

pub use anchors::Anchors;
pub use candidate::{Candidate, Unfit};
pub use image::Image;
pub use limits::Limits;
pub use record::{Name, Record};
pub use verify::{Unverified, Verified};
pub use zones::Zones;
