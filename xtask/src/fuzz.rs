//! `cargo xtask fuzz`.

use anyhow::Result;

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Runs it.
pub fn run(_args: &Args) -> Result<()> {
    anyhow::bail!("not written yet")
}
