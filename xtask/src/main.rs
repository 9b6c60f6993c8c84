//! The tasks of this repository: `cargo xtask --help`.

mod bench;
mod ci;
mod count;
mod differential;
mod dist;
mod fuzz;
mod imrs;
mod interop;
mod lab;
mod metrics;
mod package;
mod peers;
mod root;
mod tidy;
mod transfer;
mod workspace;

use clap::Parser;
use std::process::ExitCode;

/// The tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Task {
    /// Runs the whole gate: format, lints, docs, tests, tidy, interoperation, fuzz smoke.
    Ci(ci::Args),
    /// Checks the rules of the house that no compiler checks.
    Tidy(tidy::Args),
    /// Measures imrs side by side with its peers and prints the table.
    Bench(bench::Args),
    /// Sends one corpus to imrs and its peers and compares the responses.
    Differential(differential::Args),
    /// Tries zone transfers between imrs and its peers, both ways.
    Interop(interop::Args),
    /// Has a real Prometheus scrape imrs, and tries the alerts and the dashboard on it.
    Metrics(metrics::Args),
    /// Plays a scene with real servers in network namespaces.
    Lab(lab::Args),
    /// Replays captures to imrs and compares its counts with those of others.
    Count(count::Args),
    /// Makes the Debian package.
    Dist(dist::Args),
    /// Installs, upgrades and removes the Debian package in a fresh root.
    Package(package::Args),
    /// Runs the fuzz targets.
    Fuzz(fuzz::Args),
}

fn main() -> ExitCode {
    let outcome = match Task::parse() {
        Task::Ci(args) => ci::run(&args),
        Task::Tidy(args) => tidy::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Differential(args) => differential::run(&args),
        Task::Interop(args) => interop::run(&args),
        Task::Metrics(args) => metrics::run(&args),
        Task::Lab(args) => lab::run(&args),
        Task::Count(args) => count::run(&args),
        Task::Dist(args) => dist::run(&args),
        Task::Package(args) => package::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of causes, without the backtrace that `Debug` may add.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
