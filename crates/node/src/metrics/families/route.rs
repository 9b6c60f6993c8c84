//! Whether the node is announced.

use super::{Family, Rows, Value};
use crate::control::v1::{self, Standing, State};
use crate::metrics::Snapshot;
use crate::route::v1::{Bird, FamilyName};

fn families(snapshot: &Snapshot) -> impl Iterator<Item = (&'static str, &v1::Family)> {
    let families = snapshot.told.route.iter().flat_map(|route| &route.families);
    families.map(|family| (word(family.family), family))
}

fn word(family: FamilyName) -> &'static str {
    match family {
        FamilyName::Ipv4 => "ipv4",
        FamilyName::Ipv6 => "ipv6",
    }
}

fn each(snapshot: &Snapshot, rows: &mut Rows<'_>, is_so: impl Fn(&v1::Family) -> bool) {
    for (name, family) in families(snapshot) {
        rows.whether([name], is_so(family));
    }
}

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "imrs_route_announced",
        &["family"],
        "Whether the prefixes of a family are announced to a neighbor that hears it",
        |snapshot, rows| {
            each(snapshot, rows, |family| {
                matches!(family.standing, Standing::Announced | Standing::HeldUp)
            });
        },
    ),
    Family::gauge(
        "imrs_route_held_up",
        &["family"],
        "Whether a family is announced though it should not be, since no other node stands in",
        |snapshot, rows| each(snapshot, rows, |family| family.standing == Standing::HeldUp),
    ),
    Family::gauge(
        "imrs_route_drained",
        &["family"],
        "Whether an operator has drained a family",
        |snapshot, rows| each(snapshot, rows, |family| family.drained),
    ),
    Family::gauge(
        "imrs_route_health",
        &["family", "state"],
        "How well a family answers by the node's own probes and other evidence: 1 at its state",
        |snapshot, rows| {
            let states = [
                ("serving", State::Serving),
                ("degraded", State::Degraded),
                ("unfit", State::Unfit),
            ];
            for (name, family) in families(snapshot) {
                for (state, is) in states {
                    rows.whether([name, state], family.state == is);
                }
            }
        },
    ),
    Family::gauge(
        "imrs_route_queries_per_second",
        &["family"],
        "Queries that come to the service addresses over UDP, own probes left out",
        |snapshot, rows| {
            for (name, family) in families(snapshot) {
                rows.put([name], Value::Fraction(family.queries_per_second));
            }
        },
    ),
    Family::gauge(
        "imrs_route_keeper_up",
        &[],
        "Whether the keeper of the route answers, and BIRD does",
        |snapshot, rows| {
            if let Some(route) = &snapshot.told.route {
                let keeper = &route.keeper;
                rows.whether([], keeper.unreached.is_none() && keeper.bird == Bird::Up);
            }
        },
    ),
    Family::gauge(
        "imrs_neighbor_established",
        &["neighbor", "family"],
        "Whether the BGP session with a neighbor is established",
        |snapshot, rows| {
            for neighbor in neighbors(snapshot) {
                let is_up = neighbor.state == "established";
                rows.whether([&neighbor.name, word(neighbor.family)], is_up);
            }
        },
    ),
    Family::gauge(
        "imrs_neighbor_exported_routes",
        &["neighbor", "family"],
        "Prefixes that a neighbor is told of",
        |snapshot, rows| {
            for neighbor in neighbors(snapshot) {
                rows.count([&neighbor.name, word(neighbor.family)], neighbor.exported);
            }
        },
    ),
];

fn neighbors(snapshot: &Snapshot) -> impl Iterator<Item = &crate::route::v1::Neighbor> {
    let route = snapshot.told.route.iter();
    route.flat_map(|route| &route.keeper.neighbors)
}
