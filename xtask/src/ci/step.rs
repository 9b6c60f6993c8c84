//! Runs one step of the gate: prints what it prints, and counts the tests in it.

use super::tally::Tally;
use crate::workspace;
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// One command of the gate.
#[derive(Debug)]
pub(crate) struct Step {
    /// What it is called in the output.
    pub(crate) name: &'static str,
    program: PathBuf,
    /// What one types to call the program.
    typed: &'static str,
    arguments: Vec<String>,
    variables: Vec<(&'static str, &'static str)>,
}

/// What came of a step.
#[derive(Debug)]
pub(crate) struct Report {
    /// Whether its command succeeded.
    pub(crate) succeeded: bool,
    /// The tests it counted.
    pub(crate) tally: Tally,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Step {
    /// A step that calls cargo; `arguments` are parted by spaces.
    pub(crate) fn cargo(name: &'static str, arguments: &str) -> Step {
        Step::new(name, workspace::cargo(), "cargo", arguments)
    }

    /// A step that calls another task of this program.
    pub(crate) fn task(name: &'static str, arguments: &str) -> Result<Step> {
        let program = std::env::current_exe().context("cannot find the running xtask")?;
        Ok(Step::new(name, program, "cargo xtask", arguments))
    }

    fn new(name: &'static str, program: PathBuf, typed: &'static str, arguments: &str) -> Step {
        Step {
            name,
            program,
            typed,
            arguments: arguments.split_whitespace().map(str::to_owned).collect(),
            variables: Vec::new(),
        }
    }

    /// Sets a variable of the environment.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Step {
        self.variables.push((name, value));
        self
    }

    /// The command as one would type it.
    pub(crate) fn command_line(&self) -> String {
        format!("{} {}", self.typed, self.arguments.join(" "))
    }

    /// Runs the command to its end, in the root of the repository and without input.
    pub(crate) fn run(&self) -> Result<Report> {
        let start = Instant::now();
        let mut child = workspace::command(&self.program)
            .args(&self.arguments)
            .envs(self.variables.iter().copied())
            .current_dir(workspace::root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.command_line()))?;
        let stdout = child.stdout.take().context("no output")?;
        let stderr = child.stderr.take().context("no error output")?;
        // One thread a stream: neither may fill up while the other is read.
        let errors = thread::spawn(move || relay(stderr, |line| eprintln!("{line}")));
        let mut tally = relay(stdout, |line| println!("{line}"));
        tally += errors.join().unwrap_or_default();
        let succeeded = child.wait()?.success();
        // A step that fails otherwise than by a counted test is one failure.
        if !succeeded && tally.failed == 0 {
            tally.failed = 1;
        }
        Ok(Report {
            succeeded,
            tally,
            took: start.elapsed(),
        })
    }
}

/// Passes a stream on line by line and adds up the tests that it counts.
fn relay(stream: impl Read, print: impl Fn(&str)) -> Tally {
    let mut reader = BufReader::new(stream);
    let mut tally = Tally::default();
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches('\n');
        print(text);
        if let Some(counted) = Tally::read(text) {
            tally += counted;
        }
        line.clear();
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::{Step, Tally};

    fn check(script: &str, succeeded: bool, passed: u64, failed: u64) {
        let mut step = Step::new("trial", "sh".into(), "sh", "-c");
        step.arguments.push(script.to_owned());
        let report = step.run().unwrap();
        assert_eq!(report.succeeded, succeeded, "{script}");
        assert_eq!(report.tally, Tally { passed, failed }, "{script}");
    }

    #[test]
    fn a_step_is_shown_as_one_types_it() {
        let step = Step::task("tidy", "tidy").unwrap();
        assert_eq!(step.command_line(), "cargo xtask tidy");
    }

    #[test]
    fn a_step_counts_tests_from_both_streams() {
        check(
            "echo 2 passed, 0 failed; echo 3 passed, 0 failed >&2",
            true,
            5,
            0,
        );
    }

    #[test]
    fn a_step_that_fails_without_a_test_is_one_failure() {
        check("echo oops >&2; exit 3", false, 0, 1);
        check("echo 4 passed, 2 failed; exit 1", false, 4, 2);
    }
}
