//! The configuration of Knot DNS in transfers.

use super::{Part, Remote, zone_file};
use crate::peers::tool_command;
use anyhow::Result;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The start of a command of its control tool.
pub(super) fn control(directory: &Path) -> Result<Command> {
    let mut command = tool_command("knotc")?;
    command.arg("--socket").arg(socket(directory));
    Ok(command)
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("knot.sock")
}

/// A new master file becomes a difference to the old one in the journal, which IXFR is served
/// from. Counters tell how often a secondary asked.
pub(super) fn configuration(part: &Part, directory: &Path) -> String {
    let (ip, port) = (part.address.ip(), part.address.port());
    let folder = directory.display();
    let mut text = format!(
        "server:
    listen: {ip}@{port}
    rundir: \"{folder}\"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: \"{}\"
database:
    storage: \"{folder}\"
log:
  - target: stderr
    any: info
mod-stats:
  - id: counts
    request-protocol: on
    server-operation: on
template:
  - id: default
    storage: \"{folder}\"
    global-module: mod-stats/counts
    semantic-checks: off
    zonefile-load: difference
    zonefile-sync: -1
    journal-content: changes
",
        socket(directory).display()
    );
    if !part.secrets.is_empty() {
        text += "key:\n";
    }
    for secret in &part.secrets {
        let _ = write!(
            text,
            "  - id: {}\n    algorithm: {}\n    secret: {}\n",
            secret.name, secret.algorithm, secret.base64
        );
    }
    text += &remotes_and_access(part);
    let _ = write!(
        text,
        "zone:\n  - domain: \".\"\n    file: \"{}\"\n    acl: [fetch, told]\n",
        zone_file(directory).display()
    );
    if part.from.is_some() {
        text += "    master: remote0\n";
    }
    let first = usize::from(part.from.is_some());
    let ids = (first..first + part.notified.len()).map(|number| format!("remote{number}"));
    let ids: Vec<String> = ids.collect();
    if !ids.is_empty() {
        let _ = writeln!(text, "    notify: [{}]", ids.join(", "));
    }
    text
}

/// The primary comes first, then who is notified.
fn remotes_and_access(part: &Part) -> String {
    let mut text = String::new();
    let remotes: Vec<&Remote> = part.from.iter().chain(&part.notified).collect();
    if !remotes.is_empty() {
        text += "remote:\n";
    }
    for (number, remote) in remotes.iter().enumerate() {
        let (ip, port) = (remote.address.ip(), remote.address.port());
        let _ = write!(text, "  - id: remote{number}\n    address: {ip}@{port}\n");
        if let Some(key) = remote.key {
            let _ = writeln!(text, "    key: {key}");
        }
    }
    let network = part.network;
    let list = |keys: &[&str]| match keys {
        [] => String::new(),
        keys => format!("    key: [{}]\n", keys.join(", ")),
    };
    let tellers: Vec<&str> = part.from.iter().filter_map(|remote| remote.key).collect();
    let _ = write!(
        text,
        "acl:\n  - id: fetch\n    address: {network}\n    action: transfer\n{}",
        list(&part.allow)
    );
    let _ = write!(
        text,
        "  - id: told\n    address: {network}\n    action: notify\n{}",
        list(&tellers)
    );
    text
}
