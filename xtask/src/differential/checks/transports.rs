//! UDP and TCP give the same octets, but for truncation and the keepalive option (RFC 7828, which
//! UDP must not carry); and nothing is cut that would fit.

use super::sizes::limit;
use super::{Heard, Verdict};
use crate::differential::constants::option::KEEPALIVE;
use crate::differential::message::{Message, Section};
use crate::differential::query::Query;
use crate::differential::render;

/// Compares what was heard over both.
pub(super) fn check(heard: &Heard<'_>) -> Vec<Verdict> {
    let (Some(udp), Some(tcp)) = (&heard.udp, &heard.tcp) else {
        return Vec::new();
    };
    let mut failures = Vec::new();
    for (query, (udp, tcp)) in heard.queries.iter().zip(udp.iter().zip(tcp)) {
        if udp != tcp && !may_differ(query, udp.as_deref(), tcp.as_deref()) {
            let shown =
                |octets: &Option<Vec<u8>>| octets.as_deref().map_or("-".into(), render::hex);
            let query = render::query(query);
            failures.push(format!("{query}\nudp {}\ntcp {}", shown(udp), shown(tcp)));
        }
    }
    let name = "transports: UDP and TCP agree octet for octet";
    vec![Verdict::of(name, heard.queries.len(), &failures)]
}

fn may_differ(query: &Query, udp: Option<&[u8]>, tcp: Option<&[u8]>) -> bool {
    let (Some(udp_octets), Some(tcp_octets)) = (udp, tcp) else {
        return false;
    };
    let (Ok(mut udp), Ok(mut tcp)) = (Message::parse(udp_octets), Message::parse(tcp_octets))
    else {
        return false;
    };
    if query.seen.option(KEEPALIVE).is_some() {
        for opt in [&mut udp.opt, &mut tcp.opt].into_iter().flatten() {
            opt.options.retain(|option| option.0 != KEEPALIVE);
        }
        if udp == tcp {
            return true;
        }
    }
    // What is cut at all did not fit.
    if tcp_octets.len() <= usize::from(limit(&query.seen)) {
        return false;
    }
    let same_header = (udp.rcode, &udp.question, &udp.opt) == (tcp.rcode, &tcp.question, &tcp.opt);
    same_header && is_part(&udp, &tcp)
}

/// A truncated response holds nothing that the whole one does not; without TC only addresses of
/// servers may be left out (RFC 2181 section 9).
fn is_part(udp: &Message, tcp: &Message) -> bool {
    let sections = [Section::Answer, Section::Authority, Section::Additional];
    sections.into_iter().all(|section| {
        let (part, whole) = (udp.section(section), tcp.section(section));
        let holds = part.iter().all(|(key, set)| {
            whole
                .get(key)
                .is_some_and(|all| all.ttl == set.ttl && set.data.is_subset(&all.data))
        });
        holds && (udp.is_truncated() || section == Section::Additional || part == whole)
    })
}
