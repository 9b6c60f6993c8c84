//! stub
use super::Common;
use anyhow::Result;
pub(crate) fn run(_a: &Common) -> Result<()> {
    Ok(())
}
