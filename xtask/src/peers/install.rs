//! Programs of Debian that the tasks of this repository need.

use anyhow::{Context, Result, bail, ensure};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A command that this repository's tasks need, and the Debian package that brings it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// The command.
    pub(crate) command: &'static str,
    /// The package.
    pub(crate) package: &'static str,
}

/// Sees to it that `tools` are installed: installs what is missing when root, otherwise says how.
pub(crate) fn ensure_installed(tools: &[Tool]) -> Result<()> {
    let missing: Vec<&str> = tools
        .iter()
        .filter(|tool| find(tool.command).is_none())
        .map(|tool| tool.package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    if !is_root()? {
        bail!("missing programs: run `apt-get install --no-install-recommends {packages}` as root");
    }
    eprintln!("installing {packages}");
    apt(&["update", "--quiet"])?;
    let install = ["install", "--quiet", "--yes", "--no-install-recommends"];
    apt(&[&install[..], &missing].concat())
}

fn apt(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null())
        .status()
        .context("cannot run apt-get: install the packages named above by other means")?;
    ensure!(
        status.success(),
        "apt-get {} failed: {status}",
        arguments.join(" ")
    );
    Ok(())
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output()?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// Daemons live in directories that are not on every user's path.
fn find(command: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|directory| directory.join(command))
        .find(|candidate| candidate.is_file())
}

/// The start of a command line for `command`, wherever it is installed.
pub(crate) fn tool_command(command: &str) -> Result<Command> {
    let path = find(command).with_context(|| format!("{command} is not installed"))?;
    Ok(Command::new(path))
}
