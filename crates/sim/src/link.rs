//! What lies between a node and one of its upstreams.

use std::time::Duration;

/// A link. Both directions are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Time that a packet takes.
    pub delay: Duration,
    /// How many of a hundred packets are lost.
    pub loss_percent: u32,
    /// Whether nothing comes through.
    pub is_cut: bool,
}

impl Link {
    /// One in good order.
    pub const GOOD: Link = Link {
        delay: Duration::from_millis(20),
        loss_percent: 0,
        is_cut: false,
    };
}

impl Default for Link {
    fn default() -> Self {
        Link::GOOD
    }
}
