//! All nodes that know each other, and how they stand.

use super::{Health, Standing, State};
use crate::route::v1::FamilyName;
use serde::{Deserialize, Serialize};

/// All nodes that know each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// How they are, all together.
    pub health: Health,
    /// The site of the node that tells.
    pub site: String,
    /// The nodes, the one that tells first.
    pub nodes: Vec<SiteNode>,
    /// What can be answered by the nodes of the site, if it is configured what one can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteNode {
    /// Who it is.
    pub identity: String,
    /// Where it was asked; nothing for the node that tells.
    pub address: Option<String>,
    /// What it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brief: Option<Brief>,
    /// Why it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What a node says of itself, in one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// Who it is.
    pub identity: String,
    /// Of the program.
    pub version: String,
    /// The serial of the zone that it watches, if it serves it.
    pub serial: Option<u32>,
    /// The families with a prefix.
    pub families: Vec<BriefFamily>,
}

/// How a family of a node is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BriefFamily {
    /// Which.
    pub family: FamilyName,
    /// How well it answers.
    pub state: State,
    /// How it stands.
    pub standing: Standing,
    /// The gravest reason against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Queries a second.
    pub queries_per_second: f64,
}

/// What a site can answer, in queries a second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// One node.
    pub per_node: f64,
    /// All nodes that are announced.
    pub total: f64,
    /// What is asked.
    pub load: f64,
    /// What may come on top; less than nothing when too much is asked.
    pub headroom: f64,
    /// Nodes that may be gone with all queries answered.
    pub spare_nodes: usize,
}
