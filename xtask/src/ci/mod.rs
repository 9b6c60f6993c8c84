//! `cargo xtask ci`: the whole gate, the same on a laptop and on a build machine.
//!
//! Start reading at [`steps`]. The first step that fails ends the run, and the last line is the
//! sum of all tests that the runners counted. This module does not know what a step checks.

mod step;
mod tally;

use crate::peers::{Tool, ensure_installed};
use crate::{root, workspace};
use anyhow::{Context, Result};
use std::time::{Duration, Instant};
use step::Step;
use tally::Tally;

/// Options of `cargo xtask ci`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

/// Runs every step in order and stops at the first that fails.
pub(crate) fn run(_args: &Args) -> Result<()> {
    let start = Instant::now();
    let steps = steps()?;
    // The runners hide what a test that passes prints, such as that it had nothing to read.
    let data = root::data_folder();
    if !data.is_dir() {
        println!(
            "no real zones in {}: their tests are skipped",
            data.display()
        );
    }
    if let Err(error) = ensure_installed(&PEERS) {
        println!("{error:#}; tests that need them are skipped");
    }
    let mut total = Tally::default();
    let mut times = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!(
            "== {}/{} {}: {}",
            index + 1,
            steps.len(),
            step.name,
            step.command_line()
        );
        let report = step
            .run()
            .with_context(|| format!("the step {} could not be run", step.name))?;
        times.push((step.name, report.took));
        total += report.tally;
        if !report.succeeded {
            eprintln!(
                "ci: {} failed; to run it alone: {}",
                step.name,
                step.command_line()
            );
            summary(&times, start.elapsed(), total);
            std::process::exit(1);
        }
    }
    summary(&times, start.elapsed(), total);
    Ok(())
}

/// What tests read captures with, and speak BGP to.
const PEERS: [Tool; 5] = [
    Tool {
        command: "ip",
        package: "iproute2",
    },
    Tool {
        command: "bird",
        package: "bird2",
    },
    Tool {
        command: "vtysh",
        package: "frr",
    },
    Tool {
        command: "dnstap-ldns",
        package: "dnstap-ldns",
    },
    Tool {
        command: "fstrm_capture",
        package: "fstrm-bin",
    },
];

/// The gate. What fails soonest and costs least comes first.
fn steps() -> Result<Vec<Step>> {
    let mut steps = vec![
        Step::cargo("format", "fmt --all --check"),
        Step::cargo(
            "format of fuzz",
            "fmt --manifest-path fuzz/Cargo.toml --check",
        ),
        Step::task("tidy", "tidy")?,
        Step::cargo(
            "clippy",
            "clippy --workspace --all-targets --locked -- -D warnings",
        ),
        Step::cargo("docs", "doc --workspace --no-deps --locked")
            .with("RUSTDOCFLAGS", "-D warnings"),
    ];
    // Tidy has checked licences already; cargo-deny also sees duplicates and sources.
    if is_installed("deny") {
        steps.push(Step::cargo("deny", "deny check bans licenses sources"));
    }
    steps.push(if is_installed("nextest") {
        Step::cargo("tests", "nextest run --workspace --locked --no-fail-fast")
    } else {
        Step::cargo(
            "tests",
            "test --workspace --lib --bins --tests --locked --no-fail-fast",
        )
    });
    steps.push(Step::cargo(
        "doc tests",
        "test --workspace --doc --locked --no-fail-fast",
    ));
    // As the README has it; what is built here serves the steps behind it.
    steps.push(Step::cargo(
        "cargo run",
        "run --release --locked -- --version",
    ));
    steps.push(Step::task("differential", "differential")?);
    steps.push(Step::task("interop", "interop")?);
    steps.push(Step::task("metrics", "metrics")?);
    // Where the kernel lets nobody make a namespace, it says so.
    let scene = "lab transfer --brief --tlds 30 --skip-if-impossible";
    steps.push(Step::task("lab transfer", scene)?);
    let scene = "lab site --brief --skip-if-impossible";
    steps.push(Step::task("lab site", scene)?);
    let count = "count --packets 3000 --flood 20000 --skip-if-impossible";
    steps.push(Step::task("count", count)?);
    steps.push(Step::task("package", "package --skip-if-impossible")?);
    // So short a time is not worth the builds that a long one is.
    let fuzz = Step::task("fuzz smoke", "fuzz --seconds 15")?;
    steps.push(fuzz.with("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"));
    Ok(steps)
}

/// Whether cargo has the subcommand `name`.
fn is_installed(name: &str) -> bool {
    workspace::command(workspace::cargo())
        .args([name, "--version"])
        .output()
        .is_ok_and(|output| output.status.success())
}

fn summary(times: &[(&str, Duration)], took: Duration, total: Tally) {
    println!("== summary");
    for (name, took) in times {
        println!("{:>7.1} s  {name}", took.as_secs_f64());
    }
    println!("{:>7.1} s  in all", took.as_secs_f64());
    println!("{total}");
}
