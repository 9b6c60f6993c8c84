//! Every signature and every proof in imrs's responses, judged by dnspython.

use super::{Heard, Verdict};
use crate::differential::constants::{flag, rtype::DNSKEY};
use crate::differential::message::{Message, Section};
use crate::differential::render::hex;
use crate::differential::setup::Setup;
use crate::peers::{self, Tool};
use crate::workspace;
use anyhow::{Context, Result};
use std::collections::HashSet;
use std::fmt::Write;
use std::process::Command;

/// The interpreter of Debian, for which `python3-dnspython` installs the library.
const PYTHON: &str = "/usr/bin/python3";

/// A library brings no command that could be looked for; this one is never found.
const NO_COMMAND: &str = "python3-module";

/// Writes down every response with DO and has the script judge them.
pub(super) fn check(setup: &Setup, heard: &Heard<'_>) -> Result<Vec<Verdict>> {
    let Some(responses) = heard.tcp.as_ref().or(heard.udp.as_ref()) else {
        return Ok(Vec::new());
    };
    if !Command::new(PYTHON)
        .args(["-c", "import dns, cryptography"])
        .status()?
        .success()
    {
        peers::ensure_installed(&[
            Tool {
                command: NO_COMMAND,
                package: "python3-dnspython",
            },
            Tool {
                command: NO_COMMAND,
                package: "python3-cryptography",
            },
        ])?;
    }
    let mut lines = String::new();
    for zone in &setup.facts {
        writeln!(lines, "zone {}", hex(&zone.apex))?;
        for key in zone
            .rrset(&zone.apex, DNSKEY)
            .into_iter()
            .flat_map(|set| &set.data)
        {
            writeln!(lines, "key {} {}", hex(&zone.apex), hex(key))?;
        }
    }
    let mut cases = 0;
    let mut referrals = HashSet::new();
    for (query, response) in heard.queries.iter().zip(responses) {
        let wanted = query.seen.is_plain() && query.seen.dnssec_ok();
        let Some(octets) = response.as_deref().filter(|_| wanted) else {
            continue;
        };
        let Ok(message) = Message::parse(octets) else {
            continue;
        };
        // Most responses are one of few referrals, and one of each is enough.
        let is_known = !message.has(flag::AA)
            && !referrals.insert(message.section(Section::Authority).clone());
        if !message.is_truncated() && !is_known {
            writeln!(lines, "response {}", hex(octets))?;
            cases += 1;
        }
    }
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("exchanges");
    std::fs::write(&file, lines)?;
    let script = workspace::root().join("testdata/differential/validate.py");
    let output = Command::new(PYTHON)
        .arg(script)
        .arg(&file)
        .arg(setup.seconds().to_string())
        .output()
        .with_context(|| format!("cannot run {PYTHON}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let summary = text.lines().last().unwrap_or_default();
    Ok(vec![Verdict {
        name: format!("signatures and proofs under dnspython, {cases} responses ({summary})"),
        failure: (!output.status.success()).then_some(text),
    }])
}
