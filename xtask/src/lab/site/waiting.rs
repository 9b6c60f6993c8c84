//! Waiting that ends early when somebody wants the lab to end, so that what was made is removed.
//!
//! Start reading at [`heed_signals`]. This file does not know what is waited for.

use anyhow::{Result, ensure};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// From here on a signal ends what waits; a second one ends the process at once.
pub(super) fn heed_signals() -> Result<()> {
    let ends = ENDS.get_or_init(Arc::default);
    for signal in [SIGHUP, SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag down, and raises it.
        flag::register_conditional_default(signal, Arc::clone(ends))?;
        flag::register(signal, Arc::clone(ends))?;
    }
    Ok(())
}

/// Waits for so long, or fails when a signal came.
pub(super) fn pause(time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    loop {
        ensure!(!is_to_end(), "ended by a signal");
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(TURN));
    }
}

/// Whether a signal came.
pub(super) fn is_to_end() -> bool {
    ENDS.get().is_some_and(|ends| ends.load(Relaxed))
}

static ENDS: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Between two looks: nobody notices that it took as long to end.
const TURN: Duration = Duration::from_millis(100);
