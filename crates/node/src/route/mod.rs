//! Route control: `imrs route`, the keeper, is the only one that BIRD is told anything by.
//!
//! `imrs serve` says over a [`Link`] what it wishes, as [`v1`] has it, again and again; what is not
//! said again is void. [`limits`] has the times, `leases` what several clients wish together, `bird`
//! the configuration of BIRD and its control socket, [`keeper`] the loop that joins them, [`hand`]
//! what an operator can do without it.

mod bgp;
mod bird;
pub mod hand;
pub mod keeper;
mod leases;
pub mod limits;
mod link;
pub mod v1;

pub use link::Link;
