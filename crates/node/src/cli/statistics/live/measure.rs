//! What two replies of a server are apart, as rates.

use crate::control::v1::{Messages, Stats, Top};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// One measurement, as `--output json` prints it. All numbers are of one second, but for means and
/// what is said to be otherwise.
#[derive(Debug, Serialize)]
pub(super) struct Measurement {
    pub(super) schema: &'static str,
    /// When it ended.
    pub(super) at: String,
    /// How long the server has run.
    pub(super) uptime_seconds: u64,
    /// How long it was measured.
    pub(super) measured_ms: u64,
    /// Whether the server was started while it was measured: then it is from its start on.
    pub(super) restarted: bool,
    /// Over all flows.
    pub(super) queries: f64,
    pub(super) responses: f64,
    /// Messages by transport and family.
    pub(super) flows: BTreeMap<String, Rates>,
    /// Responses by the number of their RCODE.
    pub(super) rcodes: BTreeMap<String, f64>,
    /// Messages by what became of them.
    pub(super) kinds: BTreeMap<String, f64>,
    /// Messages that were not answered, or not in full, and responses that were not sent, by reason.
    pub(super) held_back: BTreeMap<String, f64>,
    /// Queries that the kernel dropped, by reason.
    pub(super) lost: BTreeMap<&'static str, f64>,
    /// TCP connections of now.
    pub(super) connections_open: u64,
    /// Who asks most, and for what, where the server looks at it.
    pub(super) top: Option<Top>,
}

/// What one flow has in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Rates {
    pub(super) queries: f64,
    pub(super) responses: f64,
    pub(super) truncated: f64,
    /// Octets of a query and of a response in the mean.
    pub(super) query_octets_mean: f64,
    pub(super) response_octets_mean: f64,
}

impl Measurement {
    /// What came between two replies that are so far apart.
    pub(super) fn new(before: &Stats, now: &Stats, passed: Duration, top: Option<Top>) -> Self {
        let restarted =
            now.uptime_seconds < before.uptime_seconds || received(now) < received(before);
        let nothing = Stats::default();
        let (before, passed) = match restarted {
            true => (&nothing, Duration::from_secs(now.uptime_seconds.max(1))),
            false => (before, passed),
        };
        let rate = |before: u64, now: u64| {
            now.saturating_sub(before) as f64 / passed.as_secs_f64().max(0.001)
        };
        let flows = flows(before, now, rate);
        let of = |of: fn(&Messages) -> &BTreeMap<String, u64>| {
            rates(&summed(before, of), &summed(now, of), rate)
        };
        let held_back = [&before.defence, &before.unsent].map(held);
        let held_back = rates(
            &held_back.concat(),
            &[&now.defence, &now.unsent].map(held).concat(),
            rate,
        );
        Measurement {
            schema: "imrs.stats-live/1",
            at: crate::clock::rfc3339(crate::clock::present()),
            uptime_seconds: now.uptime_seconds,
            measured_ms: passed.as_millis() as u64,
            restarted,
            queries: flows.values().map(|flow| flow.queries).sum(),
            responses: flows.values().map(|flow| flow.responses).sum(),
            flows,
            rcodes: of(|messages| &messages.rcodes),
            kinds: of(|messages| &messages.kinds),
            held_back,
            lost: BTreeMap::from([
                (
                    "a full queue",
                    rate(before.kernel_dropped, now.kernel_dropped),
                ),
                (
                    "filter, condemned",
                    rate(before.filtered_condemned, now.filtered_condemned),
                ),
                (
                    "filter, shed",
                    rate(before.filtered_shed, now.filtered_shed),
                ),
            ]),
            connections_open: now.connections.get("open").copied().unwrap_or(0),
            top,
        }
    }
}

fn received(stats: &Stats) -> u64 {
    stats
        .messages
        .values()
        .map(|messages| messages.received)
        .sum()
}

fn flows(before: &Stats, now: &Stats, rate: impl Fn(u64, u64) -> f64) -> BTreeMap<String, Rates> {
    let nothing = Messages::default();
    let flow = |(name, now): (&String, &Messages)| {
        let before = before.messages.get(name).unwrap_or(&nothing);
        let mean = |octets: [u64; 2], messages: [u64; 2]| {
            let [octets, messages] = [octets, messages].map(|[then, now]| now.saturating_sub(then));
            octets as f64 / messages.max(1) as f64
        };
        let queries = [before.received, now.received];
        let responses = [before.responses, now.responses];
        let rates = Rates {
            queries: rate(before.received, now.received),
            responses: rate(before.responses, now.responses),
            truncated: rate(before.truncated, now.truncated),
            query_octets_mean: mean([before.received_octets, now.received_octets], queries),
            response_octets_mean: mean([before.response_octets, now.response_octets], responses),
        };
        (name.clone(), rates)
    };
    now.messages.iter().map(flow).collect()
}

/// Counts by name over all flows.
fn summed(stats: &Stats, of: impl Fn(&Messages) -> &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut sums: BTreeMap<&String, u64> = BTreeMap::new();
    for (name, count) in stats.messages.values().flat_map(of) {
        *sums.entry(name).or_default() += count;
    }
    sums.into_iter()
        .map(|(name, sum)| (name.clone(), sum))
        .collect()
}

/// What is held back among counts; queries with cookies are not.
fn held(counts: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let is_held = |name: &&String| !matches!(name.as_str(), "cookies" | "bad-cookies" | "noted");
    let held = counts.keys().filter(is_held);
    held.map(|name| (name.clone(), counts.get(name).copied().unwrap_or(0)))
        .collect()
}

fn rates(
    before: &[(String, u64)],
    now: &[(String, u64)],
    rate: impl Fn(u64, u64) -> f64,
) -> BTreeMap<String, f64> {
    let before: BTreeMap<&String, u64> =
        before.iter().map(|(name, count)| (name, *count)).collect();
    now.iter()
        .map(|(name, count)| {
            let before = before.get(name).copied().unwrap_or(0);
            (name.clone(), rate(before, *count))
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Measurement, Rates};
    use crate::control::v1::{Messages, Stats};
    use std::collections::BTreeMap;
    use std::time::Duration;

    /// A server's counts after it answered so many queries over UDP, a third of them NOERROR.
    pub(in super::super) fn stats(uptime_seconds: u64, queries: u64) -> Stats {
        let named = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
            counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect()
        };
        let udp = Messages {
            received: queries,
            received_octets: queries * 40,
            responses: queries,
            response_octets: queries * 700,
            truncated: queries / 10,
            kinds: named(&[
                ("answer", queries / 3),
                ("nxdomain", queries * 2 / 3),
                ("dropped", 0),
            ]),
            rcodes: named(&[("0", queries / 3), ("3", queries * 2 / 3)]),
        };
        Stats {
            uptime_seconds,
            messages: BTreeMap::from([
                ("udp-ipv4".to_owned(), udp),
                ("tcp-ipv6".to_owned(), Messages::default()),
            ]),
            defence: named(&[("limited", queries / 5), ("cookies", queries)]),
            unsent: named(&[("buffer-full", queries / 50)]),
            connections: named(&[("open", 7)]),
            kernel_dropped: queries / 2,
            ..Stats::default()
        }
    }

    pub(in super::super) fn measured(before: &Stats, now: &Stats, seconds: u64) -> Measurement {
        Measurement::new(before, now, Duration::from_secs(seconds), None)
    }

    #[test]
    fn rates_are_the_difference_of_two_replies_by_the_time_between() {
        let found = measured(&stats(100, 300), &stats(102, 900), 2);
        assert_eq!(
            (found.queries, found.responses, found.restarted),
            (300.0, 300.0, false)
        );
        let udp = Rates {
            queries: 300.0,
            responses: 300.0,
            truncated: 30.0,
            query_octets_mean: 40.0,
            response_octets_mean: 700.0,
        };
        assert_eq!(found.flows["udp-ipv4"], udp);
        assert_eq!(found.flows["tcp-ipv6"], Rates::default());
        assert_eq!((found.rcodes["0"], found.rcodes["3"]), (100.0, 200.0));
        assert_eq!(
            (found.kinds["answer"], found.kinds["dropped"]),
            (100.0, 0.0)
        );
        assert_eq!(found.held_back["limited"], 60.0);
        assert_eq!(found.held_back["buffer-full"], 6.0);
        // Who shows a cookie is not held back.
        assert_eq!(found.held_back.len(), 2);
        assert_eq!(found.lost["a full queue"], 150.0);
        assert_eq!(found.connections_open, 7);
    }

    #[test]
    fn a_server_that_was_started_anew_is_measured_from_its_start() {
        let found = measured(&stats(100, 900), &stats(3, 600), 10);
        assert_eq!((found.queries, found.restarted), (200.0, true));
        assert_eq!(found.measured_ms, 3000);
        let found = measured(&stats(3, 900), &stats(4, 600), 1);
        assert_eq!((found.queries, found.restarted), (150.0, true));
    }

    #[test]
    fn a_server_that_nobody_asks_has_rates_of_nothing() {
        let found = measured(&stats(100, 0), &stats(101, 0), 1);
        assert_eq!((found.queries, found.responses), (0.0, 0.0));
        assert_eq!(found.flows["udp-ipv4"], Rates::default());
        serde_json::to_string(&found).unwrap();
    }
}
