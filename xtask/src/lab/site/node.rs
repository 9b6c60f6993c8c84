//! A node: `imrs serve`, its keeper `imrs route`, and BIRD, each of which can die by itself.
//!
//! Start reading at [`Node::start`]; `settings` writes what it is told. This file does not know
//! what is played.

use super::bird::Bird;
use super::network::Network;
use super::plan::Place;
use super::settings::{self, Files};
use super::waiting::pause;
use crate::peers::Daemon;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A node. All of it ends when dropped.
#[derive(Debug)]
pub(super) struct Node {
    /// Where it is.
    pub(super) place: Place,
    program: PathBuf,
    _directory: TempDir,
    files: Files,
    serve: Option<Daemon>,
    /// One that hands over to that.
    former: Option<Daemon>,
    keeper: Option<Daemon>,
    bird: Option<Bird>,
}

/// One of the processes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    /// `imrs serve`.
    Serve,
    /// `imrs route`.
    Keeper,
    /// BIRD.
    Bird,
}

impl Node {
    /// Makes the node, and starts all of it. It need not be announced when this returns.
    pub(super) fn start(
        program: &Path,
        network: &Network,
        place: Place,
        anchors: &str,
    ) -> Result<Node> {
        let directory = Daemon::directory()?;
        let files = Files::in_folder(directory.path());
        for folder in [&files.route, &files.state] {
            fs::create_dir_all(folder)?;
        }
        fs::write(&files.anchors, anchors)?;
        // No secret is taken from a file that others can read.
        let mut options = OpenOptions::new();
        let secret = options.write(true).create_new(true).mode(0o600);
        let mut secret = secret.open(&files.cookies)?;
        std::io::Write::write_all(&mut secret, settings::COOKIES.as_bytes())?;
        fs::write(&files.configuration, settings::text(place, &files))?;
        let mut node = Node {
            place,
            program: program.to_owned(),
            _directory: directory,
            files,
            serve: None,
            former: None,
            keeper: None,
            bird: None,
        };
        for process in [Process::Keeper, Process::Bird, Process::Serve] {
            node.start_process(network, process)?;
        }
        Ok(node)
    }

    /// Starts one of its processes, which does not run.
    pub(super) fn start_process(&mut self, network: &Network, process: Process) -> Result<()> {
        let namespace = network.at(self.place);
        let what = || format!("{process:?} of {}", self.place.name());
        match process {
            Process::Serve => {
                let daemon = namespace
                    .enter(|| self.imrs("serve", &[]))
                    .with_context(what)?;
                self.serve = Some(daemon);
            }
            Process::Keeper => {
                let daemon = namespace
                    .enter(|| self.imrs("route", &[]))
                    .with_context(what)?;
                self.keeper = Some(daemon);
            }
            Process::Bird => {
                wait_for(&self.files.bird_configuration()).with_context(|| {
                    let log = self.keeper.as_ref().map(Daemon::log).unwrap_or_default();
                    format!("{}; the log of the keeper:\n{log}", what())
                })?;
                let (file, socket) = (self.files.bird_configuration(), self.files.bird_socket());
                let directory = Arc::new(Daemon::directory()?);
                let bird = namespace
                    .enter(|| Bird::start_at(&file, &socket, directory))
                    .with_context(what)?;
                self.bird = Some(bird);
            }
        }
        Ok(())
    }

    /// Starts `imrs serve` beside the one that runs, which hands its sockets over and ends.
    /// Returns when the former one has ended.
    pub(super) fn take_over(&mut self, network: &Network) -> Result<()> {
        self.begin_to_take_over(network)?;
        self.end_taking_over()
    }

    /// The first half of that: the next one is on its way.
    pub(super) fn begin_to_take_over(&mut self, network: &Network) -> Result<()> {
        let namespace = network.at(self.place);
        let next = namespace.enter(|| self.imrs("serve", &["--take-over"]))?;
        self.former = self.serve.replace(next);
        Ok(())
    }

    /// The second half: waits until the former one has ended.
    pub(super) fn end_taking_over(&mut self) -> Result<()> {
        let mut former = self.former.take().context("nothing to take over")?;
        let start = Instant::now();
        while !former.has_ended() {
            let next = self.serve.as_ref().map(Daemon::log).unwrap_or_default();
            ensure!(
                start.elapsed() < TAKE_OVER,
                "{}: the former server has not ended after {TAKE_OVER:?}; its log:\n{}\nthat of \
                 the next one:\n{next}",
                self.place.name(),
                former.log()
            );
            pause(PAUSE)?;
        }
        Ok(())
    }

    /// Ends one of its processes without a warning.
    pub(super) fn kill(&mut self, process: Process) {
        match process {
            Process::Serve => drop(self.serve.take().map(|mut one| one.kill())),
            Process::Keeper => drop(self.keeper.take().map(|mut one| one.kill())),
            Process::Bird => drop(self.bird.take().map(|mut one| one.daemon.kill())),
        }
    }

    /// Ends all of them at once, as a loss of power does.
    pub(super) fn kill_all(&mut self) {
        self.former = None;
        for process in [Process::Bird, Process::Serve, Process::Keeper] {
            self.kill(process);
        }
    }

    /// Sends one of its processes a signal, named as `kill` names it.
    pub(super) fn signal(&self, process: Process, name: &str) {
        let daemon = match process {
            Process::Serve => self.serve.as_ref(),
            Process::Keeper => self.keeper.as_ref(),
            Process::Bird => self.bird.as_ref().map(|bird| &bird.daemon),
        };
        if let Some(daemon) = daemon {
            daemon.signal(name);
        }
    }

    /// Asks `imrs serve` to end, and waits until it has by itself.
    pub(super) fn stop_serving(&mut self) -> Result<()> {
        let mut serve = self.serve.take().context("it does not serve")?;
        serve.signal("-TERM");
        let start = Instant::now();
        while !serve.has_ended() {
            ensure!(
                start.elapsed() < TAKE_OVER,
                "{}: imrs serve has not ended after {TAKE_OVER:?}; its log:\n{}",
                self.place.name(),
                serve.log()
            );
            pause(PAUSE)?;
        }
        Ok(())
    }

    /// What `imrs ctl` says; it tells by its exit code how the node is, beside whether it was asked
    /// well.
    pub(super) fn ctl(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.program);
        command.arg("ctl").args(arguments);
        command
            .args(["--output", "json", "--socket"])
            .arg(&self.files.control);
        let output = command.output()?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "{}: imrs ctl {}: {}: {}",
                self.place.name(),
                arguments.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )
        })
    }

    /// The last lines of the logs of all its processes.
    pub(super) fn log_ends(&self) -> String {
        let bird = self.bird.as_ref().map(|bird| bird.daemon.log());
        let logs = [
            ("serve", self.serve.as_ref().map(Daemon::log)),
            ("keeper", self.keeper.as_ref().map(Daemon::log)),
            ("BIRD", bird),
        ];
        let mut text = String::new();
        for (name, log) in logs {
            let log = log.unwrap_or_else(|| "does not run".to_owned());
            let lines: Vec<&str> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
            text += &format!("-- {name} of {}\n{end}\n", self.place.name());
        }
        text
    }

    fn imrs(&self, command: &str, more: &[&str]) -> Result<Daemon> {
        let mut imrs = Command::new(&self.program);
        imrs.args([command, "--config"])
            .arg(&self.files.configuration);
        imrs.args(more);
        let directory = Arc::new(Daemon::directory()?);
        let mut daemon = Daemon::start(&mut imrs, directory, NOWHERE, [])?;
        pause(AT_ONCE)?;
        let has_ended = daemon.has_ended();
        ensure!(!has_ended, "imrs {command} ended:\n{}", daemon.log());
        Ok(daemon)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The lab is over: nobody waits for drains.
        self.kill_all();
    }
}

fn wait_for(file: &Path) -> Result<()> {
    let start = Instant::now();
    while !file.exists() {
        if start.elapsed() > PATIENCE {
            bail!("{} is not there after {PATIENCE:?}", file.display());
        }
        pause(PAUSE)?;
    }
    Ok(())
}

/// Whether a process answers is seen in the routes: here nobody waits for its port.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// For what ought to take milliseconds, on a crowded machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// The former server ends when its connections have; here it has none, or short ones.
const TAKE_OVER: Duration = Duration::from_secs(40);

/// What is wrong with its configuration is said by then.
const AT_ONCE: Duration = Duration::from_millis(50);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Lines of a log that an error shows.
const LOG_LINES: usize = 12;
