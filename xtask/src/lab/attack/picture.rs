//! x
use super::outcome::Story;
use anyhow::Result;
use std::path::Path;
pub(super) fn draw(_stories: &[Story], _file: &Path) -> Result<()> { Ok(()) }
