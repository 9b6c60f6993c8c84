//! What must be equal over the documents of one day, and is not.
//!
//! Everything is counted once per message, so sums over sizes and RCODEs are the numbers of
//! messages; documents of which this does not hold were counted by different means, or lost
//! something on the way. An operator's own fields for TLS and QUIC are held to the same.

use super::{Document, Key, Metric, SIZES, SOURCES, Service, VOLUME};
use crate::time::Day;

/// A rule that documents break.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// They are not of one day of one service.
    #[error("{service} on {day} is not the service or not the day of the first document")]
    Mixed {
        /// That of the document that does not belong.
        service: Service,
        /// Its day.
        day: Day,
    },
    /// A metric is told twice.
    #[error("there are two documents of {0}")]
    Twice(Metric),
    /// A field that the metric always has is not there.
    #[error("{metric} has no {field}")]
    Missing {
        /// The metric.
        metric: Metric,
        /// The field.
        field: &'static str,
    },
    /// The messages of a map of sizes are not those of traffic-volume.
    #[error("{map} has {sizes} messages, traffic-volume {messages}")]
    Sizes {
        /// The map.
        map: String,
        /// The sum of its bins.
        sizes: u128,
        /// The sum of both families.
        messages: u128,
    },
    /// The responses of rcode-volume are not those of traffic-volume.
    #[error("rcode-volume has {rcodes} responses over {what}, traffic-volume {responses}")]
    Rcodes {
        /// The transports.
        what: &'static str,
        /// The sum over RCODEs.
        rcodes: u128,
        /// The sum over transports and families.
        responses: u128,
    },
    /// There are more /64 than addresses in them.
    #[error("there are {prefixes} prefixes of {addresses} IPv6 addresses")]
    Aggregate {
        /// The /64.
        prefixes: u64,
        /// The addresses.
        addresses: u64,
    },
}

/// All rules that documents of one day and one service break.
pub fn violations(documents: &[Document]) -> Vec<Violation> {
    let mut found = Vec::new();
    let Some(first) = documents.first() else {
        return found;
    };
    for (at, document) in documents.iter().enumerate() {
        if (document.service, document.day) != (first.service, first.day) {
            found.push(Violation::Mixed {
                service: document.service,
                day: document.day,
            });
        }
        let before = documents.get(..at).unwrap_or_default();
        if before.iter().any(|other| other.metric == document.metric) {
            found.push(Violation::Twice(document.metric));
        }
        missing(document, &mut found);
    }
    let of = |metric| documents.iter().find(|document| document.metric == metric);
    if let Some(volume) = of(Metric::TrafficVolume) {
        if let Some(sizes) = of(Metric::TrafficSizes) {
            compare_sizes(volume, sizes, &mut found);
        }
        if let Some(rcodes) = of(Metric::RcodeVolume) {
            compare_rcodes(volume, rcodes, &mut found);
        }
    }
    if let Some(sources) = of(Metric::UniqueSources) {
        let [_, addresses, prefixes] = SOURCES.map(|name| sources.count(name));
        if let (Some(addresses), Some(prefixes)) = (addresses, prefixes)
            && prefixes > addresses
        {
            found.push(Violation::Aggregate {
                prefixes,
                addresses,
            });
        }
    }
    found
}

fn missing(document: &Document, found: &mut Vec<Violation>) {
    let names: &[&'static str] = match document.metric {
        Metric::TrafficVolume => &VOLUME,
        Metric::UniqueSources => &SOURCES,
        Metric::TrafficSizes => &SIZES,
        Metric::LoadTime | Metric::ZoneSize | Metric::RcodeVolume => return,
    };
    let metric = document.metric;
    // A field of a standard name has the form that the name asks for.
    let absent = names.iter().filter(|name| document.field(name).is_none());
    found.extend(absent.map(|field| Violation::Missing { metric, field }));
}

fn compare_sizes(volume: &Document, sizes: &Document, found: &mut Vec<Violation>) {
    let own = own_prefix(volume);
    for (transport, own) in [("udp", ""), ("tcp", ""), ("tls", &own), ("quic", &own)] {
        for (kind, direction) in [
            ("request", "queries-received"),
            ("response", "responses-sent"),
        ] {
            let map = format!("{own}{transport}-{kind}-sizes");
            let messages = messages(volume, &format!("{own}dns-{transport}-{direction}"));
            let Some(bins) = sizes.map(&map) else {
                continue;
            };
            let sizes = bins.iter().map(|(_, count)| u128::from(*count)).sum();
            if sizes != messages {
                found.push(Violation::Sizes {
                    map,
                    sizes,
                    messages,
                });
            }
        }
    }
}

fn compare_rcodes(volume: &Document, rcodes: &Document, found: &mut Vec<Violation>) {
    let own = own_prefix(volume);
    let mut compare = |what, rcodes: u128, responses: u128| {
        if rcodes != responses {
            found.push(Violation::Rcodes {
                what,
                rcodes,
                responses,
            });
        }
    };
    let plain = rcodes.rcodes().map(|(_, count)| u128::from(count)).sum();
    let responses = messages(volume, "dns-udp-responses-sent");
    compare(
        "UDP and TCP",
        plain,
        responses + messages(volume, "dns-tcp-responses-sent"),
    );
    for (what, transport) in [("TLS", "tls"), ("QUIC", "quic")] {
        let name = format!("{own}dns-{transport}");
        let prefix = format!("{name}-rcode-");
        let of_it = rcodes
            .fields
            .iter()
            .filter_map(|(key, field)| match (key, field) {
                (Key::Name(name), super::Field::Count(count)) if name.starts_with(&prefix) => {
                    Some(u128::from(*count))
                }
                _ => None,
            });
        let responses = messages(volume, &format!("{name}-responses-sent"));
        compare(what, of_it.sum(), responses);
    }
}

/// Messages of both families.
fn messages(volume: &Document, name: &str) -> u128 {
    let families = ["ipv4", "ipv6"].map(|family| volume.count(&format!("{name}-{family}")));
    families.into_iter().flatten().map(u128::from).sum()
}

/// How the names of fields begin that are the operator's own.
fn own_prefix(document: &Document) -> String {
    match document.service {
        Service::Root(letter) => format!("{letter}-"),
        Service::Maintainer => String::new(),
    }
}
