//! What people read at the end: the table of differences, the checks, and `docs/differences.md`.

use super::checks::Verdict;
use super::rules::RULES;
use super::tally::Tally;
use std::fmt::Write;

/// Reproductions printed in full.
const REPRODUCTIONS_MAX: usize = 10;

/// The table of explained differences with counts.
pub(super) fn table(tally: &Tally, peers: &[&str]) -> String {
    let mut text = format!(
        "\n{} pairs of responses compared, {} agree in everything\n\n{:32}",
        tally.compared, tally.agreed, "class of difference"
    );
    for peer in peers {
        let _ = write!(text, "{peer:>8}");
    }
    text += "  reason\n";
    for rule in RULES {
        let Some(counts) = tally.explained.get(rule.class) else {
            continue;
        };
        let _ = write!(text, "{:32}", rule.class);
        for peer in peers {
            let _ = write!(text, "{:>8}", counts.get(peer).copied().unwrap_or(0));
        }
        let _ = writeln!(text, "  {}", rule.rfc);
    }
    text
}

/// The differences without a reason: a few in full, then all groups in one line each. Those in
/// which the server under test differs from peers that agree come first.
pub(super) fn unexplained(tally: &Tally) -> String {
    let mut groups: Vec<_> = tally.unexplained.iter().collect();
    groups.sort_by_key(|(_, group)| (!group.alone, std::cmp::Reverse(group.count)));
    let mut text = String::new();
    for (key, group) in groups.iter().take(REPRODUCTIONS_MAX) {
        let _ = writeln!(text, "\n==== {key}\n{}", group.example);
    }
    if !groups.is_empty() {
        text += "\ndifferences without a reason:\n";
    }
    for (key, group) in groups {
        let _ = writeln!(text, "{:7} {key}", group.count);
    }
    text
}

/// The checks, those that passed in one line each.
pub(super) fn verdicts(verdicts: &[Verdict]) -> String {
    let mut text = String::from("\nchecks of imrs alone\n");
    for verdict in verdicts {
        let _ = match &verdict.failure {
            None => writeln!(text, "  pass  {}", verdict.name),
            Some(failure) => writeln!(text, "  FAIL  {}\n{failure}", verdict.name),
        };
    }
    text
}

/// The manual page of the differences.
pub(super) fn document() -> String {
    let mut text = String::from(HEAD);
    for rule in RULES {
        let peers: Vec<&str> = rule.peers.iter().map(|peer| spelt(peer)).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            rule.class,
            peers.join(", "),
            rule.reason,
            rule.rfc
        );
    }
    text
}

fn spelt(peer: &str) -> &'static str {
    match peer {
        "nsd" => "NSD",
        "knot" => "Knot",
        _ => "BIND",
    }
}

const HEAD: &str = "# Where imrs and its peers differ

`cargo xtask differential` sends one corpus of queries to imrs and to NSD, Knot DNS and BIND of
Debian, which serve the same zones, over UDP and TCP, and compares all that is said. These are the
differences that it may find; any other makes it fail. Order of records, compression, letter case
of owners, the contents of truncated responses, the advertised buffer size and the value of server
cookies are not compared.

This page is written by `cargo xtask differential --write-docs` from the table in
`xtask/src/differential/rules.rs`.

| class | peers | what differs, and why imrs does as it does | RFC |
|---|---|---|---|
";
