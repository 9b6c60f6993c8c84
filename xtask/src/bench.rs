//! `cargo xtask bench`.

use anyhow::Result;

/// Options of `cargo xtask bench`.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Runs it.
pub fn run(_args: &Args) -> Result<()> {
    anyhow::bail!("not written yet")
}
