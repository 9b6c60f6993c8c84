//! The root's real history, version by version: what a secondary that gets each as a difference
//! comes to is what the primary has, record for record.
//!
//! The history has no signatures, so each version is signed anew. `IMRS_REPLAY_ALL=1` proves every
//! version, which takes minutes.

#![allow(clippy::unwrap_used, reason = "a test that fails here should stop")]

#[path = "../data/mod.rs"]
mod data;
mod history;
mod model;

use history::{History, Step};
use imrs_zone::difference::Difference;
use imrs_zone::packed::{Packed, pack, unpack};
use imrs_zone::plausible::{self, Bounds, Implausible};
use imrs_zone::record::{UnixTime, is_identical};
use imrs_zone::synth::Validity;
use imrs_zone::verify::{Demand, Effort, Policy};
use imrs_zone::zonemd::Hash;
use imrs_zone::{Anchors, Candidate, Limits, Record};
use model::Model;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::thread;

/// Versions from one in which everything is signed anew to the next, 40 days or so. In between only
/// what changed is, so that both small and large differences are made.
const SIGNED_EVERY: usize = 100;

/// How long signatures hold: for as long as nothing signs them anew, with room for pauses.
const VALIDITY_SECONDS: u64 = 90 * 86_400;

/// From one version that is proven to the next, unless all are.
const PROVEN_EVERY: usize = 75;

/// What came of a part of the history.
struct Replayed {
    first: Packed,
    last: Packed,
    /// Steps that are plausible.
    plausible: usize,
    /// Versions that were proven.
    proven: usize,
    /// Of the largest difference.
    records_max: usize,
}

#[test]
fn every_version_of_the_history_is_reached_by_differences() {
    let Some(folder) = data::folder() else { return };
    let history = History::load(&folder);
    let steps = history.steps();
    assert_eq!(steps.len(), 2575);
    let parts = parts(steps.len());
    let replayed: Vec<Replayed> = thread::scope(|scope| {
        let replay = |part| scope.spawn(|| replay(&history, &steps, part));
        let threads: Vec<_> = parts.into_iter().map(replay).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Replayed>| thread.join().unwrap();
        threads.into_iter().map(join).collect()
    });

    for (one, next) in replayed.iter().zip(&replayed[1..]) {
        assert!(
            one.last.octets() == next.first.octets(),
            "the parts are one chain"
        );
    }
    let sum = |of: fn(&Replayed) -> usize| replayed.iter().map(of).sum::<usize>();
    println!(
        "{} steps plausible, {} versions proven, {} records in the largest difference",
        sum(|part| part.plausible),
        sum(|part| part.proven),
        replayed.iter().map(|part| part.records_max).max().unwrap(),
    );
    assert_eq!(sum(|part| part.plausible), steps.len());

    // What is years old is no neighbour.
    let (first, last) = (&replayed[0].first, &replayed.last().unwrap().last);
    let refused = plausible::check(&first.records(), &last.records(), &Bounds::default());
    assert!(matches!(refused, Err(Implausible::Records { .. })));
}

/// A part of the steps for each core. Each begins where everything is signed anew, as what is
/// signed there does not depend on what was before.
fn parts(steps: usize) -> Vec<Range<usize>> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let size = steps.div_ceil(cores).next_multiple_of(SIGNED_EVERY);
    let starts = (0..steps).step_by(size);
    starts.map(|start| start..steps.min(start + size)).collect()
}

/// Takes a part of the steps: as the primary by the model, as a secondary by differences.
fn replay(history: &History, steps: &[Step<'_>], part: Range<usize>) -> Replayed {
    let mut model = Model::new(history);
    for step in &steps[..part.start] {
        model.go(step);
    }
    model.sign_all(made(steps, part.start));
    model.digest(made(steps, part.start));
    let mut held = model.records();
    let mut replayed = Replayed {
        first: Packed::new(&held).unwrap(),
        last: Packed::new(&held).unwrap(),
        plausible: 0,
        proven: 0,
        records_max: 0,
    };
    let proves_all = std::env::var_os("IMRS_REPLAY_ALL").is_some();
    let mut signed = held.clone();
    for index in part {
        let step = &steps[index];
        let changed = model.go(step);
        let version = index + 1;
        let is_signed_anew = version % SIGNED_EVERY == 0;
        match is_signed_anew {
            true => model.sign_all(made(steps, version)),
            false => model.sign(changed, made(steps, version)),
        }
        let is_proven = proves_all || version % PROVEN_EVERY == 0;
        if is_proven || is_signed_anew {
            model.digest(made(steps, version));
        }
        let expected = model.records();
        let difference = through_octets(&Difference::between(&held, &expected));
        assert_eq!((difference.from, difference.to), (step.from, step.to));
        let changes = difference.removed.len() + difference.added.len();
        replayed.records_max = replayed.records_max.max(changes);

        let reached = difference.apply(&held).unwrap();
        assert_same(&reached, &expected, step);
        replayed.plausible += usize::from(is_plausible(&held, &reached));
        if is_proven {
            prove(&reached, &model, step.at);
            replayed.proven += 1;
        }
        if is_signed_anew {
            assert!(
                is_plausible(&signed, &reached),
                "so are the steps of weeks at once"
            );
            signed = reached.clone();
        }
        held = reached;
    }
    replayed.last = Packed::new(&held).unwrap();
    replayed
}

/// Signatures of a version, made when it was published.
fn made(steps: &[Step<'_>], version: usize) -> Validity {
    let at = steps[version.saturating_sub(1)].at;
    Validity {
        inception: UnixTime(at.0 - 3600),
        expiration: UnixTime(at.0 + VALIDITY_SECONDS),
    }
}

/// A difference as it is after it was written and read.
fn through_octets(difference: &Difference) -> Difference {
    let pass = |records: &[Record]| unpack(&pack(records).into()).unwrap();
    Difference::new(pass(&difference.removed), pass(&difference.added)).unwrap()
}

fn assert_same(reached: &[Record], expected: &[Record], step: &Step<'_>) {
    assert_eq!(reached.len(), expected.len(), "serial {}", step.to);
    for (reached, expected) in reached.iter().zip(expected) {
        let same = is_identical(reached, expected);
        assert!(same, "serial {}: {reached} for {expected}", step.to);
    }
}

fn is_plausible(old: &[Record], new: &[Record]) -> bool {
    plausible::check(old, new, &Bounds::default()).is_ok()
}

fn prove(records: &[Record], model: &Model, at: UnixTime) {
    let policy = Policy {
        digest: Demand::Require,
        signatures: Demand::Require,
        anchors: Anchors::read(model.anchor().as_bytes()).unwrap(),
    };
    let candidate = Candidate::new(records.to_vec(), &Limits::default()).unwrap();
    let effort = Effort::silent(NonZeroUsize::MIN);
    let zone = candidate.verify(&policy, at, &effort);
    let proof = zone.unwrap_or_else(|error| panic!("{at}: {error}"));
    assert!(proof.proof().is_secure);
    assert_eq!(proof.proof().digest, Some(Hash::Sha384));
}
