//! What came of a scene: rates, success of the clients, amplification; and whether bounds hold.

use super::field::VICTIMS;
use super::meter::Point;
use super::resolver::{Asked, Class};
use super::scene::{Bound, Scene};
use std::collections::BTreeMap;
use std::time::Duration;

/// All that one server went through.
#[derive(Debug)]
pub(super) struct Story {
    /// Its name in tables.
    pub(super) name: &'static str,
    /// When each scene was.
    pub(super) spans: Vec<Span>,
    /// Sums, once a second.
    pub(super) points: Vec<Point>,
    /// What the clients asked.
    pub(super) log: Vec<Asked>,
    /// Resident octets before the first scene and after the last.
    pub(super) memory: (u64, u64),
}

/// When a scene was. Times count from the start of the clients.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) scene: Scene,
    pub(super) from: Duration,
    pub(super) to: Duration,
}

/// How clients of a class fared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Success {
    pub(super) asked: usize,
    pub(super) answered: usize,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

impl Success {
    /// The share of questions that were answered.
    pub(super) fn share(self) -> f64 {
        self.answered as f64 / self.asked.max(1) as f64
    }
}

/// Means of a scene, a second.
#[derive(Clone, Debug, Default)]
pub(super) struct Means {
    pub(super) offered: f64,
    pub(super) answered: f64,
    pub(super) queue_full: f64,
    pub(super) backlog_full: f64,
    pub(super) filtered: f64,
    pub(super) reasons: BTreeMap<String, f64>,
    /// The worst of the victims: octets received for each that was sent in its name.
    pub(super) amplification: Option<f64>,
}

impl Story {
    /// How a class fared that asked in a time.
    pub(super) fn success(&self, class: Class, from: Duration, to: Duration) -> Success {
        let asked = self
            .log
            .iter()
            .filter(|asked| asked.class == class && asked.at >= from && asked.at < to);
        let mut success = Success::default();
        let mut times = Vec::new();
        for asked in asked {
            success.asked += 1;
            times.extend(asked.latency);
        }
        success.answered = times.len();
        times.sort_unstable();
        let at = |part: usize| times.get(times.len() * part / 100).copied();
        success.p50 = at(50).unwrap_or_default();
        success.p99 = at(99).unwrap_or_default();
        success
    }

    /// The same of a scene: of those whose last try was still within it.
    pub(super) fn in_scene(&self, class: Class, span: &Span) -> Success {
        self.success(class, span.from, span.to.saturating_sub(TRIES))
    }

    /// Of all resolvers that asked by UDP first.
    pub(super) fn resolvers(&self, span: &Span) -> f64 {
        let [one, other] =
            [Class::Uncookied, Class::Cookied].map(|class| self.in_scene(class, span));
        (one.answered + other.answered) as f64 / (one.asked + other.asked).max(1) as f64
    }

    /// Means of a scene from its second on, when limits have come to rest.
    pub(super) fn means(&self, span: &Span) -> Means {
        let settled = span.from + SETTLING.min((span.to - span.from) / 3);
        let mut within = self
            .points
            .iter()
            .filter(|point| point.at >= settled && point.at <= span.to);
        let (Some(first), Some(last)) = (within.next(), within.next_back()) else {
            return Means::default();
        };
        means(first, last)
    }
}

/// Means between two points.
pub(super) fn means(first: &Point, last: &Point) -> Means {
    let seconds = last.at.saturating_sub(first.at).as_secs_f64().max(1e-3);
    let rate = |last: u64, first: u64| last.saturating_sub(first) as f64 / seconds;
    let answered = |point: &Point| {
        let victims = point.kernel.victims.iter().map(|victim| victim.packets);
        point.kernel.sent_to_spoofed + victims.sum::<u64>()
    };
    let amplification = (0..VICTIMS).filter_map(|number| {
        let sent = last.named[number].saturating_sub(first.named[number]);
        let (last, first) = (&last.kernel.victims[number], &first.kernel.victims[number]);
        let received = last.octets.saturating_sub(first.octets);
        (sent > 0).then(|| received as f64 / sent as f64)
    });
    let reasons = last.reasons.iter().map(|(name, count)| {
        let before = first.reasons.get(name).copied().unwrap_or(0);
        (name.clone(), rate(*count, before))
    });
    Means {
        offered: rate(last.offered, first.offered),
        answered: rate(answered(last), answered(first)),
        queue_full: rate(last.kernel.queue_full, first.kernel.queue_full),
        backlog_full: rate(last.kernel.backlog_full, first.kernel.backlog_full),
        filtered: rate(last.kernel.filtered, first.kernel.filtered),
        reasons: reasons.filter(|(_, rate)| *rate > 0.0).collect(),
        amplification: amplification.reduce(f64::max),
    }
}

/// A sentence about a bound, and whether it holds.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) holds: bool,
    pub(super) sentence: String,
}

/// What imrs has to hold, beside what the others reached.
pub(super) fn verdicts(imrs: &Story, peers: &[&Story]) -> Vec<Verdict> {
    imrs.spans
        .iter()
        .flat_map(|span| verdicts_of(imrs, span, peers))
        .collect()
}

fn verdicts_of(imrs: &Story, span: &Span, peers: &[&Story]) -> Vec<Verdict> {
    let at_least = |what: &str, reached: f64, wanted: f64| Verdict {
        holds: reached >= wanted,
        sentence: format!(
            "{}: {what} {:.2} %, at least {:.2} %",
            span.scene.name,
            reached * 100.0,
            wanted * 100.0
        ),
    };
    let share = |class| imrs.in_scene(class, span).share();
    match span.scene.bound {
        Bound::Told => Vec::new(),
        Bound::Answered => vec![
            at_least("resolvers with cookies", share(Class::Cookied), 0.999),
            at_least("resolvers without", share(Class::Uncookied), 0.99),
        ],
        Bound::Ahead => {
            let same = |story: &&Story| {
                // The slowest peer met the same rate under the name of its own multiple.
                let names = [
                    &span.scene.name[..],
                    span.scene.name.trim_end_matches(" slowest"),
                ];
                let mut found = names
                    .iter()
                    .filter_map(|name| story.spans.iter().find(|other| other.scene.name == **name));
                found
                    .next()
                    .map(|other| (story.name, story.resolvers(other)))
            };
            let reached = imrs.resolvers(span);
            peers
                .iter()
                .filter_map(same)
                .map(|(name, theirs)| {
                    let what = format!("resolvers, where {name} has {:.2} %:", theirs * 100.0);
                    at_least(&what, reached, (AHEAD * theirs).min(0.999))
                })
                .collect()
        }
        Bound::Amplification => {
            let reached = imrs.means(span).amplification.unwrap_or_default();
            vec![Verdict {
                holds: reached < AMPLIFICATION,
                sentence: format!(
                    "{}: amplification {reached:.2}, below {AMPLIFICATION}",
                    span.scene.name
                ),
            }]
        }
        Bound::Tcp => {
            let success = imrs.in_scene(Class::Tcp, span);
            let p99 = success.p99;
            vec![
                at_least("new clients by TCP", success.share(), 0.999),
                Verdict {
                    holds: success.answered > 0 && p99 < TCP_P99,
                    sentence: format!(
                        "{}: p99 by TCP {:.1} ms, below 50 ms",
                        span.scene.name,
                        p99.as_secs_f64() * 1e3
                    ),
                },
            ]
        }
    }
}

/// How far ahead of the peers imrs is to be.
const AHEAD: f64 = 1.3;

/// The amplification that has to be kept below.
const AMPLIFICATION: f64 = 1.5;

/// The time that has to be kept below.
const TCP_P99: Duration = Duration::from_millis(50);

/// From the first try to the end of the last: 376 + 752 + 1504 ms.
const TRIES: Duration = Duration::from_millis(2_632);

/// Time for limits to come to rest.
const SETTLING: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn point(at: u64, named: u64, received: u64) -> Point {
        let mut point = Point {
            at: Duration::from_secs(at),
            ..Point::default()
        };
        point.named[1] = named;
        point.kernel.victims[1].octets = received;
        point
    }

    #[test]
    fn amplification_is_of_the_octets_within_the_time() {
        let means = means(&point(10, 1_000, 5_000), &point(12, 3_000, 8_000));
        assert_eq!(means.amplification, Some(1.5));
    }

    #[test]
    fn whoever_is_not_named_is_no_victim() {
        assert_eq!(means(&point(0, 5, 0), &point(1, 5, 9)).amplification, None);
    }
}
