//! When the route of a node is announced.

mod wish;

pub use wish::{Policy, Scope, Stand, Wish};
