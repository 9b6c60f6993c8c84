//! imrs of another commit, to be measured beside this one.
//!
//! It is built once, in a worktree of its own below the folder of builds, and only the program is kept.

use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A build of another commit.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    /// Its hash, shortened.
    pub(crate) commit: String,
    /// The program, built with the release profile.
    pub(crate) program: PathBuf,
}

impl Base {
    /// Builds what git calls `commit`, unless that was done before.
    pub(crate) fn build(commit: &str) -> Result<Base> {
        let name = format!("{commit}^{{commit}}");
        let commit = git(&["rev-parse", "--verify", "--quiet", "--short=12", &name])
            .with_context(|| format!("`{commit}` is no commit of this repository"))?;
        let folder = workspace::builds().join("base").join(&commit);
        let program = folder.join("imrs");
        if !program.is_file() {
            fs::create_dir_all(&folder)?;
            build(&commit, &folder, &program)?;
        }
        Ok(Base { commit, program })
    }
}

fn build(commit: &str, folder: &Path, program: &Path) -> Result<()> {
    eprintln!("building imrs of {commit}");
    let (tree, target) = (folder.join("tree"), folder.join("target"));
    let path = tree.to_str().context("the folder of builds is not UTF-8")?;
    if tree.exists() {
        // Of a run that was interrupted.
        git(&["worktree", "remove", "--force", path])?;
    }
    git(&["worktree", "add", "--quiet", "--detach", path, commit])?;
    let status = workspace::command(workspace::cargo())
        .args(["build", "--quiet", "--locked", "--release"])
        .args(["--package", "imrs-node", "--bin", "imrs"])
        .env("CARGO_TARGET_DIR", &target)
        .current_dir(&tree)
        .status();
    git(&["worktree", "remove", "--force", path])?;
    let status = status?;
    ensure!(
        status.success(),
        "imrs of {commit} does not build: {status}"
    );
    // Written under its name last, so that what has the name is whole.
    let copy = folder.join("imrs.new");
    fs::copy(target.join("release/imrs"), &copy)?;
    fs::rename(copy, program)?;
    fs::remove_dir_all(target)?;
    Ok(())
}

/// Runs git here, and gives what it says.
fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(workspace::root())
        .output()
        .context("cannot run git")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "git {}: {}",
        arguments.join(" "),
        error.trim()
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
