//! `imrs check-config`: what `imrs serve` would say of a configuration, without serving.

use super::{Exit, Serve};
use crate::config::Config;
use crate::serve::plan::Plan;
use std::path::Path;

/// Reads the configuration and opens the files that it names; the first mistake is the error.
pub(super) fn run(file: &Path) -> anyhow::Result<Exit> {
    let config = Config::read(file)?;
    config.check_files(file)?;
    let plan = Plan::new(&Serve {
        config: Some(file.to_owned()),
        ..Serve::default()
    })?;
    let listen: Vec<String> = plan
        .settings
        .listen
        .iter()
        .map(ToString::to_string)
        .collect();
    let zones: Vec<String> = plan
        .sources
        .iter()
        .map(|source| source.origin.to_string())
        .collect();
    println!("{}: good", file.display());
    println!("listen   {}", listen.join(", "));
    println!("workers  {}", plan.settings.workers);
    println!("zones    {}", zones.join(", "));
    Ok(Exit::Well)
}
