//! Instructions per query in `respond`, counted by callgrind, with and without the defence.
//!
//! The example `mix` of the engine answers a file of queries, once and three times; the
//! difference is what two rounds of answering take, free of the work to load the zone. It
//! includes the loop around `respond`, a few instructions per query.

use super::Common;
use super::clients::{self, Cookies};
use super::queries::{self, Delegations, Mix};
use super::report::{Cell, Table};
use crate::imrs;
use crate::peers::{Tool, ensure_installed};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Measures and prints the table.
pub(crate) fn run(common: &Common) -> Result<()> {
    let root = common.root.resolve()?;
    ensure_installed(&[Tool {
        command: "valgrind",
        package: "valgrind",
    }])?;
    let delegations = Delegations::read(&root.file)?;
    let program = imrs::build(
        &["--package", "imrs-engine", "--example", "mix"],
        "examples/mix",
    )?;
    let directory = tempfile::tempdir()?;
    let driver = Driver {
        program: &program,
        zone: &root.file,
        directory: directory.path(),
    };
    let title = format!("instructions per query, {CORPUS} queries of as many clients");
    let mut table = Table::new(title, &["mix", "cookies", "respond", "defended", "ratio"]);
    let sources = clients::addresses(common.seed, CORPUS);
    for (mix, cookies) in ROWS {
        let mut queries = queries::corpus(&delegations, mix, common.seed, CORPUS);
        clients::show(cookies, &mut queries, &sources, TIME);
        fs::write(driver.queries(), framed(&queries, &sources)?)?;
        let plain = driver.each(&[])?;
        let secret = format!("{:032x}", u128::from_be_bytes(clients::SECRET));
        let defended = driver.each(&[&secret, &TIME.to_string()])?;
        table.push(vec![
            Cell::Text(mix.name().to_owned()),
            Cell::Text(cookies.name().to_owned()),
            Cell::Number(plain, 0),
            Cell::Number(defended, 0),
            Cell::Number(defended / plain, 3),
        ]);
    }
    table.print(common.output);
    Ok(())
}

/// What is asked, with which cookies.
const ROWS: [(Mix, Cookies); 6] = [
    (Mix::Root, Cookies::None),
    (Mix::Root, Cookies::Client),
    (Mix::Root, Cookies::Valid),
    (Mix::Nxdomain, Cookies::None),
    (Mix::Referral, Cookies::None),
    (Mix::Apex, Cookies::None),
];

/// When queries come, in seconds of Unix.
const TIME: u32 = 1_790_000_000;

/// The queries, each behind its client's address and its length.
fn framed(queries: &[Vec<u8>], sources: &[Ipv4Addr]) -> Result<Vec<u8>> {
    let mut octets = Vec::new();
    for (query, source) in queries.iter().zip(sources) {
        octets.extend_from_slice(&source.octets());
        octets.extend_from_slice(&u16::try_from(query.len())?.to_be_bytes());
        octets.extend_from_slice(query);
    }
    Ok(octets)
}

/// The program under callgrind.
struct Driver<'a> {
    program: &'a Path,
    zone: &'a Path,
    directory: &'a Path,
}

impl Driver<'_> {
    fn queries(&self) -> PathBuf {
        self.directory.join("queries")
    }

    /// Instructions per query.
    fn each(&self, defence: &[&str]) -> Result<f64> {
        let (once, thrice) = (self.count("1", defence)?, self.count("3", defence)?);
        Ok(thrice.saturating_sub(once) as f64 / (2 * CORPUS) as f64)
    }

    fn count(&self, rounds: &str, defence: &[&str]) -> Result<u64> {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=callgrind.out"])
            .args([self.program, self.zone, &self.queries()])
            .arg(rounds)
            .args(defence)
            .current_dir(self.directory)
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
}

/// Queries answered in one round.
const CORPUS: usize = 5_000;
