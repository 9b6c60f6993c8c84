//! Zones: what is held, how fresh it is, what was transferred.

use super::{Family, Rows, Snapshot, Unit};
use crate::control::v1::{AttemptResult, KeptZone, When, Zone, ZoneState};

const ZONE: &[&str] = &["zone"];

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "imrs_zone_served",
        ZONE,
        "Whether the zone is answered; queries for one that is not get SERVFAIL",
        |snapshot, rows| each(snapshot, |name, zone, _| rows.whether([name], zone.served)),
    ),
    Family::gauge(
        "imrs_zone_state",
        &["zone", "state"],
        "How the zone is: 1 at its state, 0 at the others",
        |snapshot, rows| {
            each(snapshot, |name, _, kept| {
                for (word, state) in STATES {
                    rows.whether([name, word], kept.state == *state);
                }
            });
        },
    ),
    Family::gauge(
        "imrs_zone_attention",
        ZONE,
        "Things about the zone that need attention; `imrs ctl zones` has them in words",
        |snapshot, rows| {
            each(snapshot, |name, _, kept| {
                rows.count([name], kept.attention.len() as u64);
            });
        },
    ),
    Family::gauge(
        "imrs_zone_serial",
        ZONE,
        "The serial that is held",
        |snapshot, rows| {
            each(snapshot, |name, _, kept| {
                rows.known([name], kept.serial.map(i64::from));
            });
        },
    ),
    Family::gauge(
        "imrs_zone_records",
        ZONE,
        "Records of what is held",
        |snapshot, rows| {
            each(snapshot, |name, zone, kept| {
                if kept.serial.is_some() {
                    rows.count([name], zone.records as u64);
                }
            });
        },
    ),
    Family::gauge(
        "imrs_zone_image",
        ZONE,
        "Octets of the compiled image",
        |snapshot, rows| {
            each(snapshot, |name, zone, kept| {
                if kept.serial.is_some() {
                    rows.count([name], zone.image_octets as u64);
                }
            });
        },
    )
    .of(Unit::Bytes),
    Family::gauge(
        "imrs_zone_received_age",
        ZONE,
        "Time since what is held was read or fetched",
        |snapshot, rows| since(snapshot, rows, |kept| kept.received.as_ref()),
    )
    .of(Unit::Seconds),
    Family::gauge(
        "imrs_zone_confirmed_age",
        ZONE,
        "Time since a primary last had the serial that is held; only of zones that are fetched",
        |snapshot, rows| since(snapshot, rows, |kept| kept.confirmed.as_ref()),
    )
    .of(Unit::Seconds),
    Family::gauge(
        "imrs_zone_expiry_left",
        ZONE,
        "Time until the zone is withdrawn unless a primary confirms it; only of zones that are \
         fetched",
        |snapshot, rows| until(snapshot, rows, |kept| kept.expires.as_ref()),
    )
    .of(Unit::Seconds),
    Family::gauge(
        "imrs_zone_signature_left",
        ZONE,
        "Time until the first signature runs out and the zone is withdrawn",
        |snapshot, rows| until(snapshot, rows, |kept| kept.signatures_end.as_ref()),
    )
    .of(Unit::Seconds),
    Family::gauge(
        "imrs_zone_last_load_refused",
        ZONE,
        "Whether what was read or fetched last was refused",
        |snapshot, rows| {
            each(snapshot, |name, zone, _| {
                let refused = zone.last_attempt.result == AttemptResult::Refused;
                rows.whether([name], refused);
            });
        },
    ),
    Family::gauge(
        "imrs_zone_observers_ahead",
        ZONE,
        "Independent observers that serve a newer serial; only where some are configured",
        |snapshot, rows| {
            each(snapshot, |name, _, kept| {
                if let Some(observers) = &kept.observers {
                    rows.count([name], observers.ahead as u64);
                }
            });
        },
    ),
    Family::counter(
        "imrs_zone_transfers_in",
        &["zone", "result"],
        "Transfers from primaries, by what came of them",
        |snapshot, rows| {
            let results = ["accepted", "refused", "failed"];
            counted(snapshot, rows, "transfer-in", &results, is_fetched);
        },
    ),
    Family::counter(
        "imrs_zone_notifies_in",
        ZONE,
        "NOTIFY messages about the zone that were heard",
        |snapshot, rows| {
            each(snapshot, |name, _, kept| {
                if is_fetched(kept) {
                    rows.count([name], count(kept, "notify-in", "heard"));
                }
            });
        },
    ),
    Family::counter(
        "imrs_zone_notifies_out",
        &["zone", "result"],
        "NOTIFY messages to secondaries, by whether they were taken",
        |snapshot, rows| {
            let is_told = |kept: &KeptZone| !kept.secondaries.is_empty();
            counted(snapshot, rows, "notify-out", &["taken", "in-vain"], is_told);
        },
    ),
    Family::counter(
        "imrs_transfers_out",
        &["result"],
        "Transfers to secondaries and requests for them, by what came of them",
        |snapshot, rows| {
            for result in ["sent", "broken", "denied", "crowded", "unseated"] {
                if let Some(count) = snapshot.told.stats.transfers.get(result) {
                    rows.count([result], *count);
                }
            }
        },
    ),
    Family::counter(
        "imrs_transfers_out",
        &[],
        "Octets of transfers to secondaries, framing included",
        |snapshot, rows| {
            if let Some(octets) = snapshot.told.stats.transfers.get("sent-octets") {
                rows.count([], *octets);
            }
        },
    )
    .of(Unit::Bytes),
    Family::gauge(
        "imrs_transfers_out_open",
        &[],
        "Transfers to secondaries that are under way",
        |snapshot, rows| {
            if let Some(count) = snapshot.told.stats.transfers.get("open") {
                rows.count([], *count);
            }
        },
    ),
];

const STATES: &[(&str, ZoneState)] = &[
    ("waiting", ZoneState::Waiting),
    ("served", ZoneState::Served),
    ("degraded", ZoneState::Degraded),
    ("alarm", ZoneState::Alarm),
    ("expired", ZoneState::Expired),
];

/// Does something for each zone: its name, and what is told of it in two places.
fn each(snapshot: &Snapshot, mut tell: impl FnMut(&str, &Zone, &KeptZone)) {
    let told = &snapshot.told;
    for (zone, kept) in told.status.zones.iter().zip(&told.zones) {
        tell(&zone.name, zone, kept);
    }
}

fn until(snapshot: &Snapshot, rows: &mut Rows<'_>, when: fn(&KeptZone) -> Option<&When>) {
    each(snapshot, |name, _, kept| {
        rows.known([name], when(kept).map(|when| when.in_seconds));
    });
}

fn since(snapshot: &Snapshot, rows: &mut Rows<'_>, when: fn(&KeptZone) -> Option<&When>) {
    each(snapshot, |name, _, kept| {
        rows.known(
            [name],
            when(kept).map(|when| when.in_seconds.saturating_neg()),
        );
    });
}

fn is_fetched(kept: &KeptZone) -> bool {
    !kept.primaries.is_empty()
}

/// A count, which is not told as long as it is 0.
fn count(kept: &KeptZone, of: &str, result: &str) -> u64 {
    let counts = kept.counters.get(of);
    counts
        .and_then(|counts| counts.get(result))
        .copied()
        .unwrap_or(0)
}

/// Puts the counts of a group, for those zones that it can happen to.
fn counted(
    snapshot: &Snapshot,
    rows: &mut Rows<'_>,
    of: &str,
    results: &[&str],
    can_happen: fn(&KeptZone) -> bool,
) {
    each(snapshot, |name, _, kept| {
        for result in results.iter().filter(|_| can_happen(kept)) {
            rows.count([name, result], count(kept, of, result));
        }
    });
}
