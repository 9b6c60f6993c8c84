//! `imrs zone check`: makes every check that serving a zone makes, each with its own verdict.

use super::{Exit, Output, ZoneCheck};
use crate::chain;
use crate::clock::{At, present, rfc3339, span};
use crate::files::read_packed;
use crate::hosting::trust::{self, Basis};
use crate::hosting::{LoadError, Source};
use crate::limits::TEXT_OCTETS_MAX;
use crate::progress::Progress;
use imrs_zone::record::UnixTime;
use imrs_zone::verify::{Demand, Effort, Finding, Outcome, Proof, Report};
use imrs_zone::{Candidate, Limits, zonemd};
use serde::Serialize;
use std::io::Write;
use std::num::NonZeroUsize;

/// What was found, as `--output json` prints it.
#[derive(Debug, Serialize)]
struct Checked {
    schema: &'static str,
    file: String,
    zone: Option<String>,
    serial: Option<u32>,
    records: usize,
    /// The time of verification.
    at: String,
    checks: Vec<Check>,
    /// When the first signature runs out, and which.
    expires: Option<String>,
    expires_in_seconds: Option<i64>,
    expires_first: Option<String>,
    keys: Vec<Key>,
    verdict: Verdict,
}

#[derive(Debug, Serialize)]
struct Check {
    name: String,
    result: CheckResult,
    /// Whether a zone that fails is refused.
    required: bool,
    words: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum CheckResult {
    Passed,
    Failed,
    Skipped,
}

#[derive(Debug, Serialize)]
struct Key {
    tag: u16,
    algorithm: u8,
    anchored: bool,
    revoked: bool,
    signatures: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    /// A server would serve it, and nothing failed.
    Good,
    /// A server would serve it; a check failed that only warns.
    Doubtful,
    /// A server would refuse it.
    Refused,
}

/// Checks the file, prints what was found, and says the verdict by the exit code.
pub(super) fn run(args: &ZoneCheck) -> anyhow::Result<Exit> {
    let at = args.at.map_or_else(present, |At(time)| time);
    let checked = check(args, at)?;
    let text = match args.output {
        Output::Text => render(&checked),
        Output::Json => serde_json::to_string_pretty(&checked)? + "\n",
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(match checked.verdict {
        Verdict::Good => Exit::Well,
        Verdict::Doubtful => Exit::Degraded,
        Verdict::Refused => Exit::Failed,
    })
}

fn check(args: &ZoneCheck, at: UnixTime) -> anyhow::Result<Checked> {
    let origin = super::origin(args.origin.as_deref())?;
    let text = read_packed(&args.file, "a zone", TEXT_OCTETS_MAX)?;
    let read = || {
        imrs_zone::read::read(&text, origin.as_ref())
            .map_err(|error| LoadError::read(&args.file, error))
    };
    let records = read()?;
    let mut checked = Checked {
        schema: "imrs.zone-check/1",
        file: args.file.display().to_string(),
        zone: None,
        serial: None,
        records: records.len(),
        at: rfc3339(at),
        checks: Vec::new(),
        expires: None,
        expires_in_seconds: None,
        expires_first: None,
        keys: Vec::new(),
        verdict: Verdict::Good,
    };
    match Candidate::new(records, &Limits::default()) {
        Err(unfit) => {
            checked.add("shape", CheckResult::Failed, true, chain(&unfit));
            // The digest is of the records alone: it is judged even where the rest cannot be served.
            let (result, words) = match zonemd::check(&read()?) {
                Ok(hash) => (CheckResult::Passed, format!("{hash} digest")),
                Err(error) => (CheckResult::Failed, chain(&error)),
            };
            checked.add("zonemd", result, false, words);
        }
        Ok(candidate) => {
            let report = examine(args, &candidate, at)?;
            checked.records = candidate.records().len();
            checked.take(&candidate, report, at);
        }
    }
    checked.verdict = checked.judge();
    Ok(checked)
}

fn examine(args: &ZoneCheck, candidate: &Candidate, at: UnixTime) -> anyhow::Result<Report> {
    let source = Source {
        anchors: args.anchors.clone(),
        ..Source::file(args.file.clone())
    };
    let basis: Basis = trust::basis(&source, &[], candidate.apex(), &[])?;
    let policy = trust::policy(&source, candidate, &basis);
    let progress = Progress::on_terminal();
    let effort = Effort {
        workers: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        progress: &|done, all| progress.show(candidate.apex(), done, all),
    };
    let report = candidate.examine(&policy, at, &effort);
    progress.clear();
    Ok(report)
}

impl Checked {
    fn add(&mut self, name: &str, result: CheckResult, required: bool, words: String) {
        self.checks.push(Check {
            name: name.to_owned(),
            result,
            required,
            words,
        });
    }

    fn take(&mut self, candidate: &Candidate, report: Report, at: UnixTime) {
        self.zone = Some(candidate.apex().fmt_with_dot().to_string());
        self.serial = Some(candidate.serial().0);
        let words = format!(
            "{} records, none that a root server cannot serve",
            self.records
        );
        self.add("shape", CheckResult::Passed, true, words);
        for Finding {
            check,
            demand,
            outcome,
        } in report.findings
        {
            let (result, words) = match outcome {
                Outcome::Passed(words) => (CheckResult::Passed, words),
                Outcome::Failed(failure) => (CheckResult::Failed, chain(&failure)),
                Outcome::Skipped(why) => (CheckResult::Skipped, why.to_owned()),
            };
            self.add(&check.to_string(), result, demand == Demand::Require, words);
        }
        let Proof {
            expires,
            expires_first,
            keys,
            ..
        } = report.proof;
        self.expires = expires.map(rfc3339);
        self.expires_in_seconds = expires
            .and_then(|expires| i64::try_from(i128::from(expires.0) - i128::from(at.0)).ok());
        self.expires_first =
            expires_first.map(|(owner, rtype)| format!("{} {rtype}", owner.fmt_with_dot()));
        self.keys = keys
            .iter()
            .map(|key| Key {
                tag: key.tag,
                algorithm: key.algorithm,
                anchored: key.is_anchored,
                revoked: key.is_revoked,
                signatures: key.signatures,
            })
            .collect();
    }

    fn judge(&self) -> Verdict {
        let mut failed = self
            .checks
            .iter()
            .filter(|check| check.result == CheckResult::Failed);
        match failed.clone().any(|check| check.required) {
            true => Verdict::Refused,
            false if failed.next().is_some() => Verdict::Doubtful,
            false => Verdict::Good,
        }
    }
}

fn render(checked: &Checked) -> String {
    let mut lines = Vec::new();
    let zone = match (&checked.zone, checked.serial) {
        (Some(zone), Some(serial)) => format!("zone {zone} of serial {serial}"),
        _ => "no zone".to_owned(),
    };
    lines.push(format!(
        "{}: {zone}, {} records",
        checked.file, checked.records
    ));
    lines.push(format!("time        {}", checked.at));
    for check in &checked.checks {
        let result = match (check.result, check.required) {
            (CheckResult::Passed, _) => "good",
            (CheckResult::Failed, true) => "FAILED",
            (CheckResult::Failed, false) => "warning",
            (CheckResult::Skipped, _) => "skipped",
        };
        lines.push(format!("{:12}{result:8} {}", check.name, check.words));
    }
    for key in &checked.keys {
        let anchored = if key.anchored { ", anchored" } else { "" };
        let revoked = if key.revoked { ", revoked" } else { "" };
        lines.push(format!(
            "key         {} of algorithm {}: {} signatures{anchored}{revoked}",
            key.tag, key.algorithm, key.signatures
        ));
    }
    if let (Some(expires), Some(left)) = (&checked.expires, checked.expires_in_seconds) {
        let first = checked.expires_first.as_deref().unwrap_or_default();
        let left = span(u64::try_from(left).unwrap_or(0));
        lines.push(format!(
            "expires     in {left}, at {expires}, first {first}"
        ));
    }
    lines.push(match checked.verdict {
        Verdict::Good => "verdict     a server would serve it".to_owned(),
        Verdict::Doubtful => "verdict     a server would serve it, with the warning".to_owned(),
        Verdict::Refused => "verdict     a server would REFUSE it".to_owned(),
    });
    lines.join("\n") + "\n"
}
