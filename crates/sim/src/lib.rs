//! A seeded world of nodes, primaries, links, clocks and disks, with standing invariants.
//!
//! Real machines, simulated surroundings: nothing here opens a socket, starts a thread or reads a
//! clock, so that a seed replays what it found.
#![forbid(unsafe_code)]

pub mod disk;
