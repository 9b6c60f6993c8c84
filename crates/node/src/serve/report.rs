//! What the node tells about itself, in the words of the control socket.

use super::node::Node;
use super::{captures, counts, kept, watch};
use crate::clock::{Clock, rfc3339};
use crate::control::v1;
use crate::hosting::{Attempt, AttemptResult, Hosted, Origin};
use crate::sandbox::{InForce, Landlock};
use imrs_zone::record::UnixTime;
use imrs_zone::verify::Proof;
use std::collections::BTreeSet;
use std::path::PathBuf;

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
        attention: attention(node),
        listen: node
            .running
            .addresses()
            .iter()
            .map(ToString::to_string)
            .collect(),
        metrics: { node.metrics.as_ref() }.map_or(Vec::new(), |metrics| metrics.places().to_vec()),
        workers: node.workers.get(),
        sandbox: Some(Box::new(sandbox(&node.in_force))),
        unfiltered: node.running.unfiltered().map(str::to_owned),
        zones: node
            .hosting
            .zones()
            .iter()
            .map(|hosted| zone(hosted, now))
            .collect(),
    }
}

/// Who the node is, as NSID says.
pub(super) fn identity(node: &Node) -> Option<String> {
    let service = node.service.load();
    let name = service.identity.name.as_ref()?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// What the process may no longer do.
fn sandbox(in_force: &InForce) -> v1::Sandbox {
    let shown = |folders: &[PathBuf]| {
        let folders = folders.iter().map(|folder| folder.display().to_string());
        folders.collect()
    };
    v1::Sandbox {
        user: in_force.user.clone(),
        capabilities: in_force.capabilities.clone(),
        no_new_privs: in_force.no_new_privs,
        landlock: match &in_force.landlock {
            Landlock::Off | Landlock::Absent => None,
            Landlock::InForce {
                abi, read, write, ..
            } => Some(v1::Landlock {
                abi: *abi,
                read: shown(read),
                write: shown(write),
            }),
        },
        seccomp: { in_force.process.zip(in_force.workers) }.map(|(process, workers)| v1::Seccomp {
            process: process.to_owned(),
            workers: workers.to_owned(),
        }),
        missing: in_force.missing.clone(),
    }
}

/// What a reload came to.
pub(super) fn reload(node: &Node, blocklist: Option<v1::Blocklist>) -> v1::Reload {
    let zones = node.hosting.zones().iter().filter_map(|zone| {
        Some(v1::ReloadedZone {
            name: zone.name().fmt_with_dot().to_string(),
            serial: zone.serial()?.0,
            attempt: attempt(zone.attempt.as_ref()?),
        })
    });
    v1::Reload {
        health: health(node),
        blocklist,
        zones: zones.collect(),
    }
}

pub(super) fn health(node: &Node) -> v1::Health {
    let zones = node.hosting.zones();
    if !zones.iter().any(Hosted::is_served) {
        v1::Health::Failed
    } else if zones.iter().any(Hosted::is_degraded) || !attention(node).is_empty() {
        v1::Health::Degraded
    } else {
        v1::Health::Well
    }
}

/// What needs attention beside the zones: files that were not good when they were read again, and
/// statistics.
fn attention(node: &Node) -> Vec<String> {
    let blocklist = { node.guard.refusal() }
        .map(|refusal| format!("who is blocked stays as it was: {refusal}"));
    let encrypted = node.encrypted.as_ref();
    let certificate = encrypted.and_then(|encrypted| encrypted.certificate().refusal());
    let certificate = certificate.map(|refusal| {
        format!("DNS over TLS and QUIC: the certificate shown stays as it was: {refusal}")
    });
    { blocklist.into_iter().chain(certificate) }
        .chain(counts::attention(node))
        .chain(captures::attention(&node.captures))
        .chain(watch::attention(node))
        .collect()
}

fn zone(zone: &Hosted, now: UnixTime) -> v1::Zone {
    let left = |expires: UnixTime| i64::try_from(i128::from(expires.0) - i128::from(now.0)).ok();
    let version = zone.version.as_ref();
    let proof = version.map(|version| &version.proof);
    let expires = proof.and_then(|proof| proof.expires);
    v1::Zone {
        name: zone.name().fmt_with_dot().to_string(),
        source: zone.origin.to_string(),
        served: zone.is_served(),
        degraded: zone.is_degraded(),
        state: matches!(zone.origin, Origin::Primaries(_)).then(|| kept::state(zone)),
        serial: zone.serial().map_or(0, |serial| serial.0),
        records: version.map_or(0, |version| version.held().packed.count()),
        image_octets: version.map_or(0, |version| version.image().size()),
        loaded_at: version.map_or(String::new(), |version| rfc3339(version.loaded_at)),
        proof: v1::Proof {
            digest: proof.and_then(|proof| Some(proof.digest?.to_string())),
            signatures: proof.map_or(0, |proof| proof.signatures),
            algorithms: proof.map_or(Vec::new(), algorithms),
            warnings: proof.map_or(Vec::new(), |proof| proof.warnings.clone()),
        },
        expires: expires.map(rfc3339),
        expires_in_seconds: expires.and_then(left),
        last_attempt: zone.attempt.as_ref().map_or(
            v1::Attempt {
                at: String::new(),
                result: v1::AttemptResult::Unchanged,
                reason: None,
            },
            attempt,
        ),
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
