//! The log: on standard error, for people or as JSON. Never per packet.

use clap::ValueEnum;
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// One line of text an event, in colour on a terminal.
    #[default]
    Text,
    /// One JSON object an event.
    Json,
}

/// Starts the log. `RUST_LOG` chooses what is logged; without it, everything from `info` up.
///
/// A log that runs already stays as it is.
pub fn start(form: LogForm) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        // It would report them on standard error, by a macro that panics where that cannot be
        // written to: a full disk or a reader that is gone must not end the server.
        .log_internal_errors(false)
        .with_writer(io::stderr);
    let started = match form {
        LogForm::Text => log.with_ansi(io::stderr().is_terminal()).try_init(),
        LogForm::Json => log.json().flatten_event(true).try_init(),
    };
    // Fails only where a log is set already, as in tests that run in one process.
    drop(started);
}
