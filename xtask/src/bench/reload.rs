//! stub
use super::Common;
use anyhow::Result;
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
}
pub(crate) fn run(_a: &Options) -> Result<()> {
    Ok(())
}
