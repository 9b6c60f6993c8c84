//! Replies for people: what matters first, one line a fact.
//!
//! What is told of transfers is in `zones`.

mod accounts;
mod route;
mod sandbox;
mod top;
mod zones;

use super::v1::{
    Attempt, AttemptResult, Cookies, Health, Messages, Reload, Reply, Stats, Status, Zone,
    ZoneState,
};
use crate::clock::span;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A reply in text.
pub fn render(reply: &Reply) -> String {
    let mut text = String::new();
    let written = match reply {
        Reply::Status(status) => write_status(&mut text, status),
        Reply::Reload(reload) => write_reload(&mut text, reload),
        Reply::Stats(stats) => write_stats(&mut text, stats),
        Reply::Top(told) => top::write_top(&mut text, told),
        Reply::Zones(told) => zones::write_zones(&mut text, told),
        Reply::Refresh(refreshed) => zones::write_refreshed(&mut text, refreshed),
        Reply::Cookies(cookies) => write_cookies(&mut text, cookies),
        Reply::Route(told) => route::write_route(&mut text, told),
        Reply::Site(told) => route::write_site(&mut text, told),
        // From one process to another, and for nobody to read.
        Reply::Sockets(_) => Ok(()),
        Reply::Error { message } => writeln!(text, "{message}"),
    };
    written.expect("a string takes all that is written");
    text
}

fn write_status(text: &mut String, status: &Status) -> std::fmt::Result {
    let up = span(status.uptime_seconds);
    writeln!(
        text,
        "imrs {}, {}, process {}, up {up}",
        status.version,
        word(status.health),
        status.pid
    )?;
    if !status.time.is_present {
        let at = &status.time.now;
        writeln!(
            text,
            "time     {at}, standing still: NOT the present, for archived zones only"
        )?;
    }
    for attention in &status.attention {
        writeln!(text, "ATTENTION  {attention}")?;
    }
    writeln!(text, "listen   {}", status.listen.join(", "))?;
    if !status.metrics.is_empty() {
        writeln!(text, "metrics  {}", status.metrics.join(", "))?;
    }
    writeln!(text, "workers  {}", status.workers)?;
    if let Some(told) = &status.sandbox {
        sandbox::write_sandbox(text, told)?;
    }
    if let Some(reason) = &status.unfiltered {
        writeln!(text, "no socket filter: {reason}")?;
    }
    status
        .zones
        .iter()
        .try_for_each(|zone| write_zone(text, zone))
}

fn write_zone(text: &mut String, zone: &Zone) -> std::fmt::Result {
    let state = match (zone.state, zone.served, zone.degraded) {
        (Some(state), ..) => zones::word(state),
        (None, false, _) => "WITHDRAWN: its signatures ran out, queries get SERVFAIL",
        (None, true, true) => "served, NEEDS ATTENTION",
        (None, true, false) => "served",
    };
    if zone.state == Some(ZoneState::Waiting) {
        writeln!(text, "\nzone {}  {state}", zone.name)?;
        writeln!(text, "  source   {}", zone.source)?;
        write!(text, "  last try ")?;
        return write_attempt(text, &zone.last_attempt);
    }
    writeln!(
        text,
        "\nzone {}  serial {}  {state}",
        zone.name, zone.serial
    )?;
    writeln!(text, "  source   {}", zone.source)?;
    writeln!(
        text,
        "  size     {} records, {} KiB compiled",
        zone.records,
        zone.image_octets.div_ceil(1024)
    )?;
    let digest = zone.proof.digest.as_deref().unwrap_or("none");
    let algorithms: Vec<String> = zone.proof.algorithms.iter().map(u8::to_string).collect();
    match zone.proof.signatures {
        0 => writeln!(text, "  proof    ZONEMD {digest}; signatures not asked for")?,
        count => writeln!(
            text,
            "  proof    ZONEMD {digest}; {count} signatures, algorithm {}",
            algorithms.join(", ")
        )?,
    }
    for warning in &zone.proof.warnings {
        writeln!(text, "  warning  {warning}")?;
    }
    if let (Some(expires), Some(left)) = (&zone.expires, zone.expires_in_seconds) {
        match u64::try_from(left) {
            Ok(left) => writeln!(text, "  expires  in {}, at {expires}", span(left))?,
            Err(_) => writeln!(
                text,
                "  expires  {} ago, at {expires}",
                span(left.unsigned_abs())
            )?,
        }
    }
    writeln!(text, "  loaded   {}", zone.loaded_at)?;
    write!(text, "  last try ")?;
    write_attempt(text, &zone.last_attempt)
}

fn write_attempt(text: &mut String, attempt: &Attempt) -> std::fmt::Result {
    let result = match attempt.result {
        AttemptResult::Loaded => "loaded",
        AttemptResult::Unchanged => "unchanged",
        AttemptResult::Refused => "REFUSED",
    };
    if attempt.at.is_empty() {
        return writeln!(text, "none yet");
    }
    write!(text, "{} {result}", attempt.at)?;
    match &attempt.reason {
        Some(reason) => writeln!(text, ": {reason}"),
        None => writeln!(text),
    }
}

fn write_reload(text: &mut String, reload: &Reload) -> std::fmt::Result {
    for zone in &reload.zones {
        write!(
            text,
            "zone {}  serial {} in service  ",
            zone.name, zone.serial
        )?;
        write_attempt(text, &zone.attempt)?;
    }
    if let Some(blocklist) = &reload.blocklist {
        match &blocklist.refusal {
            None => writeln!(text, "blocked  {} prefixes", blocklist.prefixes)?,
            Some(refusal) => writeln!(
                text,
                "blocked  {} prefixes as before; REFUSED: {refusal}",
                blocklist.prefixes
            )?,
        }
    }
    writeln!(text, "the server is {}", word(reload.health))
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Well => "well",
        Health::Degraded => "DEGRADED",
        Health::Failed => "FAILED: no zone is served",
    }
}

/// A table of messages with a column per transport, then the other counts that are not 0.
fn write_stats(text: &mut String, stats: &Stats) -> std::fmt::Result {
    write!(text, "{:18}", format!("up {}", span(stats.uptime_seconds)))?;
    for name in stats.messages.keys() {
        write!(text, "{name:>15}")?;
    }
    writeln!(text)?;
    let columns: Vec<_> = stats.messages.values().collect();
    write_messages(text, &columns)?;
    for (what, counts) in [
        ("unsent", &stats.unsent),
        ("connections", &stats.connections),
        ("encrypted", &stats.encrypted),
        ("transfers", &stats.transfers),
        ("defence", &stats.defence),
    ] {
        for (name, count) in counts.iter().filter(|(_, count)| **count > 0) {
            writeln!(text, "{:18}{count:>15}", format!("{what} {name}"))?;
        }
    }
    for (name, count) in [
        ("kernel dropped", stats.kernel_dropped),
        ("filter condemned", stats.filtered_condemned),
        ("filter shed", stats.filtered_shed),
    ] {
        writeln!(text, "{name:18}{count:>15}")?;
    }
    writeln!(
        text,
        "{:18}{:>12} µs",
        "longest turn", stats.longest_turn_us
    )?;
    for capture in &stats.captures {
        for (name, count) in [
            ("written", capture.written),
            ("lost", capture.lost),
            ("sampled away", capture.sampled_away),
            ("over budget", capture.over_budget),
        ] {
            let what = format!("{} {name}", capture.name);
            writeln!(text, "{what:18}{count:>15}")?;
        }
    }
    for (transport, delays) in &stats.delays {
        for (name, per_mille) in [("half", 500), ("99 %", 990)] {
            let what = format!("{transport} {name} within");
            match delays.quantile_us(per_mille) {
                Some(us) => writeln!(text, "{what:18}{us:>12} µs")?,
                None => writeln!(text, "{what:18}{:>15}", "more than 1 s")?,
            }
        }
    }
    match &stats.accounts {
        Some(told) => accounts::write_accounts(text, told),
        None => Ok(()),
    }
}

fn write_cookies(text: &mut String, cookies: &Cookies) -> std::fmt::Result {
    if !cookies.enabled {
        return writeln!(
            text,
            "cookies are switched off: `enabled` in [cookies] is false"
        );
    }
    let required = match cookies.required {
        true => "REQUIRED: who shows none is sent for one, or to TCP",
        false => "used where they are shown",
    };
    writeln!(text, "cookies  {required}")?;
    match &cookies.file {
        Some(file) => writeln!(text, "file     {file}")?,
        None => writeln!(text, "file     none: a restart makes a new secret")?,
    }
    for secret in &cookies.secrets {
        writeln!(text, "{:8} {}", secret.role, secret.fingerprint)?;
    }
    Ok(())
}

/// What was counted of messages, a row each with a column per transport.
fn write_messages(text: &mut String, columns: &[&Messages]) -> std::fmt::Result {
    let mut row = |name: &str, counts: Vec<u64>| {
        write!(text, "{name:18}")?;
        for count in counts {
            write!(text, "{count:>15}")?;
        }
        writeln!(text)
    };
    row(
        "received",
        columns.iter().map(|column| column.received).collect(),
    )?;
    row(
        "received octets",
        columns
            .iter()
            .map(|column| column.received_octets)
            .collect(),
    )?;
    row(
        "responses",
        columns.iter().map(|column| column.responses).collect(),
    )?;
    row(
        "response octets",
        columns
            .iter()
            .map(|column| column.response_octets)
            .collect(),
    )?;
    row(
        "truncated",
        columns.iter().map(|column| column.truncated).collect(),
    )?;
    for kind in columns
        .first()
        .into_iter()
        .flat_map(|column| column.kinds.keys())
    {
        let of_kind = |column: &&Messages| column.kinds.get(kind).copied().unwrap_or(0);
        row(kind, columns.iter().map(of_kind).collect())?;
    }
    let rcodes: BTreeSet<_> = columns
        .iter()
        .flat_map(|column| column.rcodes.keys())
        .collect();
    for rcode in rcodes {
        let of_rcode = |column: &&Messages| column.rcodes.get(rcode).copied().unwrap_or(0);
        row(
            &format!("rcode {rcode}"),
            columns.iter().map(of_rcode).collect(),
        )?;
    }
    Ok(())
}
