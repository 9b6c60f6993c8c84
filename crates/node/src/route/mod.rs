//! Route control: `imrs route`, the keeper, is the only one that BIRD is told anything by.
//!
//! `imrs serve` says over a [`Link`] what it wishes, as [`v1`] has it, again and again; what is not
//! said again is void. [`limits`] has the times.

pub mod limits;
mod link;
pub mod v1;

pub use link::Link;
