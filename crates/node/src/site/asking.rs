//! Puts questions to other nodes.

use super::channel::{self, Asked};
use super::limits::{ATTEMPT, PATIENCE};
use crate::chain;
use crate::clock::present;
use crate::config::{Site, SiteNode};
use crate::control::v1::Brief;
use crate::dial::{Patience, Question, Target};
use crate::watching::Mind;
use imrs_fleet::anycast::Ask;
use imrs_transfer::tsig::sign_request;
use std::sync::Arc;
use std::thread;
use tracing::warn;

/// Asks a peer for a promise, on a thread of its own. There are never more of them than peers.
pub(super) fn promise(site: &Site, ask: Ask, mind: &Arc<Mind>) {
    let named = |node: &&SiteNode| node.identity.to_string() == ask.peer.0;
    let Some(node) = site.nodes.iter().find(named).copied() else {
        return;
    };
    let (site, answered) = (site.clone(), Arc::clone(mind));
    let asked_at = mind.now();
    let work = move || {
        let asked = Asked::Promise {
            asker: site.identity.to_string(),
            family: ask.family,
        };
        let said = put(&site, node, &asked);
        let lasting = said.ok().and_then(|text| channel::promised(&text));
        answered.handle_answer(&ask, asked_at, lasting);
    };
    if let Err(cause) = thread::Builder::new().name("ask".to_owned()).spawn(work) {
        warn!("cannot ask {}: {cause}", node.identity);
    }
}

/// How another node says that it is.
pub(super) fn status(site: &Site, node: SiteNode) -> Result<Brief, String> {
    let text = put(site, node, &Asked::Status)?;
    let brief = serde_json::from_str(&text);
    brief.map_err(|error| format!("it says what is not understood here: {error}"))
}

fn put(site: &Site, node: SiteNode, asked: &Asked) -> Result<String, String> {
    let mut query = asked
        .query(rand::random())
        .ok_or_else(|| "its name does not fit a question".to_owned())?;
    let transaction = sign_request(&site.key, &mut query, present());
    let patience = Patience {
        connect: ATTEMPT,
        idle: ATTEMPT,
        wall: PATIENCE,
    };
    let question = Question {
        query: &query,
        patience: &patience,
        attempts: 2,
    };
    let mut unsigned = None;
    let answer = question.put_to(&Target::new(node.address, None), &mut |answer| {
        let verified = transaction.verify(answer, present());
        unsigned = verified.err().map(|error| chain(&error));
        unsigned.is_none()
    });
    match (answer, unsigned) {
        (Ok(answer), _) => channel::text(&answer)
            .ok_or_else(|| "it does not know such questions; is [site] configured there?".into()),
        (Err(_), Some(why)) => Err(format!("its answer is not signed as it should be: {why}")),
        (Err(error), None) => Err(chain(&error)),
    }
}
