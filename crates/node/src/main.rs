//! The program `imrs`: reads the command line, runs the command, prints what failed, once.

use clap::Parser;
use imrs_node::cli::{self, Cli, Exit};
use imrs_node::config::ConfigError;
use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = cli::run(Cli::parse()).unwrap_or_else(|error| {
        // The chain on one line: what could not be done, then why, then why that.
        eprintln!("imrs: {error:#}");
        match error.downcast_ref::<ConfigError>() {
            Some(_) => Exit::Usage,
            None => Exit::Failed,
        }
    });
    exit.into()
}
