//! `cargo xtask tidy`: the rules of the house that no compiler checks.
//!
//! Start reading at [`run`]. Each rule is a plain function from text to [`Finding`]s, in the
//! module of what it reads: [`source`], [`crates`], [`manifest`], [`licences`], [`documents`].

mod crates;
mod documents;
mod licences;
mod manifest;
mod source;
mod tree;

use crate::workspace;
use anyhow::{Result, bail};
use std::fmt;
use tree::Tree;

/// Options of `cargo xtask tidy`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

/// Something that is not as the house has it.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// A file, with its line where there is one, or a package.
    place: String,
    /// What is wrong, and what would be right.
    what: String,
}

impl Finding {
    /// Something about a whole file or package.
    fn about(place: &str, what: impl Into<String>) -> Finding {
        Finding {
            place: place.to_owned(),
            what: what.into(),
        }
    }

    /// Something in a line, counted from 0.
    fn at(path: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding::about(&format!("{path}:{}", line + 1), what)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Checks every rule and prints all that was found.
pub(crate) fn run(_args: &Args) -> Result<()> {
    let root = workspace::root();
    let tree = Tree::load(root)?;
    let ours = workspace::metadata(&root.join("Cargo.toml"))?;
    let fuzz = workspace::metadata(&root.join("fuzz/Cargo.toml"))?;
    let mut findings = Vec::new();
    for file in &tree.files {
        findings.extend(source::check(file, &tree));
        findings.extend(manifest::check(file));
    }
    findings.extend(documents::check(&tree));
    findings.extend(crates::check(&ours.packages));
    let terms = licences::Terms::read(tree.text("deny.toml").unwrap_or_default())?;
    findings.extend(terms.check(&ours.packages));
    findings.extend(terms.check(&fuzz.packages));
    if findings.is_empty() {
        let packages = ours.packages.len() + fuzz.packages.len();
        println!(
            "tidy: {} files and {packages} packages are well",
            tree.files.len()
        );
        return Ok(());
    }
    for finding in &findings {
        eprintln!("{finding}");
    }
    bail!("tidy: {} findings", findings.len())
}
