//! A measurement in so many columns and rows. Pure: it knows no terminal.

use super::super::figures::{self, short};
use super::measure::{Measurement, Rates};
use crate::clock::span;
use crate::control::v1::{Ranked, Top};
use imrs_wire::Rcode;

/// Columns and rows.
pub(super) type Size = (usize, usize);

/// What fits on a screen, what matters most first.
pub(super) fn screen(measurement: &Measurement, history: &[f64], size: Size) -> Vec<String> {
    let (columns, rows) = size;
    let mut lines = vec![head(measurement)];
    lines.push(curve(history, columns));
    lines.extend(body(measurement, columns, rows));
    if rows > lines.len() {
        lines.resize(rows - 1, String::new());
        lines.push("q ends".to_owned());
    }
    lines
        .iter()
        .map(|line| cut(line, columns))
        .take(rows)
        .collect()
}

/// All of it, for a file or a screen that scrolls.
pub(super) fn whole(measurement: &Measurement) -> Vec<String> {
    let mut lines = vec![head(measurement)];
    lines.extend(body(measurement, 100, usize::MAX));
    lines
}

/// The sums on one line.
pub(super) fn line(measurement: &Measurement) -> String {
    let held: f64 = measurement.held_back.values().sum();
    let lost: f64 = measurement.lost.values().sum();
    let mut line = format!(
        "{}  queries {}  responses {}  held back {}  lost {}",
        measurement.at,
        short(measurement.queries),
        short(measurement.responses),
        short(held),
        short(lost)
    );
    for (name, rate) in rcodes(measurement).into_iter().take(3) {
        line.push_str(&format!("  {name} {}", share(rate, measurement.responses)));
    }
    line
}

/// A line within so many columns.
pub(super) fn cut(line: &str, columns: usize) -> String {
    line.chars().take(columns).collect()
}

fn head(measurement: &Measurement) -> String {
    let restarted = match measurement.restarted {
        true => "  STARTED ANEW",
        false => "",
    };
    format!(
        "imrs up {}{restarted}   {}   a second: {} queries, {} responses; {} TCP connections",
        span(measurement.uptime_seconds),
        measurement.at,
        short(measurement.queries),
        short(measurement.responses),
        measurement.connections_open
    )
}

/// The last measurements as blocks of eight heights, up to the highest of them.
fn curve(history: &[f64], columns: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let last = history
        .get(history.len().saturating_sub(columns)..)
        .unwrap_or(&[]);
    let most = last.iter().copied().fold(0.0, f64::max);
    let block = |rate: &f64| {
        let height = (rate / most.max(1.0) * 7.0).round() as usize;
        BLOCKS.get(height).copied().unwrap_or('█')
    };
    last.iter().map(block).collect()
}

fn body(measurement: &Measurement, columns: usize, rows: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    lines.extend(flows(measurement));
    lines.push(String::new());
    let tables = vec![
        table("RESPONSES", &rcodes(measurement), measurement.responses),
        table("OUTCOMES", &busy(&measurement.kinds), measurement.queries),
        table(
            "HELD BACK",
            &busy(&measurement.held_back),
            measurement.queries,
        ),
        table(
            "LOST IN THE KERNEL",
            &lost(measurement),
            measurement.queries,
        ),
    ];
    lines.extend(beside(&tables, columns));
    lines.push(String::new());
    match &measurement.top {
        Some(top) => {
            // Three tables share what rows are left, if they do not fit beside each other.
            let fit = (columns / (WIDTH + 2)).clamp(1, 3);
            let left = rows.saturating_sub(lines.len() + 5) / 3_usize.div_ceil(fit);
            lines.extend(tops(top, columns, left.saturating_sub(2).max(3)));
        }
        None => lines.push("who asks most is not looked at by this server".to_owned()),
    }
    lines
}

/// A table of flows, the busy ones and UDP.
fn flows(measurement: &Measurement) -> Vec<String> {
    let flows: Vec<(&String, &Rates)> = measurement
        .flows
        .iter()
        .filter(|(name, rates)| rates.queries > 0.0 || name.starts_with("udp"))
        .collect();
    let row = |name: &str, of: &dyn Fn(&Rates) -> f64| {
        let cells = flows
            .iter()
            .map(|(_, rates)| format!("{:>11}", short(of(rates))));
        format!("{name:20}{}", cells.collect::<String>())
    };
    let names = flows.iter().map(|(name, _)| format!("{name:>11}"));
    vec![
        format!("{:20}{}", "A SECOND", names.collect::<String>()),
        row("queries", &|rates| rates.queries),
        row("responses", &|rates| rates.responses),
        row("  with TC", &|rates| rates.truncated),
        row("octets of a query", &|rates| rates.query_octets_mean),
        row("octets of a response", &|rates| rates.response_octets_mean),
    ]
}

/// Responses by the name of their RCODE, the most first.
fn rcodes(measurement: &Measurement) -> Vec<(String, f64)> {
    let named = busy(&measurement.rcodes).into_iter().map(|(number, rate)| {
        let name = number.parse().map(|number| figures::rcode(Rcode(number)));
        (name.unwrap_or(number), rate)
    });
    named.collect()
}

/// What there is any of, the most first.
fn busy(rates: &std::collections::BTreeMap<String, f64>) -> Vec<(String, f64)> {
    let busy = rates.iter().filter(|(_, rate)| **rate > 0.0);
    let mut busy: Vec<_> = busy.map(|(name, rate)| (name.clone(), *rate)).collect();
    busy.sort_by(|one, other| other.1.total_cmp(&one.1));
    busy
}

fn lost(measurement: &Measurement) -> Vec<(String, f64)> {
    let lost = measurement.lost.iter().filter(|(_, rate)| **rate > 0.0);
    lost.map(|(name, rate)| ((*name).to_owned(), *rate))
        .collect()
}

fn share(part: f64, whole: f64) -> String {
    format!(
        "{:.1} %",
        part * 100.0 / whole.max(part).max(f64::MIN_POSITIVE)
    )
}

fn table(title: &str, rates: &[(String, f64)], whole: f64) -> Vec<String> {
    let mut lines = vec![title.to_owned()];
    for (name, rate) in rates {
        let name = cut(name, 14);
        lines.push(format!(
            "  {name:14}{:>7}{:>8}",
            short(*rate),
            share(*rate, whole)
        ));
    }
    if rates.is_empty() {
        lines.push("  none".to_owned());
    }
    lines
}

/// Three tables of those who ask most, with so many rows each.
fn tops(top: &Top, columns: usize, rows: usize) -> Vec<String> {
    let seconds = top.covered_ms / 1000;
    let lost = match top.lost_samples {
        0 => String::new(),
        lost => format!("; TOO LOW, {lost} passed over"),
    };
    let mut lines = vec![format!(
        "A SECOND, estimated from one query in {} of the last {seconds} s{lost}",
        top.sampled_one_in
    )];
    let tables = [
        ("DOMAINS THAT EXIST", &top.existing),
        ("DOMAINS THAT DO NOT", &top.missing),
        ("CLIENTS", &top.clients),
    ];
    let tables = tables.map(|(title, ranked)| ranking(title, ranked, top, rows));
    lines.extend(beside(&tables, columns));
    lines
}

fn ranking(title: &str, ranked: &[Ranked], top: &Top, rows: usize) -> Vec<String> {
    let per_second = |queries: u64| queries as f64 * 1000.0 / top.covered_ms.max(1) as f64;
    let mut lines = vec![title.to_owned()];
    for one in ranked.iter().take(rows) {
        let error = one.excess_max.max(one.sampling_error);
        lines.push(format!(
            "  {:14}{:>7} {:>7}",
            shortened(&one.name, 14),
            short(per_second(one.queries)),
            format!("±{}", short(per_second(error)))
        ));
    }
    if ranked.is_empty() {
        lines.push("  none seen".to_owned());
    }
    lines
}

/// A name of at most so many columns; of a longer one the begin and the end.
fn shortened(name: &str, columns: usize) -> String {
    let len = name.chars().count();
    if len <= columns {
        return name.to_owned();
    }
    let begin = columns / 2;
    let end = len - (columns - begin - 1);
    let chars = name.chars().enumerate();
    let kept = chars.filter(|(at, _)| *at <= begin || *at >= end);
    kept.map(|(at, c)| if at == begin { '…' } else { c })
        .collect()
}

/// Tables beside each other, as many as fit.
fn beside(tables: &[Vec<String>], columns: usize) -> Vec<String> {
    let fit = (columns / (WIDTH + 2)).max(1);
    let mut lines = Vec::new();
    for (number, row) in tables.chunks(fit).enumerate() {
        if number > 0 {
            lines.push(String::new());
        }
        let height = row.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..height {
            let cells = row
                .iter()
                .map(|table| table.get(at).map_or("", String::as_str));
            let cells = cells.map(|cell| format!("{cell:WIDTH$}  "));
            lines.push(cells.collect::<String>().trim_end().to_owned());
        }
    }
    lines
}

/// Columns of one table.
const WIDTH: usize = 31;

#[cfg(test)]
mod tests {
    use super::super::measure::tests::{measured, stats};
    use super::{Measurement, Size, line, screen, shortened, whole};
    use crate::control::v1::{Ranked, Top};

    fn measurement() -> Measurement {
        let mut found = measured(&stats(100, 0), &stats(101, 3000), 1);
        found.at = "2026-08-01T09:00:00Z".to_owned();
        let ranked = |name: &str, queries| Ranked {
            name: name.to_owned(),
            queries,
            excess_max: 0,
            sampling_error: queries / 10,
        };
        found.top = Some(Top {
            covered_ms: 60_000,
            sampled_one_in: 64,
            samples: 100,
            lost_samples: 0,
            existing: (0..40)
                .map(|n| ranked(&format!("tld{n}"), 60_000))
                .collect(),
            missing: vec![ranked("xn--a-very-long-label-indeed", 6_000_000)],
            clients: vec![ranked("2001:db8:1234:5678:9abc:def0:1234:5678", 60)],
        });
        found
    }

    #[test]
    fn every_size_of_a_screen_is_kept() {
        let history: Vec<f64> = (0..300).map(f64::from).collect();
        let sizes: [Size; 8] = [
            (0, 0),
            (1, 1),
            (20, 5),
            (80, 24),
            (100, 30),
            (140, 50),
            (300, 100),
            (80, 1),
        ];
        for (columns, rows) in sizes {
            let lines = screen(&measurement(), &history, (columns, rows));
            assert!(lines.len() <= rows, "{} lines in {rows} rows", lines.len());
            let longest = lines
                .iter()
                .map(|line| line.chars().count())
                .max()
                .unwrap_or(0);
            assert!(longest <= columns, "{longest} in {columns}: {lines:#?}");
        }
    }

    #[test]
    fn what_is_asked_for_is_shown() {
        let text = whole(&measurement()).join("\n");
        for expected in [
            "imrs up 1 min 41 s   2026-08-01T09:00:00Z   a second: 3.00 k queries, 3.00 k responses; 7 TCP connections",
            "A SECOND               udp-ipv4\n",
            "queries                  3.00 k\n",
            "octets of a response        700\n",
            "  NXDOMAIN       2.00 k  66.7 %",
            "  limited           600  20.0 %",
            "  a full queue   1.50 k  50.0 %",
            "  tld0           1.00 k    ±100",
            "  xn--a-v…indeed  100 k ±10.0 k",
            "A SECOND, estimated from one query in 64 of the last 60 s",
        ] {
            assert!(text.contains(expected), "{expected:?} is not in\n{text}");
        }
    }

    #[test]
    fn a_line_has_the_sums() {
        let expected = "2026-08-01T09:00:00Z  queries 3.00 k  responses 3.00 k  held back 660  \
                        lost 1.50 k  NXDOMAIN 66.7 %  NOERROR 33.3 %";
        assert_eq!(line(&measurement()), expected);
    }

    #[test]
    fn a_long_name_keeps_its_begin_and_its_end() {
        assert_eq!(shortened("com", 14), "com");
        assert_eq!(shortened("abcdefghijklmn", 14), "abcdefghijklmn");
        assert_eq!(shortened("abcdefghijklmno", 14), "abcdefg…jklmno");
    }
}
