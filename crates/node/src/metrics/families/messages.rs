//! Messages, and what became of them.

use super::{Family, Kind, Rows, Snapshot, Unit, Value};
use crate::control::v1::{Delays, Messages};
use std::collections::BTreeMap;

const BY_TRANSPORT: &[&str] = &["transport", "family"];

pub(super) const FAMILIES: &[Family] = &[
    Family::counter(
        "imrs_received_messages",
        BY_TRANSPORT,
        "Messages received",
        |snapshot, rows| each(snapshot, rows, |messages| messages.received),
    ),
    Family::counter(
        "imrs_received",
        BY_TRANSPORT,
        "Octets of the messages received, without framing",
        |snapshot, rows| each(snapshot, rows, |messages| messages.received_octets),
    )
    .of(Unit::Bytes),
    Family::counter(
        "imrs_responses",
        BY_TRANSPORT,
        "Responses composed",
        |snapshot, rows| each(snapshot, rows, |messages| messages.responses),
    ),
    Family::counter(
        "imrs_response",
        BY_TRANSPORT,
        "Octets of the responses, without framing",
        |snapshot, rows| each(snapshot, rows, |messages| messages.response_octets),
    )
    .of(Unit::Bytes),
    Family::counter(
        "imrs_truncated_responses",
        BY_TRANSPORT,
        "Responses with TC set",
        |snapshot, rows| each(snapshot, rows, |messages| messages.truncated),
    ),
    Family::counter(
        "imrs_outcomes",
        &["transport", "family", "kind"],
        "Messages received, by what became of them",
        |snapshot, rows| by_name(snapshot, rows, |messages| messages.kinds.clone()),
    ),
    Family::counter(
        "imrs_rcodes",
        &["transport", "family", "rcode"],
        "Responses by RCODE, extended ones too",
        |snapshot, rows| by_name(snapshot, rows, rcodes),
    ),
    Family {
        kind: Kind::Histogram,
        ..Family::gauge(
            "imrs_response_delay",
            &["transport"],
            "Time from the receipt of a query until its response was sent",
            |snapshot, rows| {
                for (transport, delays) in &snapshot.told.stats.delays {
                    rows.put([transport], sizes(delays));
                }
            },
        )
        .of(Unit::Seconds)
    },
    Family::counter(
        "imrs_unsent_responses",
        &["reason"],
        "Responses over UDP that could not be sent",
        |snapshot, rows| listed(rows, &snapshot.told.stats.unsent),
    ),
    Family::counter(
        "imrs_defence_messages",
        &["reason"],
        "Messages over UDP that were not answered, or not in full, against attacks",
        |snapshot, rows| {
            for (reason, count) in &snapshot.told.stats.defence {
                if !reason.ends_with("cookies") {
                    rows.count([reason], *count);
                }
            }
        },
    ),
    Family::counter(
        "imrs_cookies",
        &["validity"],
        "Queries over UDP that showed a server's cookie",
        |snapshot, rows| {
            for (validity, key) in [("valid", "cookies"), ("invalid", "bad-cookies")] {
                if let Some(count) = snapshot.told.stats.defence.get(key) {
                    rows.count([validity], *count);
                }
            }
        },
    ),
    Family::counter(
        "imrs_kernel_dropped_messages",
        &[],
        "Messages over UDP that the kernel dropped, as the queue of a socket was full",
        |snapshot, rows| rows.count([], snapshot.told.stats.kernel_dropped),
    ),
    Family::counter(
        "imrs_filtered_messages",
        &["reason"],
        "Messages over UDP that the filter on the sockets dropped",
        |snapshot, rows| {
            rows.count(["condemned"], snapshot.told.stats.filtered_condemned);
            rows.count(["shed"], snapshot.told.stats.filtered_shed);
        },
    ),
    Family::counter(
        "imrs_aside_messages",
        &["kind"],
        "Messages beside queries: NOTIFY, those that are signed, requests for transfers",
        |snapshot, rows| {
            for (kind, count) in &snapshot.told.stats.transfers {
                if ASIDE.contains(&kind.as_str()) {
                    rows.count([kind], *count);
                }
            }
        },
    ),
];

/// What is counted of transfers by message, and not by transfer.
const ASIDE: &[&str] = &["notify-heard", "notify-refused", "signed", "unauthentic"];

/// RCODEs that are told even if none occurred, so that the first one is seen as growth.
const RCODES: &[(&str, &str)] = &[
    ("0", "NOERROR"),
    ("1", "FORMERR"),
    ("2", "SERVFAIL"),
    ("3", "NXDOMAIN"),
    ("4", "NOTIMP"),
    ("5", "REFUSED"),
    ("9", "NOTAUTH"),
    ("16", "BADVERS"),
    ("23", "BADCOOKIE"),
];

/// Puts one number for each transport and family.
fn each(snapshot: &Snapshot, rows: &mut Rows<'_>, of: fn(&Messages) -> u64) {
    for (name, messages) in &snapshot.told.stats.messages {
        let (transport, family) = name.split_once('-').unwrap_or((name, ""));
        rows.count([transport, family], of(messages));
    }
}

/// Puts numbers for each transport and family.
fn by_name(snapshot: &Snapshot, rows: &mut Rows<'_>, of: fn(&Messages) -> BTreeMap<String, u64>) {
    for (name, messages) in &snapshot.told.stats.messages {
        let (transport, family) = name.split_once('-').unwrap_or((name, ""));
        for (name, count) in of(messages) {
            rows.count([transport, family, &name], count);
        }
    }
}

/// Puts each count under its name.
pub(super) fn listed(rows: &mut Rows<'_>, counts: &BTreeMap<String, u64>) {
    for (name, count) in counts {
        rows.count([name], *count);
    }
}

/// The counts by the names of RCODEs, or by their numbers where they have none here.
fn rcodes(messages: &Messages) -> BTreeMap<String, u64> {
    let mut named: BTreeMap<String, u64> = RCODES
        .iter()
        .map(|(_, name)| ((*name).to_owned(), 0))
        .collect();
    for (number, count) in &messages.rcodes {
        let known = RCODES.iter().find(|(of, _)| of == number);
        let name = known.map_or(number.as_str(), |(_, name)| name);
        named.insert(name.to_owned(), *count);
    }
    named
}

fn sizes(delays: &Delays) -> Value {
    let seconds = |us: u32| f64::from(us) / 1e6;
    let within = delays.within.iter();
    let mut within: Vec<_> = within
        .map(|within| (seconds(within.us), within.count))
        .collect();
    let bounded: u64 = within.iter().map(|(_, count)| count).sum();
    within.push((f64::INFINITY, delays.count.saturating_sub(bounded)));
    Value::Sizes {
        sum: delays.sum_us as f64 / 1e6,
        count: delays.count,
        within,
    }
}
