//! The tables: on standard output, and for documents in Markdown.

use super::bots::SLOW;
use super::capacity::Capacity;
use super::ledger::Account;
use super::outcome::{Span, Story};
use super::resolver::{Class, TCP_PATIENCE, TIMEOUTS};
use super::verdict::Verdict;
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// One line for each server: where the kernel begins to drop.
pub(super) fn capacity(name: &str, found: Capacity) {
    println!(
        "{name:<6} the kernel begins to drop at {:>7} queries a second, found again at {:>7} ({:.0} % apart); \
         at {:>7} it answers {:>7}",
        found.point,
        found.other,
        found.spread() * 100.0,
        found.offered,
        found.beyond
    );
}

/// All scenes of a server.
pub(super) fn story(story: &Story) {
    println!("\n{}: {}", story.name, retries());
    for row in std::iter::once(HEADINGS.map(str::to_owned)).chain(rows(story)) {
        let mut line = String::new();
        for (column, (text, width)) in row.iter().zip(WIDTHS).enumerate() {
            // What is no number begins at the left.
            match column {
                0 => drop(write!(line, "{text:<width$}")),
                LAST => drop(write!(line, "  {text}")),
                _ => drop(write!(line, "{text:>width$}")),
            }
        }
        println!("{}", line.trim_end());
    }
    for span in &story.spans {
        println!("{}", account(&span.scene.name, &span.account));
        if span.held > 0 {
            println!(
                "{}: {} of {SLOW} slow connections open at the end",
                span.scene.name, span.held
            );
        }
    }
    let mib = |sample: Option<&(Duration, u64)>| {
        sample.map_or(0.0, |(_, octets)| *octets as f64 / f64::from(1 << 20))
    };
    let (with, all) = story.cookies;
    println!(
        "resident {:.1} MiB before the first attack, {:.1} MiB after the last; {with} of {all} resolvers \
         that keep cookies were given one",
        mib(story.memory.first()),
        mib(story.memory.last())
    );
}

/// The same of all servers, scene by scene, into a file.
pub(super) fn markdown(
    found: &[(&'static str, Capacity)],
    stories: &[Story],
    file: &Path,
) -> Result<()> {
    let mut text = String::new();
    for (name, capacity) in found {
        let _ = writeln!(
            text,
            "- {name}: the kernel begins to drop at {} queries a second for one worker (the lower of two findings, \
             {:.0} % apart).",
            capacity.point,
            capacity.spread() * 100.0
        );
    }
    let _ = writeln!(text, "- {}\n", retries());
    let headings = &HEADINGS[..LAST];
    let _ = writeln!(text, "| server | {} |", headings.join(" | "));
    let _ = writeln!(text, "|---|---|{}", "--:|".repeat(headings.len() - 1));
    let mut names: Vec<&str> = Vec::new();
    for span in stories.iter().flat_map(|story| &story.spans) {
        if !names.contains(&&*span.scene.name) {
            names.push(&span.scene.name);
        }
    }
    for name in names {
        for story in stories {
            for row in rows(story).filter(|row| row[0] == name) {
                let _ = writeln!(text, "| {} | {} |", story.name, row[..LAST].join(" | "));
            }
        }
    }
    fs::write(file, text).with_context(|| file.display().to_string())
}

/// How resolvers go on without a response.
fn retries() -> String {
    let tries: Vec<String> = TIMEOUTS
        .iter()
        .map(|timeout| timeout.as_millis().to_string())
        .collect();
    format!(
        "resolvers wait {} ms for a response to each of {} tries, and {} s for one by TCP after TC",
        tries.join(", "),
        TIMEOUTS.len(),
        TCP_PATIENCE.as_secs()
    )
}

fn rows(story: &Story) -> impl Iterator<Item = [String; COLUMNS]> {
    story.spans.iter().map(|span| row(story, span))
}

fn row(story: &Story, span: &Span) -> [String; COLUMNS] {
    let means = story.means(span);
    let known = story.known(span);
    let per_cent = |share: f64| format!("{:.2}", share * 100.0);
    let share = |class| {
        let success = story.in_scene(&[class], span);
        match success.asked {
            0 => "–".to_owned(),
            _ => per_cent(success.share()),
        }
    };
    let ms = |duration: Duration| format!("{:.1}", duration.as_secs_f64() * 1e3);
    let whole = |number: f64| format!("{number:.0}");
    let amplification = means.amplification.map(|ratio| format!("{ratio:.2}"));
    let reasons = means.reasons.iter();
    let reasons: Vec<String> = reasons
        .map(|(name, rate)| format!("{name} {rate:.0}"))
        .collect();
    [
        span.scene.name.clone(),
        whole(means.offered),
        whole(means.answered),
        whole(means.link),
        whole(means.queue_full),
        whole(means.filtered),
        share(Class::Cookied),
        share(Class::Uncookied),
        per_cent(known.at_once()),
        ms(known.p99),
        share(Class::NewCookied),
        share(Class::NewUncookied),
        share(Class::Tcp),
        ms(story.in_scene(&[Class::Tcp], span).p99),
        amplification.unwrap_or("–".to_owned()),
        whole(span.background * 100.0),
        reasons.join(", "),
    ]
}

/// What became of all datagrams of a scene, in a line.
fn account(scene: &str, account: &Account) -> String {
    let Account {
        sent,
        link,
        core,
        apart,
        discarded,
        queue,
        filtered,
        read,
        ..
    } = account;
    let mut text = format!(
        "{scene}: {sent} datagrams = {link} ahead of the link ({core} frames at a core's queue) + {apart} in fragments + {discarded} in error + {queue} queue full + \
         {filtered} filtered + {read} read"
    );
    if let Some(told) = &account.told {
        let _ = write!(
            text,
            "; {} received = {} answered + {} limited + {} shed + {} blocked + {} without a proxy's header + \
             {} no query",
            told.received,
            told.responses,
            told.limited,
            told.shed,
            told.blocked,
            told.headless,
            told.silent()
        );
    }
    for gap in account.open() {
        let _ = write!(text, "; {} {}", gap.count, gap.name);
    }
    text
}

/// What holds and what does not. Gives how many do not.
pub(super) fn verdicts(verdicts: &[Verdict]) -> usize {
    println!();
    for verdict in verdicts {
        let holds = if verdict.holds {
            "holds"
        } else {
            "DOES NOT HOLD"
        };
        println!("{holds:<14} {}", verdict.sentence);
    }
    let failed = verdicts.iter().filter(|verdict| !verdict.holds).count();
    println!("{} passed, {failed} failed", verdicts.len() - failed);
    failed
}

const COLUMNS: usize = 17;

/// The column of what the server says, which has no end.
const LAST: usize = COLUMNS - 1;

/// Rates are a second, successes in per cent: of resolvers that were there before with cookies and
/// without, of their first tries, of those that came in the midst of it, of new clients by TCP. Noise is the
/// part of the server's core that went to the background of the machine.
const HEADINGS: [&str; COLUMNS] = [
    "scene",
    "offered",
    "answered",
    "link full",
    "queue full",
    "filtered",
    "with %",
    "w/o %",
    "1st try %",
    "p99 ms",
    "new with %",
    "new w/o %",
    "TCP %",
    "TCP p99 ms",
    "amp.",
    "noise %",
    "the server says, a second",
];

const WIDTHS: [usize; COLUMNS] = [17, 9, 10, 10, 11, 10, 8, 8, 10, 8, 11, 10, 8, 11, 7, 8, 0];
