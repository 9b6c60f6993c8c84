//! All numbers of a day side by side, and whether they are equal.
//!
//! The one difference that may be is what never reached imrs and what it says so of: datagrams that the
//! kernel dropped are in the capture. They make the numbers of queries by UDP smaller, by exactly as many
//! as imrs declares.

use super::numbers::Numbers;
use std::collections::{BTreeMap, BTreeSet};

/// One number, by imrs and by others, each of which may not count it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) imrs: u64,
    pub(super) others: [Option<u64>; 2],
    pub(super) verdict: Verdict,
}

/// What a row shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Equal,
    /// So many are missing, which imrs declares to be lost.
    Declared(u64),
    /// So many are missing in a capture, which has malformed messages only as a number.
    Uncaptured {
        malformed: u64,
        lost: u64,
    },
    Different,
}

/// Compares the numbers of a day. Of queries by UDP, `lost` never reached imrs.
pub(super) fn rows(imrs: &Numbers, dnspython: &Numbers, tshark: &Numbers, lost: u64) -> Vec<Row> {
    let mut rows = numbers(imrs, dnspython, tshark, lost);
    rows.extend(balances(&rows, lost));
    rows
}

/// Compares what the metrics of all of a run came to with numbers of all its days.
pub(super) fn metrics(imrs: &Numbers, dnspython: &Numbers, tshark: &Numbers) -> Vec<Row> {
    let of_metrics = |numbers: &Numbers| -> Numbers {
        let those = numbers.iter().filter(|(name, _)| imrs.contains_key(*name));
        those.map(|(name, count)| (name.clone(), *count)).collect()
    };
    numbers(imrs, &of_metrics(dnspython), &of_metrics(tshark), 0)
}

fn numbers(imrs: &Numbers, dnspython: &Numbers, tshark: &Numbers, lost: u64) -> Vec<Row> {
    let names: BTreeSet<&String> = imrs
        .keys()
        .chain(dnspython.keys())
        .chain(tshark.keys())
        .collect();
    let of = |numbers: &Numbers, name: &str| numbers.get(name).copied().unwrap_or(0);
    let rows = names.into_iter().map(|name| {
        let own = of(imrs, name);
        let others = [
            dnspython_counts(name).then(|| of(dnspython, name)),
            tshark_counts(name).then(|| of(tshark, name)),
        ];
        let mut told = others.iter().flatten();
        let first = told.next().copied().unwrap_or(0);
        let agree = told.all(|other| *other == first);
        let verdict = match first.checked_sub(own) {
            Some(0) if agree => Verdict::Equal,
            Some(missing) if agree && missing <= lost && is_of_udp_queries(name) => {
                Verdict::Declared(missing)
            }
            _ => Verdict::Different,
        };
        Row {
            name: name.clone(),
            imrs: own,
            others,
            verdict,
        }
    });
    rows.filter(|row| !row.is_nothing()).collect()
}

/// Of each way to split the queries by UDP, what is missing has to be what is declared.
fn balances(rows: &[Row], lost: u64) -> Vec<Row> {
    let balance = |(name, is_part): Way| {
        let parts = rows.iter().filter(|row| is_part(&row.name));
        let missing: u64 = parts
            .map(|row| match row.verdict {
                Verdict::Declared(missing) => missing,
                Verdict::Equal | Verdict::Uncaptured { .. } | Verdict::Different => 0,
            })
            .sum();
        Row::of_equal(&format!("lost, by {name}"), lost, missing)
    };
    WAYS.map(balance).into()
}

/// How queries by UDP are split: a name for it, and which numbers are the parts.
type Way = (&'static str, fn(&str) -> bool);

const WAYS: [Way; 3] = [
    ("volume", |name| name.starts_with("dns-udp-queries-")),
    ("sizes", |name| name.starts_with("udp-request-sizes ")),
    ("types", |name| {
        name.starts_with("udp-") && name.contains(" qtype ")
    }),
];

impl Row {
    /// One that holds if both are equal.
    pub(super) fn of_equal(name: &str, imrs: u64, other: u64) -> Row {
        Row {
            name: name.to_owned(),
            imrs,
            others: [Some(other), None],
            verdict: if imrs == other {
                Verdict::Equal
            } else {
                Verdict::Different
            },
        }
    }

    /// Whether it holds.
    pub(super) fn holds(&self) -> bool {
        self.verdict != Verdict::Different
    }

    /// Whether nobody has counted anything.
    pub(super) fn is_nothing(&self) -> bool {
        self.imrs == 0 && self.others.iter().flatten().all(|other| *other == 0)
    }

    fn text(&self) -> String {
        let other = |at: usize| self.others[at].map_or(String::new(), |count| count.to_string());
        let verdict = match self.verdict {
            Verdict::Equal => "=".to_owned(),
            Verdict::Declared(missing) => format!("= and {missing} lost"),
            Verdict::Uncaptured { malformed, lost: 0 } => format!("= and {malformed} malformed"),
            Verdict::Uncaptured { malformed, lost } => {
                format!("= and {malformed} malformed, {lost} lost")
            }
            Verdict::Different => {
                let others = self.others.iter().flatten();
                let differences = others.map(|count| self.imrs.cast_signed() - count.cast_signed());
                let differences = differences.map(|difference| format!("{difference:+}"));
                format!("DIFFERS {}", differences.collect::<Vec<_>>().join(" "))
            }
        };
        format!(
            "{:<36}{:>10}{:>11}{:>10}  {verdict}",
            self.name,
            self.imrs,
            other(0),
            other(1)
        )
    }
}

/// Prints the rows of a day. Rows of one kind that are all equal become one, but for the short kinds.
pub(super) fn print(day: &str, rows: &[Row], is_whole: Whole) {
    println!(
        "\n{day:<36}{:>10}{:>11}{:>10}",
        "imrs", "dnspython", "tshark"
    );
    let mut folded: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        match kind(&row.name).filter(|_| is_whole == Whole::Folded && row.verdict == Verdict::Equal)
        {
            Some(kind) => folded.entry(kind).or_default().push(row),
            None => println!("{}", row.text()),
        }
    }
    for (kind, rows) in folded {
        let sum = |at: usize| -> Option<u64> { rows.iter().map(|row| row.others[at]).sum() };
        let row = Row {
            name: format!("{kind} ({} numbers)", rows.len()),
            imrs: rows.iter().map(|row| row.imrs).sum(),
            others: [sum(0), sum(1)],
            verdict: Verdict::Equal,
        };
        println!("{}", row.text());
    }
}

/// Whether each number is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// Each.
    Each,
    /// Those that are equal together with those of their kind, where there are many.
    Folded,
}

/// What a number is one of many of.
fn kind(name: &str) -> Option<String> {
    let (kind, of) = name.split_once(' ')?;
    if kind.ends_with("-sizes") {
        return Some(kind.to_owned());
    }
    let of = of.split_once(' ').map(|(of, _)| of)?;
    ["qtype", "buffer"]
        .contains(&of)
        .then(|| format!("{kind} {of}"))
}

/// Whether what dnspython reads has such a number: it reads nothing that is encrypted.
pub(super) fn dnspython_counts(name: &str) -> bool {
    !name.starts_with("l-")
}

/// Whether what tshark tells has such a number: not what is in a query.
pub(super) fn tshark_counts(name: &str) -> bool {
    let is_of_contents = name
        .split_once(' ')
        .is_some_and(|(of, _)| of.contains("-ipv"));
    !is_of_contents && !name.starts_with("num-sources-")
}

/// Whether a datagram that never came makes it smaller. Its source is among those that came otherwise.
fn is_of_udp_queries(name: &str) -> bool {
    name.starts_with("dns-udp-queries-")
        || name.starts_with("udp-request-sizes ")
        || (name.starts_with("udp-ipv") && !name.ends_with(" tc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOLUME: &str = "dns-udp-queries-received-ipv4";
    const SIZE: &str = "udp-request-sizes 32-47";
    const TYPE: &str = "udp-ipv4 qtype 1";

    fn numbers(count: u64) -> Numbers {
        [VOLUME, SIZE, TYPE]
            .map(|name| (name.to_owned(), count))
            .into()
    }

    fn check(imrs: &Numbers, dnspython: &Numbers, lost: u64, expected: bool) {
        let rows = rows(imrs, dnspython, dnspython, lost);
        assert_eq!(rows.iter().all(Row::holds), expected, "{rows:#?}");
    }

    #[test]
    fn numbers_hold_when_they_are_equal() {
        check(&numbers(5), &numbers(5), 0, true);
        check(&numbers(5), &numbers(6), 0, false);
        check(&numbers(6), &numbers(5), 0, false);
        check(&Numbers::new(), &numbers(1), 0, false);
    }

    #[test]
    fn what_is_missing_is_exactly_what_is_declared() {
        check(&numbers(5), &numbers(8), 3, true);
        check(&numbers(5), &numbers(8), 2, false);
        check(&numbers(5), &numbers(8), 4, false);
        check(&numbers(5), &numbers(5), 1, false);
    }

    #[test]
    fn no_response_and_no_source_may_be_missing() {
        for name in [
            "rcode 0",
            "dns-tcp-queries-received-ipv4",
            "num-sources-ipv4",
        ] {
            let mut more = numbers(8);
            more.insert(name.to_owned(), 1);
            check(&numbers(5), &more, 3, false);
        }
    }

    #[test]
    fn one_of_both_others_is_not_enough() {
        let tshark = numbers(6);
        let rows = rows(&numbers(5), &numbers(5), &tshark, 0);
        assert!(!rows.iter().all(Row::holds));
    }
}
