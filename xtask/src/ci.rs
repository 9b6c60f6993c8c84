//! `cargo xtask ci`.

use anyhow::Result;

/// Options of `cargo xtask ci`.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Runs it.
pub fn run(_args: &Args) -> Result<()> {
    anyhow::bail!("not written yet")
}
