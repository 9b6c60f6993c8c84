//! What is in the captures that imrs wrote of its own messages, and what has to be in them.
//!
//! ```text
//! C-DNS    the queries that others counted, without those whose first question cannot be read
//! dnstap   all queries that others counted
//! both     their responses; of a transfer the first message
//! ```
//!
//! What the kernel dropped is in neither, nor what a capture declares to have lost: the sums of what is
//! missing have to be the sums of what is declared.

use super::compare::{Row, Verdict, dnspython_counts, tshark_counts};
use super::numbers::{self, Counted, Numbers};
use anyhow::Result;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

/// What `captured.py` counted in both formats.
#[derive(Debug, Deserialize)]
struct Both {
    #[serde(rename = "c-dns")]
    cdns: Captured,
    dnstap: Captured,
}

/// What is in all files of one format.
#[derive(Debug, Deserialize)]
struct Captured {
    numbers: Numbers,
    /// Who sent queries.
    sources: BTreeSet<IpAddr>,
    /// Messages that are only counted.
    malformed: u64,
    /// What is declared to be missing.
    missing: Missing,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Missing {
    lost: u64,
    sampled_away: u64,
    over_budget: u64,
}

/// What has to be in files of one format.
#[derive(Debug)]
struct Expected {
    /// By dnspython and tshark: all that is sent once, for a query or in response to it.
    others: [Numbers; 2],
    sources: BTreeSet<IpAddr>,
    /// What of it is malformed, and not written.
    malformed: Numbers,
    /// Datagrams that the kernel dropped.
    dropped: u64,
}

/// Compares what is in these folders, of C-DNS and of dnstap: a table of each. Of queries by UDP,
/// `dropped` never reached imrs.
pub(super) fn rows(
    folders: &[PathBuf; 2],
    dnspython: &Counted,
    tshark: &Counted,
    dropped: u64,
) -> Result<[(String, Vec<Row>); 2]> {
    let mut command = numbers::python(include_str!("captured.py"))?;
    command.args(folders);
    let Both { cdns, dnstap } = numbers::told_by("captured.py", command)?;
    let mut expected = Expected {
        others: [dnspython, tshark].map(|counted| once(counted.sum(), &dnspython.sum())),
        sources: dnspython.sources().chain(tshark.sources()).collect(),
        malformed: Numbers::new(),
        dropped,
    };
    let of_dnstap = dnstap.rows(&expected);
    expected.malformed = dnspython.unreadable.clone();
    expected
        .sources
        .retain(|source| !dnspython.unreadable_sources.contains(source));
    let of_cdns = cdns.rows(&expected);
    Ok([
        ("Captures, both days: C-DNS".to_owned(), of_cdns),
        ("Captures, both days: dnstap".to_owned(), of_dnstap),
    ])
}

/// The numbers that captures have, without the messages of transfers behind the first.
fn once(mut numbers: Numbers, further: &Numbers) -> Numbers {
    numbers.retain(|name, _| part(name).is_some());
    for family in ["ipv4", "ipv6"] {
        let Some(further) = further.get(&format!("tcp-{family} further")) else {
            continue;
        };
        // Whatever fails in a transfer ends the connection.
        for name in [&format!("dns-tcp-responses-sent-{family}"), "rcode 0"] {
            if let Some(count) = numbers.get_mut(name) {
                *count = count.saturating_sub(*further);
            }
        }
    }
    numbers
}

impl Captured {
    fn rows(&self, expected: &Expected) -> Vec<Row> {
        let [dnspython, tshark] = &expected.others;
        let names: BTreeSet<&String> = { self.numbers.keys() }
            .chain(dnspython.keys())
            .chain(tshark.keys())
            .collect();
        let numbers = names.into_iter().map(|name| self.row(name, expected));
        let mut rows: Vec<Row> = numbers.collect();
        rows.extend(self.balances(&rows, expected));
        let [sources, others] = [&self.sources, &expected.sources].map(numbers::sources);
        for (name, count) in sources {
            rows.push(Row::of_equal(&name, count, others[&name]));
        }
        let of_one = self.sources.symmetric_difference(&expected.sources).count();
        rows.push(Row::of_equal("sources in one of both", of_one as u64, 0));
        rows.retain(|row| !row.is_nothing());
        rows
    }

    fn row(&self, name: &str, expected: &Expected) -> Row {
        let of = |numbers: &Numbers| numbers.get(name).copied().unwrap_or(0);
        let [dnspython, tshark] = &expected.others;
        let (imrs, malformed) = (of(&self.numbers), of(&expected.malformed));
        let others = [
            dnspython_counts(name).then(|| of(dnspython)),
            tshark_counts(name).then(|| of(tshark)),
        ];
        let mut told = others.iter().flatten();
        let first = told.next().copied().unwrap_or(0);
        let agree = told.all(|other| *other == first);
        let is_by_udp = name.starts_with("dns-udp-queries-");
        let may_be_lost = self.missing.lost + if is_by_udp { expected.dropped } else { 0 };
        let verdict = match first.checked_sub(imrs + malformed) {
            Some(lost) if agree && lost <= may_be_lost => match (malformed, lost) {
                (0, 0) => Verdict::Equal,
                (0, lost) => Verdict::Declared(lost),
                (malformed, lost) => Verdict::Uncaptured { malformed, lost },
            },
            _ => Verdict::Different,
        };
        Row {
            name: name.to_owned(),
            imrs,
            others,
            verdict,
        }
    }

    /// What is missing in all has to be what is declared.
    fn balances(&self, rows: &[Row], expected: &Expected) -> Vec<Row> {
        let sum = |wanted: Part| -> (u64, u64) {
            let rows = rows.iter().filter(|row| part(&row.name) == Some(wanted));
            let missing = rows.map(|row| match row.verdict {
                Verdict::Declared(lost) => (0, lost),
                Verdict::Uncaptured { malformed, lost } => (malformed, lost),
                Verdict::Equal | Verdict::Different => (0, 0),
            });
            missing.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
        };
        let (malformed, lost) = sum(Part::Queries);
        let Missing {
            lost: declared,
            sampled_away,
            over_budget,
        } = self.missing;
        let [(_, responses), (_, rcodes)] = [Part::Responses, Part::Rcodes].map(sum);
        vec![
            Row::of_equal("malformed", self.malformed, malformed),
            Row::of_equal("dropped and lost", expected.dropped + declared, lost),
            Row::of_equal("lost with a response", rcodes, responses),
            Row::of_equal("sampled away", sampled_away, 0),
            Row::of_equal("over budget", over_budget, 0),
        ]
    }
}

/// What a number is one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Queries,
    Responses,
    Rcodes,
}

/// Of which kind a number is, if captures have it.
fn part(name: &str) -> Option<Part> {
    if name.contains("-queries-received-") {
        Some(Part::Queries)
    } else if name.contains("-responses-sent-") {
        Some(Part::Responses)
    } else if name.starts_with("rcode ") || name.contains("-rcode-") {
        Some(Part::Rcodes)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERIES: &str = "dns-udp-queries-received-ipv4";
    const RESPONSES: &str = "dns-udp-responses-sent-ipv4";

    /// So many queries and responses.
    fn numbers(queries: u64, responses: u64) -> Numbers {
        let numbers = [
            (QUERIES, queries),
            (RESPONSES, responses),
            ("rcode 0", responses),
        ];
        numbers.map(|(name, count)| (name.to_owned(), count)).into()
    }

    /// Whether all holds where others counted 10 queries and 8 responses, of which one each was malformed,
    /// and the kernel dropped 2 more.
    #[track_caller]
    fn check(numbers: Numbers, malformed: u64, missing: Missing, expected: bool) {
        let captured = Captured {
            numbers,
            sources: BTreeSet::new(),
            malformed,
            missing,
        };
        let rows = captured.rows(&Expected {
            others: [self::numbers(10, 8), self::numbers(10, 8)],
            sources: BTreeSet::new(),
            malformed: self::numbers(1, 1),
            dropped: 2,
        });
        assert_eq!(rows.iter().all(Row::holds), expected, "{rows:#?}");
    }

    #[test]
    fn a_capture_lacks_what_is_declared_and_nothing_else() {
        let none = Missing::default();
        let lost = Missing { lost: 1, ..none };
        check(numbers(7, 7), 1, none, true);
        check(numbers(7, 7), 0, none, false);
        check(numbers(8, 7), 1, none, false);
        check(numbers(6, 7), 1, none, false);
        check(numbers(7, 6), 1, none, false);
        check(numbers(6, 6), 1, lost, true);
        check(numbers(6, 7), 1, lost, true);
        check(numbers(7, 7), 1, lost, false);
        let sampled_away = 1;
        check(
            numbers(7, 7),
            1,
            Missing {
                sampled_away,
                ..none
            },
            false,
        );
    }

    #[test]
    fn only_the_first_message_of_a_transfer_is_captured() {
        let further = [("tcp-ipv6 further".to_owned(), 3)].into();
        let check = |name: &str, count: u64, expected: Option<u64>| {
            let numbers = once([(name.to_owned(), count)].into(), &further);
            assert_eq!(numbers.get(name).copied(), expected, "{name}");
        };
        check("dns-tcp-responses-sent-ipv6", 5, Some(2));
        check("dns-tcp-responses-sent-ipv4", 5, Some(5));
        check("rcode 0", 5, Some(2));
        check("rcode 1", 5, Some(5));
        check("tcp-ipv6 further", 3, None);
    }
}
