//! Spreads the checks of signatures over threads, and gathers the same result whatever their
//! number.

use super::Effort;
use super::failure::Unverified;
use super::keys::ZoneKey;
use super::signatures::{Checker, Task};
use crate::record::{Name, UnixTime};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Tasks that a thread takes at a time: few enough that threads end together, enough that they
/// do not meet at the counter.
const TASKS_PER_TURN: usize = 32;

/// What the good signatures of a zone add up to.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Good signatures.
    pub(super) signatures: usize,
    /// RRsets with a good signature.
    pub(super) rrsets: usize,
    /// Good signatures of each key.
    pub(super) by_key: Vec<usize>,
    /// RRsets that a key of the algorithm signed, for each algorithm.
    pub(super) by_algorithm: Vec<(u8, usize)>,
    /// When the first RRset loses its last signature, and which task that is.
    pub(super) expires: Option<(UnixTime, usize)>,
    /// The failure with the lowest number of a task.
    failure: Option<(usize, Unverified)>,
}

/// Checks all tasks. A failure is that of the first task that fails, in the order of `tasks`.
pub(super) fn check_all(
    apex: &Name,
    keys: &[ZoneKey],
    now: UnixTime,
    tasks: &[Task<'_>],
    effort: &Effort<'_>,
) -> Result<Tally, Unverified> {
    let total = tasks.iter().map(Task::signatures).sum();
    let shared = Shared {
        tasks,
        next: AtomicUsize::new(0),
        first_failure: AtomicUsize::new(usize::MAX),
        checked: AtomicUsize::new(0),
        total,
    };
    let work = || shared.work(Checker::new(apex, keys, now), keys, effort);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let turns = tasks.len().div_ceil(TASKS_PER_TURN).max(1);
        let others = effort.workers.get().min(turns) - 1;
        let threads: Vec<_> = (0..others)
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let own = work();
        // A thread only fails to join by a panic, which is our bug and goes on here.
        let others = threads.into_iter().map(|thread| match thread.join() {
            Ok(tally) => tally,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        [own].into_iter().chain(others).collect()
    });
    let tally = tallies.into_iter().fold(Tally::new(keys), Tally::add);
    match tally.failure {
        Some((_, failure)) => Err(failure),
        None => Ok(tally),
    }
}

/// What the threads have in common.
struct Shared<'a> {
    tasks: &'a [Task<'a>],
    next: AtomicUsize,
    first_failure: AtomicUsize,
    checked: AtomicUsize,
    total: usize,
}

impl Shared<'_> {
    /// Takes turns until none is left, or all that is left comes after a failure.
    fn work(&self, mut checker: Checker<'_>, keys: &[ZoneKey], effort: &Effort<'_>) -> Tally {
        let mut tally = Tally::new(keys);
        loop {
            let start = self.next.fetch_add(TASKS_PER_TURN, Ordering::Relaxed);
            let Some(rest) = self.tasks.get(start..).filter(|rest| !rest.is_empty()) else {
                return tally;
            };
            let mut signatures = 0;
            for (at, task) in (start..).zip(rest.iter().take(TASKS_PER_TURN)) {
                if at > self.first_failure.load(Ordering::Relaxed) {
                    return tally;
                }
                signatures += task.signatures();
                if let Err(failure) = tally.check(at, task, &mut checker, keys) {
                    self.first_failure.fetch_min(at, Ordering::Relaxed);
                    tally.fail(at, failure);
                    break;
                }
            }
            let before = self.checked.fetch_add(signatures, Ordering::Relaxed);
            (effort.progress)(before + signatures, self.total);
        }
    }
}

impl Tally {
    fn new(keys: &[ZoneKey]) -> Self {
        let mut algorithms: Vec<u8> = keys.iter().map(|key| key.algorithm).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        Tally {
            by_key: vec![0; keys.len()],
            by_algorithm: algorithms
                .into_iter()
                .map(|algorithm| (algorithm, 0))
                .collect(),
            ..Tally::default()
        }
    }

    fn check(
        &mut self,
        at: usize,
        task: &Task<'_>,
        checker: &mut Checker<'_>,
        keys: &[ZoneKey],
    ) -> Result<(), Unverified> {
        let check = match task {
            Task::Check(check) => check,
            Task::Wrong(failure) => return Err(failure.clone()),
        };
        // Algorithms have numbers up to 255, but a zone has two or three.
        let mut signed_by = [false; 256];
        let expires = checker
            .check_rrset(check, |good| {
                self.signatures += 1;
                if let Some(count) = self.by_key.get_mut(good.key) {
                    *count += 1;
                }
                if let Some(key) = keys.get(good.key)
                    && let Some(flag) = signed_by.get_mut(usize::from(key.algorithm))
                {
                    *flag = true;
                }
            })
            .map_err(|cause| Unverified::Signature {
                owner: check.owner.clone(),
                rtype: check.rtype,
                cause,
            })?;
        self.rrsets += 1;
        for (algorithm, count) in &mut self.by_algorithm {
            *count += usize::from(signed_by.get(usize::from(*algorithm)) == Some(&true));
        }
        self.expires = earliest(self.expires, Some((expires, at)));
        Ok(())
    }

    fn fail(&mut self, at: usize, failure: Unverified) {
        if self.failure.as_ref().is_none_or(|(first, _)| at < *first) {
            self.failure = Some((at, failure));
        }
    }

    fn add(mut self, other: Tally) -> Tally {
        self.signatures += other.signatures;
        self.rrsets += other.rrsets;
        for (sum, count) in self.by_key.iter_mut().zip(other.by_key) {
            *sum += count;
        }
        for ((_, sum), (_, count)) in self.by_algorithm.iter_mut().zip(other.by_algorithm) {
            *sum += count;
        }
        self.expires = earliest(self.expires, other.expires);
        if let Some((at, failure)) = other.failure {
            self.fail(at, failure);
        }
        self
    }
}

/// The earlier time, and of equal ones that of the earlier task.
fn earliest(
    left: Option<(UnixTime, usize)>,
    right: Option<(UnixTime, usize)>,
) -> Option<(UnixTime, usize)> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (left, right) => left.or(right),
    }
}
