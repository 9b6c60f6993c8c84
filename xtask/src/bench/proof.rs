//! CPU time of proving the whole zone: `imrs zone check` and `ldns-verify-zone`, alternating.

use super::report::{Cell, Table};
use super::statistics::Spread;
use super::{Common, kernel};
use crate::imrs;
use crate::peers::{Tool, ensure_installed};
use crate::root::Root;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What to measure.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Options {
    /// Runs of each program.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pairs: u32,
    #[command(flatten)]
    common: Common,
}

/// Measures and prints the table.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = options.common.root.resolve()?;
    ensure_installed(&[Tool {
        command: "ldns-verify-zone",
        package: "ldnsutils",
    }])?;
    let directory = tempfile::tempdir()?;
    let mut own = imrs_command(&root)?;
    let mut ldns = ldns_command(&root, directory.path())?;
    let (mut own_times, mut ldns_times) = (Vec::new(), Vec::new());
    // The first pair warms up.
    for pair in 0..=options.pairs {
        let (a, b) = (milliseconds(&mut own)?, milliseconds(&mut ldns)?);
        if pair > 0 {
            own_times.push(a);
            ldns_times.push(b);
        }
    }
    let ratio = Spread::of(
        own_times
            .iter()
            .zip(&ldns_times)
            .map(|(own, ldns)| own / ldns),
    );
    let title = format!(
        "proof of the whole zone, CPU time: {} runs of each",
        options.pairs
    );
    let mut table = Table::new(title, &["program", "CPU ms", "first/this", "bound"]);
    let text = |name: &str| Cell::Text(name.to_owned());
    table.push(vec![
        text("imrs zone check"),
        Cell::Spread(Spread::of(own_times), 0),
        Cell::None,
        Cell::None,
    ]);
    let ldns = Cell::Spread(Spread::of(ldns_times), 0);
    table.push(vec![
        text("ldns-verify-zone"),
        ldns,
        Cell::Spread(ratio, 3),
        Cell::Bound(0.5),
    ]);
    table.print(options.common.output);
    Ok(())
}

fn imrs_command(root: &Root) -> Result<Command> {
    let mut command = Command::new(imrs::program()?);
    command.args(["zone", "check"]).arg(&root.file);
    if let Some(at) = &root.at {
        command.args(["--at", at]);
    }
    if let Some(anchors) = &root.anchors {
        command.arg("--anchors").arg(anchors);
    }
    Ok(command)
}

fn ldns_command(root: &Root, directory: &Path) -> Result<Command> {
    let mut command = Command::new("ldns-verify-zone");
    command.args(["-V1", "-ZZ"]);
    if let Some(at) = &root.at {
        let digits: String = at.chars().filter(char::is_ascii_digit).collect();
        command.args(["-t", &digits]);
    }
    for key in key_files(root, directory)? {
        command.arg("-k").arg(key);
    }
    command.arg(&root.file);
    Ok(command)
}

/// A file for each key-signing key of the zone: that is how ldns takes its anchors.
fn key_files(root: &Root, directory: &Path) -> Result<Vec<PathBuf>> {
    let zone = fs::read_to_string(&root.file)?;
    let is_key = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.first() == Some(&".") && fields.windows(2).any(|pair| pair == ["DNSKEY", "257"])
    };
    let mut files = Vec::new();
    for (index, key) in zone.lines().filter(is_key).enumerate() {
        let file = directory.join(format!("{index}.key"));
        fs::write(&file, format!("{key}\n"))?;
        files.push(file);
    }
    ensure!(
        !files.is_empty(),
        "{} has no key-signing key",
        root.file.display()
    );
    Ok(files)
}

/// CPU time, user and system, of one run.
fn milliseconds(command: &mut Command) -> Result<f64> {
    let before = kernel::ended_children_cpu_time();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok((kernel::ended_children_cpu_time() - before).as_secs_f64() * 1e3)
}
