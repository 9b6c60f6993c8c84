//! What an operator wants to know of zones that are kept current, and orders to be done with them.

use super::node::Node;
use super::{kept, report};
use crate::clock::rfc3339;
use crate::control::v1::{
    CookieOrder, CookieSecret, Cookies, RefreshResult, Refreshed, RefreshedZone, Reply, Zones,
};
use crate::hosting::AttemptResult;
use crate::keeping::{Keeper, What};
use imrs_transfer::refresh::{Came, Force, Refresh};
use imrs_transfer::time::Moment;
use imrs_wire::Serial;
use imrs_zone::Name;
use std::sync::mpsc::SyncSender;
use tracing::info;

/// An operator who waits for the rounds of some zones to end.
#[derive(Debug)]
pub(super) struct Awaited {
    /// The zones, and what was held of each when the order came.
    zones: Vec<(usize, Option<Serial>)>,
    /// When the order came.
    ordered: Moment,
    reply: SyncSender<Reply>,
}

/// What is known of one zone, or of all.
pub(super) fn zones(node: &Node, zone: Option<&str>) -> Reply {
    match numbers(node, zone) {
        Err(message) => Reply::Error { message },
        Ok(numbers) => Reply::Zones(Zones {
            health: report::health(node),
            now: rfc3339(crate::clock::present()),
            zones: numbers
                .into_iter()
                .map(|number| kept::zone(node, number))
                .collect(),
        }),
    }
}

/// Carries out an order about the secrets of cookies, and tells how they then are.
pub(super) fn cookies(node: &mut Node, order: Option<&CookieOrder>) -> Reply {
    if let Some(order) = order {
        if let Err(message) = carry_out(node, order) {
            return Reply::Error { message };
        }
        info!("asked on the control socket: cookies {}", word(order));
        node.swap();
    }
    let required = node.guard.requires_cookies();
    let Some(jar) = node.guard.jar() else {
        return Reply::Cookies(Cookies::default());
    };
    let secrets = jar.fingerprints().into_iter();
    Reply::Cookies(Cookies {
        enabled: true,
        required,
        file: jar.file().map(|path| path.display().to_string()),
        secrets: secrets
            .map(|(role, fingerprint)| CookieSecret {
                role: role.to_owned(),
                fingerprint,
            })
            .collect(),
    })
}

fn carry_out(node: &mut Node, order: &CookieOrder) -> Result<(), String> {
    let Some(jar) = node.guard.jar() else {
        return Err("cookies are switched off: `enabled` in [cookies] is false".to_owned());
    };
    match order {
        CookieOrder::Stage { secret } => jar.stage(&secret.0)?,
        CookieOrder::Activate => jar.activate()?,
        CookieOrder::Drop => jar.drop_one()?,
        CookieOrder::Require => node.guard.require_cookies(true),
        CookieOrder::Relax => node.guard.require_cookies(false),
    }
    Ok(())
}

fn word(order: &CookieOrder) -> &'static str {
    match order {
        CookieOrder::Stage { .. } => "stage",
        CookieOrder::Activate => "activate",
        CookieOrder::Drop => "drop",
        CookieOrder::Require => "require",
        CookieOrder::Relax => "relax",
    }
}

/// Begins a round for one zone, or for all that are fetched. The reply comes when it has ended.
pub(super) fn force(node: &mut Node, zone: Option<&str>, force: Force, reply: SyncSender<Reply>) {
    order(node, zone, reply, |keeper, now| keeper.force(now, force));
}

/// Lets one serial of a zone pass, and begins a round for it.
pub(super) fn accept(node: &mut Node, zone: &str, serial: Serial, reply: SyncSender<Reply>) {
    order(node, Some(zone), reply, |keeper, now| {
        let is_fetched = keeper.accept(now, serial);
        if is_fetched {
            keeper.note(What::Accepted(serial));
        }
        is_fetched
    });
}

fn order(
    node: &mut Node,
    zone: Option<&str>,
    reply: SyncSender<Reply>,
    give: impl Fn(&mut Keeper, Moment) -> bool,
) {
    let now = node.keeping.times().now();
    let mut zones = Vec::new();
    let numbers = match numbers(node, zone) {
        Ok(numbers) => numbers,
        Err(message) => {
            let _ = reply.try_send(Reply::Error { message });
            return;
        }
    };
    for number in numbers {
        let serial = node.hosting.zones()[number].serial();
        let is_fetched = node
            .keeping
            .keeper(number)
            .is_some_and(|keeper| give(keeper, now));
        // Of all zones only those are meant that are fetched; of one that is named, it is told.
        if is_fetched || zone.is_some() {
            zones.push((number, serial));
        }
    }
    node.awaited.push(Awaited {
        zones,
        ordered: now,
        reply,
    });
}

/// The numbers of the zones that are meant.
fn numbers(node: &Node, zone: Option<&str>) -> Result<Vec<usize>, String> {
    let zones = node.hosting.zones();
    let Some(text) = zone else {
        return Ok((0..zones.len()).collect());
    };
    let name: Name = text
        .parse()
        .map_err(|error| format!("`{text}` is not a domain name: {error}"))?;
    match zones.iter().position(|zone| *zone.name() == name) {
        Some(number) => Ok(vec![number]),
        None => {
            let names = zones
                .iter()
                .map(|zone| zone.name().fmt_with_dot().to_string());
            let names: Vec<String> = names.collect();
            Err(format!(
                "no zone {} here; there are {}",
                name.fmt_with_dot(),
                names.join(", ")
            ))
        }
    }
}

/// Answers those operators whose rounds have ended.
pub(super) fn answer_awaited(node: &mut Node) {
    let awaited = std::mem::take(&mut node.awaited);
    let has_ended = |awaited: &Awaited| {
        let mut zones = awaited.zones.iter();
        zones.all(|(number, _)| !is_in_round(node, *number))
    };
    let (ended, going_on) = awaited.into_iter().partition(has_ended);
    node.awaited = going_on;
    for Awaited {
        zones,
        ordered,
        reply,
    } in ended
    {
        let zones = zones.into_iter().map(|(number, before)| {
            let (result, reason) = outcome(node, number, before, ordered);
            let hosted = &node.hosting.zones()[number];
            RefreshedZone {
                name: hosted.name().fmt_with_dot().to_string(),
                serial: hosted.serial().map(|serial| serial.0),
                result,
                reason,
            }
        });
        let refreshed = Refreshed {
            health: report::health(node),
            zones: zones.collect(),
        };
        // Who asked may have gone away.
        let _ = reply.try_send(Reply::Refresh(refreshed));
    }
}

fn refresh(node: &Node, number: usize) -> Option<&Refresh> {
    node.keeping.keepers().get(number)?.refresh()
}

fn is_in_round(node: &Node, number: usize) -> bool {
    refresh(node, number).is_some_and(|refresh| refresh.next_check().is_none())
}

/// What a round since `ordered` came to, and why it brought nothing.
fn outcome(
    node: &Node,
    number: usize,
    before: Option<Serial>,
    ordered: Moment,
) -> (RefreshResult, Option<String>) {
    let Some(refresh) = refresh(node, number) else {
        let keeper = node.keeping.keepers().get(number);
        return match keeper.is_some_and(Keeper::is_waiting) {
            true => (RefreshResult::Unanswered, Some(WAITS.to_owned())),
            false => (RefreshResult::NotFetched, None),
        };
    };
    let hosted = &node.hosting.zones()[number];
    if hosted.serial() != before {
        return (RefreshResult::Swapped, None);
    }
    let heard = refresh
        .primaries()
        .iter()
        .filter_map(|standing| standing.last);
    let heard: Vec<Came> = heard
        .filter_map(|(at, came)| (at >= ordered).then_some(came))
        .collect();
    let any = |is_it: fn(&Came) -> bool| heard.iter().any(is_it);
    if any(|came| matches!(came, Came::Accepted(_))) {
        (RefreshResult::Swapped, None)
    } else if any(|came| matches!(came, Came::Refused(_) | Came::HeldBack { .. })) {
        let result = hosted.attempt.as_ref().map(|attempt| &attempt.result);
        let reason = result.and_then(|result| match result {
            AttemptResult::Refused(reason) => Some(reason.clone()),
            AttemptResult::Loaded | AttemptResult::Unchanged => None,
        });
        (RefreshResult::Refused, reason)
    } else if any(|came| !matches!(came, Came::Unanswered | Came::Broken(_))) {
        (RefreshResult::Current, None)
    } else {
        let keeper = node.keeping.keepers().get(number);
        let trouble = keeper.and_then(|keeper| keeper.trouble().map(str::to_owned));
        (RefreshResult::Unanswered, trouble)
    }
}

/// What is said of a zone that is not fetched yet.
const WAITS: &str = "it waits for the zone above it, by which it is proven";
