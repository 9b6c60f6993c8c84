//! What was counted, in the words of the control socket.

use super::captures;
use super::node::Node;
use crate::accounting::{Accounting, Books, Keeping, Standing, Statistics};
use crate::control::v1;
use crate::encrypted::{self, Encrypted};
use crate::transport::{Connections, Counters, Defended, Messages, RCODES, Running, Unsent};
use imrs_engine::Kind;
use imrs_telemetry::counts::Transport;
use imrs_telemetry::day::Lost;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// Keeps what is counted, day by day; where this node `follows` another, on from where that one
/// ends.
pub(super) fn keep(
    keeping: &Keeping,
    accounting: Arc<Accounting>,
    running: &Running,
    pinned: usize,
    follows: bool,
) -> io::Result<Statistics> {
    let meters = running.meters().clone();
    let books = move || {
        let counters = meters.read();
        let lost = Lost {
            queue: counters.kernel_dropped,
            filter: counters.filtered_condemned + counters.filtered_shed,
        };
        (books(&counters, meters.in_hand()), lost)
    };
    Statistics::start(keeping, accounting, Box::new(books), pinned, follows)
}

/// What the workers count of the messages that they decide about.
fn books(counters: &Counters, in_hand: u64) -> Books {
    let Counters {
        udp_ipv4,
        udp_ipv6,
        tcp_ipv4,
        tcp_ipv6,
        unsent,
        ..
    } = counters;
    Books {
        received: counters.udp_received() + counters.tcp_received(),
        dropped: counters.defence.dropped(),
        composed_udp: udp_ipv4.responses + udp_ipv6.responses,
        composed_tcp: tcp_ipv4.responses + tcp_ipv6.responses,
        unsent: unsent.buffer_full + unsent.unreachable + unsent.forbidden + unsent.other,
        in_hand,
    }
}

/// What was counted.
pub(super) fn stats(node: &Node) -> v1::Stats {
    let counters = node.running.counters();
    let Counters {
        udp_ipv4,
        udp_ipv6,
        tcp_ipv4,
        tcp_ipv6,
        ..
    } = &counters;
    let encrypted = node.encrypted.as_ref().map(Encrypted::counters);
    let over = |counted: &encrypted::Counters| {
        [
            ("tls-ipv4", counted.tls_ipv4),
            ("tls-ipv6", counted.tls_ipv6),
            ("quic-ipv4", counted.quic_ipv4),
            ("quic-ipv6", counted.quic_ipv6),
        ]
    };
    let over = encrypted.iter().flat_map(over);
    v1::Stats {
        uptime_seconds: node.started.elapsed().as_secs(),
        messages: [
            ("udp-ipv4", udp_ipv4),
            ("udp-ipv6", udp_ipv6),
            ("tcp-ipv4", tcp_ipv4),
            ("tcp-ipv6", tcp_ipv6),
        ]
        .into_iter()
        .map(|(name, counted)| (name.to_owned(), messages(counted)))
        .chain(over.map(|(name, counted)| (name.to_owned(), messages(&counted))))
        .collect(),
        encrypted: encrypted
            .as_ref()
            .map_or(BTreeMap::new(), encrypted_connections),
        unsent: unsent(&counters.unsent),
        connections: connections(&counters.connections),
        transfers: transfers(node),
        defence: defence(&counters.defence),
        kernel_dropped: counters.kernel_dropped,
        filtered_condemned: counters.filtered_condemned,
        filtered_shed: counters.filtered_shed,
        longest_turn_us: counters.longest_turn_us,
        captures: captures::told(&node.captures),
        delays: delays(node),
        accounts: Some(Box::new(accounts(&node.statistics.standing()))),
    }
}

fn delays(node: &Node) -> BTreeMap<String, v1::Delays> {
    let named = ["udp", "tcp", "tls", "quic"]
        .into_iter()
        .zip(Transport::ALL);
    let delays = named.map(|(name, over)| (name.to_owned(), node.statistics.delays(over).into()));
    delays
        .filter(|(_, delays): &(String, v1::Delays)| delays.count > 0)
        .collect()
}

fn accounts(standing: &Standing) -> v1::Accounts {
    let [ipv4, ipv6, prefixes] = standing.sources;
    let (gaps, gap_seconds) = standing.gaps;
    v1::Accounts {
        day: standing.today.to_string(),
        sources_ipv4: ipv4.into(),
        sources_ipv6: ipv6.into(),
        sources_ipv6_prefixes: prefixes.into(),
        sources_missed: standing.sources_missed,
        gaps,
        gap_seconds,
        sealed: standing.sealed.map(|day| day.to_string()),
        unexplained_messages: standing.balance.unexplained,
        unrecorded_responses: standing.balance.unrecorded,
    }
}

/// What of the statistics needs attention.
pub(super) fn attention(node: &Node) -> Vec<String> {
    let standing = node.statistics.standing();
    let trouble = { standing.trouble.as_ref() }
        .map(|trouble| format!("statistics are counted and not kept: {trouble}"));
    let balance = (!standing.balance.holds())
        .then(|| format!("what is counted does not agree: {}", standing.balance));
    let (clock, today) = (standing.clock, standing.today);
    let ahead = (today > clock).then(|| {
        format!(
            "the clock shows {clock}, which is sealed already or before a day that is: what is counted stands \
             under {today}; if the clock is right, move the day files of {clock} and later out of `sealed` \
             and restart"
        )
    });
    { trouble.into_iter().chain(balance) }
        .chain(ahead)
        .collect()
}

/// What was asked beside queries.
fn transfers(node: &Node) -> BTreeMap<String, u64> {
    let counted = node.outbound.desk().counted().into_iter();
    counted
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

fn messages(counted: &Messages) -> v1::Messages {
    let rcode = |number: usize| match number {
        last if last == RCODES - 1 => "other".to_owned(),
        number => number.to_string(),
    };
    let occurred = counted
        .rcodes
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0);
    v1::Messages {
        received: counted.received,
        received_octets: counted.received_octets,
        responses: counted.responses,
        response_octets: counted.response_octets,
        truncated: counted.truncated,
        kinds: [
            ("dropped", Kind::Dropped),
            ("answer", Kind::Answer),
            ("referral", Kind::Referral),
            ("nodata", Kind::NoData),
            ("nxdomain", Kind::NxDomain),
            ("error", Kind::Error),
        ]
        .map(|(name, kind)| (name.to_owned(), counted.of_kind(kind)))
        .into(),
        rcodes: occurred
            .map(|(number, count)| (rcode(number), *count))
            .collect(),
    }
}

fn unsent(counted: &Unsent) -> BTreeMap<String, u64> {
    let Unsent {
        buffer_full,
        unreachable,
        forbidden,
        other,
    } = *counted;
    named([
        ("buffer-full", buffer_full),
        ("unreachable", unreachable),
        ("forbidden", forbidden),
        ("other", other),
    ])
}

fn defence(counted: &Defended) -> BTreeMap<String, u64> {
    let Defended {
        limited,
        slipped,
        noted,
        deferred,
        shed,
        blocked,
        headless,
        ignored,
        cookies,
        bad_cookies,
    } = *counted;
    named([
        ("limited", limited),
        ("slipped", slipped),
        ("noted", noted),
        ("deferred", deferred),
        ("shed", shed),
        ("blocked", blocked),
        ("headless", headless),
        ("ignored", ignored),
        ("cookies", cookies),
        ("bad-cookies", bad_cookies),
    ])
}

fn connections(counted: &Connections) -> BTreeMap<String, u64> {
    let open = counted.open();
    let Connections {
        opened,
        refused,
        refused_prefix,
        blocked,
        limited,
        shed,
        exhausted,
        ended,
        broken,
        ..
    } = *counted;
    let Connections {
        idle,
        unfinished,
        unread,
        evicted,
        overheld,
        overspent,
        stopped,
        handed_over,
        ..
    } = *counted;
    named([
        ("open", open),
        ("opened", opened),
        ("refused", refused),
        ("refused-prefix", refused_prefix),
        ("blocked", blocked),
        ("limited", limited),
        ("shed", shed),
        ("exhausted", exhausted),
        ("ended", ended),
        ("broken", broken),
        ("idle", idle),
        ("unfinished", unfinished),
        ("unread", unread),
        ("evicted", evicted),
        ("overheld", overheld),
        ("overspent", overspent),
        ("stopped", stopped),
        ("handed-over", handed_over),
    ])
}

/// What became of encrypted connections; none where there is no listener for them.
fn encrypted_connections(counted: &encrypted::Counters) -> BTreeMap<String, u64> {
    let over = [("tls", &counted.tls), ("quic", &counted.quic)].into_iter();
    over.flat_map(|(over, connections)| {
        let named = connections.named().into_iter();
        named.map(move |(name, count)| (format!("{over}-{name}"), count))
    })
    .collect()
}

fn named<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.map(|(name, count)| (name.to_owned(), count)).into()
}
