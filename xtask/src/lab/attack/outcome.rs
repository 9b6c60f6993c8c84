//! What came of a scene: rates, success of the clients, amplification, accounts.

use super::field::VICTIMS;
use super::ledger::Account;
use super::meter::Point;
use super::resolver::{Asked, Class, TRIES};
use super::scene::Scene;
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
    /// Resident octets at times since the start of the clients.
    pub(super) memory: Vec<(Duration, u64)>,
    /// Resolvers that were there before, keep cookies, and were given one; and all that keep them.
    pub(super) cookies: (usize, usize),
}

/// When a scene was. Times count from the start of the clients.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) scene: Scene,
    pub(super) from: Duration,
    pub(super) to: Duration,
    /// Of all datagrams, from before its beginning to some time after its end.
    pub(super) account: Account,
    /// The part of the time of the server's core that went to what runs in the background of the
    /// machine, or to other machines.
    pub(super) background: f64,
    /// Slow connections that were open at its end.
    pub(super) held: usize,
}

/// How clients of a class fared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Success {
    pub(super) asked: usize,
    pub(super) answered: usize,
    /// Answered at the first try.
    pub(super) at_once: usize,
    pub(super) p99: Duration,
}

impl Success {
    /// The share of questions that were answered.
    pub(super) fn share(self) -> f64 {
        self.answered as f64 / self.asked.max(1) as f64
    }

    /// The share of questions whose first try was answered.
    pub(super) fn at_once(self) -> f64 {
        self.at_once as f64 / self.asked.max(1) as f64
    }
}

/// Means of a scene, a second.
#[derive(Clone, Debug, Default)]
pub(super) struct Means {
    pub(super) offered: f64,
    pub(super) answered: f64,
    pub(super) queue_full: f64,
    /// Datagrams that met a full queue ahead of the server's interfaces.
    pub(super) link: f64,
    pub(super) filtered: f64,
    pub(super) reasons: BTreeMap<String, f64>,
    /// The worst of the victims: octets received for each that was sent in its name.
    pub(super) amplification: Option<f64>,
}

impl Story {
    /// How classes fared that asked in a time.
    pub(super) fn success(&self, classes: &[Class], from: Duration, to: Duration) -> Success {
        let asked = self
            .log
            .iter()
            .filter(|asked| classes.contains(&asked.class) && asked.at >= from && asked.at < to);
        let mut success = Success::default();
        let mut times = Vec::new();
        for asked in asked {
            success.asked += 1;
            success.at_once += usize::from(asked.at_once);
            times.extend(asked.latency);
        }
        success.answered = times.len();
        times.sort_unstable();
        let p99 = times.get(times.len() * 99 / 100).copied();
        success.p99 = p99.unwrap_or_default();
        success
    }

    /// The same of a scene: of those whose last try was still within it.
    pub(super) fn in_scene(&self, classes: &[Class], span: &Span) -> Success {
        self.success(classes, span.from, span.to.saturating_sub(TRIES))
    }

    /// Of all resolvers that were there before.
    pub(super) fn known(&self, span: &Span) -> Success {
        self.in_scene(&[Class::Cookied, Class::Uncookied], span)
    }

    /// Means of a scene once it has come to rest.
    pub(super) fn means(&self, span: &Span) -> Means {
        let settled = span.from + span.scene.settling;
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
        link: rate(last.link, first.link),
        filtered: rate(last.kernel.filtered, first.kernel.filtered),
        reasons: reasons.filter(|(_, rate)| *rate > 0.0).collect(),
        amplification: amplification.reduce(f64::max),
    }
}

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
