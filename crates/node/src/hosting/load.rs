//! Loads all zones of a node: read, judge parents before children, compile.
//!
//! Runs on a thread of its own while the node serves, and touches nothing that is served: it
//! hands back what became of each zone.

use super::error::LoadError;
use super::source::{Origin, Part, Source};
use super::trust::{self, Basis, Word};
use crate::{files, limits};
use imrs_wire::Serial;
use imrs_zone::anchors::Anchors;
use imrs_zone::record::UnixTime;
use imrs_zone::verify::{Effort, Proof};
use imrs_zone::{Candidate, Image, Limits, Name, synth};
use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to load, and what is held already.
#[derive(Clone, Debug)]
pub struct Job {
    /// The zones as configured.
    pub sources: Vec<Source>,
    /// What is held of each, in the same order; nothing at the start.
    pub held: Vec<Option<Held>>,
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

/// What a later load needs to know of a zone that was loaded.
#[derive(Clone, Debug)]
pub struct Held {
    /// Its name.
    pub name: Name,
    /// Its serial.
    pub serial: Serial,
    /// When its first signature runs out.
    pub expires: Option<UnixTime>,
    /// Of the octets of its file.
    fingerprint: u64,
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
    /// Its records.
    pub records: usize,
    /// What was proven.
    pub proof: Proof,
}

/// What became of a zone that did not fail.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The file is the one that is held, and is judged under the same.
    Unchanged,
    /// It was proven and compiled.
    Loaded(Box<Loaded>),
}

/// What became of a zone.
pub type LoadResult = Result<Outcome, LoadError>;

/// A zone after reading, before judging.
enum Read {
    /// The file is the one that is held.
    Unchanged(Held),
    /// Its records have the shape of a zone.
    New(New),
}

struct New {
    candidate: Candidate,
    fingerprint: u64,
    /// The anchors that it brings along: the test root's alone.
    anchors: Option<Anchors>,
}

impl Read {
    fn name(&self) -> &Name {
        match self {
            Read::Unchanged(held) => &held.name,
            Read::New(new) => new.candidate.apex(),
        }
    }
}

/// What is called with the zone, the signatures checked so far and those to check in all.
pub type Progress<'a> = &'a (dyn Fn(&Name, usize, usize) + Sync);

/// Loads all zones of the job. Says what became of each, in the order of its sources.
pub fn load(job: &Job, progress: Progress<'_>) -> Vec<LoadResult> {
    let reads = read_all(job);
    // A zone whose new file cannot be read is still one that its parent has to speak of.
    let names: Vec<Name> = reads
        .iter()
        .zip(&job.held)
        .filter_map(|(read, held)| match (read, held) {
            (Ok(read), _) => Some(read.name().clone()),
            (Err(_), held) => held.as_ref().map(|held| held.name.clone()),
        })
        .collect();
    let mut words: Vec<Word> = Vec::new();
    let mut outcomes = Vec::new();
    for (at, read) in parents_first(job, reads) {
        let outcome = read.and_then(|read| judge(job, at, read, &words, &names, progress));
        match (&outcome, &job.held[at]) {
            (Ok(Outcome::Loaded(loaded)), _) => words.extend_from_slice(&loaded.held.words),
            // What failed leaves the zone that is held in service, and its word stands.
            (_, Some(held)) => words.extend_from_slice(&held.words),
            (_, None) => {}
        }
        outcomes.push((at, outcome));
    }
    outcomes.sort_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Reads every zone, and refuses those that another source holds as well.
fn read_all(job: &Job) -> Vec<Result<Read, LoadError>> {
    let mut reads: Vec<Result<Read, LoadError>> = Vec::with_capacity(job.sources.len());
    let mut test_root = TestRoot::default();
    for (source, held) in job.sources.iter().zip(&job.held) {
        let read = match &source.origin {
            Origin::File(path) => read_file(job, source, path, held.as_ref()),
            Origin::TestRoot(part) => test_root.read(job, *part, held.as_ref()),
        };
        let read = read.and_then(|read| {
            if reads
                .iter()
                .flatten()
                .any(|other| other.name() == read.name())
            {
                let name = read.name().clone();
                return Err(LoadError::Twice {
                    origin: source.origin.to_string(),
                    name,
                });
            }
            Ok(read)
        });
        reads.push(read);
    }
    reads
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

/// Reads a zone file, unless it is the one that is held.
fn read_file(
    job: &Job,
    source: &Source,
    path: &Path,
    held: Option<&Held>,
) -> Result<Read, LoadError> {
    let text =
        files::read_packed(path, "a zone", limits::TEXT_OCTETS_MAX).map_err(LoadError::File)?;
    let fingerprint = job.hasher.hash_one(&text);
    if let Some(held) = held.filter(|held| held.fingerprint == fingerprint) {
        return Ok(Read::Unchanged(held.clone()));
    }
    let records = imrs_zone::read::read(&text, source.name.as_ref())
        .map_err(|error| LoadError::read(path, error))?;
    let origin = || source.origin.to_string();
    let candidate = Candidate::new(records, &job.limits).map_err(|cause| LoadError::Unfit {
        origin: origin(),
        cause: Box::new(cause),
    })?;
    let expected = source.name.as_ref().or(held.map(|held| &held.name));
    match expected {
        Some(expected) if expected != candidate.apex() => Err(LoadError::OtherZone {
            origin: origin(),
            found: candidate.apex().clone(),
            expected: expected.clone(),
        }),
        _ => Ok(Read::New(New {
            candidate,
            fingerprint,
            anchors: None,
        })),
    }
}

/// The test root of one load: made when the first of its zones is wanted, so that all three
/// belong together.
#[derive(Default)]
struct TestRoot {
    made: Option<synth::TestRoot>,
}

impl TestRoot {
    /// Gives one zone of it, unless what is held lasts.
    fn read(&mut self, job: &Job, part: Part, held: Option<&Held>) -> Result<Read, LoadError> {
        // Of the three zones, those that are signed end together.
        let ends_soon = job
            .held
            .iter()
            .flatten()
            .any(|held| super::ends_soon(held.expires, job.now));
        if let Some(held) = held.filter(|_| !ends_soon) {
            return Ok(Read::Unchanged(held.clone()));
        }
        let made = match self.made.take() {
            Some(made) => made,
            None => synth::make(&synth::Plan::new(job.now)).map_err(LoadError::Synth)?,
        };
        let made = self.made.insert(made);
        let (records, anchors) = match part {
            Part::Root => (
                std::mem::take(&mut made.records),
                Some(made.anchors_ds.as_bytes()),
            ),
            Part::Arpa => (std::mem::take(&mut made.arpa), None),
            Part::RootServersNet => (std::mem::take(&mut made.root_servers_net), None),
        };
        let origin = Origin::TestRoot(part);
        let anchors =
            anchors
                .map(Anchors::read)
                .transpose()
                .map_err(|cause| LoadError::Anchors {
                    path: origin.to_string().into(),
                    cause: Box::new(cause),
                })?;
        let candidate = Candidate::new(records, &job.limits).map_err(|cause| LoadError::Unfit {
            origin: origin.to_string(),
            cause: Box::new(cause),
        })?;
        Ok(Read::New(New {
            candidate,
            fingerprint: job.now.0,
            anchors,
        }))
    }
}

/// Proves and compiles a zone, unless it is held and judged under the same as before.
fn judge(
    job: &Job,
    at: usize,
    read: Read,
    words: &[Word],
    names: &[Name],
    progress: Progress<'_>,
) -> Result<Outcome, LoadError> {
    let source = &job.sources[at];
    let name = read.name().clone();
    let basis = trust::basis(source, &job.anchors, &name, words)?;
    let new = match (read, &source.origin) {
        (Read::New(new), _) => new,
        (Read::Unchanged(held), Origin::File(path)) if held.basis != basis => {
            // The same file is judged under something else than before.
            match read_file(job, source, path, None)? {
                Read::New(new) => new,
                Read::Unchanged(_) => return Ok(Outcome::Unchanged),
            }
        }
        (Read::Unchanged(_), _) => return Ok(Outcome::Unchanged),
    };
    let basis = new.anchors.map_or(basis, Basis::Anchors);
    let serial = new.candidate.serial();
    if let Some(held) = &job.held[at]
        && held.serial.is_newer_than(serial)
    {
        return Err(LoadError::Older {
            name,
            serial,
            served: held.serial,
        });
    }
    let effort = Effort {
        workers: job.threads,
        progress: &|done, all| progress(&name, done, all),
    };
    let policy = trust::policy(source, &new.candidate, &basis);
    let verified = new
        .candidate
        .verify(&policy, job.now, &effort)
        .map_err(|cause| LoadError::Unverified {
            name: name.clone(),
            serial,
            cause: Box::new(cause),
        })?;
    let image = verified.compile().map_err(|cause| LoadError::Uncompiled {
        name: name.clone(),
        serial,
        cause,
    })?;
    let proof = verified.proof().clone();
    Ok(Outcome::Loaded(Box::new(Loaded {
        held: Held {
            words: trust::words_of(&verified, names),
            name,
            serial,
            expires: proof.expires,
            fingerprint: new.fingerprint,
            basis,
        },
        image: Arc::new(image),
        records: verified.records().len(),
        proof,
    })))
}
