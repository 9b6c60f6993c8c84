//! The floor: what a server costs that reads and writes datagrams in batches and does nothing.

use super::kernel::{Batch, Wait};
use anyhow::Result;
use std::net::{SocketAddr, UdpSocket};

/// Answers until it is ended.
pub(crate) fn run(address: SocketAddr) -> Result<()> {
    let socket = UdpSocket::bind(address)?;
    let mut batch = Batch::new(BATCH);
    loop {
        let received = batch.receive(&socket, RESPONSE, Wait::ForFirst);
        batch.send_back(&socket, received, RESPONSE);
    }
}

/// Datagrams read and written at once.
const BATCH: usize = 64;

/// Octets of every response, about the mean of a root server's.
const RESPONSE: usize = 600;
