//! What the log says of zones.

use crate::clock::{rfc3339, span};
use crate::hosting::{AttemptResult, Freshness, Hosted, Standing, Version};
use imrs_zone::record::UnixTime;
use tracing::{error, info, warn};

/// What is in service of a zone.
pub(super) fn loaded(zone: &Hosted, source: Option<&str>, now: UnixTime) {
    let name = zone.name().fmt_with_dot();
    let Some(version) = &zone.version else {
        warn!("zone {name}: nothing is held yet, queries for it get SERVFAIL");
        return;
    };
    let serial = version.held().serial;
    let records = version.held().packed.count();
    let from = source.map_or(String::new(), |source| format!(", {source}"));
    let signatures = version.proof.signatures;
    match version.proof.expires {
        Some(expires) => info!(
            "zone {name}: serial {serial}, {records} records, {signatures} signatures, good for {}, \
             until {}{from}",
            span(expires.0.saturating_sub(now.0)),
            rfc3339(expires)
        ),
        None => {
            let rest = format!("{records} records, signatures not asked for{from}");
            info!("zone {name}: serial {serial}, {rest}");
        }
    }
    for warning in &version.proof.warnings {
        warn!("zone {name}: {warning}");
    }
    standing(zone, now);
}

/// What became of the last attempt to load a zone.
pub(super) fn attempt(zone: &Hosted, source: Option<&str>, now: UnixTime) {
    let name = zone.name().fmt_with_dot();
    let serial = zone.serial();
    match zone.attempt.as_ref().map(|attempt| &attempt.result) {
        None => {}
        Some(AttemptResult::Loaded) => loaded(zone, source, now),
        Some(AttemptResult::Unchanged) => {
            if let Some(serial) = serial {
                info!("zone {name}: serial {serial}, unchanged");
            }
        }
        Some(AttemptResult::Refused(reason)) => match serial {
            Some(serial) => {
                error!("zone {name}: refused, serial {serial} stays in service: {reason}");
            }
            None => error!("zone {name}: refused, and nothing is held: {reason}"),
        },
    }
}

/// Whether a zone is or will soon be out of service.
pub(super) fn standing(zone: &Hosted, now: UnixTime) {
    let name = zone.name().fmt_with_dot();
    match zone.freshness {
        Freshness::Fresh => {}
        Freshness::Ageing => {
            warn!("zone {name}: no primary has confirmed it for long; see `imrs ctl zones`");
        }
        Freshness::Stale => {
            warn!("zone {name}: others serve a newer one for too long; see `imrs ctl zones`");
        }
        Freshness::Expired => error!(
            "zone {name}: withdrawn, queries for it get SERVFAIL: no primary has confirmed it for \
             as long as its SOA record allows"
        ),
        Freshness::Unconfirmed => warn!(
            "zone {name}: the copy on disk is too old to be served before a primary confirms it"
        ),
    }
    if let Some(version) = &zone.version {
        signatures(&name.to_string(), version, now);
    }
}

/// Why a zone is not served.
pub(super) fn why_withdrawn(zone: &Hosted) -> String {
    match (zone.freshness, &zone.version) {
        (_, None) => "nothing is held".to_owned(),
        (Freshness::Expired, _) => "it expired: no primary confirmed it".to_owned(),
        (Freshness::Unconfirmed, _) => "no primary has confirmed it yet".to_owned(),
        _ => "its first signature ran out".to_owned(),
    }
}

fn signatures(name: &str, version: &Version, now: UnixTime) {
    let Some(expires) = version.proof.expires else {
        return;
    };
    match version.standing {
        Standing::Holds => {}
        Standing::EndsSoon => warn!(
            "zone {name}: the first signature runs out in {}, at {}; load a newer zone",
            span(expires.0.saturating_sub(now.0)),
            rfc3339(expires)
        ),
        Standing::Ended => error!(
            "zone {name}: withdrawn, queries for it get SERVFAIL: the first signature ran out at \
             {}; load a newer zone",
            rfc3339(expires)
        ),
    }
}
