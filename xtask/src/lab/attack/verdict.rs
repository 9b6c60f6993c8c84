//! Whether what has to hold for imrs holds, beside what the others reached.
//!
//! Start reading at [`verdicts`].

use super::outcome::{Span, Story, Success};
use super::resolver::Class;
use super::scene::{Attack, Bound};
use std::time::Duration;

/// A sentence about a bound, and whether it holds.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) holds: bool,
    pub(super) sentence: String,
}

/// What imrs has to hold.
pub(super) fn verdicts(imrs: &Story, peers: &[&Story]) -> Vec<Verdict> {
    let of = |span| verdicts_of(imrs, span, peers);
    imrs.spans.iter().flat_map(of).collect()
}

fn verdicts_of(imrs: &Story, span: &Span, peers: &[&Story]) -> Vec<Verdict> {
    let name = &span.scene.name;
    let mut verdicts = match span.scene.bound {
        Bound::Told => Vec::new(),
        Bound::Answered => {
            let share = |class| imrs.in_scene(&[class], span).share();
            let (with, without) = (share(Class::Cookied), share(Class::Uncookied));
            vec![
                at_least(name, "known resolvers with cookies", with, 0.999),
                at_least(name, "known resolvers without", without, 0.99),
            ]
        }
        Bound::Ahead => ahead(imrs, span, peers),
        Bound::Amplification => {
            let reached = imrs.means(span).amplification;
            let told = reached.map_or("not seen".to_owned(), |reached| format!("{reached:.2}"));
            vec![Verdict {
                holds: reached.is_some_and(|reached| reached < AMPLIFICATION),
                sentence: format!("{name}: amplification {told}, below {AMPLIFICATION}"),
            }]
        }
        Bound::Tcp => {
            let success = imrs.in_scene(&[Class::Tcp], span);
            let p99_ms = success.p99.as_secs_f64() * 1e3;
            vec![
                at_least(name, "new clients by TCP", success.share(), 0.999),
                Verdict {
                    holds: success.answered > 0 && success.p99 < TCP_P99,
                    sentence: format!("{name}: p99 by TCP {p99_ms:.1} ms, below 50 ms"),
                },
            ]
        }
        Bound::Flat => flat(imrs, span).into_iter().collect(),
    };
    verdicts.extend(offered(imrs, span));
    verdicts.extend(calm(span));
    verdicts.push(accounts(span));
    verdicts
}

fn at_least(scene: &str, what: &str, reached: f64, wanted: f64) -> Verdict {
    Verdict {
        holds: reached >= wanted,
        sentence: format!(
            "{scene}: {what} {:.2} %, at least {:.2} %",
            reached * 100.0,
            wanted * 100.0
        ),
    }
}

/// Whether the attack was as strong as it was to be: otherwise a bound says nothing.
fn offered(imrs: &Story, span: &Span) -> Option<Verdict> {
    let (Attack::Flood(_, wanted) | Attack::Mixed(wanted)) = span.scene.attack else {
        return None;
    };
    let reached = imrs.means(span).offered;
    (span.scene.bound != Bound::Told).then(|| Verdict {
        holds: reached >= f64::from(wanted) * STRONG,
        sentence: format!(
            "{}: {reached:.0} a second offered, of {wanted} wanted at least 90 %",
            span.scene.name
        ),
    })
}

/// Whether the machine was calm: otherwise the scene is about what else ran on it.
fn calm(span: &Span) -> Option<Verdict> {
    (span.scene.bound != Bound::Told).then(|| Verdict {
        holds: span.background <= NOISE_MOST,
        sentence: format!(
            "{}: {:.0} % of the core went to the background of the machine, at most {:.0} %",
            span.scene.name,
            span.background * 100.0,
            NOISE_MOST * 100.0
        ),
    })
}

/// Beside each peer at the same rate, and where it was tried, at the same multiple of its own.
fn ahead(imrs: &Story, span: &Span, peers: &[&Story]) -> Vec<Verdict> {
    let name = &span.scene.name;
    let own = name.replace("nxdomain ", "nxdomain own ");
    let ours = imrs.known(span);
    let mut verdicts = Vec::new();
    for peer in peers {
        let same = |wanted: &str| {
            let mut spans = peer.spans.iter();
            spans.find(|other| other.scene.name == *wanted)
        };
        let same_rate = same(name).map(|other| ("the same rate", other));
        let own_rate = same(&own).filter(|_| own != *name);
        let own_rate = own_rate.map(|other| ("the same multiple of its own point", other));
        for (at, other) in same_rate.into_iter().chain(own_rate) {
            let what = format!("{} at {at}", peer.name);
            verdicts.push(beside(name, ours, &what, peer.known(other)));
        }
    }
    verdicts
}

fn beside(scene: &str, ours: Success, what: &str, theirs: Success) -> Verdict {
    let per_cent = |share: f64| share * 100.0;
    let wanted = AHEAD * theirs.share();
    let mut sentence = format!(
        "{scene}: known resolvers {:.2} %, at least 1.3 times the {:.2} % of {what}",
        per_cent(ours.share()),
        per_cent(theirs.share())
    );
    if wanted > MOST {
        sentence += &format!(
            ", but no more than {:.1} %; at the first try {:.2} %, and {:.2} % there",
            per_cent(MOST),
            per_cent(ours.at_once()),
            per_cent(theirs.at_once())
        );
    }
    Verdict {
        holds: ours.share() >= wanted.min(MOST),
        sentence,
    }
}

/// The highest that was resident in the last third of a long attack, beside the first third.
fn flat(imrs: &Story, span: &Span) -> Option<Verdict> {
    let settled = span.from + span.scene.settling;
    let third = span.to.saturating_sub(settled) / 3;
    let most = |from: Duration, to: Duration| {
        let samples = imrs.memory.iter();
        let within = samples.filter(|(at, _)| *at >= from && *at <= to);
        within.map(|(_, octets)| *octets).max()
    };
    let first = most(settled, settled + third)?;
    let last = most(span.to.saturating_sub(third), span.to)?;
    let mib = |octets: u64| octets as f64 / f64::from(1 << 20);
    Some(Verdict {
        holds: last <= first + first / NOISE,
        sentence: format!(
            "{}: resident {:.2} MiB at most in the first third and {:.2} MiB in the last, after {} s: grown by less than 1 %",
            span.scene.name,
            mib(first),
            mib(last),
            span.scene.settling.as_secs()
        ),
    })
}

fn accounts(span: &Span) -> Verdict {
    let account = &span.account;
    let open: Vec<String> = account
        .open()
        .map(|gap| format!("{} {}", gap.count, gap.name))
        .collect();
    let told = if account.told.is_none() {
        "the server did not tell".to_owned()
    } else if open.is_empty() {
        "nothing is left over".to_owned()
    } else {
        open.join(", ")
    };
    Verdict {
        holds: account.told.is_some() && open.is_empty(),
        sentence: format!(
            "{}: accounts of {} datagrams: {told}",
            span.scene.name, account.sent
        ),
    }
}

/// The part of an attack that has to be there.
const STRONG: f64 = 0.9;

/// The part of the server's core that may go elsewhere.
const NOISE_MOST: f64 = 0.05;

/// How far ahead of the peers imrs is to be.
const AHEAD: f64 = 1.3;

/// Where 1.3 times as much is more than all, this much of all is wanted.
const MOST: f64 = 0.999;

/// The amplification that has to be kept below.
const AMPLIFICATION: f64 = 1.5;

/// The time that has to be kept below.
const TCP_P99: Duration = Duration::from_millis(50);

/// Resident memory that differs by a smaller part than one in so many has not grown.
const NOISE: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn success(answered: usize) -> Success {
        Success {
            asked: 1000,
            answered,
            ..Success::default()
        }
    }

    fn check(ours: usize, theirs: usize, expected: bool) {
        let verdict = beside("scene", success(ours), "peer", success(theirs));
        assert_eq!(verdict.holds, expected, "{}", verdict.sentence);
    }

    #[test]
    fn imrs_is_to_be_ahead_by_a_third_as_far_as_that_is_possible() {
        check(650, 500, true);
        check(649, 500, false);
        check(999, 900, true);
        check(998, 900, false);
        check(0, 0, true);
    }
}
