//! Everything that passes the interface of the server, written down by tcpdump.
//!
//! A capture that lost a packet proves nothing, so tcpdump's own account of what it lost is asked for at
//! the end.

use super::stage::{LINK, Stage};
use crate::peers::tool_command;
use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A capture that goes on. Ends when dropped.
#[derive(Debug)]
pub(super) struct Capture {
    child: Child,
    log: PathBuf,
    /// Where the packets are.
    pub(super) file: PathBuf,
}

impl Capture {
    /// Begins one in `folder`, and returns when it is under way.
    pub(super) fn start(stage: &Stage, folder: &Path) -> Result<Capture> {
        let (file, log) = (folder.join("run.pcap"), folder.join("tcpdump.log"));
        let mut command = tool_command("tcpdump")?;
        command.args(["-i", LINK, "-n", "-p", "-Z", "root", "-s", "0"]);
        command.args(["-B", BUFFER_KIB, "-w"]).arg(&file);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        let child = stage
            .server
            .enter(move || command.spawn().context("cannot start tcpdump"))?;
        let capture = Capture { child, log, file };
        let deadline = Instant::now() + PATIENCE;
        while !capture.said("listening on") {
            ensure!(
                Instant::now() < deadline,
                "tcpdump does not listen: {}",
                fs::read_to_string(&capture.log).unwrap_or_default()
            );
            thread::sleep(PAUSE);
        }
        Ok(capture)
    }

    /// Ends it. An error if it has lost anything; gives the number of packets otherwise.
    pub(super) fn finish(mut self) -> Result<u64> {
        // It is to write down what it still has in its buffer.
        thread::sleep(FLUSH);
        let status = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()?;
        ensure!(status.success(), "tcpdump cannot be ended: {status}");
        let status = self.child.wait()?;
        let text = fs::read_to_string(&self.log)?;
        ensure!(status.success(), "tcpdump: {status}: {text}");
        let count = |what: &str| -> Option<u64> {
            let line = text.lines().find(|line| line.ends_with(what))?;
            line.split(' ').next()?.parse().ok()
        };
        let (Some(captured), Some(received), Some(dropped)) = (
            count("captured"),
            count("received by filter"),
            count("dropped by kernel"),
        ) else {
            bail!("tcpdump does not say what it lost: {text}");
        };
        ensure!(
            dropped == 0 && captured == received,
            "void: of {received} packets tcpdump has {captured}, and {dropped} were dropped"
        );
        Ok(captured)
    }

    fn said(&self, what: &str) -> bool {
        fs::read_to_string(&self.log).is_ok_and(|text| text.contains(what))
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // It has ended, or it is of no use.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Room for packets that wait to be written: all that a flood here brings.
const BUFFER_KIB: &str = "262144";

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// What waits in the buffer is handed on once a second at the latest (pcap(3), timeout).
const FLUSH: Duration = Duration::from_millis(1500);
