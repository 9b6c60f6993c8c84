//! What systemd says of the units, without running.

use crate::dist::told;
use crate::peers::tool_command;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Checks all units; one line for each.
pub(super) fn check() -> Result<Vec<String>> {
    let root = stage()?;
    let mut verify = tool_command("systemd-analyze")?;
    verify.args(["verify", "--man=no", "--recursive-errors=one", "--root"]);
    verify.arg(root.path());
    let units = UNITS.map(|(name, _)| root.path().join(FOLDER).join(name));
    let said = { verify.args(&units).output() }.context("cannot run systemd-analyze")?;
    let text = String::from_utf8_lossy(&said.stderr);
    // What it warns of it does not fail for.
    let wrong: Vec<&str> = text.lines().filter(|line| line.contains("imrs")).collect();
    ensure!(
        said.status.success() && wrong.is_empty(),
        "systemd-analyze verify: {}: {text}",
        said.status
    );
    let mut lines = Vec::new();
    for (name, bound) in UNITS {
        let mut security = tool_command("systemd-analyze")?;
        security.args(["security", "--offline=true", "--no-pager"]);
        security.arg(format!("--threshold={bound}"));
        let file = workspace::root().join("packaging/systemd").join(name);
        let said = told(security.arg(file))
            .with_context(|| format!("{name} may do too much: above {bound} of 100"))?;
        let last = said.lines().rfind(|line| !line.trim().is_empty());
        lines.push(last.unwrap_or_default().trim().to_owned());
    }
    Ok(lines)
}

/// A root with the units and the programs that they name.
fn stage() -> Result<tempfile::TempDir> {
    let root = tempfile::Builder::new().prefix("imrs-units-").tempdir()?;
    let folder = root.path().join(FOLDER);
    fs::create_dir_all(&folder)?;
    for (name, _) in UNITS {
        fs::copy(
            workspace::root().join("packaging/systemd").join(name),
            folder.join(name),
        )?;
    }
    for target in TARGETS {
        fs::write(folder.join(target), "[Unit]\nDescription=made\n")?;
    }
    for program in PROGRAMS {
        let file = root.path().join(program);
        fs::create_dir_all(file.parent().unwrap_or(Path::new("/")))?;
        fs::write(&file, "#!/bin/sh\n")?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    }
    Ok(root)
}

const FOLDER: &str = "etc/systemd/system";

/// The units, and how much each may do by systemd's own count, in tenths; a service without any
/// bounds has 96.
const UNITS: [(&str, u32); 3] = [
    ("imrs.service", 25),
    ("imrs-route.service", 20),
    ("imrs-bird.service", 20),
];

/// Units of systemd itself that ours name.
const TARGETS: [&str; 8] = [
    "sysinit.target",
    "basic.target",
    "shutdown.target",
    "network.target",
    "network-online.target",
    "multi-user.target",
    "system.slice",
    "-.slice",
];

/// Programs that the units name.
const PROGRAMS: [&str; 6] = [
    "usr/bin/imrs",
    "usr/bin/grep",
    "usr/bin/chgrp",
    "usr/bin/chmod",
    "usr/sbin/bird",
    "bin/sh",
];
