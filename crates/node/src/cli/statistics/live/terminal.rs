//! The screen: a page of its own that is drawn anew, keys without waiting for the end of a line,
//! and everything as it was when it ends, however it ends.

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::stdio::stdin;
use rustix::termios::{
    LocalModes, OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGWINCH};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// The terminal while the screen is ours.
pub(super) struct Terminal {
    /// How keys were read before, if they come from a terminal.
    before: Option<Termios>,
    ended: Arc<AtomicBool>,
    resized: Arc<AtomicBool>,
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Its time.
    None,
    /// The screen has another size.
    Resized,
    /// `q`, Ctrl-C, or a signal.
    End,
}

impl Terminal {
    /// Takes the screen.
    pub(super) fn open() -> anyhow::Result<Terminal> {
        let mut terminal = Terminal {
            before: None,
            ended: Arc::default(),
            resized: Arc::default(),
        };
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&terminal.ended))
                .context("cannot wait for signals")?;
        }
        signal_hook::flag::register(SIGWINCH, Arc::clone(&terminal.resized))
            .context("cannot wait for signals")?;
        if isatty(stdin()) {
            let before = tcgetattr(stdin()).context("cannot ask the terminal for its modes")?;
            let mut modes = before.clone();
            modes
                .local_modes
                .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
            tcsetattr(stdin(), OptionalActions::Now, &modes)
                .context("cannot read keys from the terminal")?;
            terminal.before = Some(before);
        }
        io::stdout().write_all(ENTER.as_bytes())?;
        Ok(terminal)
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        let size = tcgetwinsize(io::stdout());
        match size {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            _ => (80, 24),
        }
    }

    /// Draws lines from the top; what was there before goes as they come, so that nothing flickers.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = String::from(HOME);
        for (at, line) in lines.iter().enumerate() {
            if at > 0 {
                text.push_str("\r\n");
            }
            text.push_str(line);
            text.push_str(CLEAR_LINE);
        }
        text.push_str(CLEAR_BELOW);
        let mut out = io::stdout();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Waits for a key or a signal, at most so long.
    pub(super) fn wait(&mut self, most: Duration) -> Key {
        let timeout = Timespec::try_from(most).ok();
        let keys = stdin();
        let mut waited = [PollFd::new(&keys, PollFlags::IN)];
        // Without a terminal to read from, only the time and signals end it.
        let from: &mut [PollFd<'_>] = match self.before {
            Some(_) => &mut waited,
            None => &mut [],
        };
        let outcome = poll(from, timeout.as_ref());
        if self.ended.load(Relaxed) {
            return Key::End;
        }
        if self.resized.swap(false, Relaxed) {
            return Key::Resized;
        }
        match outcome {
            Ok(0) | Err(Errno::INTR) => Key::None,
            Ok(_) => read_keys(),
            Err(_) => Key::End,
        }
    }
}

/// What the keys that were pressed ask for. The end of the input is the end of the terminal.
fn read_keys() -> Key {
    let mut octets = [0; 64];
    match rustix::io::read(stdin(), &mut octets) {
        Ok(0) | Err(_) => Key::End,
        Ok(read) => {
            let pressed = octets.get(..read).unwrap_or(&[]);
            let is_end = |octet: &u8| matches!(*octet, b'q' | b'Q' | CTRL_C | CTRL_D);
            match pressed.iter().any(is_end) {
                true => Key::End,
                // Whoever presses something wants to see something.
                false => Key::None,
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Where the terminal is gone there is nothing to restore.
        if let Some(before) = &self.before {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
        let mut out = io::stdout();
        let _ = out.write_all(LEAVE.as_bytes());
        let _ = out.flush();
    }
}

/// The other page of the screen, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
