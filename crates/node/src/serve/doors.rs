//! Where others than clients of DNS come in: secondaries over TLS, operators, who fetches metrics.

use super::events::{Event, Events};
use super::plan::Plan;
use crate::control::server::{Asked, Bound, Server, TakeOver};
use crate::hand_over;
use crate::metrics::{self, Endpoint};
use crate::outbound::{Listeners, Listening, Outbound};
use std::sync::Arc;
use tracing::info;

/// Gives zones out over TLS, if the sockets for it are there.
pub(super) fn give_out(
    plan: &Plan,
    outbound: &Outbound,
    listeners: Option<Listeners>,
) -> anyhow::Result<Option<Listening>> {
    let (Some(listeners), Some((addresses, server))) = (listeners, &plan.listener) else {
        return Ok(None);
    };
    let listening = outbound.listen(listeners, server.clone())?;
    let shown: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    info!("transfers over TLS on {}", shown.join(", "));
    Ok(Some(listening))
}

/// Takes commands from the control socket.
pub(super) fn obey(bound: Bound, events: &Events) -> anyhow::Result<Server> {
    let inbox = events.clone();
    let asked: Arc<Asked> = Arc::new(move |command, reply| inbox.put(Event::Asked(command, reply)));
    let inbox = events.clone();
    let take_over: Arc<TakeOver> = Arc::new(move |stream, pid| {
        hand_over::serve(stream, pid, |asking| inbox.put(Event::HandOver(asking)));
    });
    let control = bound.start_with(asked, take_over)?;
    info!("control socket {}", control.path().display());
    Ok(control)
}

/// Answers who fetches metrics, if the sockets for it are there.
pub(super) fn observe(
    bound: Option<metrics::Bound>,
    pinned: usize,
    events: &Events,
) -> anyhow::Result<Option<Endpoint>> {
    let Some(bound) = bound else {
        return Ok(None);
    };
    let inbox = events.clone();
    let asked = move |reply| inbox.put(Event::Observed(reply));
    let endpoint = bound.start(pinned, Box::new(asked))?;
    info!("metrics at {}", endpoint.places().join(", "));
    Ok(Some(endpoint))
}
