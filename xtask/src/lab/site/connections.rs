//! Clients that ask over TCP, a connection for each query.
//!
//! Start reading at [`Connections::start`]. This file does not know what happens meanwhile.

use super::load::{PATIENCE, service};
use super::network::Network;
use super::plan::{Place, SERVICE};
use super::query::Question;
use crate::lab::task::Task;
use anyhow::{Result, ensure};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

/// Clients in one place. They stop when dropped.
#[derive(Debug)]
pub(super) struct Connections {
    counts: Arc<Counts>,
    task: Task,
}

#[derive(Debug, Default)]
struct Counts {
    asked: AtomicUsize,
    failed: AtomicUsize,
}

impl Connections {
    /// They begin to ask, one after the other.
    pub(super) fn start(network: &Network, place: Place) -> Result<Connections> {
        let door = network.at(place).door()?;
        let counts = Arc::new(Counts::default());
        let counting = Arc::clone(&counts);
        let work = move |ends: &AtomicBool| {
            if door.enter_here().is_err() {
                counting.failed.fetch_add(1, Relaxed);
                return;
            }
            let kinds = Question::kinds();
            for number in 0_usize.. {
                if ends.load(Relaxed) {
                    return;
                }
                let kind = &kinds[number % kinds.len()];
                counting.asked.fetch_add(1, Relaxed);
                if ask(kind, number as u16, number % SERVICE.len()).is_err() {
                    counting.failed.fetch_add(1, Relaxed);
                }
                thread::sleep(PAUSE);
            }
        };
        let task = Task::start(work);
        Ok(Connections { counts, task })
    }

    /// They stop; gives how many asked, and how many in vain.
    pub(super) fn stop(self) -> (usize, usize) {
        drop(self.task);
        let Counts { asked, failed } = &*self.counts;
        (asked.load(Relaxed), failed.load(Relaxed))
    }
}

/// Asks over a connection of its own (RFC 7766 section 8).
fn ask(kind: &Question, id: u16, family: usize) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&service(family), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let query = kind.with(id);
    let length = u16::try_from(query.len())?.to_be_bytes();
    stream.write_all(&[&length[..], &query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut response = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut response)?;
    ensure!(kind.is_met(&response), "a wrong response");
    Ok(())
}

/// Between two queries.
const PAUSE: Duration = Duration::from_millis(5);
