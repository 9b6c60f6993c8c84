//! `imrs manual` and `imrs completions`: made from the command line's own definition.

use super::{Cli, Exit};
use anyhow::Context;
use clap::CommandFactory;
use std::io;
use std::path::Path;

/// Writes one manual page per command: `imrs.1`, `imrs-serve.1`, …
pub(super) fn write_pages(folder: &Path) -> anyhow::Result<Exit> {
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .with_context(|| format!("cannot write manual pages to {}", folder.display()))?;
    Ok(Exit::Well)
}

/// Prints what a shell needs to complete the command line.
pub(super) fn print_completions(shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    clap_complete::generate(shell, &mut Cli::command(), "imrs", &mut io::stdout());
    Ok(Exit::Well)
}
