//! Nodes that know each other: what they ask of one another, over DNS itself.
//!
//! ```text
//! channel   questions and answers: CH TXT below `imrs.`, signed by TSIG
//! asking    puts them to other nodes
//! census    all nodes and how they stand, for operators
//! ```
//!
//! The desk answers them on the worker's thread, so nothing there waits. What is not signed with
//! the key of the site is none of these questions.

mod asking;
mod census;
mod channel;
mod limits;

pub(crate) use census::census;

use crate::config::Site;
use crate::config::anycast::Anycast;
use crate::control::v1::{Brief, BriefFamily};
use crate::watching::{Mind, Peers, route};
use channel::Asked;
use imrs_fleet::anycast::{Ask, PeerId};
use imrs_transfer::key::Key;
use std::sync::Arc;

/// What this node says to others of itself.
pub(crate) struct Neighborhood {
    site: Site,
    anycast: Anycast,
    mind: Arc<Mind>,
}

impl Neighborhood {
    pub(crate) fn new(site: Site, anycast: Anycast, mind: Arc<Mind>) -> Neighborhood {
        Neighborhood {
            site,
            anycast,
            mind,
        }
    }

    /// The response to a message that `key` has signed, if it is a question of a node: of at most
    /// so many octets.
    pub(crate) fn answer(&self, key: &Key, message: &[u8], room: usize) -> Option<Vec<u8>> {
        if key != &self.site.key {
            return None;
        }
        let text = match Asked::read(message)? {
            Asked::Status => serde_json::to_string(&self.brief()).unwrap_or_default(),
            Asked::Promise { asker, family } => {
                let promised = self.mind.may_promise(&PeerId(asker), family);
                channel::promise_text(promised.map_err(|refusal| refusal.to_string()))
            }
        };
        channel::respond(message, &text, room)
    }

    /// How this node is, in short.
    pub(crate) fn brief(&self) -> Brief {
        let identity = self.site.identity.to_string();
        let route = route(&self.mind, &self.anycast, None);
        let families = route.families.into_iter().map(|family| BriefFamily {
            why: { family.reasons.first() }.map(|reason| shortened(&reason.text)),
            family: family.family,
            state: family.state,
            standing: family.standing,
            queries_per_second: family.queries_per_second,
        });
        Brief {
            identity,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            serial: self.mind.serial(),
            families: families.collect(),
        }
    }
}

/// What of a reason fits a message with all else.
fn shortened(text: &str) -> String {
    text.chars().take(limits::WHY_MAX).collect()
}

impl Peers for Neighborhood {
    fn ask(&self, ask: Ask, mind: &Arc<Mind>) {
        asking::promise(&self.site, ask, mind);
    }
}

/// A node that knows no other.
pub(crate) struct Alone;

impl Peers for Alone {
    fn ask(&self, _: Ask, _: &Arc<Mind>) {}
}
