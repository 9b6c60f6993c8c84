//! All nodes and how they stand.

use super::{Neighborhood, asking};
use crate::config::SiteNode;
use crate::control::v1::{self, Brief, Health, Standing, State};
use imrs_fleet::capacity::Capacity;
use imrs_fleet::identity::NodeId;
use std::thread;

/// Asks all nodes at once, and tells what they say.
pub(crate) fn census(here: &Neighborhood) -> v1::Site {
    let site = &here.site;
    let said: Vec<(SiteNode, Result<Brief, String>)> = thread::scope(|scope| {
        let asked: Vec<_> = { site.nodes.iter().chain(&site.witnesses) }
            .map(|&node| (node, scope.spawn(move || asking::status(site, node))))
            .collect();
        let joined = |answer: thread::ScopedJoinHandle<'_, Result<Brief, String>>| {
            let failed = |_| Err("asking it failed".to_owned());
            answer.join().unwrap_or_else(failed)
        };
        let answers = asked.into_iter();
        answers
            .map(|(node, answer)| (node, joined(answer)))
            .collect()
    });
    let own = v1::SiteNode {
        identity: site.identity.to_string(),
        address: None,
        brief: Some(here.brief()),
        trouble: None,
    };
    let others = said.into_iter().map(|(node, said)| {
        let (brief, trouble) = match said {
            Ok(brief) => (Some(brief), None),
            Err(trouble) => (None, Some(trouble)),
        };
        v1::SiteNode {
            identity: node.identity.to_string(),
            address: Some(node.address.to_string()),
            brief,
            trouble,
        }
    });
    let nodes: Vec<v1::SiteNode> = [own].into_iter().chain(others).collect();
    v1::Site {
        health: health(&nodes),
        site: site.identity.site.to_string(),
        capacity: site
            .capacity
            .map(|per_node| capacity(here, per_node, &nodes)),
        nodes,
    }
}

fn health(nodes: &[v1::SiteNode]) -> Health {
    let is_well = |node: &v1::SiteNode| {
        let brief = node.brief.as_ref();
        brief.is_some_and(|brief| {
            let mut families = brief.families.iter();
            families.all(|family| {
                family.state == State::Serving && family.standing == Standing::Announced
            })
        })
    };
    if nodes.iter().all(is_well) {
        Health::Well
    } else if nodes
        .iter()
        .any(|node| node.brief.as_ref().is_some_and(is_announced))
    {
        Health::Degraded
    } else {
        Health::Failed
    }
}

fn is_announced(brief: &Brief) -> bool {
    let stands = |standing| matches!(standing, Standing::Announced | Standing::HeldUp);
    brief.families.iter().any(|family| stands(family.standing))
}

#[expect(clippy::cast_precision_loss, reason = "queries a second of one node")]
fn capacity(here: &Neighborhood, per_node: u64, nodes: &[v1::SiteNode]) -> v1::Capacity {
    let own_site = here.site.identity.site;
    let is_ours = |brief: &&Brief| {
        let node = brief.identity.parse::<NodeId>();
        node.is_ok_and(|node| node.site == own_site)
    };
    let briefs = { nodes.iter() }.filter_map(|node| node.brief.as_ref());
    let taking_part = briefs.filter(is_ours).filter(|brief| is_announced(brief));
    let rate = |brief: &Brief| {
        { brief.families.iter() }
            .map(|family| family.queries_per_second)
            .sum()
    };
    let site = Capacity {
        per_node: per_node as f64,
        rates: taking_part.map(rate).collect(),
    };
    v1::Capacity {
        per_node: site.per_node,
        total: site.total(),
        load: site.load(),
        headroom: site.headroom(),
        spare_nodes: site.spare_nodes(),
    }
}
