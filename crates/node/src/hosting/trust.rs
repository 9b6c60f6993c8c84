//! Under what a zone is judged: its own anchors, the built-in ones of the root, or what its
//! proven parent says.

use super::error::LoadError;
use super::source::Source;
use crate::{files, limits};
use imrs_zone::anchors::Anchors;
use imrs_zone::verify::{Delegation, Demand, Policy};
use imrs_zone::{Candidate, Name, Verified};
use std::path::{Path, PathBuf};

/// Under what a zone is judged. A zone is judged anew when this changes.
#[derive(Clone, Debug, PartialEq)]
pub enum Basis {
    /// Anchors from a file, or those built in for the root.
    Anchors(Anchors),
    /// A hosted, proven parent delegates the zone with these DS records.
    Parent(Anchors),
    /// No anchor and no proven parent that signs the delegation: nothing to check signatures by.
    Nothing,
}

/// What a proven zone says of a hosted zone below it.
#[derive(Clone, Debug)]
pub struct Word {
    /// The zone below.
    pub child: Name,
    /// The delegation.
    pub delegation: Delegation,
}

/// What `zone` says of those of `names` that are below it.
pub fn words_of(zone: &Verified, names: &[Name]) -> Vec<Word> {
    names
        .iter()
        .filter(|name| name.ends_with(zone.apex()) && *name != zone.apex())
        .map(|name| Word {
            child: name.clone(),
            delegation: zone.delegation(name),
        })
        .collect()
}

/// Finds under what a zone is judged: the anchors named for it, then those of `files` that are of
/// it, then those built in, then the word of a parent, the nearest last.
pub fn basis(
    source: &Source,
    files: &[PathBuf],
    name: &Name,
    words: &[Word],
) -> Result<Basis, LoadError> {
    if let Some(path) = &source.anchors {
        let anchors = read_anchors(path)?;
        if anchors.zone() != name {
            let (path, found) = (path.clone(), anchors.zone().clone());
            return Err(LoadError::OtherAnchors {
                path,
                found,
                expected: name.clone(),
            });
        }
        return Ok(Basis::Anchors(anchors));
    }
    for path in files {
        let anchors = read_anchors(path)?;
        if anchors.zone() == name {
            return Ok(Basis::Anchors(anchors));
        }
    }
    if name.is_root() {
        return Ok(Basis::Anchors(Anchors::root()));
    }
    let said = words.iter().rev().find(|word| word.child == *name);
    Ok(match said.map(|word| &word.delegation) {
        Some(Delegation::Secure(anchors)) => Basis::Parent(anchors.clone()),
        _ => Basis::Nothing,
    })
}

/// Reads a file of trust anchors.
pub fn read_anchors(path: &Path) -> Result<Anchors, LoadError> {
    let octets = files::read_plain(path, "trust anchors", limits::ANCHORS_OCTETS_MAX)
        .map_err(LoadError::File)?;
    Anchors::read(&octets).map_err(|cause| LoadError::Anchors {
        path: path.into(),
        cause: Box::new(cause),
    })
}

/// What the zone must prove: what was asked, else everything for the root, and for other zones
/// the signatures that a parent or an anchor vouches for, and the digest if it has one.
pub fn policy(source: &Source, candidate: &Candidate, basis: &Basis) -> Policy {
    let name = candidate.apex();
    let (anchors, signatures) = match basis {
        Basis::Anchors(anchors) | Basis::Parent(anchors) => (anchors.clone(), Demand::Require),
        Basis::Nothing => (Anchors::none(name.clone()), Demand::Off),
    };
    let digest = if name.is_root() || candidate.has_digest() {
        Demand::Require
    } else {
        Demand::Warn
    };
    Policy {
        digest: source.digest.unwrap_or(digest),
        signatures: source.signatures.unwrap_or(signatures),
        anchors,
    }
}
