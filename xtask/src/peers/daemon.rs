//! A name server that runs as a child of this process, in the foreground.

use anyhow::{Context, Result, bail, ensure};
use domain::base::Message;
use domain::rdata::Soa;
use std::fs::{self, OpenOptions};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A name server that answers. Ends when dropped, with all its processes.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    address: SocketAddr,
    /// Configuration, log and working files; removed with the last who has it.
    directory: Arc<TempDir>,
}

impl Daemon {
    /// Makes the directory in which the server is to keep all its files.
    pub(crate) fn directory() -> Result<TempDir> {
        Ok(tempfile::Builder::new().prefix("imrs-peer-").tempdir()?)
    }

    /// Starts `command` and returns when it answers on `address` for all of `origins`.
    pub(crate) fn start<'a>(
        command: &mut Command,
        directory: impl Into<Arc<TempDir>>,
        address: SocketAddr,
        origins: impl IntoIterator<Item = &'a str>,
    ) -> Result<Daemon> {
        wait_until_free(address)?;
        let directory = directory.into();
        let log_path = directory.path().join(LOG);
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log_path)?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let mut daemon = Daemon {
            child,
            address,
            directory,
        };
        for origin in origins {
            daemon.wait_until_it_serves(origin).with_context(|| {
                format!(
                    "the log of {command:?}:\n{}",
                    fs::read_to_string(&log_path).unwrap_or_default()
                )
            })?;
        }
        Ok(daemon)
    }

    /// The processes of the server.
    pub(crate) fn processes(&self) -> Vec<u32> {
        process_tree(self.child.id())
    }

    /// Where the server keeps its files.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// What the server has printed so far.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.path().join(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Whether its first process has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Sends its first process a signal, named as `kill` names it.
    pub(crate) fn signal(&self, name: &str) {
        signal(name, &[self.child.id()]);
    }

    /// Ends all its processes without a warning, as a loss of power does. Gives its directory, in
    /// which it can be started again.
    pub(crate) fn kill(&mut self) -> Arc<TempDir> {
        signal("-KILL", &self.processes());
        // Nothing is left to do for a child that cannot be reaped.
        let _ = self.child.wait();
        Arc::clone(&self.directory)
    }

    /// The serial of `origin` that it serves now; none if it does not answer for the zone, or not
    /// within a second.
    pub(crate) fn serial(&self, origin: &str) -> Result<Option<u32>> {
        let socket = UdpSocket::bind((self.address.ip(), 0))?;
        socket.connect(self.address)?;
        socket.set_read_timeout(Some(Duration::from_secs(1)))?;
        let mut response = [0; 4096];
        let received = socket
            .send(&soa_query(origin)?)
            .and_then(|_| socket.recv(&mut response));
        Ok(received
            .ok()
            .and_then(|length| answered_serial(&response[..length])))
    }

    fn wait_until_it_serves(&mut self, origin: &str) -> Result<()> {
        let socket = UdpSocket::bind((self.address.ip(), 0))?;
        socket.connect(self.address)?;
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let query = soa_query(origin)?;
        let deadline = Instant::now() + START_LIMIT;
        let mut response = [0; 4096];
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at once: {status}");
            }
            let received = socket.send(&query).and_then(|_| socket.recv(&mut response));
            if received.is_ok_and(|length| is_answer(&response[..length])) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("no answer for the SOA of {origin} after {START_LIMIT:?}")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        signal("-TERM", &self.processes());
        let deadline = Instant::now() + STOP_LIMIT;
        while Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        signal("-KILL", &self.processes());
        // Nothing is left to do for a child that cannot be reaped.
        let _ = self.child.wait();
    }
}

/// Waits until nothing listens on `address`.
///
/// A process that starts on another thread holds all sockets of this one for a moment.
pub(crate) fn wait_until_free(address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + FREE_LIMIT;
    while UdpSocket::bind(address).is_err() || TcpListener::bind(address).is_err() {
        ensure!(
            Instant::now() < deadline,
            "{address} is in use: end what runs there, or choose another port"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// The process `root` and all that descend from it.
fn process_tree(root: u32) -> Vec<u32> {
    let parents = parents();
    let mut family = vec![root];
    let mut next = 0;
    while let Some(&parent) = family.get(next) {
        family.extend(
            parents
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    family
}

/// Every process with its parent.
fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The command in parentheses may hold anything; the fields follow the last one.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
            Some((pid, parent.parse().ok()?))
        })
        .collect()
}

/// Sends a signal, named as `kill` names it.
fn signal(name: &str, pids: &[u32]) {
    let pids = pids.iter().map(u32::to_string);
    // A process that has ended meanwhile makes `kill` complain; that is the aim.
    let _ = Command::new("kill")
        .arg(name)
        .args(pids)
        .stderr(Stdio::null())
        .status();
}

/// A query for the SOA of `origin`, without EDNS.
fn soa_query(origin: &str) -> Result<Vec<u8>> {
    let mut query = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in origin.split('.').filter(|label| !label.is_empty()) {
        ensure!(
            label.len() <= 63,
            "label of more than 63 octets in the zone name {origin}"
        );
        query.push(u8::try_from(label.len())?);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 6, 0, 1]);
    Ok(query)
}

/// Whether a response is NOERROR, authoritative and has an answer.
fn is_answer(response: &[u8]) -> bool {
    matches!(response, [0x12, 0x34, flags, rcode, _, _, high, low, ..]
        if flags & 0x84 == 0x84 && rcode & 0x0f == 0 && (*high, *low) != (0, 0))
}

/// The serial in a response that [`is_answer`].
fn answered_serial(response: &[u8]) -> Option<u32> {
    let message = Message::from_octets(response).ok()?;
    let record = message.answer().ok()?.limit_to::<Soa<_>>().next()?.ok()?;
    is_answer(response).then(|| record.data().serial().into_int())
}

/// The file in a server's directory that has what it prints.
const LOG: &str = "log";

/// A peer loads the root in less than a second; more only on a crowded machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// What was in use a moment ago is free soon.
const FREE_LIMIT: Duration = Duration::from_secs(2);

/// A peer that does not stop when asked is killed.
const STOP_LIMIT: Duration = Duration::from_secs(5);
