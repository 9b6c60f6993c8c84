//! `cargo xtask tidy`.

use anyhow::Result;

/// Options of `cargo xtask tidy`.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Runs it.
pub fn run(_args: &Args) -> Result<()> {
    anyhow::bail!("not written yet")
}
