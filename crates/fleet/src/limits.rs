//! Every limit of this crate: a number, its unit, and why.
