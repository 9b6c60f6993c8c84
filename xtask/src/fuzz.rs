//! `cargo xtask fuzz`: builds the fuzz targets on the pinned stable compiler and runs them.
//!
//! Coverage feedback is asked of LLVM by code generation options, and libFuzzer is compiled by
//! `libfuzzer-sys`, so neither a nightly compiler nor cargo-fuzz is needed. The seeds in
//! `fuzz/corpus` are only read; what a run adds stays below `fuzz/target`.

use crate::peers::{Tool, ensure_installed};
use crate::workspace;
use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Options of `cargo xtask fuzz`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The target to run; all of them, one on each core, when absent.
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60, value_name = "N")]
    seconds: u32,
    /// Runs this one input instead, to see a find again.
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
}

/// Builds the targets, runs them, and prints one line about each.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure_installed(&[Tool {
        command: "g++",
        package: "g++",
    }])?;
    let folder = workspace::root().join("fuzz");
    let all = targets(&folder)?;
    let chosen = match &args.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => bail!("no fuzz target {name}: there are {}", all.join(", ")),
    };
    build(&folder, &chosen)?;
    if let (Some(input), Some(target)) = (&args.replay, &args.target) {
        let status = Command::new(program(&folder, target)).arg(input).status()?;
        ensure!(status.success(), "{target} fails on {}", input.display());
        println!("{target} bears {}", input.display());
        return Ok(());
    }
    let reports = fuzz_all(&folder, &chosen, args.seconds)?;
    println!(
        "{:<16} {:>12} {:>9} {:>9}",
        "target", "inputs", "edges", "new units"
    );
    for (target, report) in reports {
        let Report {
            inputs,
            edges,
            units,
        } = report;
        println!("{target:<16} {inputs:>12} {edges:>9} {units:>9}");
    }
    Ok(())
}

/// Runs the targets in their order, one on each core; gives their reports in the same order. After a
/// failure no other is begun.
fn fuzz_all<'a>(
    folder: &Path,
    targets: &'a [String],
    seconds: u32,
) -> Result<Vec<(&'a String, Report)>> {
    let waiting = Mutex::new(targets.iter());
    let next = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    let work = || {
        let mut reports = Vec::new();
        while let Some(target) = next() {
            match fuzz(folder, target, seconds) {
                Ok(report) => reports.push((target, report)),
                Err(error) => {
                    while next().is_some() {}
                    return Err(error);
                }
            }
        }
        Ok(reports)
    };
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let mut reports = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let outcomes = { threads.into_iter() }.map(|thread| match thread.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a thread that runs targets panicked"),
        });
        outcomes.collect::<Result<Vec<_>>>()
    })?
    .concat();
    reports.sort_by_key(|(target, _)| *target);
    Ok(reports)
}

/// The targets are the files of `fuzz/targets`.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in folder.join("targets").read_dir().context("fuzz/targets")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(
                path.file_stem()
                    .map(|stem| stem.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    Ok(names)
}

/// Builds with the flags of [`COVERAGE`]; `--target` keeps them away from build scripts.
fn build(folder: &Path, targets: &[String]) -> Result<()> {
    let mut command = workspace::command(workspace::cargo());
    command
        .args(["build", "--release", "--locked", "--target", TRIPLE])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env("RUSTFLAGS", COVERAGE.join(" "));
    for target in targets {
        command.args(["--bin", target]);
    }
    ensure!(command.status()?.success(), "the fuzz targets do not build");
    Ok(())
}

fn program(folder: &Path, target: &str) -> PathBuf {
    folder
        .join("target")
        .join(TRIPLE)
        .join("release")
        .join(target)
}

/// What one run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Report {
    /// Inputs executed.
    inputs: u64,
    /// Edges of the control flow that were reached.
    edges: u64,
    /// Inputs that reached something new and were kept.
    units: u64,
}

impl Report {
    /// Takes in one line of what libFuzzer prints.
    fn read(&mut self, line: &str) {
        let number = |text: &str| text.trim().parse().ok();
        if let Some(value) = line.strip_prefix("stat::number_of_executed_units:") {
            self.inputs = number(value).unwrap_or_default();
        } else if let Some(value) = line.strip_prefix("stat::new_units_added:") {
            self.units = number(value).unwrap_or_default();
        } else if let Some((_, rest)) = line.split_once(" cov: ") {
            let first = rest.split(' ').next().unwrap_or_default();
            self.edges = number(first).unwrap_or(self.edges);
        }
    }
}

fn fuzz(folder: &Path, target: &str, seconds: u32) -> Result<Report> {
    println!("fuzzing {target} for {seconds} s");
    let grown = folder.join("target/grown").join(target);
    let finds = folder.join("target/finds").join(target);
    let seeds = folder.join("corpus").join(target);
    ensure!(
        seeds.is_dir(),
        "{target} has no seeds; put some into {}",
        seeds.display()
    );
    std::fs::create_dir_all(&grown)?;
    std::fs::create_dir_all(&finds)?;
    let mut child = Command::new(program(folder, target))
        .arg(&grown)
        .arg(seeds)
        .arg(format!("-artifact_prefix={}/", finds.display()))
        .arg(format!("-max_total_time={seconds}"))
        .args([
            "-print_final_stats=1",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-max_len=4096",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {target}"))?;
    let mut report = Report::default();
    let mut tail = Vec::new();
    for line in BufReader::new(child.stderr.take().context("no output")?).lines() {
        let line = line?;
        report.read(&line);
        // libFuzzer's progress begins with `#`; the rest is what matters when it fails.
        if !line.starts_with('#') {
            tail.push(line);
        }
    }
    if !child.wait()?.success() {
        for line in tail.iter().skip(tail.len().saturating_sub(FAILURE_LINES)) {
            eprintln!("{line}");
        }
        bail!(
            "{target} found an input that breaks it; it lies in {}; see it again with \
             `cargo xtask fuzz {target} --replay FILE`, and make it a scenario",
            finds.display()
        );
    }
    ensure!(
        report.edges > EDGES_MIN,
        "{target} reached {} edges: it ran without coverage feedback",
        report.edges
    );
    Ok(report)
}

/// The only target that releases are made for so far.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// Lines of libFuzzer's output shown for a find: message, backtrace and the input.
const FAILURE_LINES: usize = 60;

/// A target that reaches no more is not instrumented: libFuzzer's own main has none.
const EDGES_MIN: u64 = 10;

/// Edge counters, their addresses, and the operands of comparisons, for libFuzzer.
const COVERAGE: &[&str] = &[
    "-Dwarnings",
    "-Ccodegen-units=1",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn the_figures_of_a_run_are_read_from_its_output() {
        let mut report = Report::default();
        for line in [
            "#2\tINITED cov: 14 ft: 14 corp: 1/1b exec/s: 0 rss: 26Mb",
            "#70\tNEW    cov: 55 ft: 61 corp: 2/3b lim: 4 exec/s: 0 rss: 26Mb L: 2/2 MS: 1 CopyPart-",
            "stat::number_of_executed_units: 16794938",
            "stat::new_units_added:          570",
        ] {
            report.read(line);
        }
        let expected = Report {
            inputs: 16_794_938,
            edges: 55,
            units: 570,
        };
        assert_eq!(report, expected);
    }
}
