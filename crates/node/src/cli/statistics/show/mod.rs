//! `imrs stats show`: all that was counted on a day.
//!
//! [`Shown`] is what there is to tell, and what `--output json` prints; [`text`] prints it for
//! people.

mod text;

use super::figures::{buffer, flow, qtype, rcode};
use super::{Exit, Output, Show};
use crate::clock::rfc3339;
use imrs_telemetry::counts::{Buffer, Flow, FlowCounts, Profile, Transport};
use imrs_telemetry::day::Account;
use imrs_telemetry::limits::BIN_OCTETS;
use imrs_telemetry::sources::{Figure, Method};
use imrs_zone::record::UnixTime;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

/// A day.
#[derive(Debug, Serialize)]
struct Shown {
    schema: &'static str,
    day: String,
    /// Whether it is closed and does not change any more.
    sealed: bool,
    /// Up to when it is known.
    until: String,
    nodes: u32,
    /// Messages by transport and family, where there are any.
    flows: BTreeMap<String, ShownFlow>,
    /// Queries that the kernel dropped, which are not among those received.
    lost_queue: u64,
    lost_filter: u64,
    /// Messages by length, by direction and transport, such as `udp-request`.
    sizes: BTreeMap<String, Vec<Bin>>,
    /// Responses by RCODE, the most first.
    rcodes: Vec<(String, u64)>,
    /// Queries by type, the most first.
    qtypes: Vec<ShownType>,
    /// Queries that say so of themselves.
    profiles: Profiles,
    sources: ShownSources,
    gaps: ShownGaps,
    /// Seconds from the first NOTIFY of a serial until 95 % of the nodes served it.
    loads: Vec<(u32, u64)>,
}

#[derive(Debug, Serialize)]
struct ShownFlow {
    queries: u64,
    responses: u64,
    /// Messages of transfers behind the first, among the responses.
    continued: u64,
    truncated: u64,
}

/// Messages of a length in octets; the last bin has no end.
#[derive(Debug, Serialize)]
struct Bin {
    from: usize,
    to: Option<usize>,
    messages: u64,
}

#[derive(Debug, Default, Serialize)]
struct ShownType {
    qtype: String,
    queries: u64,
    no_error: u64,
    nx_domain: u64,
    other: u64,
    unanswered: u64,
}

#[derive(Debug, Serialize)]
struct Profiles {
    queries: u64,
    edns: u64,
    dnssec_ok: u64,
    checking_disabled: u64,
    recursion_desired: u64,
    nsid: u64,
    cookie: u64,
    /// By the largest response over UDP that the client takes, in octets.
    buffers: Vec<(&'static str, u64)>,
}

#[derive(Debug, Serialize)]
struct ShownSources {
    ipv4: ShownFigure,
    ipv6: ShownFigure,
    ipv6_64: ShownFigure,
    /// How many may be missing, at most.
    missed_at_most: u64,
}

#[derive(Debug, Serialize)]
struct ShownFigure {
    value: u64,
    method: &'static str,
    /// The standard error, in millionths.
    error_ppm: u32,
}

#[derive(Debug, Serialize)]
struct ShownGaps {
    count: u64,
    /// Over all nodes.
    seconds: u64,
    /// The first of them.
    told: Vec<ShownGap>,
}

#[derive(Debug, Serialize)]
struct ShownGap {
    from: String,
    to: String,
    seconds: u64,
    why: String,
}

/// Reads and prints.
pub(super) fn run(args: &Show) -> anyhow::Result<Exit> {
    let known = args.which.read()?;
    let shown = Shown::of(&known.account, known.is_sealed);
    let text = match args.output {
        Output::Text => text::render(&shown),
        Output::Json => serde_json::to_string_pretty(&shown)? + "\n",
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Well)
}

impl Shown {
    fn of(account: &Account, sealed: bool) -> Shown {
        let used: Vec<(Flow, FlowCounts<'_>)> = Flow::ALL
            .into_iter()
            .map(|flow| (flow, account.counts.flow(flow)))
            .filter(|(_, counts)| counts.queries() > 0 || counts.responses() > 0)
            .collect();
        let counts: Vec<_> = used.iter().map(|(_, counts)| *counts).collect();
        Shown {
            schema: "imrs.day/1",
            day: account.day.to_string(),
            sealed,
            until: time(account.until_s),
            nodes: account.nodes,
            flows: used
                .iter()
                .map(|(own, counts)| (flow(*own), ShownFlow::of(*counts)))
                .collect(),
            lost_queue: account.lost.queue,
            lost_filter: account.lost.filter,
            sizes: sizes(account),
            rcodes: rcodes(&counts),
            qtypes: qtypes(&counts),
            profiles: Profiles::of(&counts),
            sources: ShownSources::of(account),
            gaps: ShownGaps::of(account),
            loads: account
                .loads
                .times(account.nodes as usize)
                .into_iter()
                .map(|(serial, seconds)| (serial.0, seconds))
                .collect(),
        }
    }
}

impl ShownFlow {
    fn of(counts: FlowCounts<'_>) -> ShownFlow {
        ShownFlow {
            queries: counts.queries(),
            responses: counts.responses(),
            continued: counts.continued(),
            truncated: counts.truncated(),
        }
    }
}

fn sizes(account: &Account) -> BTreeMap<String, Vec<Bin>> {
    let mut sizes = BTreeMap::new();
    for transport in [
        Transport::Udp,
        Transport::Tcp,
        Transport::Tls,
        Transport::Quic,
    ] {
        let [ipv4, ipv6] = account.counts.transport(transport);
        for (direction, ipv4, ipv6) in [
            ("request", ipv4.request_sizes(), ipv6.request_sizes()),
            ("response", ipv4.response_sizes(), ipv6.response_sizes()),
        ] {
            let last = ipv4.len().saturating_sub(1);
            let sums = ipv4.iter().zip(ipv6).map(|(a, b)| a.saturating_add(*b));
            let bins = sums.enumerate().filter(|(_, messages)| *messages > 0);
            let bins: Vec<Bin> = bins
                .map(|(at, messages)| Bin {
                    from: at * BIN_OCTETS,
                    to: (at < last).then_some(at * BIN_OCTETS + BIN_OCTETS - 1),
                    messages,
                })
                .collect();
            if !bins.is_empty() {
                let transport = super::figures::transport(transport);
                sizes.insert(format!("{transport}-{direction}"), bins);
            }
        }
    }
    sizes
}

fn rcodes(counts: &[FlowCounts<'_>]) -> Vec<(String, u64)> {
    let mut sums: BTreeMap<_, u64> = BTreeMap::new();
    for (own, count) in counts.iter().flat_map(|counts| counts.rcodes()) {
        add(sums.entry(own).or_default(), count);
    }
    let mut named: Vec<_> = sums
        .iter()
        .map(|(own, count)| (rcode(*own), *count))
        .collect();
    let other = total(counts, |counts| counts.other_rcodes());
    if other > 0 {
        named.push(("other".to_owned(), other));
    }
    named.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    named
}

fn qtypes(counts: &[FlowCounts<'_>]) -> Vec<ShownType> {
    let mut sums: BTreeMap<_, ShownType> = BTreeMap::new();
    for (own, questions) in counts.iter().flat_map(|counts| counts.qtypes()) {
        let sum = sums.entry(own).or_default();
        sum.qtype = qtype(own);
        add(&mut sum.queries, questions.total());
        add(&mut sum.no_error, questions.no_error);
        add(&mut sum.nx_domain, questions.nx_domain);
        add(&mut sum.other, questions.other);
        add(&mut sum.unanswered, questions.unanswered);
    }
    let mut sums: Vec<ShownType> = sums.into_values().collect();
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.queries));
    sums
}

impl Profiles {
    fn of(counts: &[FlowCounts<'_>]) -> Profiles {
        let queries = |holds: fn(Profile) -> bool| total(counts, |one| one.queries_where(holds));
        let of_class = |class: Buffer| {
            let sum = total(counts, |one| one.queries_where(|own| own.buffer == class));
            (buffer(class), sum)
        };
        Profiles {
            queries: total(counts, |counts| counts.queries()),
            edns: queries(|profile| profile.buffer != Buffer::NoEdns),
            dnssec_ok: queries(|profile| profile.dnssec),
            checking_disabled: queries(|profile| profile.checking_disabled),
            recursion_desired: queries(|profile| profile.recursion_desired),
            nsid: queries(|profile| profile.nsid),
            cookie: queries(|profile| profile.cookie),
            buffers: Buffer::ALL.into_iter().map(of_class).collect(),
        }
    }
}

impl ShownSources {
    fn of(account: &Account) -> ShownSources {
        let sources = &account.sources;
        ShownSources {
            ipv4: ShownFigure::of(sources.ipv4()),
            ipv6: ShownFigure::of(sources.ipv6()),
            ipv6_64: ShownFigure::of(sources.prefixes()),
            missed_at_most: sources.missed(),
        }
    }
}

impl ShownFigure {
    fn of(figure: Figure) -> ShownFigure {
        let (method, error_ppm) = match figure.method {
            Method::Exact => ("exact", 0),
            Method::Sketch { error_ppm } => ("sketch", error_ppm),
        };
        ShownFigure {
            value: figure.value,
            method,
            error_ppm,
        }
    }
}

impl ShownGaps {
    fn of(account: &Account) -> ShownGaps {
        let told = account.gaps.told().iter().map(|gap| ShownGap {
            from: time(gap.from_s),
            to: time(gap.to_s),
            seconds: gap.seconds(),
            why: gap.why.to_string(),
        });
        ShownGaps {
            count: account.gaps.count(),
            seconds: account.gaps.seconds(),
            told: told.collect(),
        }
    }
}

/// A second of Unix time in RFC 3339.
fn time(unix_s: u64) -> String {
    rfc3339(UnixTime(unix_s))
}

fn total(counts: &[FlowCounts<'_>], of: impl Fn(FlowCounts<'_>) -> u64) -> u64 {
    let all = counts.iter().map(|counts| of(*counts));
    all.fold(0, u64::saturating_add)
}

fn add(sum: &mut u64, count: u64) {
    *sum = sum.saturating_add(count);
}
