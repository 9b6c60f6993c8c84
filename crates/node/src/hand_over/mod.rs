//! Sockets from a running node to the one that serves in its place, without a query lost.
//!
//! ```text
//! pass    descriptors over a Unix socket
//! give    what the running node does
//! take    what the newer one does
//! ```
//!
//! What is said is in [`crate::control::v1::Sockets`]. Knows no zones, and not what is done with a
//! socket. Until the newer node says that it serves, its end changes nothing for the running one.

mod give;
mod pass;
mod take;

pub(crate) use give::{Asking, Lending, serve};
pub(crate) use pass::send_with;
pub(crate) use take::{Taken, TakingOver};

use crate::control::v1;
use std::os::fd::OwnedFd;

/// A socket, and what it is.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) is: v1::Socket,
    pub(crate) socket: OwnedFd,
}
