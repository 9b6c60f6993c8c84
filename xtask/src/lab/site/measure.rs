//! What a log of queries tells: losses, wrong answers, who answered how much, which flows moved.
//!
//! All of it is arithmetic on [`Asked`]; this file does not know what was played.

use super::load::Asked;
use super::query::By;
use std::collections::BTreeMap;
use std::time::Duration;

/// A span of time, from the start of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Its begin.
    pub(super) from: Duration,
    /// Its end.
    pub(super) to: Duration,
}

impl Span {
    /// From a time on.
    pub(super) fn since(from: Duration) -> Span {
        let to = Duration::MAX;
        Span { from, to }
    }

    /// Whether a time is in it.
    pub(super) fn has(self, at: Duration) -> bool {
        at >= self.from && at < self.to
    }
}

/// What became of some queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    /// Queries.
    pub(super) asked: usize,
    /// Without a response.
    pub(super) lost: usize,
    /// With a response that is wrong.
    pub(super) wrong: usize,
    /// When the last was sent that is lost.
    pub(super) last_lost: Option<Duration>,
    /// When the first wrong response came.
    pub(super) first_wrong: Option<Duration>,
    /// When the last wrong response came.
    pub(super) last_wrong: Option<Duration>,
}

/// What became of those that were sent in a span.
pub(super) fn fate<'a>(asked: impl IntoIterator<Item = &'a Asked>, span: Span) -> Fate {
    let mut fate = Fate::default();
    for one in asked.into_iter().filter(|one| span.has(one.sent)) {
        fate.asked += 1;
        match one.answered {
            None => {
                fate.lost += 1;
                fate.last_lost = fate.last_lost.max(Some(one.sent));
            }
            Some((at, _)) if !one.is_right => {
                fate.wrong += 1;
                let first = fate.first_wrong.map_or(at, |first| first.min(at));
                fate.first_wrong = Some(first);
                fate.last_wrong = fate.last_wrong.max(Some(at));
            }
            Some(_) => {}
        }
    }
    fate
}

/// Queries of one family that were lost, and that one node had answered before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loss {
    /// To which service address, by its place in the list.
    pub(super) family: u8,
    /// Who had answered the same flows last; none for flows that nobody had.
    pub(super) before: Option<By>,
    /// How many.
    pub(super) lost: usize,
    /// When the first and the last of them were sent.
    pub(super) sent: [Duration; 2],
}

/// What was lost in a span, for each family and each that had answered until then.
pub(super) fn losses(asked: &[Asked], span: Span) -> Vec<Loss> {
    let mut answering: BTreeMap<u16, By> = BTreeMap::new();
    let mut losses: BTreeMap<(u8, Option<By>), Loss> = BTreeMap::new();
    for one in asked {
        if let Some((_, by)) = one.answered {
            answering.insert(one.flow, by);
        } else if span.has(one.sent) {
            let before = answering.get(&one.flow).copied();
            let loss = losses.entry((one.family, before)).or_insert(Loss {
                family: one.family,
                before,
                lost: 0,
                sent: [one.sent; 2],
            });
            loss.lost += 1;
            loss.sent[1] = one.sent;
        }
    }
    losses.into_values().collect()
}

/// How many each has answered.
pub(super) fn by_whom<'a>(asked: impl IntoIterator<Item = &'a Asked>) -> BTreeMap<By, usize> {
    let mut counts = BTreeMap::new();
    for (_, by) in asked.into_iter().filter_map(|one| one.answered) {
        *counts.entry(by).or_default() += 1;
    }
    counts
}

/// How far the share that is furthest from an even one is from it, in parts of an even one.
pub(super) fn unevenness(counts: &[usize]) -> f64 {
    let even = counts.iter().sum::<usize>() as f64 / counts.len().max(1) as f64;
    let off = counts.iter().map(|count| (*count as f64 - even).abs());
    off.fold(0.0, f64::max) / even.max(1.0)
}

/// Of the flows that were answered both times, the share that somebody else answered the second
/// time.
pub(super) fn moved(before: &[Option<By>], after: &[Option<By>]) -> f64 {
    let pairs = before.iter().zip(after);
    let both: Vec<(By, By)> = pairs.filter_map(|(one, next)| one.zip(*next)).collect();
    let moved = both.iter().filter(|(one, next)| one != next).count();
    moved as f64 / both.len().max(1) as f64
}

/// Responses a second by whom, in steps of so long, each at the middle of its step.
pub(super) fn rates(asked: &[Asked], span: Span, step: Duration) -> BTreeMap<By, Vec<(f64, f64)>> {
    let seconds = step.as_secs_f64();
    let steps = (span.to.saturating_sub(span.from).as_secs_f64() / seconds) as usize;
    let mut counts: BTreeMap<By, Vec<usize>> = BTreeMap::new();
    for one in asked {
        let Some((at, by)) = one.answered.filter(|(at, _)| span.has(*at)) else {
            continue;
        };
        let index = ((at - span.from).as_secs_f64() / seconds) as usize;
        let row = counts.entry(by).or_insert_with(|| vec![0; steps]);
        if let Some(count) = row.get_mut(index) {
            *count += 1;
        }
    }
    let at = |index: usize| (index as f64 + 0.5) * seconds;
    let line = |row: Vec<usize>| {
        let points = row.into_iter().enumerate();
        points
            .map(|(index, count)| (at(index), count as f64 / seconds))
            .collect()
    };
    { counts.into_iter() }
        .map(|(by, row)| (by, line(row)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::plan::Place;
    use super::*;

    const N1: By = By::Node(Place::N1);
    const N2: By = By::Node(Place::N2);

    fn asked(sent: u64, answered: Option<(u64, By)>, is_right: bool) -> Asked {
        Asked {
            flow: 0,
            family: 0,
            sent: Duration::from_millis(sent),
            answered: answered.map(|(at, by)| (Duration::from_millis(at), by)),
            is_right,
        }
    }

    #[test]
    fn losses_and_wrong_answers_are_told_apart() {
        let log = [
            asked(0, Some((1, N1)), true),
            asked(10, None, false),
            asked(20, Some((22, By::Falsifier)), false),
            asked(30, Some((31, By::Falsifier)), false),
            asked(40, None, false),
        ];
        let fate = fate(&log, Span::since(Duration::from_millis(5)));
        let ms = Duration::from_millis;
        assert_eq!((fate.asked, fate.lost, fate.wrong), (4, 2, 2));
        assert_eq!(fate.last_lost, Some(ms(40)));
        assert_eq!(
            (fate.first_wrong, fate.last_wrong),
            (Some(ms(22)), Some(ms(31)))
        );
    }

    #[test]
    fn losses_are_told_by_who_had_answered_before() {
        let log = [
            asked(0, Some((1, N1)), true),
            asked(10, None, false),
            asked(20, None, false),
            asked(30, Some((31, N2)), true),
            asked(40, None, false),
        ];
        let ms = Duration::from_millis;
        let told = losses(&log, Span::since(ms(5)));
        let told: Vec<_> = { told.iter() }
            .map(|loss| (loss.before, loss.lost, loss.sent.map(|at| at.as_millis())))
            .collect();
        assert_eq!(told, [(Some(N1), 2, [10, 20]), (Some(N2), 1, [40, 40])]);
    }

    #[test]
    fn unevenness_is_that_of_the_worst_share() {
        assert!((unevenness(&[100, 100, 110, 90]) - 0.1).abs() < 1e-9);
        assert!(unevenness(&[5, 5]).abs() < 1e-9);
    }

    #[test]
    fn a_flow_that_was_not_answered_has_not_moved() {
        let before = [Some(N1), Some(N1), None, Some(N2)];
        let after = [Some(N1), Some(N2), Some(N2), Some(N2)];
        assert!((moved(&before, &after) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn rates_are_those_of_responses() {
        let log = [
            asked(0, Some((100, N1)), true),
            asked(0, Some((600, N1)), true),
            asked(0, Some((700, N1)), true),
        ];
        let span = Span {
            from: Duration::ZERO,
            to: Duration::from_secs(1),
        };
        let rates = rates(&log, span, Duration::from_millis(500));
        assert_eq!(rates[&N1], [(0.25, 2.0), (0.75, 4.0)]);
    }
}
