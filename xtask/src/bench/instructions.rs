//! Instructions per query in `respond`, counted by callgrind.
//!
//! The example `mix` of the engine answers a file of queries, once and three times; the
//! difference is what two rounds of answering take, free of the work to load the zone. It
//! includes the loop around `respond`, a few instructions per query.

use super::Common;
use super::queries::{self, Delegations, Mix};
use super::report::{Cell, Table};
use crate::imrs;
use crate::peers::{Tool, ensure_installed};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Measures and prints the table.
pub(crate) fn run(common: &Common) -> Result<()> {
    let root = common.root.resolve()?;
    ensure_installed(&[Tool {
        command: "valgrind",
        package: "valgrind",
    }])?;
    let delegations = Delegations::read(&root.file)?;
    let driver = imrs::build(
        &["--package", "imrs-engine", "--example", "mix"],
        "examples/mix",
    )?;
    let directory = tempfile::tempdir()?;
    let title = format!("instructions per query in respond, {CORPUS} queries");
    let mut table = Table::new(title, &["mix", "instructions"]);
    for mix in [Mix::Root, Mix::Nxdomain, Mix::Referral, Mix::Apex] {
        let file = directory.path().join(mix.name());
        fs::write(
            &file,
            framed(&queries::corpus(&delegations, mix, common.seed, CORPUS))?,
        )?;
        let count = |rounds| instructions(&driver, &root.file, &file, rounds, directory.path());
        let (once, thrice) = (count(1)?, count(3)?);
        let each = thrice.saturating_sub(once) as f64 / (2 * CORPUS) as f64;
        table.push(vec![
            Cell::Text(mix.name().to_owned()),
            Cell::Number(each, 0),
        ]);
    }
    table.print(common.output);
    Ok(())
}

/// The queries with lengths before them, as over TCP.
fn framed(queries: &[Vec<u8>]) -> Result<Vec<u8>> {
    let mut octets = Vec::new();
    for query in queries {
        octets.extend_from_slice(&u16::try_from(query.len())?.to_be_bytes());
        octets.extend_from_slice(query);
    }
    Ok(octets)
}

fn instructions(
    driver: &Path,
    zone: &Path,
    queries: &Path,
    rounds: u32,
    directory: &Path,
) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=callgrind.out"])
        .arg(driver)
        .args([zone, queries])
        .arg(rounds.to_string())
        .current_dir(directory)
        .output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "valgrind: {}\n{log}",
        output.status
    );
    let collected = log
        .lines()
        .find_map(|line| line.split("Collected : ").nth(1));
    let count = collected.and_then(|count| count.trim().parse().ok());
    count.with_context(|| format!("valgrind tells no count:\n{log}"))
}

/// Queries answered in one round.
const CORPUS: usize = 5_000;
