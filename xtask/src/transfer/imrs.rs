//! The configuration of imrs in transfers.

use super::{Host, Part, Remote, anchors_file, zone_file};
use anyhow::{Context, Result};
use serde_json::Value;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// As much as a small machine has; the peers have one worker each.
const WORKERS: usize = 2;

/// The text of its configuration; state and control socket are in `directory`.
pub(super) fn configuration(part: &Part, directory: &Path) -> String {
    let (at, folder) = (part.address, directory.display());
    let mut text = format!(
        "[node]
listen = [\"{at}\"]
workers = {WORKERS}
state = \"{folder}\"
control = \"{}\"
[limit]
enabled = false
",
        socket(directory).display()
    );
    for secret in &part.secrets {
        let _ = write!(
            text,
            "[[key]]\nname = \"{}\"\nalgorithm = \"{}\"\nsecret = \"{}\"\n",
            secret.name, secret.algorithm, secret.base64
        );
    }
    if let Some((ca, name)) = part.from.as_ref().and_then(|from| from.tls.as_ref()) {
        let _ = write!(
            text,
            "[[tls]]\nname = \"xot\"\nserver-name = \"{name}\"\nca = \"{}\"\n",
            ca.display()
        );
    }
    if let Some((listen, certificate)) = &part.tls {
        let _ = write!(
            text,
            "[transfer.tls]\nlisten = [\"{listen}\"]\ncertificate = \"{}\"\nprivate-key = \"{}\"\n",
            certificate.certificate.display(),
            certificate.private_key.display()
        );
    }
    text + &zone(part, directory)
}

fn zone(part: &Part, directory: &Path) -> String {
    let network = part.network;
    let allow: Vec<String> = part
        .allow
        .iter()
        .map(|key| format!("{{ from = \"{network}\", key = \"{key}\" }}"))
        .collect();
    let allow = match allow.as_slice() {
        [] => format!("\"{network}\""),
        allow => allow.join(", "),
    };
    let mut text = format!(
        "[[zone]]\nname = \".\"\nanchors = \"{}\"\nallow-transfer = [{allow}]\n",
        anchors_file(directory).display()
    );
    if part.zone.is_some() {
        let _ = writeln!(text, "file = \"{}\"", zone_file(directory).display());
    }
    if let Some(primary) = &part.from {
        let key = primary
            .key
            .map_or_else(String::new, |key| format!(", key = \"{key}\""));
        let _ = write!(
            text,
            "primaries = [{}]\nnotify-from = [{{ from = \"{network}\"{key} }}]\n",
            target(primary)
        );
    }
    if !part.notified.is_empty() {
        let notified: Vec<String> = part.notified.iter().map(target).collect();
        let _ = writeln!(text, "notify = [{}]", notified.join(", "));
    }
    text
}

fn target(remote: &Remote) -> String {
    let key = remote
        .key
        .map_or_else(String::new, |key| format!(", key = \"{key}\""));
    let tls = remote.tls.as_ref().map_or("", |_| ", tls = \"xot\"");
    format!("{{ address = \"{}\"{key}{tls} }}", remote.address)
}

/// The start of `imrs ctl`, with output in JSON.
pub(super) fn control(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["ctl", "--output", "json", "--socket"])
        .arg(socket(directory));
    command
}

/// How it keeps the zone current, as `imrs ctl zones` tells it.
pub(crate) fn kept(host: &Host) -> Result<Value> {
    let text = host.control(&["zones"])?;
    let told: Value = serde_json::from_str(&text).context("imrs ctl zones gave no JSON")?;
    let zone = told.pointer("/zones/0").cloned();
    zone.with_context(|| format!("imrs ctl zones tells of no zone: {told}"))
}

fn socket(directory: &Path) -> PathBuf {
    directory.join("control.sock")
}
