//! `imrs zone synth`: writes a test root, its companions and its trust anchor.

use super::{Exit, ZoneSynth};
use crate::clock::{At, present, rfc3339, span};
use crate::config::ConfigError;
use crate::files::write_whole;
use anyhow::{Context, bail};
use imrs_wire::Serial;
use imrs_zone::synth::{self, Plan, SynthError};

/// Makes the zones and writes them; refuses to replace files unless told to.
pub(super) fn run(args: &ZoneSynth) -> anyhow::Result<Exit> {
    let made_at = args.at.map_or_else(present, |At(time)| time);
    let default = Plan::new(made_at);
    let plan = Plan {
        tlds: args.tlds,
        algorithms: args.algorithm.clone(),
        seed: args.seed,
        serial: args.serial.map_or(default.serial, Serial),
        ..default
    };
    let names = [
        "root.zone",
        "arpa.zone",
        "root-servers.net.zone",
        "anchors.ds",
    ];
    let paths = names.map(|name| args.out.join(name));
    if !args.force
        && let Some(there) = paths.iter().find(|path| path.exists())
    {
        bail!(
            "{} exists; choose another folder, or replace it by --force",
            there.display()
        );
    }
    let made = synth::make(&plan).map_err(explain)?;
    let texts = [
        made.text(),
        synth::text(&made.arpa),
        synth::text(&made.root_servers_net),
        made.anchors_ds.clone(),
    ];
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    for (path, text) in paths.iter().zip(&texts) {
        write_whole(path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let [root, arpa, root_servers_net, anchors] = paths.map(|path| path.display().to_string());
    println!(
        "{root}: {} records, serial {}",
        made.records.len(),
        plan.serial
    );
    println!("{arpa}: {} records", made.arpa.len());
    println!(
        "{root_servers_net}: {} records",
        made.root_servers_net.len()
    );
    println!("{anchors}: trust anchor");
    println!(
        "signatures hold for {}, from {}",
        span(plan.lifetime.as_secs()),
        rfc3339(made_at)
    );
    let at = args
        .at
        .map_or_else(String::new, |At(time)| format!(" --at {}", rfc3339(time)));
    println!("serve: imrs serve --zone {root} --anchors {anchors}{at}");
    Ok(Exit::Well)
}

/// Tells what is wrong with the options from what went wrong otherwise.
fn explain(error: SynthError) -> anyhow::Error {
    match error {
        SynthError::Tlds { .. }
        | SynthError::NoAlgorithm
        | SynthError::RepeatedAlgorithm { .. } => ConfigError::of_options(error.to_string()).into(),
        SynthError::NoSoa | SynthError::Key { .. } | SynthError::Signing { .. } => error.into(),
    }
}
