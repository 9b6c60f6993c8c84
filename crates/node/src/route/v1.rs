//! Version 1 of what goes over the keeper's socket: lines of one JSON object each.
//!
//! A client sends requests and gets one reply to each. Fields are added without a new version; a
//! reader passes over those that it does not know. Times are RFC 3339 in UTC.

use clap::ValueEnum;
use imrs_fleet::anycast;
use imrs_wire::{Both, Family};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The schema that every line names.
pub const SCHEMA: &str = "imrs.route/1";

/// A line to the keeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// [`SCHEMA`].
    pub schema: String,
    /// What is asked.
    #[serde(flatten)]
    pub request: Request,
}

/// What the keeper can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// To have this announced for a time.
    Wish(Wish),
    /// To report, and nothing else.
    Show {},
}

/// A line from the keeper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// [`SCHEMA`].
    pub schema: String,
    /// The reply.
    #[serde(flatten)]
    pub reply: Reply,
}

/// What the keeper says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// How things are; what was wished is carried out from now on.
    Report(Report),
    /// Why the request is not carried out.
    Error(String),
}

/// What is to be announced, and for how long unless it is said again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Milliseconds after which it is void.
    pub ttl_ms: u64,
    /// How IPv4 stands.
    pub ipv4: Stand,
    /// How IPv6 stands.
    pub ipv6: Stand,
    /// What differs for single neighbors, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub neighbors: BTreeMap<String, Policy>,
}

/// How the prefixes of a family stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stand {
    /// Not announced.
    #[default]
    Withdrawn,
    /// Announced with GRACEFUL_SHUTDOWN (RFC 8326).
    Leaving,
    /// Announced.
    Announced,
}

/// What differs for one neighbor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How often our AS number is put ahead of the path once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prepend: Option<u8>,
    /// How far the prefixes may travel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Families that it is not told of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub withdrawn: Vec<FamilyName>,
}

/// How far prefixes may travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// As far as others take them.
    Global,
    /// Within the AS of the neighbor (RFC 1997).
    NoExport,
    /// No further than the neighbor (RFC 1997).
    NoAdvertise,
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FamilyName {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// Whether BIRD answers on its control socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bird {
    /// It does.
    Up,
    /// It does not: nothing is known of what is announced.
    #[default]
    Down,
}

/// How things are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether BIRD answers.
    pub bird: Bird,
    /// What keeps the keeper from what is wished.
    pub trouble: Option<String>,
    /// How IPv4 stands in BIRD.
    pub ipv4: Stand,
    /// How IPv6 stands in BIRD.
    pub ipv6: Stand,
    /// The neighbors, in the order of the configuration.
    pub neighbors: Vec<Neighbor>,
    /// What is not decided yet.
    pub pending: Option<String>,
}

/// One neighbor, as BIRD sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbor {
    /// Its name in the configuration.
    pub name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its AS number.
    pub asn: u32,
    /// The family of its prefixes.
    pub family: FamilyName,
    /// State of the session (RFC 4271 section 8.2.2), in lower case; `unknown` without BIRD.
    pub state: String,
    /// Since when, if BIRD says so.
    pub since: Option<String>,
    /// State of BFD in lower case, where there is a session of it (RFC 5880).
    pub bfd: Option<String>,
    /// Routes taken from it.
    pub imported: u64,
    /// Routes that it is told of.
    pub exported: u64,
    /// How its family stands towards it.
    pub stand: Stand,
    /// What BIRD said last of an error of the session.
    pub trouble: Option<String>,
}

impl Wish {
    /// The wish as a line has it.
    #[must_use]
    pub fn new(wish: &anycast::Wish, ttl: std::time::Duration) -> Self {
        Wish {
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            ipv4: wish.stands.v4.into(),
            ipv6: wish.stands.v6.into(),
            neighbors: policies(&wish.neighbors),
        }
    }
}

impl From<&Wish> for anycast::Wish {
    fn from(wish: &Wish) -> Self {
        anycast::Wish {
            stands: Both {
                v4: wish.ipv4.into(),
                v6: wish.ipv6.into(),
            },
            neighbors: { wish.neighbors.iter() }
                .map(|(name, policy)| (name.clone(), policy.into()))
                .collect(),
        }
    }
}

/// Policies as a line has them.
#[must_use]
pub fn policies(policies: &BTreeMap<String, anycast::Policy>) -> BTreeMap<String, Policy> {
    let policies = policies.iter();
    policies
        .map(|(name, policy)| (name.clone(), policy.into()))
        .collect()
}

impl From<&anycast::Policy> for Policy {
    fn from(policy: &anycast::Policy) -> Self {
        let is_withdrawn = |family: &Family| *policy.withdrawn.of(*family);
        let families = Family::ALL.into_iter().filter(is_withdrawn);
        Policy {
            prepend: policy.prepend,
            scope: policy.scope.map(Scope::from),
            withdrawn: families.map(FamilyName::from).collect(),
        }
    }
}

impl From<&Policy> for anycast::Policy {
    fn from(policy: &Policy) -> Self {
        anycast::Policy {
            prepend: policy.prepend,
            scope: policy.scope.map(anycast::Scope::from),
            withdrawn: Both {
                v4: policy.withdrawn.contains(&FamilyName::Ipv4),
                v6: policy.withdrawn.contains(&FamilyName::Ipv6),
            },
        }
    }
}

impl From<Family> for FamilyName {
    fn from(family: Family) -> Self {
        match family {
            Family::V4 => FamilyName::Ipv4,
            Family::V6 => FamilyName::Ipv6,
        }
    }
}

impl From<anycast::Stand> for Stand {
    fn from(stand: anycast::Stand) -> Self {
        match stand {
            anycast::Stand::Withdrawn => Stand::Withdrawn,
            anycast::Stand::Leaving => Stand::Leaving,
            anycast::Stand::Announced => Stand::Announced,
        }
    }
}

impl From<Stand> for anycast::Stand {
    fn from(stand: Stand) -> Self {
        match stand {
            Stand::Withdrawn => anycast::Stand::Withdrawn,
            Stand::Leaving => anycast::Stand::Leaving,
            Stand::Announced => anycast::Stand::Announced,
        }
    }
}

impl From<anycast::Scope> for Scope {
    fn from(scope: anycast::Scope) -> Self {
        match scope {
            anycast::Scope::Global => Scope::Global,
            anycast::Scope::NoExport => Scope::NoExport,
            anycast::Scope::NoAdvertise => Scope::NoAdvertise,
        }
    }
}

impl From<Scope> for anycast::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Global => anycast::Scope::Global,
            Scope::NoExport => anycast::Scope::NoExport,
            Scope::NoAdvertise => anycast::Scope::NoAdvertise,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_wish_survives_its_line() {
        let policy = anycast::Policy {
            prepend: Some(2),
            scope: Some(anycast::Scope::NoExport),
            withdrawn: Both {
                v4: true,
                v6: false,
            },
        };
        let wish = anycast::Wish {
            stands: Both {
                v4: anycast::Stand::Announced,
                v6: anycast::Stand::Leaving,
            },
            neighbors: [("host-a".to_owned(), policy)].into(),
        };
        let asked = Asked {
            schema: SCHEMA.to_owned(),
            request: Request::Wish(Wish::new(&wish, Duration::from_millis(1500))),
        };
        let line = serde_json::to_string(&asked).unwrap();
        assert_eq!(
            line,
            "{\"schema\":\"imrs.route/1\",\"wish\":{\"ttl_ms\":1500,\"ipv4\":\"announced\",\
             \"ipv6\":\"leaving\",\"neighbors\":{\"host-a\":{\"prepend\":2,\"scope\":\"no-export\",\
             \"withdrawn\":[\"ipv4\"]}}}}"
        );
        let Request::Wish(read) = serde_json::from_str::<Asked>(&line).unwrap().request else {
            panic!("{line} is no wish");
        };
        assert_eq!(anycast::Wish::from(&read), wish);
    }
}
