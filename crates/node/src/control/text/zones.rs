//! How zones are kept current, for people: what needs attention, then deadlines, then peers, then
//! what happened.

use crate::clock::span;
use crate::control::v1::{
    Check, CheckResult, Happening, HappeningKind, KeptZone, KnownPrimary, KnownSecondary,
    Observers, RefreshResult, Refreshed, Told, Verdict, When, ZoneState, Zones,
};
use std::collections::BTreeMap;
use std::fmt::{Result, Write};

/// Happenings that are shown; `--output json` has all that are remembered.
const HAPPENINGS_SHOWN: usize = 8;

/// Stored versions that are shown.
const VERSIONS_SHOWN: usize = 8;

/// All zones.
pub(super) fn write_zones(text: &mut String, told: &Zones) -> Result {
    write_summary(text, told)?;
    told.zones
        .iter()
        .try_for_each(|zone| write_zone(text, zone))
}

/// The count of zones by state, the gravest first.
fn write_summary(text: &mut String, told: &Zones) -> Result {
    let states = [
        ZoneState::Expired,
        ZoneState::Waiting,
        ZoneState::Alarm,
        ZoneState::Degraded,
        ZoneState::Served,
    ];
    let counts = states.into_iter().filter_map(|state| {
        let count = told.zones.iter().filter(|zone| zone.state == state).count();
        (count > 0).then(|| format!("{count} {}", short_word(state)))
    });
    let counts: Vec<String> = counts.collect();
    match told.zones.len() {
        0 => writeln!(text, "no zones"),
        1 => writeln!(text, "1 zone: {}", counts.join(", ")),
        count => writeln!(text, "{count} zones: {}", counts.join(", ")),
    }
}

fn write_zone(text: &mut String, zone: &KeptZone) -> Result {
    write!(text, "\nzone {}  ", zone.name)?;
    if let Some(serial) = zone.serial {
        write!(text, "serial {serial}  ")?;
    }
    writeln!(text, "{}", word(zone.state))?;
    for words in &zone.attention {
        line(text, "ATTENTION", words)?;
    }
    write_copy(text, zone)?;
    write_deadlines(text, zone)?;
    write_peers(text, zone)?;
    write_past(text, zone)
}

/// What is held, and whether it is still right.
fn write_copy(text: &mut String, zone: &KeptZone) -> Result {
    if let Some(source) = &zone.source {
        let age = { zone.received.as_ref() }
            .map_or(String::new(), |received| format!("{}, ", age(received)));
        line(text, "age", &format!("{age}{source}"))?;
    }
    if let Some(check) = &zone.last_check {
        line(
            text,
            "checked",
            &format!("{} {}", check.primary, words(check)),
        )?;
    }
    if let Some(going_on) = &zone.going_on {
        line(text, "now", going_on)?;
    }
    if let Some(next) = &zone.next_check {
        line(text, "next check", &relative(next))?;
    }
    Ok(())
}

fn write_deadlines(text: &mut String, zone: &KeptZone) -> Result {
    for (label, what, when) in [
        ("expires", "if no primary confirms it", &zone.expires),
        ("signatures", "the first ends", &zone.signatures_end),
    ] {
        if let Some(when) = when {
            let is_over = if when.in_seconds < 0 { "OVER: " } else { "" };
            line(
                text,
                label,
                &format!("{is_over}{}, at {} ({what})", relative(when), when.at),
            )?;
        }
    }
    Ok(())
}

fn write_peers(text: &mut String, zone: &KeptZone) -> Result {
    write_list(text, "primaries", &zone.primaries, primary)?;
    write_list(text, "refused", &zone.refusals, |refusal| {
        let times = match refusal.count {
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        format!(
            "{} of {}, {times}, not again before {}: {}",
            refusal.serial,
            refusal.primary,
            relative(&refusal.again),
            refusal.reason
        )
    })?;
    if let Some(observers) = &zone.observers {
        line(text, "observers", &verdict(observers))?;
    }
    write_list(text, "told", &zone.secondaries, secondary)
}

fn write_past(text: &mut String, zone: &KeptZone) -> Result {
    let shown = zone.history.len().min(HAPPENINGS_SHOWN);
    write_list(text, "history", &zone.history[..shown], happening)?;
    if !zone.stored.is_empty() {
        let octets: u64 = zone.stored.iter().map(|version| version.octets).sum();
        let shown = zone.stored.iter().take(VERSIONS_SHOWN);
        let mut serials: Vec<String> = shown
            .map(|version| match version.in_service {
                true => format!("{} (served)", version.serial),
                false => version.serial.to_string(),
            })
            .collect();
        if zone.stored.len() > VERSIONS_SHOWN {
            serials.push("…".to_owned());
        }
        let versions = match zone.stored.len() {
            1 => "1 version".to_owned(),
            count => format!("{count} versions"),
        };
        let size = format!("{} KiB", octets.div_ceil(1024));
        line(
            text,
            "stored",
            &format!("{versions}, {size}: {}", serials.join(", ")),
        )?;
    }
    for (what, counts) in &zone.counters {
        if let Some(counted) = counted(counts) {
            line(text, &what.replace('-', " "), &counted)?;
        }
    }
    Ok(())
}

/// What came of asking primaries on an operator's word.
pub(super) fn write_refreshed(text: &mut String, refreshed: &Refreshed) -> Result {
    for zone in &refreshed.zones {
        let result = match zone.result {
            RefreshResult::Swapped => "is new and in service",
            RefreshResult::Current => "is what the primaries have",
            RefreshResult::Refused => "stays in service: what came was REFUSED",
            RefreshResult::Unanswered => "stays: NO primary answered",
            RefreshResult::Started => "is in service; asking goes on, see `imrs ctl zones`",
            RefreshResult::NotFetched => "is of a file; `imrs ctl reload` loads it anew",
        };
        write!(text, "zone {}  ", zone.name)?;
        match zone.serial {
            Some(serial) => write!(text, "serial {serial} {result}")?,
            None => write!(text, "no copy: {}", without_copy(zone.result))?,
        }
        match &zone.reason {
            Some(reason) => writeln!(text, ": {reason}")?,
            None => writeln!(text)?,
        }
    }
    writeln!(text, "the server is {}", super::word(refreshed.health))
}

fn without_copy(result: RefreshResult) -> &'static str {
    match result {
        RefreshResult::Refused => "what came was REFUSED",
        RefreshResult::Unanswered => "NO primary answered",
        RefreshResult::NotFetched => "it is of a file; `imrs ctl reload` loads it anew",
        RefreshResult::Started | RefreshResult::Swapped | RefreshResult::Current => {
            "asking goes on, see `imrs ctl zones`"
        }
    }
}

/// How a zone is, and what that means for clients.
pub(super) fn word(state: ZoneState) -> &'static str {
    match state {
        ZoneState::Waiting => "WAITING for its first good copy, queries get SERVFAIL",
        ZoneState::Served => "served",
        ZoneState::Degraded => "served, NEEDS ATTENTION",
        ZoneState::Alarm => "served, ALARM: it ends soon",
        ZoneState::Expired => "EXPIRED, queries get SERVFAIL",
    }
}

fn short_word(state: ZoneState) -> &'static str {
    match state {
        ZoneState::Waiting => "WAITING",
        ZoneState::Served => "served",
        ZoneState::Degraded => "NEEDING ATTENTION",
        ZoneState::Alarm => "in ALARM",
        ZoneState::Expired => "EXPIRED",
    }
}

/// One fact.
fn line(text: &mut String, label: &str, words: &str) -> Result {
    writeln!(text, "  {label:13}{words}")
}

/// Facts of one kind, a line each, the label at the first.
fn write_list<T>(
    text: &mut String,
    label: &str,
    items: &[T],
    words: impl Fn(&T) -> String,
) -> Result {
    for (at, item) in items.iter().enumerate() {
        line(text, if at == 0 { label } else { "" }, &words(item))?;
    }
    Ok(())
}

fn primary(primary: &KnownPrimary) -> String {
    let mut words = primary.address.clone();
    for (what, name) in [("key", &primary.key), ("tls", &primary.tls)] {
        if let Some(name) = name {
            words += &format!(" {what} {name}");
        }
    }
    match &primary.last {
        Some(check) => words += &format!("  {}", self::words(check)),
        None => words += "  not asked yet",
    }
    if primary.failures > 1 {
        words += &format!("; failed {} times in a row", primary.failures);
    }
    if let Some(again) = &primary.again {
        words += &format!("; again {}", relative(again));
    }
    words
}

/// What came of a check, without whom it was of.
fn words(check: &Check) -> String {
    let serial = check
        .serial
        .map_or("a serial".to_owned(), |serial| serial.to_string());
    let result = match check.result {
        CheckResult::Level => "has the same serial".to_owned(),
        CheckResult::Older => format!("is BEHIND with {serial}"),
        CheckResult::Newer => format!("has {serial}, which is fetched"),
        CheckResult::HeldBack => format!("has {serial}, which is not fetched again yet"),
        CheckResult::Unanswered => "did NOT ANSWER".to_owned(),
        CheckResult::Accepted => format!("gave {serial}"),
        CheckResult::Withdrawn => format!("offered {serial}, then NOTHING"),
        CheckResult::Broken => format!("BROKE OFF the transfer of {serial}"),
        CheckResult::NoDifferences => {
            format!("gives no differences to {serial}; the whole zone is fetched")
        }
        CheckResult::Refused => format!("sent {serial}, which was REFUSED"),
    };
    let reason = { check.reason.as_ref() }.map_or(String::new(), |reason| format!(": {reason}"));
    format!("{} {result}{reason}", relative(&check.when))
}

fn verdict(observers: &Observers) -> String {
    let heard = observers
        .heard
        .iter()
        .filter(|heard| heard.serial.is_some())
        .count();
    let of = format!("{heard} of {} heard", observers.heard.len());
    let ahead = || {
        let serial = observers
            .serial
            .map_or(String::new(), |serial| format!(" with {serial}"));
        let since = { observers.since.as_ref() }
            .map_or(String::new(), |since| format!(" for {}", age(since)));
        format!("{} ahead{serial}{since}", observers.ahead)
    };
    match observers.verdict {
        Verdict::Unknown => format!("nobody is heard of; {of}"),
        Verdict::Level => format!("nobody is ahead; {of}"),
        Verdict::Ahead => format!("{}; {of}", ahead()),
        Verdict::Stale => format!("STALE: {}; {of}", ahead()),
    }
}

fn secondary(secondary: &KnownSecondary) -> String {
    let address = &secondary.address;
    let serial = secondary
        .serial
        .map_or("nothing".to_owned(), |serial| serial.to_string());
    match (secondary.told, &secondary.rcode) {
        (Told::Untold, _) => format!("{address}  nothing yet"),
        (Told::Telling, _) => format!("{address}  {serial}, waiting for its answer"),
        (Told::Told, None) => format!("{address}  {serial}"),
        (Told::Told, Some(rcode)) => format!("{address}  {serial}, it said {rcode}"),
        (Told::GaveUp, _) => format!("{address}  {serial}, NO ANSWER"),
    }
}

fn happening(happening: &Happening) -> String {
    let kind = match happening.kind {
        HappeningKind::Swapped => "in service",
        HappeningKind::Refused => "REFUSED",
        HappeningKind::Broken => "BROKEN",
        HappeningKind::Disk => "on disk",
        HappeningKind::State => "the zone",
        HappeningKind::Accepted => "let pass",
    };
    let mut words = format!("{} {kind}", happening.at);
    if let Some(serial) = happening.serial {
        words += &format!(" {serial}");
    }
    if let Some(source) = &happening.source {
        words += &format!(", {source}");
    }
    if let Some(took) = happening.took_ms {
        words += &format!(" in {took} ms");
    }
    if let Some(reason) = &happening.reason {
        words += &format!(": {reason}");
    }
    words
}

/// Counts that are not 0, if there are any.
fn counted(counts: &BTreeMap<String, u64>) -> Option<String> {
    let counts = counts.iter().filter(|(_, count)| **count > 0);
    let counts: Vec<String> = counts
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// How far a time is: `in 3 min 2 s`, `12 s ago`.
fn relative(when: &When) -> String {
    match u64::try_from(when.in_seconds) {
        Ok(0) => "now".to_owned(),
        Ok(left) => format!("in {}", span(left)),
        Err(_) => format!("{} ago", age(when)),
    }
}

/// How long ago a time was.
fn age(when: &When) -> String {
    span(u64::try_from(when.in_seconds.saturating_neg()).unwrap_or(0))
}

#[cfg(test)]
mod tests;
