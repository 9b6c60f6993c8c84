//! Loads zones of a node: read, judge parents before children, compile, test.
//!
//! Runs on a thread of its own while the node serves, and touches nothing that is served: it
//! hands back what became of each zone.

use super::error::LoadError;
use super::offer::Offer;
use super::reading::{self, Read};
use super::selftest;
use super::source::{Origin, Source};
use super::trust::{self, Basis, Word};
use imrs_wire::Serial;
use imrs_zone::difference::Difference;
use imrs_zone::packed::Packed;
use imrs_zone::record::UnixTime;
use imrs_zone::verify::{Effort, Proof};
use imrs_zone::{Candidate, Image, Limits, Name, Verified};
use std::hash::RandomState;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

/// What to load, and what is held already.
#[derive(Clone, Debug)]
pub struct Job {
    /// The zones as configured.
    pub sources: Vec<Source>,
    /// What is held of each, in the same order; nothing at the start.
    pub held: Vec<Option<Held>>,
    /// Which of them are to be read.
    pub scope: Scope,
    /// Files of trust anchors that speak for the zone that they name.
    pub anchors: Vec<PathBuf>,
    /// Limits on the size of a zone.
    pub limits: Limits,
    /// The time of verification.
    pub now: UnixTime,
    /// Threads for checking signatures.
    pub threads: NonZeroUsize,
    /// Makes fingerprints; the same for the life of the node.
    pub hasher: RandomState,
}

/// What a job reads. All other zones stay as they are held, unless they are to be judged anew.
#[derive(Clone, Debug)]
pub enum Scope {
    /// The zone files, and the test root where it nears its end.
    Files,
    /// What arrived for the zone of this number.
    Offer(usize, Offer),
}

impl Scope {
    /// Whether the zone of a number and source is read.
    fn includes(&self, at: usize, source: &Source) -> bool {
        match self {
            Scope::Files => !matches!(source.origin, Origin::Primaries(_)),
            Scope::Offer(number, _) => *number == at,
        }
    }
}

/// What a later load needs to know of a zone that was loaded.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its name.
    pub name: Name,
    /// Its serial.
    pub serial: Serial,
    /// When its first signature runs out.
    pub expires: Option<UnixTime>,
    /// Its records.
    pub packed: Packed,
    /// Of the octets of its file; means nothing for other sources.
    pub(super) fingerprint: u64,
    /// Under what it was judged.
    basis: Basis,
    /// What it says of the hosted zones below it.
    words: Vec<Word>,
}

/// A zone that was proven and compiled.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What a later load needs to know.
    pub held: Held,
    /// What is served.
    pub image: Arc<Image>,
    /// What was proven.
    pub proof: Proof,
    /// What leads to it from the version that was held.
    pub difference: Option<Arc<Difference>>,
}

/// What became of a zone that did not fail.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What was read is what is held, and is judged under the same.
    Unchanged,
    /// Nothing was to be read, and what is held is judged under the same.
    Unread,
    /// It was proven and compiled.
    Loaded(Box<Loaded>),
}

/// What became of a zone.
pub type LoadResult = Result<Outcome, LoadError>;

/// What is called with the zone, the signatures checked so far and those to check in all.
pub type Progress<'a> = &'a (dyn Fn(&Name, usize, usize) + Sync);

/// What a load knows when it judges a zone.
struct Circumstances<'a> {
    /// The names of all zones.
    names: Vec<Name>,
    /// Those of which nothing is held.
    absent: Vec<Name>,
    /// What zones that were judged already say of those below them.
    words: Vec<Word>,
    progress: Progress<'a>,
}

/// Loads the zones of the job, which is used up: its offer is given away. Says what became of
/// each, in the order of its sources.
pub fn load(job: &mut Job, progress: Progress<'_>) -> Vec<LoadResult> {
    let reads = reading::read_all(job);
    let mut about = Circumstances::new(job, &reads, progress);
    let mut outcomes = Vec::new();
    for (at, read) in parents_first(job, reads) {
        let outcome = read.and_then(|read| judge(job, at, read, &about));
        match (&outcome, &job.held[at]) {
            (Ok(Outcome::Loaded(loaded)), _) => about.words.extend_from_slice(&loaded.held.words),
            // What failed leaves the zone that is held in service, and its word stands.
            (_, Some(held)) => about.words.extend_from_slice(&held.words),
            (_, None) => {}
        }
        outcomes.push((at, outcome));
    }
    outcomes.sort_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

impl<'a> Circumstances<'a> {
    fn new(job: &Job, reads: &[Result<Read, LoadError>], progress: Progress<'a>) -> Self {
        // A zone whose new records cannot be read is still one that its parent has to speak of.
        let names = reads.iter().zip(&job.held).zip(&job.sources);
        let names = names.filter_map(|((read, held), source)| match (read, held) {
            (Ok(read), _) => Some(read.name().clone()),
            (Err(_), Some(held)) => Some(held.name.clone()),
            (Err(_), None) => source.name.clone(),
        });
        let absent = reads.iter().filter_map(|read| match read {
            Ok(Read::Absent(name)) => Some(name.clone()),
            _ => None,
        });
        Circumstances {
            names: names.collect(),
            absent: absent.collect(),
            words: Vec::new(),
            progress,
        }
    }

    /// The zone above `name` that would have to vouch for it and is not there.
    fn missing_parent(&self, name: &Name) -> Option<&Name> {
        let mut absent = self.absent.iter();
        absent.find(|absent| name != *absent && name.ends_with(absent))
    }
}

/// Numbers the zones as configured, then puts those with fewer labels first.
fn parents_first(
    job: &Job,
    reads: Vec<Result<Read, LoadError>>,
) -> Vec<(usize, Result<Read, LoadError>)> {
    let mut numbered: Vec<_> = reads.into_iter().enumerate().collect();
    numbered.sort_by_key(|(at, read)| match (read, &job.held[*at]) {
        (Ok(read), _) => read.name().label_count(),
        (Err(_), Some(held)) => held.name.label_count(),
        (Err(_), None) => 0,
    });
    numbered
}

/// Proves, compiles and tests a zone, unless it is held and judged under the same as before.
fn judge(
    job: &Job,
    at: usize,
    read: Read,
    about: &Circumstances<'_>,
) -> Result<Outcome, LoadError> {
    let source = &job.sources[at];
    let held = job.held[at].as_ref();
    let name = read.name().clone();
    let basis = trust::basis(source, &job.anchors, &name, &about.words)?;
    let new = match read {
        Read::New(new) => new,
        Read::Absent(_) => return Ok(Outcome::Unread),
        // What the node made itself brings its own anchors.
        Read::Unchanged(held) if held.basis == basis || source.is_test() => {
            return Ok(match job.scope.includes(at, source) {
                true => Outcome::Unchanged,
                false => Outcome::Unread,
            });
        }
        // The same records are judged under something else than before.
        Read::Unchanged(held) => reading::again(job, source, &held)?,
    };
    if let (Basis::Nothing, Some(parent)) = (&basis, about.missing_parent(&name)) {
        let parent = parent.clone();
        return Err(LoadError::NoParent { name, parent });
    }
    let basis = new.anchors.map_or(basis, Basis::Anchors);
    let serial = new.candidate.serial();
    if let Some(held) = held
        && held.serial != serial
        && !serial.is_newer_than(held.serial)
    {
        return Err(LoadError::Older {
            name,
            serial,
            served: held.serial,
        });
    }
    let verified = prove(job, source, new.candidate, &basis, about)?;
    let before = held.map(|held| held.packed.records());
    if let (Scope::Offer(number, offer), Some(before)) = (&job.scope, &before)
        && *number == at
    {
        offer.refuse_implausible(source, before, &verified)?;
    }
    let is_next = held.is_some_and(|held| serial.is_newer_than(held.serial));
    let difference = before
        .filter(|_| is_next)
        .map(|before| Arc::new(Difference::between(&before, verified.records())));
    let image = compile(&verified)?;
    let proof = verified.proof().clone();
    let packed = Packed::new(verified.records()).map_err(LoadError::Damaged)?;
    Ok(Outcome::Loaded(Box::new(Loaded {
        held: Held {
            words: trust::words_of(&verified, &about.names),
            name,
            serial,
            expires: proof.expires,
            packed,
            fingerprint: new.fingerprint,
            basis,
        },
        image,
        proof,
        difference,
    })))
}

fn prove(
    job: &Job,
    source: &Source,
    candidate: Candidate,
    basis: &Basis,
    about: &Circumstances<'_>,
) -> Result<Verified, LoadError> {
    let (name, serial) = (candidate.apex().clone(), candidate.serial());
    let effort = Effort {
        workers: job.threads,
        progress: &|done, all| (about.progress)(&name, done, all),
    };
    let policy = trust::policy(source, &candidate, basis);
    let verified = candidate.verify(&policy, job.now, &effort);
    verified.map_err(|cause| LoadError::Unverified {
        name: name.clone(),
        serial,
        cause: Box::new(cause),
    })
}

/// Compiles a zone, and asks the image what outsiders will ask.
fn compile(verified: &Verified) -> Result<Arc<Image>, LoadError> {
    let (name, serial) = (|| verified.apex().clone(), verified.serial());
    let image = verified.compile().map_err(|cause| LoadError::Uncompiled {
        name: name(),
        serial,
        cause,
    })?;
    let image = Arc::new(image);
    let examined = selftest::run(verified, &image, u64::from(serial.0));
    examined.map_err(|cause| LoadError::Unsound {
        name: name(),
        serial,
        cause: Box::new(cause),
    })?;
    Ok(image)
}
