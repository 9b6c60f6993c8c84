//! What a load reads: zone files, the test root, and what arrived from a primary.

use super::error::LoadError;
use super::load::{Held, Job, Scope};
use super::source::{Origin, Part, Source};
use crate::{files, limits};
use imrs_zone::anchors::Anchors;
use imrs_zone::{Candidate, Name, Record, synth};
use std::hash::BuildHasher;
use std::path::Path;

/// A zone after reading, before judging.
pub(super) enum Read {
    /// Nothing came that is not held.
    Unchanged(Held),
    /// Its records have the shape of a zone.
    New(New),
    /// Nothing is known of the zone but its name.
    Absent(Name),
}

/// Records that have the shape of a zone.
pub(super) struct New {
    pub(super) candidate: Candidate,
    pub(super) fingerprint: u64,
    /// The anchors that it brings along: the test root's alone.
    pub(super) anchors: Option<Anchors>,
}

impl Read {
    pub(super) fn name(&self) -> &Name {
        match self {
            Read::Unchanged(held) => &held.name,
            Read::New(new) => new.candidate.apex(),
            Read::Absent(name) => name,
        }
    }
}

/// Reads what the job asks for, and refuses zones that another source holds as well.
pub(super) fn read_all(job: &mut Job) -> Vec<Result<Read, LoadError>> {
    let mut reads: Vec<Result<Read, LoadError>> = Vec::with_capacity(job.sources.len());
    let mut test_root = TestRoot::default();
    for at in 0..job.sources.len() {
        let read = read_one(job, at, &mut test_root);
        let read = read.and_then(|read| refuse_second(&job.sources[at], read, &reads));
        reads.push(read);
    }
    reads
}

fn read_one(job: &mut Job, at: usize, test_root: &mut TestRoot) -> Result<Read, LoadError> {
    if let Scope::Offer(number, offer) = &mut job.scope
        && *number == at
    {
        let records = offer.take_records(job.held[at].as_ref())?;
        let (source, held) = (&job.sources[at], job.held[at].as_ref());
        let candidate = candidate(job, &source.origin, records)?;
        return new(source, held, candidate, 0);
    }
    let (source, held) = (&job.sources[at], job.held[at].as_ref());
    match (&job.scope, &source.origin) {
        (Scope::Files, Origin::File(path)) => read_file(job, source, path, held),
        (Scope::Files, Origin::TestRoot(part)) => test_root.read(job, *part, held),
        _ => match (held, &source.name) {
            (Some(held), _) => Ok(Read::Unchanged(held.clone())),
            (None, name) => Ok(Read::Absent(name.clone().unwrap_or_else(Name::root_bytes))),
        },
    }
}

fn refuse_second(
    source: &Source,
    read: Read,
    others: &[Result<Read, LoadError>],
) -> Result<Read, LoadError> {
    let mut others = others.iter().flatten();
    match others.any(|other| other.name() == read.name()) {
        true => Err(LoadError::Twice {
            origin: source.origin.to_string(),
            name: read.name().clone(),
        }),
        false => Ok(read),
    }
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
    let candidate = candidate(job, &source.origin, records)?;
    new(source, held, candidate, fingerprint)
}

/// The records of a zone that is held, to be judged anew.
pub(super) fn again(job: &Job, source: &Source, held: &Held) -> Result<New, LoadError> {
    Ok(New {
        candidate: candidate(job, &source.origin, held.packed.records())?,
        fingerprint: held.fingerprint,
        anchors: None,
    })
}

fn candidate(job: &Job, origin: &Origin, records: Vec<Record>) -> Result<Candidate, LoadError> {
    Candidate::new(records, &job.limits).map_err(|cause| LoadError::Unfit {
        origin: origin.to_string(),
        cause: Box::new(cause),
    })
}

/// Takes a candidate that is of the zone which was asked for.
fn new(
    source: &Source,
    held: Option<&Held>,
    candidate: Candidate,
    fingerprint: u64,
) -> Result<Read, LoadError> {
    match source.name.as_ref().or(held.map(|held| &held.name)) {
        Some(expected) if expected != candidate.apex() => Err(LoadError::OtherZone {
            origin: source.origin.to_string(),
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
        Ok(Read::New(New {
            candidate: candidate(job, &origin, records)?,
            fingerprint: job.now.0,
            anchors,
        }))
    }
}
