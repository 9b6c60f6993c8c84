//! What the node tells about itself, in the words of the control socket.

use super::node::Node;
use crate::clock::{Clock, rfc3339};
use crate::control::v1;
use crate::hosting::{Attempt, AttemptResult, Hosted};
use imrs_zone::record::UnixTime;
use imrs_zone::verify::Proof;
use std::collections::BTreeSet;

/// What the node is doing.
pub(super) fn status(node: &Node) -> v1::Status {
    let now = node.clock.now();
    v1::Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        health: health(node),
        pid: std::process::id(),
        started_at: rfc3339(node.started_at),
        uptime_seconds: node.started.elapsed().as_secs(),
        time: v1::Time {
            is_present: node.clock == Clock::Present,
            now: rfc3339(now),
        },
        listen: node
            .running
            .addresses()
            .iter()
            .map(ToString::to_string)
            .collect(),
        workers: node.workers.get(),
        zones: node
            .hosting
            .zones()
            .iter()
            .map(|hosted| zone(hosted, now))
            .collect(),
    }
}

/// What a reload came to.
pub(super) fn reload(node: &Node) -> v1::Reload {
    let zones = node.hosting.zones().iter().map(|zone| v1::ReloadedZone {
        name: zone.name().fmt_with_dot().to_string(),
        serial: zone.image().serial().0,
        attempt: attempt(&zone.attempt),
    });
    v1::Reload {
        health: health(node),
        zones: zones.collect(),
    }
}

fn health(node: &Node) -> v1::Health {
    let zones = node.hosting.zones();
    if !zones.iter().any(Hosted::is_served) {
        v1::Health::Failed
    } else if zones.iter().any(Hosted::is_degraded) {
        v1::Health::Degraded
    } else {
        v1::Health::Well
    }
}

fn zone(zone: &Hosted, now: UnixTime) -> v1::Zone {
    let left = |expires: UnixTime| i64::try_from(i128::from(expires.0) - i128::from(now.0)).ok();
    let proof = &zone.proof;
    v1::Zone {
        name: zone.name().fmt_with_dot().to_string(),
        source: zone.origin.to_string(),
        served: zone.is_served(),
        degraded: zone.is_degraded(),
        state: None,
        serial: zone.image().serial().0,
        records: zone.records,
        image_octets: zone.image().size(),
        loaded_at: rfc3339(zone.loaded_at),
        proof: v1::Proof {
            digest: proof.digest.map(|hash| hash.to_string()),
            signatures: proof.signatures,
            algorithms: algorithms(proof),
            warnings: proof.warnings.clone(),
        },
        expires: proof.expires.map(rfc3339),
        expires_in_seconds: proof.expires.and_then(left),
        last_attempt: attempt(&zone.attempt),
    }
}

fn attempt(attempt: &Attempt) -> v1::Attempt {
    let (result, reason) = match &attempt.result {
        AttemptResult::Loaded => (v1::AttemptResult::Loaded, None),
        AttemptResult::Unchanged => (v1::AttemptResult::Unchanged, None),
        AttemptResult::Refused(reason) => (v1::AttemptResult::Refused, Some(reason.clone())),
    };
    v1::Attempt {
        at: rfc3339(attempt.at),
        result,
        reason,
    }
}

/// The algorithms that the zone is signed with, in the order of their numbers.
fn algorithms(proof: &Proof) -> Vec<u8> {
    let signing = proof.keys.iter().filter(|key| key.signatures > 0);
    let numbers: BTreeSet<u8> = signing.map(|key| key.algorithm).collect();
    numbers.into_iter().collect()
}
