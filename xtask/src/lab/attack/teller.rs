//! What a server tells of itself: counts of what it did not answer, by reason.
//!
//! Start reading at [`Teller::ask`].

use super::ledger::Told;
use crate::imrs;
use crate::peers::{CONFIGURATION, CONTROL, Software, tool_command};
use crate::transfer::Program;
use anyhow::Result;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Counts of a server by reason, since its start.
pub(super) type Reasons = BTreeMap<String, u64>;

/// Asks a server for its counts.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    /// Where the server keeps its files.
    pub(super) directory: PathBuf,
    pub(super) program: Program,
}

impl Teller {
    /// What was not answered, or not by data, and why, as the server tells it. None if it does not
    /// tell at present.
    pub(super) fn ask(&self) -> Option<Reasons> {
        if let Program::Imrs(_) = self.program {
            let statistics = self.statistics()?;
            let mut reasons = Reasons::new();
            flatten(&statistics, &mut Vec::new(), &mut reasons);
            let silent = Told::read(&statistics).silent();
            reasons.insert("no query".to_owned(), silent.try_into().unwrap_or(0));
            return Some(reasons);
        }
        let output = self.output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        output.status.success().then(|| lines(&text))
    }

    /// All that imrs counts; none of others.
    pub(super) fn statistics(&self) -> Option<Value> {
        let Program::Imrs(_) = self.program else {
            return None;
        };
        serde_json::from_slice(&self.output().ok()?.stdout).ok()
    }

    fn output(&self) -> Result<Output> {
        let mut command = match &self.program {
            Program::Imrs(path) => {
                let mut command = Command::new(path);
                command
                    .args(["ctl", "stats", "--output", "json", "--socket"])
                    .arg(imrs::control(&self.directory));
                command
            }
            Program::Peer(Software::Knot) => {
                let mut command = tool_command("knotc")?;
                command
                    .arg("--socket")
                    .arg(self.directory.join(CONTROL))
                    .args(["-t", "2", "stats"]);
                command
            }
            Program::Peer(_) => {
                // It would wait for as long as the server has no time for it.
                let mut command = Command::new("timeout");
                command.args(["2", "nsd-control", "-c"]);
                command
                    .arg(self.directory.join(CONFIGURATION))
                    .arg("stats_noreset");
                command
            }
        };
        Ok(command.output()?)
    }
}

/// Numbers under names that tell of something that was not answered.
fn flatten(value: &Value, path: &mut Vec<String>, reasons: &mut Reasons) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                path.push(name.clone());
                flatten(field, path, reasons);
                path.pop();
            }
        }
        Value::Number(number) => {
            let last = path.last().map_or("", String::as_str);
            let is_in = |group: &str| path.iter().rev().skip(1).any(|name| name == group);
            let is_reason = REASONS.contains(&last) || GROUPS.into_iter().any(is_in);
            if let Some(count) = number.as_u64().filter(|_| is_reason && last != WELL) {
                let kind = if is_in("connections") { "tcp " } else { "" };
                *reasons.entry(format!("{kind}{last}")).or_default() += count;
            }
        }
        _ => {}
    }
}

/// Lines of the form `name = value`, those that tell of something that was not answered.
fn lines(text: &str) -> Reasons {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let numbers = pairs.filter_map(|(name, value)| {
        let value = value.trim().parse().ok()?;
        Some((name.trim().to_owned(), value))
    });
    numbers
        .filter(|(name, _)| PEER_REASONS.iter().any(|reason| name.ends_with(reason)))
        .map(|(name, value)| {
            let short = name.trim_start_matches("num.").trim_start_matches("mod-");
            (short.to_owned(), value)
        })
        .collect()
}

/// Fields of `imrs ctl stats` that tell of something that was not answered, or not by data.
const REASONS: [&str; 11] = [
    "truncated",
    "error",
    "refused",
    "refused-prefix",
    "limited",
    "blocked",
    "evicted",
    "idle",
    "overspent",
    "filtered_condemned",
    "filtered_shed",
];

/// Groups of such fields.
const GROUPS: [&str; 2] = ["unsent", "defence"];

/// The one field in them that tells of the contrary: queries with a valid cookie.
const WELL: &str = "cookies";

/// The same of the peers.
const PEER_REASONS: [&str; 7] = [
    "dropped",
    "slipped",
    "rxerr",
    "txerr",
    "truncated",
    "rcode.FORMERR",
    "badcookie",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, u64)]) {
        let mut reasons = Reasons::new();
        flatten(
            &serde_json::from_str(text).unwrap(),
            &mut Vec::new(),
            &mut reasons,
        );
        let reasons: Vec<_> = reasons
            .iter()
            .map(|(name, count)| (name.as_str(), *count))
            .collect();
        assert_eq!(reasons, expected);
    }

    #[test]
    fn reasons_of_all_transports_add_up() {
        check(
            r#"{ "messages": { "udp-ipv4": { "received": 9, "truncated": 2 },
                 "tcp-ipv4": { "truncated": 1, "kinds": { "dropped": 1, "answer": 5 } } } }"#,
            &[("truncated", 3)],
        );
    }

    #[test]
    fn a_valid_cookie_is_no_reason_and_connections_are_told_apart() {
        check(
            r#"{ "defence": { "limited": 4, "cookies": 7 }, "connections": { "limited": 1, "opened": 8 },
                 "uptime_seconds": 3 }"#,
            &[("limited", 4), ("tcp limited", 1)],
        );
    }

    #[test]
    fn peers_tell_reasons_by_line() {
        let told = lines("num.queries=9\nnum.dropped=3\nmod-rrl.slipped = 2\n");
        let expected = [("dropped".to_owned(), 3), ("rrl.slipped".to_owned(), 2)];
        assert_eq!(told, Reasons::from(expected));
    }
}
