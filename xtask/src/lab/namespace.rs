//! Network namespaces of a scene: made by it, gone with it.
//!
//! Start reading at [`Namespace::make`]. A namespace belongs to a thread: what a thread opens and
//! starts after it has entered one stays there.
//!
//! JUSTIFICATION: sockets in several namespaces and one clock for all of them need one process,
//! and no safe wrapper moves a thread of it into a namespace.
#![expect(unsafe_code, reason = "setns")]

use crate::peers::{Tool, ensure_installed, tool_command};
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// A namespace with a loopback of its own. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes one; `name` is made unique by the number of this process.
    pub(crate) fn make(name: &str) -> Result<Namespace> {
        let name = format!("{PREFIX}{}-{name}", std::process::id());
        ip(&["netns", "add", &name])?;
        let namespace = Namespace { name };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Runs `ip` in it.
    pub(crate) fn ip(&self, arguments: &[&str]) -> Result<()> {
        ip(&[&["-netns", &self.name], arguments].concat())
    }

    /// Runs a command in it, with a sysfs that shows its interfaces.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> Result<()> {
        ip(&[&["netns", "exec", &self.name, command], arguments].concat())
    }

    /// Joins it with another one by a pair of interfaces, each with an address in CIDR form.
    pub(crate) fn join(
        &self,
        own: (&str, &str),
        other: &Namespace,
        its: (&str, &str),
    ) -> Result<()> {
        let ends = ["link", "add", own.0, "type", "veth", "peer", "name", its.0];
        self.ip(&[&ends[..], &["netns", &other.name]].concat())?;
        for (namespace, (interface, address)) in [(self, own), (other, its)] {
            namespace.ip(&["address", "add", address, "dev", interface])?;
            namespace.ip(&["link", "set", interface, "up"])?;
        }
        Ok(())
    }

    /// Runs `work` on a thread that has entered it, and waits for it.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let door = self.door()?;
        let inside = || {
            door.enter_here()?;
            work()
        };
        thread::scope(|scope| scope.spawn(inside).join())
            .map_err(|_| anyhow!("what ran in {} panicked", self.name))?
    }

    /// The file by which processes enter it.
    pub(crate) fn path(&self) -> PathBuf {
        folder().join(&self.name)
    }

    /// What a thread that lives on enters it by.
    pub(crate) fn door(&self) -> Result<Door> {
        let path = self.path();
        let file = File::open(&path).with_context(|| path.display().to_string())?;
        Ok(Door { file })
    }
}

/// A way into a namespace.
#[derive(Debug)]
pub(crate) struct Door {
    file: File,
}

impl Door {
    /// Puts the calling thread into the namespace, for good.
    pub(crate) fn enter_here(&self) -> Result<()> {
        // SAFETY: the descriptor is open for as long as `file` lives, and the call changes
        // nothing but the namespace of this thread.
        let outcome = unsafe { libc::setns(self.file.as_raw_fd(), libc::CLONE_NEWNET) };
        ensure!(
            outcome == 0,
            "cannot enter a namespace: {}",
            std::io::Error::last_os_error()
        );
        Ok(())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Err(error) = ip(&["netns", "delete", &self.name]) {
            eprintln!("{} stays behind: {error:#}", self.name);
        }
    }
}

/// What to do where namespaces cannot be made.
#[derive(clap::Args, Debug)]
pub(crate) struct Need {
    /// Say so and succeed where namespaces cannot be made.
    #[arg(long)]
    skip_if_impossible: bool,
}

impl Need {
    /// Whether they can be made here. Where not, that is an error unless it may be passed over.
    pub(crate) fn is_met(&self) -> Result<bool> {
        let Some(why) = impossible() else {
            return Ok(true);
        };
        let why = format!("network namespaces cannot be made here: {why}");
        ensure!(self.skip_if_impossible, "{why}");
        println!("skipped: {why}");
        Ok(false)
    }
}

/// Why namespaces cannot be made here, if so. Removes those of runs that were killed.
fn impossible() -> Option<String> {
    if let Err(error) = ensure_installed(&[IP]) {
        return Some(format!("{error:#}"));
    }
    remove_left_behind();
    let trial = Namespace::make("trial").and_then(|trial| trial.enter(|| Ok(())));
    trial.err().map(|error| format!("{error:#}"))
}

/// Removes the namespaces of runs that are over, with what runs in them, and nothing else.
fn remove_left_behind() {
    let entries = fs::read_dir(folder()).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next())
            .and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            // It may be gone by itself meanwhile.
            let _ = end_all_in(&name).and_then(|()| ip(&["netns", "delete", &name]));
        }
    }
}

/// Ends the processes of a run that was killed itself.
fn end_all_in(namespace: &str) -> Result<()> {
    let mut command = tool_command("ip")?;
    let output = command.args(["netns", "pids", namespace]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let pids: Vec<&str> = text.split_whitespace().collect();
    if !pids.is_empty() {
        // One that ends meanwhile is what is wanted.
        Command::new("kill").arg("-KILL").args(pids).status()?;
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = tool_command("ip")?.args(arguments).output()?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("ip {}: {}", arguments.join(" "), error.trim());
    }
    Ok(())
}

/// What makes namespaces.
const IP: Tool = Tool {
    command: "ip",
    package: "iproute2",
};

/// Where `ip netns` keeps them.
fn folder() -> PathBuf {
    PathBuf::from("/run/netns")
}

/// How the names of all namespaces of scenes begin.
const PREFIX: &str = "imrs-lab-";
