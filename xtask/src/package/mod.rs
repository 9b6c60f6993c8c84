//! `cargo xtask package`: installs the Debian package in a fresh Debian, upgrades it, goes back, and
//! removes it, with queries going on.
//!
//! ```text
//! units   what systemd says of the units, and how much each may do
//! room    a fresh Debian that runs in a folder, gone at the end
//! flow    queries that go on meanwhile
//! life    installed, upgraded, rolled back, removed
//! host    a router with BIRD in front of the room, and clients beyond it
//! single  configured, announced, looked at by the doctor, killed
//! ```

mod flow;
mod host;
mod life;
mod room;
mod single;
mod units;

use crate::peers::{Tool, ensure_installed, tool_command};
use crate::{dist, imrs};
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Options of `cargo xtask package`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Look at the units only; nothing is built or installed.
    #[arg(long)]
    units: bool,
    /// Look at the units only, and say so, where a fresh Debian cannot be started.
    #[arg(long)]
    skip_if_impossible: bool,
    /// A build of imrs to take instead of building one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Makes all checks; the first that fails ends them.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure_installed(&TOOLS)?;
    let start = Instant::now();
    let said = |what: &str| println!("{:>6.1} s  {what}", start.elapsed().as_secs_f64());
    for line in units::check()? {
        println!("          {line}");
    }
    said("the units are sound");
    if args.units {
        return Ok(());
    }
    if let Some(why) = room::impossible() {
        ensure!(args.skip_if_impossible, "{why}");
        println!("skipped: {why}");
        return Ok(());
    }
    let program = match &args.program {
        Some(program) => program.clone(),
        None => imrs::program()?,
    };
    said("the program is built");
    let version = dist::version()?;
    let first = dist::make(&program, &version)?;
    let next = dist::make(&program, &format!("{version}+next"))?;
    said("two packages are made");
    lint(&first)?;
    said("lintian has no errors");
    let room = room::Room::boot()?;
    said("a fresh Debian runs");
    let played =
        life::play(&room, &first, &next, &said).and_then(|()| single::play(&room, &first, &said));
    if let Err(error) = played {
        if let Ok(log) = room.told("journalctl --no-pager --lines=40 --unit='imrs*'") {
            println!("{log}");
        }
        return Err(error);
    }
    Ok(())
}

/// Errors are errors; what else lintian says is printed.
fn lint(package: &Path) -> Result<()> {
    let mut lintian = tool_command("lintian")?;
    lintian.args(["--allow-root", "--no-cfg", "--fail-on", "error"]);
    let said = dist::told(lintian.arg(package))?;
    for line in said.lines() {
        println!("          lintian: {line}");
    }
    Ok(())
}

const TOOLS: [Tool; 5] = [
    Tool {
        command: "ip",
        package: "iproute2",
    },
    Tool {
        command: "systemd-analyze",
        package: "systemd",
    },
    Tool {
        command: "mmdebstrap",
        package: "mmdebstrap",
    },
    Tool {
        command: "lintian",
        package: "lintian",
    },
    Tool {
        command: "bird",
        package: "bird2",
    },
];
