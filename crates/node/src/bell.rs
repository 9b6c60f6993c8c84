//! Ends the waits of threads that accept clients, so that another process can have the listener.

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Ends waits once it is rung, and rings for good.
#[derive(Debug)]
pub(crate) struct Bell(OwnedFd);

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Bell(eventfd(0, flags)?))
    }

    /// Ends all waits, now and from now on.
    pub(crate) fn ring(&self) {
        // It can fail only where it has been rung more often than can be counted.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }

    /// Waits until there is something for this listener to accept, which may be gone again if others
    /// accept from it too. Says whether to go on; after the bell it is not.
    pub(crate) fn has_not_rung(&self, listener: impl AsFd) -> bool {
        let mut fds = [
            PollFd::new(&self.0, PollFlags::IN),
            PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN),
        ];
        // An error means no more than that nothing is known of the two.
        let _ = poll(&mut fds, None);
        !fds[0].revents().contains(PollFlags::IN)
    }
}
