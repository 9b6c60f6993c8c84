//! `imrs check-config`: what `imrs serve` would say of a configuration, without serving.

use super::{Exit, Serve};
use crate::chain;
use crate::config::{Config, ConfigError};
use crate::hosting::trust;
use crate::serve::plan::Plan;
use std::path::Path;

/// Reads the configuration and the trust anchors, and opens the zone files; the first mistake is
/// the error. What is in the zone files is the matter of `imrs zone check`.
pub(super) fn run(file: &Path) -> anyhow::Result<Exit> {
    let config = Config::read(file)?;
    config.check_files(file)?;
    let plan = Plan::new(&Serve {
        config: Some(file.to_owned()),
        ..Serve::default()
    })?;
    for source in &plan.sources {
        if let Some(name) = &source.name {
            trust::basis(source, &plan.anchors, name, &[])
                .map_err(|error| ConfigError::of_options(chain(&error)))?;
        }
    }
    let listen: Vec<String> = plan
        .settings
        .listen
        .iter()
        .map(ToString::to_string)
        .collect();
    let zones: Vec<String> = match plan.is_test {
        true => vec!["the test root, made in memory".to_owned()],
        false => { plan.sources.iter() }
            .map(|source| source.origin.to_string())
            .collect(),
    };
    println!("{}: good", file.display());
    println!("listen   {}", listen.join(", "));
    println!("workers  {}", plan.settings.workers);
    println!("zones    {}", zones.join(", "));
    Ok(Exit::Well)
}
