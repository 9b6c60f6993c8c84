//! A fresh Debian in a folder, that its own systemd has started.
//!
//! Start reading at [`Room::boot`]. Files, processes, cgroups and network of the room are its own;
//! its network is a namespace that scenes can join with others.

use crate::dist::told;
use crate::lab::namespace::Namespace;
use crate::peers::tool_command;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A Debian that runs. Ends when dropped.
#[derive(Debug)]
pub(super) struct Room {
    folder: TempDir,
    /// What holds its namespaces.
    holder: Child,
    /// Its first process, as seen from outside.
    first: u32,
    /// The folder of its cgroups.
    cgroup: PathBuf,
    /// Its network.
    pub(super) network: Namespace,
}

impl Room {
    /// Unpacks and starts one; the first time it is made of the machine's sources of packages.
    pub(super) fn boot() -> Result<Room> {
        let packed = packed()?;
        remove_left_behind();
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", std::process::id()))
            .tempdir_in(workspace::builds())?;
        let mut tar = Command::new("tar");
        told(tar.arg("-xf").arg(packed).arg("-C").arg(folder.path()))?;
        let network = Namespace::make("room")?;
        let cgroup = cgroup();
        let log = fs::File::create(folder.path().join(LOG))?;
        let mut holder = Command::new("sh");
        holder.args(["-c", JOIN, "sh"]).arg(&cgroup);
        // It ends with this process, however that ends.
        holder.args(["setpriv", "--pdeathsig=KILL", "nsenter"]);
        holder.arg(format!("--net={}", network.path().display()));
        holder.args(["unshare", "--mount", "--pid", "--uts", "--ipc", "--cgroup"]);
        // What it starts ends with it, and what it mounts is gone.
        holder.args(["--fork", "--kill-child", "sh", "-c", BOOT, "sh"]);
        holder.arg(folder.path()).stdin(Stdio::null());
        holder.stdout(log.try_clone()?).stderr(log);
        // Signals of the terminal are for us, who end it.
        let holder = { holder.process_group(0).spawn() }.context("cannot run unshare")?;
        let mut room = Room {
            folder,
            holder,
            first: 0,
            cgroup,
            network,
        };
        room.wait_until_started()?;
        Ok(room)
    }

    fn wait_until_started(&mut self) -> Result<()> {
        let start = Instant::now();
        loop {
            let status = self.holder.try_wait()?;
            let log = fs::read_to_string(self.path(LOG)).unwrap_or_default();
            ensure!(
                status.is_none() && start.elapsed() < PATIENCE,
                "systemd does not come up: {log}"
            );
            // Before it is systemd, its files are still those of the machine.
            let first = child_of(self.holder.id());
            if let Some(first) = first.filter(|first| is_systemd(*first)) {
                self.first = first;
                // Debian's own bird.service wants an address first: that is not ours to judge.
                let said = self.run("systemctl is-system-running")?;
                if matches!(said.stdout.trim_ascii(), b"running" | b"degraded") {
                    return Ok(());
                }
            }
            thread::sleep(PAUSE);
        }
    }

    /// The path of one of its files, as seen from outside.
    pub(super) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside.trim_start_matches('/'))
    }

    /// Runs a line of shell in it, as root, for a bounded time.
    pub(super) fn run(&self, line: &str) -> Result<Output> {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", SECONDS_MAX, "nsenter"]);
        command.arg(format!("--target={}", self.first));
        command.args(["--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup"]);
        command.args(["--root", "--wd", "sh", "-c", line]);
        command.env_clear().env("PATH", PATH);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command.stdin(Stdio::null());
        command.output().context("cannot run nsenter")
    }

    /// Runs a line that has to succeed; what it prints.
    pub(super) fn told(&self, line: &str) -> Result<String> {
        let output = self.run(line)?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "`{line}` in the fresh Debian: {}: {text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(text)
    }

    /// Runs a line again and again until it succeeds.
    pub(super) fn wait_for(&self, line: &str) -> Result<()> {
        let start = Instant::now();
        loop {
            let output = self.run(line)?;
            if output.status.success() {
                return Ok(());
            }
            ensure!(
                start.elapsed() < PATIENCE,
                "`{line}` does not come to succeed: {}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
            thread::sleep(PAUSE);
        }
    }

    /// Puts a file into it.
    pub(super) fn put(&self, from: &Path, to: &str) -> Result<()> {
        fs::copy(from, self.path(to)).with_context(|| from.display().to_string())?;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // With the first process all others of its namespace end.
        for process in [self.first, self.holder.id()] {
            if process != 0 {
                let _ = Command::new("kill")
                    .args(["-KILL", &process.to_string()])
                    .output();
            }
        }
        let _ = self.holder.wait();
        let start = Instant::now();
        while !remove(&self.cgroup) && start.elapsed() < PATIENCE {
            thread::sleep(PAUSE);
        }
    }
}

/// Why a room cannot be made here, if so.
pub(super) fn impossible() -> Option<&'static str> {
    let mut trial = Command::new("unshare");
    trial.args([
        "--mount", "--pid", "--net", "--cgroup", "--fork", "sh", "-c",
    ]);
    trial.arg("test $(id -u) = 0 && mount --make-rprivate /");
    if !trial.output().is_ok_and(|output| output.status.success()) {
        return Some("a fresh Debian needs root, and name spaces for its processes");
    }
    let trial = cgroup();
    let is_made = fs::create_dir(&trial).is_ok() && trial.join("cgroup.procs").exists();
    remove(&trial);
    (!is_made).then_some("its systemd needs cgroups of version 2")
}

/// Where the room's cgroups are. The hierarchy of version 2 is apart where those of version 1 are in
/// use too; systemd needs no controllers in it.
fn cgroup() -> PathBuf {
    let root = Path::new("/sys/fs/cgroup");
    let root = match root.join("cgroup.controllers").exists() {
        true => root.to_owned(),
        false => root.join("unified"),
    };
    root.join(format!("{PREFIX}{}", std::process::id()))
}

/// Removes what runs that were killed have left.
fn remove_left_behind() {
    let is_over = |name: &str| {
        let owner = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split('-').next());
        owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists())
    };
    let cgroups = cgroup().parent().map(Path::to_owned).unwrap_or_default();
    for (place, remove) in [
        (cgroups, remove as fn(&Path) -> bool),
        (workspace::builds(), |folder| {
            fs::remove_dir_all(folder).is_ok()
        }),
    ] {
        for entry in fs::read_dir(place).into_iter().flatten().flatten() {
            if is_over(&entry.file_name().to_string_lossy()) {
                remove(&entry.path());
            }
        }
    }
}

/// Removes a cgroup with those below it, if nothing runs there any more.
fn remove(folder: &Path) -> bool {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    fs::remove_dir(folder).is_ok() || !folder.exists()
}

/// The first child of a process.
fn child_of(process: u32) -> Option<u32> {
    let file = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(file).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn is_systemd(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name.trim() == "systemd")
}

/// The packed root, made once for each list of packages.
fn packed() -> Result<PathBuf> {
    let file = workspace::builds().join("package-root-1.tar");
    if file.is_file() {
        return Ok(file);
    }
    let fresh = file.with_extension("new.tar");
    let mut make = tool_command("mmdebstrap")?;
    make.args(["--quiet", "--variant=minbase", "--include", PACKAGES, SUITE]);
    told(make.arg(&fresh))?;
    fs::rename(&fresh, &file)?;
    Ok(file)
}

/// How the names of folders and cgroups begin; the number of the process that made them follows.
const PREFIX: &str = "imrs-room-";

/// What its start says, if anything.
const LOG: &str = "boot.log";

const SUITE: &str = "bookworm";

/// What the package depends on, so that installing it needs no network.
const PACKAGES: &str = "bird2,iproute2,systemd,init-system-helpers,libgcc-s1,ca-certificates";

/// Time in seconds in which anything has to be done in the room.
const SECONDS_MAX: &str = "120";

/// For what takes a second where the machine is not crowded.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Puts the process into a cgroup, which has to be its own before its namespace is made.
const JOIN: &str = "set -e; mkdir -p \"$1\"; echo $$ > \"$1/cgroup.procs\"; shift; exec \"$@\"";

/// Mounts what systemd expects of whoever starts it in a container, and starts it.
const BOOT: &str = "set -e; r=$1; mount --make-rprivate /; mount --bind \"$r\" \"$r\"; cd \"$r\"; \
    mount -t proc proc proc; \
    for d in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs $d; done; \
    for n in null zero full random urandom tty; do \
        touch dev/$n; mount --bind /dev/$n dev/$n; done; \
    chmod 1777 tmp; mkdir -m 1777 dev/shm; ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd; \
    mount -t sysfs -o ro sysfs sys; mount -t cgroup2 cgroup2 sys/fs/cgroup; \
    pivot_root . mnt; umount -l mnt; \
    exec env -i container=imrs PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --log-target=journal --unit=multi-user.target";
