//! The log: on standard error, for people or as JSON, or to journald. Never per packet.

mod repeats;

use clap::ValueEnum;
use repeats::Repeats;
use std::io::{self, IsTerminal};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogForm {
    /// One line of text an event, in colour on a terminal.
    #[default]
    Text,
    /// One JSON object an event.
    Json,
    /// To journald, with priorities and fields; as text where there is none.
    Journald,
}

/// Starts the log. `RUST_LOG` chooses what is logged; without it, everything from `info` up.
///
/// A log that runs already stays as it is.
pub fn start(form: LogForm) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let layer = layer(form).with_filter(Repeats::default());
    let started = tracing_subscriber::registry()
        .with(layer)
        .with(filter)
        .try_init();
    // Fails only where a log is set already, as in tests that run in one process.
    drop(started);
}

fn layer(form: LogForm) -> Box<dyn Layer<Registry> + Send + Sync> {
    let text = fmt::layer()
        .with_target(false)
        // It would report them on standard error, by a macro that panics where that cannot be
        // written to: a full disk or a reader that is gone must not end the server.
        .log_internal_errors(false)
        .with_writer(io::stderr);
    match form {
        LogForm::Text => Box::new(text.with_ansi(io::stderr().is_terminal())),
        LogForm::Json => Box::new(text.json().flatten_event(true)),
        LogForm::Journald => match tracing_journald::layer() {
            Ok(journald) => Box::new(journald),
            Err(_) => Box::new(text.with_ansi(io::stderr().is_terminal())),
        },
    }
}
