//! Captures: their start, and what is told of them.

use super::plan::Plan;
use crate::accounting::Accounting;
use crate::capture::{CaptureError, Captures, Server};
use crate::control::v1;
use std::sync::Arc;
use tracing::info;

/// Starts what is configured, and recorders that hand messages over to it. `pinned` cores belong to
/// workers.
pub(super) fn start(
    plan: &Plan,
    pinned: usize,
) -> Result<(Arc<Captures>, Arc<Accounting>), CaptureError> {
    let identity = plan.identity.name.as_deref().unwrap_or_default();
    let addresses = plan.settings.listen.iter().map(|address| address.ip());
    let server = Server {
        identity: String::from_utf8_lossy(identity).into_owned(),
        addresses: addresses.collect(),
    };
    let captures = Arc::new(Captures::start(&plan.captures, &server, pinned)?);
    for capture in &plan.captures {
        info!("capture {}", capture.name);
    }
    // Captures end before those who answer are forgotten.
    let taps = Arc::downgrade(&captures);
    let service = { plan.anycast.as_ref() }.map_or(Vec::new(), |own| own.addresses.clone());
    let accounting = Accounting::with_taps(service, move || {
        let captures = taps.upgrade();
        captures.map_or(Vec::new(), |captures| captures.taps())
    });
    Ok((captures, Arc::new(accounting)))
}

/// What became of the messages of each.
pub(super) fn told(captures: &Captures) -> Vec<v1::Capture> {
    let told = captures.counted().into_iter().map(|counted| v1::Capture {
        name: counted.name,
        written: counted.written,
        pending: counted.pending,
        lost: counted.lost,
        sampled_away: counted.sampled_away,
        over_budget: counted.over_budget,
        octets: counted.octets,
        is_failing: counted.is_failing,
    });
    told.collect()
}

/// What of them needs attention.
pub(super) fn attention(captures: &Captures) -> impl Iterator<Item = String> {
    let failing = captures
        .counted()
        .into_iter()
        .filter(|counted| counted.is_failing);
    failing.map(|counted| {
        format!(
            "capture {} cannot be written; the log says why",
            counted.name
        )
    })
}
