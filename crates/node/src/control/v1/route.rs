//! Whether this node is announced, and why.

use super::Health;
use crate::route::v1::{Bird, FamilyName, Neighbor, Scope, Stand};
use clap::Args;
use serde::{Deserialize, Serialize};

/// What differs for one neighbor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Args)]
pub struct NeighborOrder {
    /// Its name in the configuration.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// How often our AS number is put ahead of the path once more.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(0..=10))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepend: Option<u8>,
    /// How far the prefixes may travel.
    #[arg(long)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// A family that it is not told of.
    #[arg(long, value_name = "FAMILY")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdraw: Vec<FamilyName>,
    /// As the configuration says.
    #[arg(long, conflicts_with_all = ["prepend", "scope", "withdraw"])]
    #[serde(default)]
    pub default: bool,
}

/// Whether this node is announced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// How it is.
    pub health: Health,
    /// Who it is, as NSID says.
    pub identity: Option<String>,
    /// Families with a prefix.
    pub families: Vec<Family>,
    /// Who speaks to the routers.
    pub keeper: Keeper,
}

/// Whether a family is announced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// Which.
    pub family: FamilyName,
    /// Its prefixes.
    pub prefixes: Vec<String>,
    /// How well it answers.
    pub state: State,
    /// For how long it has been so.
    pub state_seconds: u64,
    /// Why it is not simply well, the gravest first.
    pub reasons: Vec<Reason>,
    /// How it stands.
    pub standing: Standing,
    /// What the keeper is told to do.
    pub wish: Stand,
    /// More about how it stands, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether an operator drained it.
    pub drained: bool,
    /// Queries a second, own probes left out.
    pub queries_per_second: f64,
}

/// How well a family answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// All is well.
    Serving,
    /// It is announced, and operators are told.
    Degraded,
    /// It is not to be announced.
    Unfit,
}

/// A reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What it does.
    pub effect: Effect,
    /// In words.
    pub text: String,
}

/// What a reason does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It withdraws, whoever else stands.
    Hard,
    /// It withdraws while enough others announce.
    Soft,
    /// It is told.
    Told,
}

/// How a family stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Announced, and in force.
    Announced,
    /// Wished, and not in force yet.
    Announcing,
    /// It has not been announced since the start.
    Starting,
    /// Withdrawn by own decision.
    Withdrawn,
    /// Announced though it should not be: nobody stands in.
    HeldUp,
    /// On the way out by order.
    Draining,
    /// Out by order, and nobody asks.
    Drained,
}

/// Who speaks to the routers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keeper {
    /// Why it is not reached, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreached: Option<String>,
    /// Whether BIRD answers.
    pub bird: Bird,
    /// What keeps it from what is wished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// What is not decided yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// The neighbors.
    pub neighbors: Vec<Neighbor>,
}
