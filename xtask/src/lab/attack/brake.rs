//! A brake on the core of the servers: it takes a share of the time, in pieces of which a socket's
//! queue notices nothing, so that several times a server's capacity can be offered by one core.
//! What the kernel does in interrupts, reception above all, is not slowed.
//!
//! JUSTIFICATION: a quota of a control group takes milliseconds at once, in which a queue runs
//! over; a thread that comes first for microseconds needs a scheduling class of its own.
#![expect(unsafe_code, reason = "sched_setscheduler")]

use crate::bench::kernel;
use crate::lab::task::Task;
use anyhow::{Context, Result, ensure};
use std::hint;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A brake that is on. It ends when dropped.
#[derive(Debug)]
pub(super) struct Brake {
    _task: Task,
}

impl Brake {
    /// Leaves `percent` of the time of `core` to all others.
    pub(super) fn put_on(core: usize, percent: u32) -> Result<Brake> {
        let (told, outcome) = mpsc::channel();
        let task = Task::start(move |ends| {
            let ready = kernel::pin_this_thread(core).and_then(|()| come_first());
            let is_ready = ready.is_ok();
            // Whoever asked for the brake waits for this.
            let _ = told.send(ready);
            if is_ready {
                burn(PERIOD * (100 - percent.min(100)) / 100, ends);
            }
        });
        outcome.recv().context("the brake ended")??;
        Ok(Brake { _task: task })
    }
}

/// Burns so much of each period.
fn burn(share: Duration, ends: &AtomicBool) {
    let mut next = Instant::now();
    while !ends.load(Relaxed) {
        let start = Instant::now();
        while start.elapsed() < share {
            hint::spin_loop();
        }
        next = (next + PERIOD).max(start + share);
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

/// Puts the calling thread ahead of all ordinary ones.
fn come_first() -> Result<()> {
    let least = libc::sched_param { sched_priority: 1 };
    // SAFETY: 0 names the calling thread, and the parameter outlives the call.
    let status = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const least) };
    let error = io::Error::last_os_error();
    ensure!(status == 0, "no thread may come first here: {error}");
    Ok(())
}

/// Short against the time in which a queue of a few hundred datagrams fills.
const PERIOD: Duration = Duration::from_micros(250);
