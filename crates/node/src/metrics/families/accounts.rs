//! The day's account, and captures.

use super::{Family, Unit, Value};
use crate::control::v1::Accounts;
use crate::metrics::Snapshot;
use imrs_telemetry::Day;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "imrs_sources",
        &["kind"],
        "Different sources of queries since midnight (UTC), estimated where a day has too many",
        |snapshot, rows| {
            if let Some(told) = accounts(snapshot) {
                rows.count(["ipv4"], told.sources_ipv4.value);
                rows.count(["ipv6"], told.sources_ipv6.value);
                rows.count(["ipv6-64"], told.sources_ipv6_prefixes.value);
            }
        },
    ),
    Family::gauge(
        "imrs_day_gaps",
        &[],
        "Times since midnight (UTC) in which nothing was counted, or not for certain in this day",
        |snapshot, rows| {
            if let Some(told) = accounts(snapshot) {
                rows.count([], told.gaps);
            }
        },
    ),
    Family::gauge(
        "imrs_day_sealed_end",
        &[],
        "When the last day ended whose statistics are sealed, in seconds since 1970",
        |snapshot, rows| {
            let sealed = accounts(snapshot).and_then(|told| Day::parse(told.sealed.as_deref()?));
            rows.known([], sealed.and_then(|day| i64::try_from(day.end_s()).ok()));
        },
    )
    .of(Unit::Seconds),
    Family::gauge(
        "imrs_accounts_difference",
        &["between"],
        "By how much what is counted at different places differs; 0 unless something is not counted",
        |snapshot, rows| {
            if let Some(told) = accounts(snapshot) {
                let messages = Value::Signed(told.unexplained_messages);
                rows.put(["received and explained"], messages);
                let responses = Value::Signed(told.unrecorded_responses);
                rows.put(["sent and recorded"], responses);
            }
        },
    ),
    Family::counter(
        "imrs_captured_messages",
        &["capture", "fate"],
        "Messages that were to be captured, by what became of them",
        |snapshot, rows| {
            for told in &snapshot.told.stats.captures {
                rows.count([&told.name, "written"], told.written);
                rows.count([&told.name, "lost"], told.lost);
                rows.count([&told.name, "sampled-away"], told.sampled_away);
                rows.count([&told.name, "over-budget"], told.over_budget);
            }
        },
    ),
    Family::counter(
        "imrs_capture",
        &["capture"],
        "Octets of captures that were written",
        |snapshot, rows| {
            for told in &snapshot.told.stats.captures {
                rows.count([&told.name], told.octets);
            }
        },
    )
    .of(Unit::Bytes),
];

fn accounts(snapshot: &Snapshot) -> Option<&Accounts> {
    snapshot.told.stats.accounts.as_deref()
}
