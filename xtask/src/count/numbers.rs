//! Numbers by name, as imrs has them and as others do.
//!
//! The names are those of RSSAC002 where it has one; what is beyond it has a name of a flow before it, such
//! as `udp-ipv4 do`. `count.py` gives the same names. A number that is not there is 0.

use crate::peers::tool_command;
use anyhow::{Context, Result, ensure};
use imrs_telemetry::counts::{Buffer, Counts, Flow, Profile, Qtype, Transport};
use imrs_telemetry::day::{Account, Sealed};
use imrs_telemetry::limits::SOURCES_OCTETS;
use imrs_telemetry::rssac002::{self, Letter};
use imrs_wire::Family;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

/// Numbers of one day.
pub(super) type Numbers = BTreeMap<String, u64>;

/// What imrs has of one day.
#[derive(Debug)]
pub(super) struct Kept {
    /// All that it counted.
    pub(super) numbers: Numbers,
    /// Datagrams that it says the kernel dropped.
    pub(super) lost: u64,
    /// Gaps that it declares.
    pub(super) gaps: u64,
}

/// What another program counted.
#[derive(Debug, Deserialize)]
pub(super) struct Counted {
    /// By day.
    pub(super) days: BTreeMap<String, CountedDay>,
    /// Datagrams to which the server said that nobody listens.
    #[serde(default)]
    pub(super) unreachable: u64,
    /// Messages to the server that are no queries.
    #[serde(default)]
    pub(super) no_queries: u64,
    /// Responses that are part of a transfer.
    #[serde(default)]
    pub(super) transferred: Numbers,
    /// Queries whose first question cannot be read, and their responses.
    #[serde(default)]
    pub(super) unreadable: Numbers,
    /// Who sent no others.
    #[serde(default)]
    pub(super) unreadable_sources: BTreeSet<IpAddr>,
}

impl Counted {
    /// Who sent queries on any day.
    pub(super) fn sources(&self) -> impl Iterator<Item = IpAddr> {
        self.days.values().flat_map(|day| &day.sources).copied()
    }

    /// The numbers of all days together.
    pub(super) fn sum(&self) -> Numbers {
        let mut sum = Numbers::new();
        for (name, count) in self.days.values().flat_map(|day| &day.numbers) {
            *sum.entry(name.clone()).or_default() += count;
        }
        sum
    }
}

/// What another program counted of one day.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct CountedDay {
    pub(super) numbers: Numbers,
    /// Who sent queries.
    pub(super) sources: BTreeSet<IpAddr>,
}

/// Reads the days that imrs left in a folder of statistics: of those that are closed the documents that
/// it wrote, of those that are open the documents as they would be.
pub(super) fn kept(folder: &Path) -> Result<BTreeMap<String, Kept>> {
    let mut days = BTreeMap::new();
    for part in ["open", "sealed"] {
        for entry in fs::read_dir(folder.join(part)).context("imrs left no statistics")? {
            let path = entry?.path();
            let octets = fs::read(&path)?;
            let account = if part == "open" {
                Account::decode(&octets, SOURCES_OCTETS)
            } else {
                Sealed::decode(&octets, SOURCES_OCTETS).map(|sealed| sealed.account().clone())
            };
            let account = account.with_context(|| path.display().to_string())?;
            let letter = Letter::new('l').context("no letter")?;
            let mut numbers = Numbers::new();
            for document in rssac002::documents(&account, letter, 1) {
                let text = if part == "open" {
                    document.to_string()
                } else {
                    let path = folder.join("rssac002").join(document.path());
                    fs::read_to_string(&path).with_context(|| path.display().to_string())?
                };
                numbers.extend(of_document(&text));
            }
            contents(&account.counts, &mut numbers);
            let kept = Kept {
                numbers,
                lost: account.lost.queue + account.lost.filter,
                gaps: account.gaps.count(),
            };
            let twice = days.insert(account.day.to_string(), kept);
            ensure!(twice.is_none(), "{} is both open and closed", account.day);
        }
    }
    Ok(days)
}

/// The numbers of a document of RSSAC002v5, read as text: `name: number`, and `key: number` indented
/// below a `name:`. In the document of RCODEs the keys stand for themselves.
fn of_document(text: &str) -> Numbers {
    let mut numbers = Numbers::new();
    let mut above = "";
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let (name, count) = (key.trim(), value.trim().parse());
        match count {
            Ok(count) if key.starts_with(' ') => {
                numbers.insert(format!("{above} {name}"), count);
            }
            Ok(count) if name.parse::<u16>().is_ok() => {
                numbers.insert(format!("rcode {name}"), count);
            }
            Ok(count) if is_counted(name) => {
                numbers.insert(name.to_owned(), count);
            }
            _ => above = name,
        }
    }
    numbers
}

/// The responses that a running imrs has counted since its start, as it tells Prometheus through a
/// Unix socket, under the names of RSSAC002.
pub(super) fn metrics(socket: &Path) -> Result<Numbers> {
    let mut stream = UnixStream::connect(socket).context("no socket of metrics")?;
    // With HTTP/1.0 the end of the stream is that of the text.
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: imrs\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let numbers: Numbers = text.lines().filter_map(metric).collect();
    ensure!(
        !numbers.is_empty(),
        "no responses among the metrics: {text}"
    );
    Ok(numbers)
}

/// A line of OpenMetrics, if it tells of responses by transport and family.
fn metric(line: &str) -> Option<(String, u64)> {
    let (labels, count) = line
        .strip_prefix("imrs_responses_total{")?
        .split_once("} ")?;
    let label = |name: &str| {
        let mut labels = labels.split(',').filter_map(|label| label.split_once('='));
        let (_, value) = labels.find(|(label, _)| *label == name)?;
        Some(value.trim_matches('"'))
    };
    let (transport, family) = (label("transport")?, label("family")?);
    let letter = if ["udp", "tcp"].contains(&transport) {
        ""
    } else {
        "l-"
    };
    let name = format!("{letter}dns-{transport}-responses-sent-{family}");
    Some((name, count.parse().ok()?))
}

/// Whether a field of a document is a number of messages or sources, and not a remark about them.
fn is_counted(name: &str) -> bool {
    [
        "-queries-received-",
        "-responses-sent-",
        "num-sources-",
        "-rcode-",
    ]
    .iter()
    .any(|part| name.contains(part))
}

/// What queries said of themselves, by flow.
fn contents(counts: &Counts, numbers: &mut Numbers) {
    for (transport, family, flow) in [
        ("udp", "ipv4", Flow::new(Transport::Udp, Family::V4)),
        ("udp", "ipv6", Flow::new(Transport::Udp, Family::V6)),
        ("tcp", "ipv4", Flow::new(Transport::Tcp, Family::V4)),
        ("tcp", "ipv6", Flow::new(Transport::Tcp, Family::V6)),
    ] {
        let flow = counts.flow(flow);
        let mut add = |what: &str, count: u64| {
            numbers.insert(format!("{transport}-{family} {what}"), count);
        };
        let of = |holds: fn(Profile) -> bool| flow.queries_where(holds);
        add("rd", of(|profile| profile.recursion_desired));
        add("cd", of(|profile| profile.checking_disabled));
        add("do", of(|profile| profile.dnssec));
        add("nsid", of(|profile| profile.nsid));
        add("cookie", of(|profile| profile.cookie));
        add("edns", of(|profile| profile.buffer != Buffer::NoEdns));
        add("tc", flow.truncated());
        add("further", flow.continued());
        for (buffer, name) in BUFFERS {
            let count = flow.queries_where(|profile| profile.buffer == buffer);
            add(&format!("buffer {name}"), count);
        }
        for (qtype, questions) in flow.qtypes() {
            let name = match qtype {
                Qtype::Type(rtype) => rtype.0.to_string(),
                Qtype::Other => "other".to_owned(),
                Qtype::Absent => "none".to_owned(),
            };
            add(&format!("qtype {name}"), questions.total());
        }
    }
}

/// Has `count.py` count by dnspython.
pub(super) fn by_dnspython(capture: &Path, ahead_s: u64) -> Result<Counted> {
    counted("dnspython", capture, ahead_s, None)
}

/// Has tshark count, which reads what is encrypted by these secrets.
pub(super) fn by_tshark(capture: &Path, ahead_s: u64, keys: &Path) -> Result<Counted> {
    counted("tshark", capture, ahead_s, Some(keys))
}

fn counted(how: &str, capture: &Path, ahead_s: u64, keys: Option<&Path>) -> Result<Counted> {
    let mut command = python(include_str!("count.py"))?;
    command
        .arg(how)
        .arg(capture)
        .arg(ahead_s.to_string())
        .args(keys);
    told_by(how, command)
}

/// Python with a program. It is that of Debian, which has the modules; another one may come first on
/// the path.
pub(super) fn python(program: &str) -> Result<Command> {
    let mut command: Command = tool_command("/usr/bin/python3")?;
    command.arg("-c").arg(program);
    Ok(command)
}

/// What a program tells in JSON.
pub(super) fn told_by<T: DeserializeOwned>(who: &str, mut command: Command) -> Result<T> {
    let output = command.output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{who} cannot count: {error}");
    serde_json::from_slice(&output.stdout).with_context(|| format!("what {who} counted"))
}

/// How many sources there are, under the names of RSSAC002.
pub(super) fn sources(addresses: &BTreeSet<IpAddr>) -> Numbers {
    let ipv4 = addresses.iter().filter(|address| address.is_ipv4()).count();
    let ipv6 = addresses.len() - ipv4;
    let networks: BTreeSet<u128> = { addresses.iter() }
        .filter_map(|address| match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some(Ipv6Addr::to_bits(*address) >> 64),
        })
        .collect();
    [
        ("num-sources-ipv4", ipv4),
        ("num-sources-ipv6", ipv6),
        ("num-sources-ipv6-aggregate", networks.len()),
    ]
    .map(|(name, count)| (name.to_owned(), count as u64))
    .into()
}

const BUFFERS: [(Buffer, &str); 7] = [
    (Buffer::UpTo512, "512"),
    (Buffer::UpTo1231, "1231"),
    (Buffer::Exactly1232, "1232"),
    (Buffer::UpTo1452, "1452"),
    (Buffer::UpTo4095, "4095"),
    (Buffer::Exactly4096, "4096"),
    (Buffer::Over4096, "more"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_without_what_made_it() {
        let check = |text: &str, expected: &[(&str, u64)]| {
            let expected = expected
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count));
            assert_eq!(of_document(text), expected.collect(), "{text}");
        };
        check(
            "---\nversion: rssac002v5\nmetric: traffic-sizes\nudp-request-sizes:\n  16-31: 5\n  288-: 6\n\
             tcp-request-sizes:\n  32-47: 7\nl-gaps: 3\n",
            &[
                ("udp-request-sizes 16-31", 5),
                ("udp-request-sizes 288-", 6),
                ("tcp-request-sizes 32-47", 7),
            ],
        );
        check(
            "metric: rcode-volume\n0: 8\n16: 9\n",
            &[("rcode 0", 8), ("rcode 16", 9)],
        );
        check(
            "num-sources-ipv4: 4\nl-lost: 2\n",
            &[("num-sources-ipv4", 4)],
        );
    }

    #[test]
    fn metrics_of_responses_have_the_names_of_rssac002() {
        let check = |line: &str, expected: Option<(&str, u64)>| {
            let expected = expected.map(|(name, count)| (name.to_owned(), count));
            assert_eq!(metric(line), expected, "{line}");
        };
        check(
            "imrs_responses_total{transport=\"udp\",family=\"ipv4\"} 7",
            Some(("dns-udp-responses-sent-ipv4", 7)),
        );
        check(
            "imrs_responses_total{transport=\"tls\",family=\"ipv6\"} 8",
            Some(("l-dns-tls-responses-sent-ipv6", 8)),
        );
        check(
            "imrs_response_bytes_total{transport=\"udp\",family=\"ipv4\"} 7",
            None,
        );
        check("# TYPE imrs_responses counter", None);
    }

    #[test]
    fn sources_are_counted_by_family_and_network() {
        let addresses = [
            "192.0.2.1",
            "192.0.2.2",
            "2001:db8::1",
            "2001:db8::2",
            "2001:db8:0:1::1",
        ];
        let numbers = sources(&addresses.map(|address| address.parse().unwrap()).into());
        let expected = [
            ("num-sources-ipv4", 2),
            ("num-sources-ipv6", 3),
            ("num-sources-ipv6-aggregate", 2),
        ];
        assert_eq!(
            numbers,
            expected
                .map(|(name, count)| (name.to_owned(), count))
                .into()
        );
    }
}
