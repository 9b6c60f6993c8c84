//! `imrs stats merge`: the days of many nodes become one, with its RSSAC002 documents.
//!
//! ```text
//! files ── all read once, each proven ──▶ by day ── merged one after the other ──▶ written
//!             └ one is damaged: nothing is written
//! ```
//!
//! What is merged is held in memory with one more file at a time, so that its size is that of the
//! sum and not that of the parts.

use super::accounts::{decode_sealed, gather, read, read_sealed};
use super::figures::{grouped, method};
use super::{Exit, Merge, Output};
use crate::clock::span;
use crate::files::{read_plain, write_whole};
use anyhow::{Context, bail, ensure};
use imrs_telemetry::Day;
use imrs_telemetry::counts::Flow;
use imrs_telemetry::day::{Account, Sealed};
use imrs_telemetry::limits::DAY_OCTETS_MAX;
use imrs_telemetry::rssac002::{documents, violations};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What came of all, as `--output json` prints it.
#[derive(Debug, Serialize)]
struct Outcome {
    schema: &'static str,
    /// Files that were left out, and why.
    skipped: Vec<Skipped>,
    days: Vec<MergedDay>,
}

/// A file that is no sealed day.
#[derive(Debug, Serialize)]
struct Skipped {
    file: PathBuf,
    reason: String,
    /// The day that its name says, if it does.
    #[serde(skip)]
    day: Option<Day>,
}

impl Skipped {
    fn may_be_of(&self, day: Day) -> bool {
        self.day.is_none_or(|own| own == day)
    }
}

/// What came of one day.
#[derive(Debug, Serialize)]
struct MergedDay {
    day: String,
    /// Accounts that were merged, and the nodes in them.
    accounts: usize,
    nodes: u32,
    /// Nodes that are missing at least: those of the files that were left out.
    nodes_missing: usize,
    queries: u64,
    responses: u64,
    sources_ipv4: u64,
    sources_ipv6: u64,
    sources_ipv6_64: u64,
    /// How the sources were counted.
    methods: [String; 3],
    gaps: u64,
    gap_seconds: u64,
    written: Vec<String>,
    /// Files that were there already with the same content.
    unchanged: Vec<String>,
}

/// Merges, writes and prints.
pub(super) fn run(args: &Merge) -> anyhow::Result<Exit> {
    let files = gather(&args.sealed, "day")?;
    refuse_own_output(args, &files)?;
    let Proven { days, damaged } = prove(&files, args.day)?;
    if let ([_, ..], false) = (damaged.as_slice(), args.skip_damaged) {
        let told: Vec<&str> = damaged
            .iter()
            .map(|damaged| damaged.reason.as_str())
            .collect();
        bail!(
            "{}\nnothing is written; copy what is damaged again from its node, or leave it out by \
             --skip-damaged",
            told.join("\n")
        );
    }
    if days.is_empty() {
        match args.day {
            Some(day) => bail!("no file is of {day}; nothing is written"),
            None => bail!("no file can be read; nothing is written"),
        }
    }
    let mut outcome = Outcome {
        schema: "imrs.stats-merge/1",
        skipped: Vec::new(),
        days: Vec::new(),
    };
    for (day, files) in &days {
        let missing = damaged
            .iter()
            .filter(|damaged| damaged.may_be_of(*day))
            .count();
        let merged = merge_day(args, files, missing)
            .with_context(|| format!("nothing of {day} is written"))?;
        outcome.days.push(merged);
    }
    let exit = match damaged.is_empty() {
        true => Exit::Well,
        false => Exit::Degraded,
    };
    outcome.skipped = damaged;
    let text = match args.output {
        Output::Text => render(&outcome),
        Output::Json => serde_json::to_string_pretty(&outcome)? + "\n",
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(exit)
}

/// A sum that is merged with its parts again would count everything twice.
fn refuse_own_output(args: &Merge, files: &[PathBuf]) -> anyhow::Result<()> {
    let Ok(out) = args.out.canonicalize() else {
        return Ok(());
    };
    let is_own = |file: &&PathBuf| file.canonicalize().is_ok_and(|file| file.starts_with(&out));
    match files.iter().find(is_own) {
        None => Ok(()),
        Some(file) => bail!(
            "{} is in --out, where sums are written; give the days of nodes another folder, so \
             that no sum is counted again",
            file.display()
        ),
    }
}

/// What is known of the files after they were read once.
struct Proven {
    days: BTreeMap<Day, Vec<PathBuf>>,
    damaged: Vec<Skipped>,
}

/// Reads each file whole, so that nothing is written if one of them is damaged.
fn prove(files: &[PathBuf], only: Option<Day>) -> anyhow::Result<Proven> {
    let mut proven = Proven {
        days: BTreeMap::new(),
        damaged: Vec::new(),
    };
    let mut seen: HashMap<Vec<u8>, &Path> = HashMap::new();
    for file in files {
        let read = read(file).and_then(|octets| {
            let sealed = decode_sealed(file, &octets)?;
            let account = sealed.account();
            let checksum = octets
                .last_chunk::<CHECKSUM_OCTETS>()
                .map(|last| last.to_vec());
            Ok((account.day, checksum.filter(|_| !account.counts.is_empty())))
        });
        let (day, checksum) = match read {
            Ok(read) => read,
            Err(error) => {
                let name = file.file_stem().and_then(|name| name.to_str());
                let skipped = Skipped {
                    file: file.clone(),
                    reason: format!("{error:#}"),
                    day: name.and_then(Day::parse),
                };
                if only.is_none_or(|only| skipped.may_be_of(only)) {
                    proven.damaged.push(skipped);
                }
                continue;
            }
        };
        if only.is_some_and(|only| only != day) {
            continue;
        }
        // Nodes that counted nothing have equal accounts; others never.
        if let Some(twin) = checksum.and_then(|checksum| seen.insert(checksum, file)) {
            bail!(
                "{} and {} are the same account, which would be counted twice; nothing is written",
                twin.display(),
                file.display()
            );
        }
        proven.days.entry(day).or_default().push(file.clone());
    }
    Ok(proven)
}

/// Merges and writes one day.
fn merge_day(args: &Merge, files: &[PathBuf], missing: usize) -> anyhow::Result<MergedDay> {
    let mut sum: Option<Sealed> = None;
    for file in files {
        let sealed = read_sealed(file)?;
        sum = Some(match sum {
            None => sealed,
            Some(sum) => sum
                .merge(&sealed)
                .with_context(|| format!("{} was changed meanwhile", file.display()))?,
        });
    }
    let mut sum = sum.context("a day has a file")?;
    for _ in 0..missing {
        sum = sum.without_a_node();
    }
    let account = sum.account();
    let nodes = account.nodes as usize + missing;
    let documents = documents(account, args.letter, args.instances.unwrap_or(nodes));
    let broken = violations(&documents);
    ensure!(
        broken.is_empty(),
        "what was counted contradicts itself, which is a defect of imrs: {}",
        broken
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    );
    let mut outputs: Vec<(PathBuf, Vec<u8>)> = documents
        .iter()
        .map(|document| {
            (
                args.out.join(document.path()),
                document.to_string().into_bytes(),
            )
        })
        .collect();
    outputs.push((args.out.join(format!("{}.day", account.day)), sum.encode()));
    let mut merged = MergedDay::of(account, files.len(), missing);
    for (path, is_new) in place(&outputs, args.force)? {
        let list = match is_new {
            true => &mut merged.written,
            false => &mut merged.unchanged,
        };
        list.push(path.display().to_string());
    }
    Ok(merged)
}

/// Writes files, each whole or not at all, and none if one is there already and different. Which
/// of them were written.
fn place(outputs: &[(PathBuf, Vec<u8>)], force: bool) -> anyhow::Result<Vec<(&Path, bool)>> {
    let mut placed = Vec::new();
    let mut differing = Vec::new();
    for (path, octets) in outputs {
        let is_there = path.exists();
        let is_same = is_there && read_plain(path, "a day", DAY_OCTETS_MAX)? == *octets;
        if is_there && !is_same {
            differing.push(path.display().to_string());
        }
        placed.push((path.as_path(), !is_same));
    }
    if !differing.is_empty() && !force {
        bail!(
            "{} {} there with other content; look at what changed, and replace by --force",
            differing.join(", "),
            if differing.len() == 1 { "is" } else { "are" }
        );
    }
    for ((path, octets), (_, is_new)) in outputs.iter().zip(&placed) {
        if *is_new {
            let folder = path.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(folder)
                .and_then(|()| write_whole(path, octets))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(placed)
}

impl MergedDay {
    fn of(account: &Account, accounts: usize, missing: usize) -> MergedDay {
        let flows = || Flow::ALL.map(|flow| account.counts.flow(flow)).into_iter();
        let sources = &account.sources;
        let figures = [sources.ipv4(), sources.ipv6(), sources.prefixes()];
        let [ipv4, ipv6, prefixes] = figures.map(|figure| figure.value);
        MergedDay {
            day: account.day.to_string(),
            accounts,
            nodes: account.nodes,
            nodes_missing: missing,
            queries: flows()
                .map(|flow| flow.queries())
                .fold(0, u64::saturating_add),
            responses: flows()
                .map(|flow| flow.responses())
                .fold(0, u64::saturating_add),
            sources_ipv4: ipv4,
            sources_ipv6: ipv6,
            sources_ipv6_64: prefixes,
            methods: figures.map(method),
            gaps: account.gaps.count(),
            gap_seconds: account.gaps.seconds(),
            written: Vec::new(),
            unchanged: Vec::new(),
        }
    }
}

fn render(outcome: &Outcome) -> String {
    let mut lines = Vec::new();
    for skipped in &outcome.skipped {
        lines.push(format!("SKIPPED  {}", skipped.reason));
    }
    for day in &outcome.days {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        lines.push(format!(
            "{}  {} node{} in {} account{}",
            day.day,
            day.nodes,
            plural(day.nodes as usize),
            day.accounts,
            plural(day.accounts)
        ));
        if day.nodes_missing > 0 {
            lines.push(format!(
                "  MISSING    {} node{} at least; that is a gap in the documents",
                day.nodes_missing,
                plural(day.nodes_missing)
            ));
        }
        lines.push(format!(
            "  messages   {} queries, {} responses",
            grouped(day.queries),
            grouped(day.responses)
        ));
        let [ipv4, ipv6, prefixes] = &day.methods;
        lines.push(format!(
            "  sources    {} IPv4 ({ipv4}), {} IPv6 ({ipv6}), {} /64 ({prefixes})",
            grouped(day.sources_ipv4),
            grouped(day.sources_ipv6),
            grouped(day.sources_ipv6_64)
        ));
        match day.gaps {
            0 => lines.push("  gaps       none".to_owned()),
            gaps => lines.push(format!(
                "  gaps       {gaps}, over all nodes {}",
                span(day.gap_seconds)
            )),
        }
        for (what, files) in [("wrote", &day.written), ("unchanged", &day.unchanged)] {
            for (at, file) in files.iter().enumerate() {
                let what = if at == 0 { what } else { "" };
                lines.push(format!("  {what:10} {file}"));
            }
        }
    }
    lines.join("\n") + "\n"
}

/// Octets of the checksum at the end of a day's file.
const CHECKSUM_OCTETS: usize = 48;
