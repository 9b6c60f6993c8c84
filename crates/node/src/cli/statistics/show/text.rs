//! A day for people: what is whole and what is missing first, then the tables.

use super::super::figures::{grouped, percent};
use super::{Bin, Shown, ShownFigure};
use crate::clock::span;
use std::fmt::Write;

/// The day in text.
pub(super) fn render(shown: &Shown) -> String {
    let mut text = String::new();
    write_all(&mut text, shown).expect("a string takes all that is written");
    text
}

fn write_all(text: &mut String, shown: &Shown) -> std::fmt::Result {
    let state = match shown.sealed {
        true => "sealed".to_owned(),
        false => format!("OPEN, known up to {}", shown.until),
    };
    let nodes = match shown.nodes {
        1 => "1 node".to_owned(),
        nodes => format!("{nodes} nodes"),
    };
    writeln!(text, "{} (UTC)  {nodes}, {state}", shown.day)?;
    write_gaps(text, shown)?;
    write_flows(text, shown)?;
    write_sources(text, shown)?;
    let responses: u64 = shown.rcodes.iter().map(|(_, count)| count).sum();
    write_shares(text, "responses by RCODE", &shown.rcodes, responses)?;
    write_types(text, shown)?;
    write_profiles(text, shown)?;
    for (name, bins) in &shown.sizes {
        write_sizes(text, name, bins)?;
    }
    if !shown.loads.is_empty() {
        writeln!(text, "\n{:24}{:>16}", "load time of serials", "seconds")?;
        for (serial, seconds) in &shown.loads {
            writeln!(text, "  {serial:<22}{seconds:>16}")?;
        }
    }
    Ok(())
}

fn write_gaps(text: &mut String, shown: &Shown) -> std::fmt::Result {
    let gaps = &shown.gaps;
    if gaps.count == 0 {
        return writeln!(text, "gaps     none");
    }
    let seconds = span(gaps.seconds);
    writeln!(text, "GAPS     {}, over all nodes {seconds}", gaps.count)?;
    for gap in gaps.told.iter().take(GAPS_SHOWN) {
        writeln!(text, "  {} to {}  {}", gap.from, gap.to, gap.why)?;
    }
    match gaps.count.saturating_sub(GAPS_SHOWN as u64) {
        0 => Ok(()),
        more => writeln!(text, "  and {more} more"),
    }
}

fn write_flows(text: &mut String, shown: &Shown) -> std::fmt::Result {
    let [queries, responses, truncated] = ["queries", "responses", "truncated"];
    writeln!(
        text,
        "\n{:12}{queries:>20}{responses:>20}{truncated:>16}",
        "messages"
    )?;
    let mut sums = [0_u64; 3];
    for (name, flow) in &shown.flows {
        let counts = [flow.queries, flow.responses, flow.truncated];
        write_row(text, &format!("  {name}"), counts)?;
        for (sum, count) in sums.iter_mut().zip(counts) {
            super::add(sum, count);
        }
    }
    write_row(text, "  all", sums)?;
    let continued: u64 = shown.flows.values().map(|flow| flow.continued).sum();
    if continued > 0 {
        let continued = grouped(continued);
        writeln!(
            text,
            "  of the responses {continued} are further messages of transfers"
        )?;
    }
    for (what, count) in [
        ("a full queue", shown.lost_queue),
        ("the filter against floods", shown.lost_filter),
    ] {
        if count > 0 {
            let count = grouped(count);
            writeln!(text, "  LOST to {what}, and not among these: {count}")?;
        }
    }
    Ok(())
}

fn write_row(text: &mut String, name: &str, counts: [u64; 3]) -> std::fmt::Result {
    let [queries, responses, truncated] = counts.map(grouped);
    writeln!(text, "{name:12}{queries:>20}{responses:>20}{truncated:>16}")
}

fn write_sources(text: &mut String, shown: &Shown) -> std::fmt::Result {
    let sources = &shown.sources;
    writeln!(text, "\n{:24}{:>16}", "sources", "different")?;
    for (name, figure) in [
        ("  IPv4", &sources.ipv4),
        ("  IPv6", &sources.ipv6),
        ("  IPv6 by /64", &sources.ipv6_64),
    ] {
        let method = method(figure);
        writeln!(text, "{name:24}{:>16}  {method}", grouped(figure.value))?;
    }
    if sources.missed_at_most > 0 {
        let missed = grouped(sources.missed_at_most);
        writeln!(
            text,
            "  MISSING at most {missed}: they came faster than they were kept"
        )?;
    }
    Ok(())
}

fn method(figure: &ShownFigure) -> String {
    match figure.error_ppm {
        0 => figure.method.to_owned(),
        ppm => format!("{}, ±{:.2} %", figure.method, f64::from(ppm) / 10_000.0),
    }
}

fn write_shares<N: AsRef<str>>(
    text: &mut String,
    title: &str,
    counts: &[(N, u64)],
    whole: u64,
) -> std::fmt::Result {
    writeln!(text, "\n{title}")?;
    for (name, count) in counts {
        let name = name.as_ref();
        let share = percent(*count, whole);
        writeln!(text, "  {name:22}{:>16}{share:>10}", grouped(*count))?;
    }
    Ok(())
}

fn write_types(text: &mut String, shown: &Shown) -> std::fmt::Result {
    let [noerror, nxdomain, rest] = ["NOERROR", "NXDOMAIN", "other or none"];
    writeln!(
        text,
        "\n{:24}{:>16}{:>10}{noerror:>18}{nxdomain:>18}{rest:>16}",
        "queries by type", "", ""
    )?;
    for own in &shown.qtypes {
        let share = percent(own.queries, shown.profiles.queries);
        let rest = own.other.saturating_add(own.unanswered);
        let [queries, noerror, nxdomain, rest] =
            [own.queries, own.no_error, own.nx_domain, rest].map(grouped);
        let name = &own.qtype;
        writeln!(
            text,
            "  {name:22}{queries:>16}{share:>10}{noerror:>18}{nxdomain:>18}{rest:>16}"
        )?;
    }
    Ok(())
}

fn write_profiles(text: &mut String, shown: &Shown) -> std::fmt::Result {
    let own = &shown.profiles;
    let said = [
        ("EDNS", own.edns),
        ("DO", own.dnssec_ok),
        ("CD", own.checking_disabled),
        ("RD", own.recursion_desired),
        ("NSID", own.nsid),
        ("a cookie", own.cookie),
    ];
    write_shares(text, "queries with", &said, own.queries)?;
    let title = "queries by the largest response over UDP that they take, in octets";
    write_shares(text, title, &own.buffers, own.queries)
}

/// A table of lengths, in which neighbours that are few stand together.
fn write_sizes(text: &mut String, name: &str, bins: &[Bin]) -> std::fmt::Result {
    let whole: u64 = bins
        .iter()
        .map(|bin| bin.messages)
        .fold(0, u64::saturating_add);
    let (transport, direction) = name.split_once('-').unwrap_or((name, ""));
    let transport = transport.to_uppercase();
    let mut rows: Vec<(String, u64)> = Vec::new();
    let mut few: Vec<&Bin> = Vec::new();
    for bin in bins {
        if bin.messages >= whole.div_ceil(SIZES_SHARE) {
            rows.extend(together(&few));
            few.clear();
            rows.extend(together(&[bin]));
        } else {
            few.push(bin);
        }
    }
    rows.extend(together(&few));
    write_shares(
        text,
        &format!("{direction}s over {transport} by octets"),
        &rows,
        whole,
    )
}

/// One row for bins that follow each other.
fn together(bins: &[&Bin]) -> Option<(String, u64)> {
    let (first, last) = (bins.first()?, bins.last()?);
    let range = match last.to {
        Some(to) => format!("{}-{to}", first.from),
        None => format!("{}-", first.from),
    };
    let messages = bins.iter().map(|bin| bin.messages);
    Some((range, messages.fold(0, u64::saturating_add)))
}

/// Gaps that are listed; the others are in the JSON.
const GAPS_SHOWN: usize = 20;

/// A bin that has less than one in so many messages is told together with others.
const SIZES_SHARE: u64 = 50;
