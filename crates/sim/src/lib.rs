//! A seeded world of nodes, primaries, links, clocks and disks, with standing invariants.
//!
//! Real machines, simulated surroundings: nothing here opens a socket, starts a thread or reads a
//! clock, so that a seed replays what it found.
//!
//! ```text
//! origin       publishes versions: the truth
//! primary      has them, honestly or not          lie      the ways in which it is not
//! node         the real machines, joined          link, time (clocks), disk   its surroundings
//! world        what happens when
//! chaos        what goes wrong                    invariants   what holds all the same
//! ```
//!
//! A test in words builds a [`World`], does something to it, and looks ([`World::run`]); it is told
//! of every violated invariant besides. [`chaos::live`] is a whole life by a seed:
//! `cargo run -p imrs-sim -- --seed 7`.
#![forbid(unsafe_code)]

pub mod chaos;
pub mod disk;
pub mod fleet;
pub mod invariants;
pub mod lie;
pub mod limits;
pub mod link;
pub mod node;
pub mod origin;
pub mod primary;
mod speech;
pub mod time;
mod world;

pub use node::NodeId;
pub use primary::PrimaryId;
pub use world::{Builder, World};
