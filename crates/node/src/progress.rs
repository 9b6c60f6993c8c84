//! A line on the terminal that says how far checking signatures is.

use imrs_zone::Name;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A line on standard error, drawn anew now and then; nothing where that is no terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    /// When the line was last drawn; none while there is none. `None` outside a terminal.
    drawn: Option<Mutex<Option<Instant>>>,
}

/// Least time between two drawings.
const PAUSE: Duration = Duration::from_millis(100);

impl Progress {
    /// Shows progress if standard error is a terminal.
    pub(crate) fn on_terminal() -> Self {
        Progress {
            drawn: io::stderr().is_terminal().then(Mutex::default),
        }
    }

    /// Draws the line, unless it was drawn a moment ago.
    pub(crate) fn show(&self, zone: &Name, done: usize, all: usize) {
        let Some(drawn) = &self.drawn else { return };
        // Another thread that draws just now does it for this one.
        let Ok(mut drawn) = drawn.try_lock() else {
            return;
        };
        if drawn.is_some_and(|last| last.elapsed() < PAUSE) {
            return;
        }
        *drawn = Some(Instant::now());
        let percent = done.saturating_mul(100) / all.max(1);
        // Where the terminal went away there is nobody to tell.
        let _ = write!(
            io::stderr(),
            "\r\x1b[K{}: {done} of {all} signatures checked, {percent} %",
            zone.fmt_with_dot()
        );
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        let Some(drawn) = &self.drawn else { return };
        if drawn.lock().is_ok_and(|drawn| drawn.is_some()) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
