//! Connections over TCP, TLS and QUIC.

use super::{Family, Rows, Snapshot};

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "imrs_tcp_connections_open",
        &[],
        "Connections over TCP that are open now",
        |snapshot, rows| tcp(snapshot, rows, |name| name == "open"),
    ),
    Family::counter(
        "imrs_tcp_connections_opened",
        &[],
        "Connections over TCP that were accepted and served",
        |snapshot, rows| tcp(snapshot, rows, |name| name == "opened"),
    ),
    Family::counter(
        "imrs_tcp_connections_refused",
        &["reason"],
        "Connections over TCP that were not served",
        |snapshot, rows| tcp_by_reason(snapshot, rows, |name| REFUSED.contains(&name)),
    ),
    Family::counter(
        "imrs_tcp_connections_closed",
        &["reason"],
        "Connections over TCP that ended, by how",
        |snapshot, rows| tcp_by_reason(snapshot, rows, is_end),
    ),
    Family::gauge(
        "imrs_encrypted_connections_open",
        &["transport"],
        "Connections over TLS and QUIC that are open now, their handshakes among them",
        |snapshot, rows| encrypted(snapshot, rows, |name| name == "open"),
    ),
    Family::counter(
        "imrs_encrypted_connections_opened",
        &["transport"],
        "Connections over TLS and QUIC that were accepted, the handshake before them",
        |snapshot, rows| encrypted(snapshot, rows, |name| name == "opened"),
    ),
    Family::counter(
        "imrs_encrypted_connections_refused",
        &["transport", "reason"],
        "Connections over TLS and QUIC that were not accepted, or told to come again",
        |snapshot, rows| {
            encrypted_by_reason(snapshot, rows, |name| REFUSED_ENCRYPTED.contains(&name));
        },
    ),
    Family::counter(
        "imrs_encrypted_connections_closed",
        &["transport", "reason"],
        "Connections over TLS and QUIC that ended, by how",
        |snapshot, rows| {
            let is_end = |name: &str| {
                !["open", "opened"].contains(&name) && !REFUSED_ENCRYPTED.contains(&name)
            };
            encrypted_by_reason(snapshot, rows, is_end);
        },
    ),
];

/// What is counted of connections that were not served.
const REFUSED: &[&str] = &[
    "refused",
    "refused-prefix",
    "blocked",
    "limited",
    "shed",
    "exhausted",
];

/// The same of encrypted ones, of which others are blocked or shed when they are open.
const REFUSED_ENCRYPTED: &[&str] = &[
    "refused",
    "refused-prefix",
    "blocked-new",
    "limited",
    "shed-new",
    "exhausted",
    "retried",
];

fn is_end(name: &str) -> bool {
    !["open", "opened"].contains(&name) && !REFUSED.contains(&name)
}

fn tcp(snapshot: &Snapshot, rows: &mut Rows<'_>, is_it: fn(&str) -> bool) {
    for (name, count) in &snapshot.told.stats.connections {
        if is_it(name) {
            rows.count([], *count);
        }
    }
}

fn tcp_by_reason(snapshot: &Snapshot, rows: &mut Rows<'_>, is_it: fn(&str) -> bool) {
    for (name, count) in &snapshot.told.stats.connections {
        if is_it(name) {
            rows.count([name], *count);
        }
    }
}

/// Each count of encrypted connections: transport, name, number.
fn counts(snapshot: &Snapshot) -> impl Iterator<Item = (&str, &str, u64)> {
    let counts = snapshot.told.stats.encrypted.iter();
    counts.filter_map(|(name, count)| {
        let (transport, name) = name.split_once('-')?;
        Some((transport, name, *count))
    })
}

fn encrypted(snapshot: &Snapshot, rows: &mut Rows<'_>, is_it: fn(&str) -> bool) {
    for (transport, _, count) in counts(snapshot).filter(|(_, name, _)| is_it(name)) {
        rows.count([transport], count);
    }
}

fn encrypted_by_reason(snapshot: &Snapshot, rows: &mut Rows<'_>, is_it: fn(&str) -> bool) {
    for (transport, name, count) in counts(snapshot).filter(|(_, name, _)| is_it(name)) {
        rows.count([transport, name], count);
    }
}
