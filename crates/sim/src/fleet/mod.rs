//! Many sites and nodes that announce the same prefix, and what holds of them together.
//!
//! The real machines of `imrs-fleet`; routers, probes, links between nodes, clocks and operators
//! are simulated. One address family: the other is decided by the same code, apart from it.
//!
//! ```text
//! node     health and decider of one node, its router, its clock
//! world    all of them, the messages between them, and the floor after every step
//! chaos    what goes wrong by a seed, and that all heals
//! ```

mod chaos;
mod node;
mod world;

pub use chaos::{Tally, live};
pub use node::Node;
pub use world::World;
