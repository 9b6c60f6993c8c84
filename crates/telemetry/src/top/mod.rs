//! Who asks most, and for what: the busiest clients and top-level domains of the last minute.
//!
//! Start reading at [`Top`], then at [`Sampler`].
//!
//! ```text
//! worker: Sampler ── one query in 64 ──▶ ring ──▶ SampleDrain ──▶ Top: sketches of 10 s each
//! ```
//!
//! It is for looking at a server, not for publishing: what is told is estimated from a sample, and
//! each figure comes with its error. Nothing here grows with what clients send: the ring, and the
//! entries of each sketch, are of fixed number. This module knows no clock, and nothing of what was
//! answered but whether the name exists.

mod label;
mod ring;
mod sampler;
mod sketch;
mod windows;

pub use label::Label;
pub use sampler::{Sample, SampleDrain, Sampler, sampler};
pub use windows::{Ranked, Top};

#[cfg(test)]
mod tests;
