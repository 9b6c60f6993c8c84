//! The sockets of running workers, for another process that serves them in our place.
//!
//! Both processes read the same sockets for a while: each datagram and each connection goes to one
//! of them. So nothing that waits in a queue is lost, whichever of both ends.

use super::Running;
use super::listen::Endpoint;
use super::sys;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

/// A socket of ours, for another process.
#[derive(Debug)]
pub struct Lent {
    /// What it is for.
    pub used_for: LentFor,
    /// The address that it answers on.
    pub address: SocketAddr,
    /// The socket itself; closed here, it stays open elsewhere.
    pub socket: OwnedFd,
}

/// What a socket of a worker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LentFor {
    /// Datagrams; so many were dropped by the kernel's count when we stopped to count them.
    Udp {
        /// The kernel's count, which wraps.
        dropped: u32,
    },
    /// Connections.
    Tcp,
}

impl Running {
    /// The sockets of all workers, for each address those of the first worker first. What the
    /// kernel drops from now on is for the other process to count.
    pub fn lend(&self) -> io::Result<Vec<Lent>> {
        let mut all = Vec::new();
        for worker in &self.meters.workers {
            let (Some(udp), Some(listeners)) = (worker.udp.upgrade(), worker.listeners.upgrade())
            else {
                return Err(io::Error::other("a worker has closed its sockets"));
            };
            for (socket, listener) in udp.iter().zip(listeners.iter()) {
                // Whoever answers for it lends it.
                if socket.is_shared() {
                    continue;
                }
                let address = socket.address();
                all.push(Lent {
                    used_for: LentFor::Udp {
                        dropped: socket.rest(),
                    },
                    address,
                    socket: socket.as_fd().try_clone_to_owned()?,
                });
                all.push(Lent {
                    used_for: LentFor::Tcp,
                    address,
                    socket: listener.as_fd().try_clone_to_owned()?,
                });
            }
        }
        Ok(all)
    }

    /// The other process did not come to serve: puts back what it may have changed about the
    /// sockets.
    pub fn resume(&self) -> io::Result<()> {
        for (number, worker) in self.meters.workers.iter().enumerate() {
            for socket in worker.udp.upgrade().iter().flat_map(|all| all.iter()) {
                socket.resume();
                if socket.is_shared() {
                    continue;
                }
                match self.unfiltered {
                    None => self.meters.sieve.attach(number, socket)?,
                    // The other may have had a filter where we have none.
                    Some(_) => sys::detach_filter(socket)?,
                }
            }
        }
        Ok(())
    }

    /// The other process serves: workers read no more datagrams and accept no more connections.
    /// They end once their connections have, after a limit at the latest.
    pub fn leave(&self) {
        self.leave.raise();
    }

    /// Whether all workers have ended.
    pub fn is_over(&self) -> bool {
        self.threads
            .iter()
            .all(std::thread::JoinHandle::is_finished)
    }
}

/// The addresses of a worker's sockets, each once.
pub(super) fn addresses(endpoints: &[Endpoint]) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for endpoint in endpoints {
        if !addresses.contains(&endpoint.address) {
            addresses.push(endpoint.address);
        }
    }
    addresses
}
