//! stub
use super::{Exit, Live};
pub(super) fn run(_args: &Live) -> anyhow::Result<Exit> {
    anyhow::bail!("stub")
}
