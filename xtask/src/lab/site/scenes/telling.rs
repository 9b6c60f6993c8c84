//! What a node tells an operator of its whole site.

use super::super::figures::{Bound, Figure};
use super::super::plan::{Place, SERVICE};
use super::super::world::World;
use super::LONG;
use anyhow::Result;
use serde_json::Value;

/// `imrs ctl site` on one node lists all: both families announced, and one serial.
pub(super) fn listed(world: &mut World) -> Result<Vec<Figure>> {
    let place = Place::N1;
    world.until("all nodes in `imrs ctl site`", place, LONG, |world| {
        let told = world.node(place).ctl(&["site"]).unwrap_or_default();
        announced(&told).count() == Place::ANNOUNCING.len()
    })?;
    let told = world.node(place).ctl(&["site"])?;
    let serials = announced(&told).map(|node| node["serial"].as_u64());
    let mut serials: Vec<Option<u64>> = serials.collect();
    let nodes = serials.len();
    serials.sort_unstable();
    serials.dedup();
    let rate: f64 = announced(&told).flat_map(families).map(rate_of).sum();
    world.tell(
        "n1",
        &format!("knows of {rate:.0} queries a second at {nodes} nodes"),
    );
    Ok(vec![
        Figure::count(
            "nodes announced in both families",
            nodes,
            Bound::AtLeast(6.0),
        ),
        Figure::count("serials that they serve", serials.len(), Bound::AtMost(1.0)),
    ])
}

/// The nodes that say of both families that they are announced.
fn announced(told: &Value) -> impl Iterator<Item = &Value> {
    let nodes = told["nodes"].as_array().into_iter().flatten();
    nodes.map(|node| &node["brief"]).filter(|brief| {
        let announced = families(brief).filter(|family| family["standing"] == "announced");
        announced.count() == SERVICE.len()
    })
}

fn families(brief: &Value) -> impl Iterator<Item = &Value> {
    brief["families"].as_array().into_iter().flatten()
}

fn rate_of(family: &Value) -> f64 {
    family["queries_per_second"].as_f64().unwrap_or_default()
}
