//! From an account of a day to its documents, in the order and form of the examples of version 5.
//!
//! What RSSAC002 has no name for stands behind, under names that begin with the operator's letter:
//! TLS and QUIC, which its own fields leave out; how sources were counted; what the kernel dropped
//! before it could be counted; and gaps. A figure that
//! is not known is left out, and so is a document that would have none.

use super::{Document, Field, Key, Letter, Metric, SOURCES, Service, VOLUME, open_bin};
use crate::counts::{Flow, FlowCounts, Transport};
use crate::day::{Account, Lost};
use crate::limits::RCODES;
use crate::sources::{Figure, Method};
use imrs_wire::Family;
use imrs_wire::Rcode;

/// The documents of an account that covers so many instances. `zone-size` is the maintainer's and
/// not among them, nor is `load-time` where no serial came or none reached enough instances.
pub fn documents(account: &Account, letter: Letter, instances: usize) -> Vec<Document> {
    let document = |metric, mut fields: Vec<(Key, Field)>| {
        if metric != Metric::LoadTime {
            fields.extend(gaps(account, letter));
        }
        Document::new(Service::Root(letter), account.day, metric, fields)
    };
    let mut documents = vec![
        document(Metric::TrafficVolume, volume(account, letter)),
        document(Metric::TrafficSizes, sizes(account, letter)),
        document(Metric::RcodeVolume, rcodes(account, letter)),
        document(Metric::UniqueSources, sources(account, letter)),
    ];
    let times = account.loads.times(instances);
    if !times.is_empty() {
        let times = times.iter().map(|(serial, s)| (Key::Number(serial.0), *s));
        let time = (Key::name("time"), Field::Map(times.collect()));
        documents.insert(0, document(Metric::LoadTime, vec![time]));
    }
    documents
}

fn volume(account: &Account, letter: Letter) -> Vec<(Key, Field)> {
    let plain = [Transport::Udp, Transport::Tcp].map(|transport| of(account, transport));
    let flows = || plain.iter().flatten();
    let queries = flows().map(|flow| flow.queries());
    let responses = flows().map(|flow| flow.responses());
    let counts = queries.chain(responses).map(Field::Count);
    let mut fields: Vec<_> = VOLUME.map(Key::name).into_iter().zip(counts).collect();
    for (transport, name) in encrypted(account) {
        for (direction, count) in DIRECTIONS {
            for (family, flow) in ["ipv4", "ipv6"].into_iter().zip(of(account, transport)) {
                let name = format!("{letter}-dns-{name}-{direction}-{family}");
                fields.push((Key::Name(name), Field::Count(count(flow))));
            }
        }
    }
    let Lost { queue, filter } = account.lost;
    for (name, count) in [("queue", queue), ("filter", filter)] {
        if count > 0 {
            let name = format!("{letter}-dns-udp-lost-{name}");
            fields.push((Key::Name(name), Field::Count(count)));
        }
    }
    fields
}

fn sizes(account: &Account, letter: Letter) -> Vec<(Key, Field)> {
    let mut fields = Vec::new();
    let mut add = |transport, prefix: String| {
        let [ipv4, ipv6] = of(account, transport);
        for (kind, bins) in KINDS {
            let name = format!("{prefix}-{kind}-sizes");
            let map = bins_of(&name, bins(ipv4), bins(ipv6));
            fields.push((Key::Name(name), Field::Map(map)));
        }
    };
    add(Transport::Udp, "udp".to_owned());
    add(Transport::Tcp, "tcp".to_owned());
    for (transport, name) in encrypted(account) {
        add(transport, format!("{letter}-{name}"));
    }
    fields
}

/// The bins of both families that have a message.
fn bins_of(name: &str, ipv4: &[u64], ipv6: &[u64]) -> Vec<(Key, u64)> {
    let open = open_bin(name).unwrap_or(usize::MAX);
    let sums = ipv4.iter().zip(ipv6).map(|(a, b)| a.saturating_add(*b));
    sums.enumerate()
        .filter(|(_, count)| *count > 0)
        .map(|(index, count)| (Key::bin(index, open), count))
        .collect()
}

fn rcodes(account: &Account, letter: Letter) -> Vec<(Key, Field)> {
    let flows = |transport| of(account, transport).into_iter();
    let plain = flows(Transport::Udp).chain(flows(Transport::Tcp));
    let mut fields: Vec<_> = sums(plain)
        .map(|(rcode, count)| (Key::Number(u32::from(rcode.0)), Field::Count(count)))
        .collect();
    for (transport, name) in encrypted(account) {
        for (rcode, count) in sums(flows(transport)) {
            let name = format!("{letter}-dns-{name}-rcode-{}", rcode.0);
            fields.push((Key::Name(name), Field::Count(count)));
        }
    }
    fields
}

/// Responses by RCODE over several flows, where there are any.
fn sums<'a>(flows: impl Iterator<Item = FlowCounts<'a>>) -> impl Iterator<Item = (Rcode, u64)> {
    let mut sums = [0_u64; RCODES];
    for (rcode, count) in flows.flat_map(FlowCounts::rcodes) {
        if let Some(sum) = sums.get_mut(usize::from(rcode.0)) {
            *sum = sum.saturating_add(count);
        }
    }
    let numbered = (0..).map(Rcode).zip(sums);
    numbered.filter(|(_, count)| *count > 0)
}

fn sources(account: &Account, letter: Letter) -> Vec<(Key, Field)> {
    let sources = &account.sources;
    let figures = [sources.ipv4(), sources.ipv6(), sources.prefixes()];
    let mut fields = Vec::new();
    for (name, figure) in SOURCES.into_iter().zip(figures) {
        fields.push((Key::name(name), Field::Count(figure.value)));
    }
    for (name, Figure { method, .. }) in SOURCES.into_iter().zip(figures) {
        let method_name = Key::Name(format!("{letter}-{name}-method"));
        match method {
            Method::Exact => fields.push((method_name, Field::Text("exact".to_owned()))),
            Method::Sketch { error_ppm } => {
                fields.push((method_name, Field::Text("sketch".to_owned())));
                let error = Key::Name(format!("{letter}-{name}-error-ppm"));
                fields.push((error, Field::Count(u64::from(error_ppm))));
            }
        }
    }
    if sources.missed() > 0 {
        let name = Key::Name(format!("{letter}-num-sources-missed-at-most"));
        fields.push((name, Field::Count(sources.missed())));
    }
    fields
}

/// Gaps as two fields, if there are any: how many, and their seconds over all nodes.
fn gaps(account: &Account, letter: Letter) -> Vec<(Key, Field)> {
    let (count, seconds) = (account.gaps.count(), account.gaps.seconds());
    if count == 0 {
        return Vec::new();
    }
    vec![
        (Key::Name(format!("{letter}-gaps")), Field::Count(count)),
        (
            Key::Name(format!("{letter}-gap-seconds")),
            Field::Count(seconds),
        ),
    ]
}

/// Both families of a transport.
fn of(account: &Account, transport: Transport) -> [FlowCounts<'_>; 2] {
    let flow = |family| account.counts.flow(Flow::new(transport, family));
    [flow(Family::V4), flow(Family::V6)]
}

/// The encrypted transports that were used, with their names in fields.
fn encrypted(account: &Account) -> impl Iterator<Item = (Transport, &'static str)> {
    let all = [(Transport::Tls, "tls"), (Transport::Quic, "quic")];
    all.into_iter().filter(|(transport, _)| {
        let flows = of(account, *transport);
        flows.iter().any(|flow| flow.queries() > 0)
    })
}

type Count = fn(FlowCounts<'_>) -> u64;
type Bins = for<'a> fn(FlowCounts<'a>) -> &'a [u64];

const DIRECTIONS: [(&str, Count); 2] = [
    ("queries-received", |flow| flow.queries()),
    ("responses-sent", |flow| flow.responses()),
];

const KINDS: [(&str, Bins); 2] = [
    ("request", |flow| flow.request_sizes()),
    ("response", |flow| flow.response_sizes()),
];
