//! `imrs stats check`: RSSAC002 documents against their rules.

use super::accounts::gather;
use super::{Check, Exit, Output};
use crate::chain;
use crate::files::read_plain;
use anyhow::Context;
use imrs_telemetry::Day;
use imrs_telemetry::limits::DOCUMENT_OCTETS_MAX;
use imrs_telemetry::rssac002::{Document, Service, violations};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;

/// What was found, as `--output json` prints it.
#[derive(Debug, Serialize)]
struct Checked {
    schema: &'static str,
    documents: usize,
    /// Files that are no documents, or stand under another name than they should.
    files: Vec<Finding>,
    days: Vec<CheckedDay>,
}

#[derive(Debug, Serialize)]
struct Finding {
    file: String,
    problem: String,
}

/// The documents of one day of one service.
#[derive(Debug, Serialize)]
struct CheckedDay {
    service: String,
    day: String,
    versions: BTreeSet<String>,
    metrics: Vec<String>,
    violations: Vec<String>,
}

/// Reads, checks and prints.
pub(super) fn run(args: &Check) -> anyhow::Result<Exit> {
    let mut checked = Checked {
        schema: "imrs.stats-check/1",
        documents: 0,
        files: Vec::new(),
        days: Vec::new(),
    };
    let mut days: BTreeMap<(Service, Day), Vec<Document>> = BTreeMap::new();
    for path in gather(&args.documents, "yaml")? {
        let problem = match read(&path) {
            Ok(document) => {
                let problem = misnamed(&path, &document);
                checked.documents += 1;
                let key = (document.service(), document.day());
                days.entry(key).or_default().push(document);
                problem
            }
            Err(error) => Some(format!("{error:#}")),
        };
        checked.files.extend(problem.map(|problem| Finding {
            file: path.display().to_string(),
            problem,
        }));
    }
    checked.days = days
        .iter()
        .map(|(key, documents)| CheckedDay::of(*key, documents))
        .collect();
    let text = match args.output {
        Output::Text => render(&checked),
        Output::Json => serde_json::to_string_pretty(&checked)? + "\n",
    };
    std::io::stdout().write_all(text.as_bytes())?;
    let holds =
        checked.files.is_empty() && checked.days.iter().all(|day| day.violations.is_empty());
    Ok(if holds { Exit::Well } else { Exit::Failed })
}

fn read(path: &Path) -> anyhow::Result<Document> {
    let octets = read_plain(path, "an RSSAC002 document", DOCUMENT_OCTETS_MAX as u64)?;
    let text = std::str::from_utf8(&octets).context("it is no text")?;
    Document::read(text).map_err(|error| anyhow::anyhow!(chain(&error)))
}

/// What is wrong with the name of a file, if anything: readers find documents by their names.
fn misnamed(path: &Path, document: &Document) -> Option<String> {
    let wanted = document.path();
    let wanted = wanted.rsplit('/').next()?;
    let is_right = path.file_name().is_some_and(|name| name == wanted);
    (!is_right).then(|| format!("what is in it is called {wanted}"))
}

impl CheckedDay {
    fn of((service, day): (Service, Day), documents: &[Document]) -> CheckedDay {
        let mut metrics: Vec<_> = documents.iter().map(Document::metric).collect();
        metrics.sort();
        CheckedDay {
            service: service.to_string(),
            day: day.to_string(),
            versions: documents
                .iter()
                .map(|document| document.version().to_string())
                .collect(),
            metrics: metrics.iter().map(ToString::to_string).collect(),
            violations: violations(documents)
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

fn render(checked: &Checked) -> String {
    let mut lines = Vec::new();
    for finding in &checked.files {
        lines.push(format!("WRONG  {}: {}", finding.file, finding.problem));
    }
    for day in &checked.days {
        let versions: Vec<&str> = day.versions.iter().map(String::as_str).collect();
        let word = match day.violations.len() {
            0 => "good",
            _ => "WRONG",
        };
        lines.push(format!(
            "{} {}  {word}  {} of {}",
            day.service,
            day.day,
            versions.join(", "),
            day.metrics.join(", ")
        ));
        lines.extend(
            day.violations
                .iter()
                .map(|violation| format!("  {violation}")),
        );
    }
    let wrong = checked.files.len()
        + checked
            .days
            .iter()
            .filter(|day| !day.violations.is_empty())
            .count();
    lines.push(match wrong {
        0 => format!("all rules hold over {} documents", checked.documents),
        _ => format!("{wrong} findings over {} documents", checked.documents),
    });
    lines.join("\n") + "\n"
}
