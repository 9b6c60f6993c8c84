//! A response never exceeds the limit of its transport, and always parses.

use super::{Heard, Verdict};
use crate::differential::exchange::Responses;
use crate::differential::message::Message;
use crate::differential::query::Seen;
use crate::differential::render;

/// Largest UDP response without EDNS (RFC 1035 section 4.2.1).
const PLAIN_MAX: u16 = 512;
/// Largest UDP response of a server in its default settings.
const UDP_MAX: u16 = 1232;

/// Checks every response that was heard.
pub(super) fn check(heard: &Heard<'_>) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    if let Some(responses) = &heard.udp {
        verdicts.push(verdict(
            "sizes: UDP responses keep the limit and parse",
            heard,
            responses,
            limit,
        ));
    }
    if let Some(responses) = &heard.tcp {
        verdicts.push(verdict(
            "sizes: TCP responses parse",
            heard,
            responses,
            |_| u16::MAX,
        ));
    }
    verdicts
}

fn verdict(
    name: &str,
    heard: &Heard<'_>,
    responses: &Responses,
    limit: impl Fn(&Seen) -> u16,
) -> Verdict {
    let mut failures = Vec::new();
    let mut cases = 0;
    for (query, response) in heard.queries.iter().zip(responses) {
        let Some(response) = response else { continue };
        cases += 1;
        if let Some(what) = wrong(response, limit(&query.seen)) {
            failures.push(format!(
                "{what}\n{}\n{}",
                render::query(query),
                render::hex(response)
            ));
        }
    }
    Verdict::of(name, cases, &failures)
}

fn wrong(response: &[u8], limit: u16) -> Option<String> {
    if response.len() > usize::from(limit) {
        return Some(format!(
            "{} octets where {limit} are allowed",
            response.len()
        ));
    }
    Message::parse(response)
        .err()
        .map(|malformed| malformed.to_string())
}

/// The client's limit and ours, whichever is less. Where the OPT record cannot be made out, a
/// server may have read one all the same.
pub(super) fn limit(seen: &Seen) -> u16 {
    match &seen.edns {
        Some(edns) => edns.udp_size.clamp(PLAIN_MAX, UDP_MAX),
        None if seen.counts[1..] == [0, 0, 0] => PLAIN_MAX,
        None => UDP_MAX,
    }
}
