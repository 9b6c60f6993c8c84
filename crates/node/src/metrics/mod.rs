//! What a monitoring system fetches: OpenMetrics by HTTP, on loopback or a Unix socket.
//!
//! Start reading at [`Bound::open`]. Off unless configured. One thread, behind the workers, asks the
//! node for what `imrs ctl status`, `stats` and `zones` tell, and writes the same numbers as metrics:
//!
//! ```text
//! endpoint   sockets, clients, HTTP
//! text       from families to the text of OpenMetrics
//! families   which metrics there are, and where each has its number from
//! process    what the system knows of this process
//! ```
//!
//! Nothing that answers waits for it, and it counts nothing itself: what the node does not know is
//! absent.

mod endpoint;
pub mod families;
mod process;
mod text;

pub(crate) use endpoint::Inherited;
pub use endpoint::{Asked, Bound, Endpoint, MetricsError};
pub use process::Process;
pub use text::render;

use crate::control::v1;

/// What the node tells when metrics are fetched, in the words of the control socket.
#[derive(Clone, Debug)]
pub struct Told {
    /// How it is.
    pub status: v1::Status,
    /// What it counted.
    pub stats: v1::Stats,
    /// How its zones are kept, in the order of those in `status`.
    pub zones: Vec<v1::KeptZone>,
    /// Whether it is announced, if it is to be.
    pub route: Option<v1::Route>,
}

/// All that metrics are made of.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// What the node told.
    pub told: Told,
    /// What the system told.
    pub process: Process,
}

#[cfg(test)]
mod tests;
