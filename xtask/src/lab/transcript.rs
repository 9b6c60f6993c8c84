//! What happened, when: printed while it happens, and as a table at the end.

use super::load::{Asked, PATIENCE};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The story of a run.
#[derive(Debug)]
pub(super) struct Transcript {
    /// When it began.
    pub(super) start: Instant,
    scenes: Vec<Scene>,
    told: Mutex<Vec<Told>>,
}

/// Something that was told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// When.
    pub(super) at: Duration,
    /// Of whom.
    pub(super) who: String,
    /// What.
    pub(super) what: String,
}

/// One part of it.
#[derive(Debug)]
struct Scene {
    name: &'static str,
    from: Duration,
    to: Duration,
    /// Whether the server was down in it on purpose.
    is_window: bool,
}

/// What became of the queries of some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Queries sent.
    pub(super) asked: usize,
    /// Those without a response.
    pub(super) lost: usize,
    /// Those with a response that is wrong.
    pub(super) wrong: usize,
    /// Half of the responses took less.
    pub(super) median: Duration,
    /// All but a hundredth of the responses took less.
    pub(super) p99: Duration,
    /// The slowest response.
    pub(super) slowest: Duration,
}

impl Transcript {
    /// Begins now.
    pub(super) fn new() -> Transcript {
        println!("{:>9}  {:<10} what", "time", "who");
        Transcript {
            start: Instant::now(),
            scenes: Vec::new(),
            told: Mutex::default(),
        }
    }

    /// Tells that something happened just now.
    pub(super) fn tell(&self, who: &str, what: &str) {
        let at = self.start.elapsed();
        println!("{:>7.3} s  {who:<10} {what}", at.as_secs_f64());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (who, what) = (who.to_owned(), what.to_owned());
        told.push(Told { at, who, what });
    }

    /// All that was told since a time.
    pub(super) fn told_since(&self, since: Duration) -> Vec<Told> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|one| one.at >= since).cloned().collect()
    }

    /// From here on, things belong to a scene of this name.
    pub(super) fn scene(&mut self, name: &'static str) {
        self.begin(name, false);
    }

    /// From here on the server is down on purpose.
    pub(super) fn window(&mut self, name: &'static str) {
        self.begin(name, true);
    }

    fn begin(&mut self, name: &'static str, is_window: bool) {
        let now = self.start.elapsed();
        if let Some(last) = self.scenes.last_mut() {
            last.to = now;
        }
        println!("{:>9}  {name}", "");
        self.scenes.push(Scene {
            name,
            from: now,
            to: Duration::MAX,
            is_window,
        });
    }

    /// The table of all scenes. Gives how many queries were lost or answered wrongly while the
    /// server was meant to run.
    pub(super) fn table(&self, log: &[Asked]) -> usize {
        println!(
            "\n{:<28}{:>8}{:>7}{:>7}{:>11}{:>11}{:>11}",
            "scene", "queries", "lost", "wrong", "median ms", "p99 ms", "slowest ms"
        );
        let mut harmed = 0;
        for scene in &self.scenes {
            let tally = tally(log, scene.from, scene.to);
            let note = if scene.is_window { "  server down" } else { "" };
            let ms = |duration: Duration| duration.as_secs_f64() * 1e3;
            println!(
                "{:<28}{:>8}{:>7}{:>7}{:>11.3}{:>11.3}{:>11.3}{note}",
                scene.name,
                tally.asked,
                tally.lost,
                tally.wrong,
                ms(tally.median),
                ms(tally.p99),
                ms(tally.slowest)
            );
            if !scene.is_window {
                harmed += tally.lost + tally.wrong;
            }
        }
        harmed
    }
}

/// What became of the queries that were sent in a span of time.
pub(super) fn tally(log: &[Asked], from: Duration, to: Duration) -> Tally {
    let newest = log.iter().map(|asked| asked.sent).max().unwrap_or_default();
    // What may still be answered is not counted.
    let known = newest.saturating_sub(PATIENCE);
    let span = log
        .iter()
        .filter(|asked| asked.sent >= from && asked.sent < to && asked.sent <= known);
    let mut tally = Tally::default();
    let mut times = Vec::new();
    for asked in span {
        tally.asked += 1;
        match asked.answered {
            None => tally.lost += 1,
            Some(answered) => times.push(answered.saturating_sub(asked.sent)),
        }
        tally.wrong += usize::from(asked.answered.is_some() && !asked.is_right);
    }
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 100).copied();
    tally.median = at(50).unwrap_or_default();
    tally.p99 = at(99).unwrap_or_default();
    tally.slowest = times.last().copied().unwrap_or_default();
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(sent: u64, answered: Option<u64>) -> Asked {
        Asked {
            flow: 0,
            sent: Duration::from_millis(sent),
            answered: answered.map(Duration::from_millis),
            is_right: true,
            serial: None,
        }
    }

    #[test]
    fn what_may_still_be_answered_is_not_lost() {
        let log = [
            asked(0, Some(1)),
            asked(10, None),
            asked(20, Some(22)),
            asked(3000, None),
        ];
        let tally = tally(&log, Duration::ZERO, Duration::MAX);
        assert_eq!((tally.asked, tally.lost), (3, 1));
        assert_eq!(tally.slowest, Duration::from_millis(2));
    }
}
