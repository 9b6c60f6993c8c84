//! What changed from one version of a zone to another, and how to get there (RFC 1995).
//!
//! Start at [`Difference::apply`]. All records are in canonical order, as [`Candidate`] has them.
//! Nothing here is trusted or proven: what comes of applying a difference is a candidate like any
//! other. This module knows no messages, and not which of two serials is newer.
//!
//! [`Candidate`]: crate::Candidate

use crate::candidate::wire_octets;
use crate::record::{Name, Record, canonical_cmp, is_identical};
use domain::base::ToName;
use domain::base::iana::Rtype;
use domain::rdata::ZoneRecordData;
use imrs_wire::Serial;
use std::cmp::Ordering;
use std::fmt;

/// What makes one version of a zone of another (RFC 1995 section 4).
///
/// Comparing by `==` looks past TTLs and letter case, as it does for records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The serial of the version that it starts from.
    pub from: Serial,
    /// The serial of the version that it leads to.
    pub to: Serial,
    /// Records to take out, in canonical order, the SOA record of `from` among them.
    pub removed: Vec<Record>,
    /// Records to put in, in canonical order, the SOA record of `to` among them.
    pub added: Vec<Record>,
}

/// One of the two parts of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What it takes out.
    Removed,
    /// What it puts in.
    Added,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Removed => "removed",
            Part::Added => "added",
        })
    }
}

/// Why records are no difference, or why one cannot be applied. The remedy is the same for all: to
/// fetch the zone whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Inapplicable {
    /// A part without a SOA record, so that it has no serial.
    #[error("there is no SOA record among those {part}")]
    NoSoa {
        /// Of the difference.
        part: Part,
    },
    /// A part with a second SOA record.
    #[error("there are SOA records of serial {} and {} among those {part}", serials.0, serials.1)]
    TwoSoas {
        /// Of the difference.
        part: Part,
        /// Their serials.
        serials: (Serial, Serial),
    },
    /// A part with a record twice.
    #[error("{} {rtype} is {part} twice", owner.fmt_with_dot())]
    Repeated {
        /// Of the difference.
        part: Part,
        /// The owner of the record.
        owner: Name,
        /// Its type.
        rtype: Rtype,
    },
    /// A SOA record of another zone.
    #[error(
        "a difference of {} has a SOA record of {}",
        zone.fmt_with_dot(),
        other.fmt_with_dot()
    )]
    OtherZone {
        /// The zone that is held, or that the difference begins with.
        zone: Name,
        /// The other one.
        other: Name,
    },
    /// The records that it is to be applied to have no SOA record.
    #[error("the records that are held have no SOA record")]
    NotAZone,
    /// It starts from another version than the one that is held.
    #[error("the difference starts from serial {from}, and serial {held} is held")]
    OtherSerial {
        /// The serial that is held.
        held: Serial,
        /// The serial that it starts from.
        from: Serial,
    },
    /// A record that is to be removed is not there.
    #[error("{} {rtype} is to be removed and is not there", owner.fmt_with_dot())]
    Absent {
        /// The owner of the record.
        owner: Name,
        /// Its type.
        rtype: Rtype,
    },
    /// A record that is to be removed has another TTL.
    #[error(
        "{} {rtype} is to be removed with a TTL of {removed} and is there with one of {held}",
        owner.fmt_with_dot()
    )]
    OtherTtl {
        /// The owner of the record.
        owner: Name,
        /// Its type.
        rtype: Rtype,
        /// Its TTL in seconds.
        held: u32,
        /// The TTL in the difference.
        removed: u32,
    },
    /// A record that is to be added is there already.
    #[error("{} {rtype} is to be added and is there already", owner.fmt_with_dot())]
    Present {
        /// The owner of the record.
        owner: Name,
        /// Its type.
        rtype: Rtype,
    },
}

impl Difference {
    /// Octets of all its records in uncompressed wire form.
    pub fn octets(&self) -> usize {
        let records = self.removed.iter().chain(&self.added);
        records.map(wire_octets).sum()
    }

    /// Makes a difference of the records of its two parts, in any order.
    ///
    /// There is one SOA record in each part, and both are of one zone; no part has a record twice.
    pub fn new(mut removed: Vec<Record>, mut added: Vec<Record>) -> Result<Self, Inapplicable> {
        let (zone, from) = check_part(&mut removed, Part::Removed)?;
        let (other, to) = check_part(&mut added, Part::Added)?;
        if zone != other {
            return Err(Inapplicable::OtherZone { zone, other });
        }
        Ok(Difference {
            from,
            to,
            removed,
            added,
        })
    }

    /// What makes `new` of `old`, both in canonical order and without duplicates.
    ///
    /// A record whose TTL or letter case changed is removed and added, so that [`apply`] gives
    /// `new` octet for octet. Takes time in proportion to both.
    ///
    /// # Panics
    ///
    /// If one of them has no SOA record, which makes it no version of a zone.
    ///
    /// [`apply`]: Difference::apply
    pub fn between(old: &[Record], new: &[Record]) -> Self {
        let serial = |records| soa(records).map(|(_, serial)| serial);
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        compare(old, new, |part, record| match part {
            Part::Removed => removed.push(record.clone()),
            Part::Added => added.push(record.clone()),
        });
        // Where the SOA record stayed the same, it is still what tells the serials.
        if !removed.iter().any(is_soa) {
            let soa = old.iter().find(|record| is_soa(record));
            for part in [&mut removed, &mut added] {
                part.extend(soa.cloned());
                part.sort_by(canonical_cmp);
            }
        }
        Difference {
            from: serial(old).expect("the caller gives versions of a zone, which have a SOA"),
            to: serial(new).expect("the caller gives versions of a zone, which have a SOA"),
            removed,
            added,
        }
    }

    /// The version that it leads to, of the `records` of the version that it starts from, which
    /// are in canonical order and without duplicates; so is the result.
    ///
    /// It is strict, as what does not fit shows that both sides hold different zones: what is to be
    /// removed must be there with its TTL, and what is to be added must not. Names compare without
    /// regard to case. Takes a search per record of the difference, and the copying.
    pub fn apply(&self, records: &[Record]) -> Result<Vec<Record>, Inapplicable> {
        self.check_start(records)?;
        let size = (records.len() + self.added.len()).saturating_sub(self.removed.len());
        let mut version = Vec::with_capacity(size);
        let mut rest = records;
        let mut removed = self.removed.iter().peekable();
        let mut added = self.added.iter().peekable();
        loop {
            // What is removed goes first, so that a record may be put in again with another TTL.
            let is_addition = |next: &&Record| {
                let before = |first: &&Record| canonical_cmp(next, first).is_lt();
                removed.peek().is_none_or(before)
            };
            let (edit, part) = match added.next_if(is_addition) {
                Some(edit) => (edit, Part::Added),
                None => match removed.next() {
                    Some(edit) => (edit, Part::Removed),
                    None => break,
                },
            };
            let (kept, from_there) = split_before(rest, edit);
            version.extend_from_slice(kept);
            rest = from_there;
            let held = rest
                .split_first()
                .filter(|(first, _)| canonical_cmp(first, edit).is_eq());
            match (part, held) {
                (Part::Removed, Some((held, after))) => {
                    check_ttl(held, edit)?;
                    rest = after;
                }
                (Part::Added, None) => version.push(edit.clone()),
                (part, _) => {
                    let (owner, rtype) = (edit.owner().clone(), edit.rtype());
                    return Err(match part {
                        Part::Removed => Inapplicable::Absent { owner, rtype },
                        Part::Added => Inapplicable::Present { owner, rtype },
                    });
                }
            }
        }
        version.extend_from_slice(rest);
        Ok(version)
    }

    /// Whether these are records of the version that it starts from.
    fn check_start(&self, records: &[Record]) -> Result<(), Inapplicable> {
        let (zone, held) = soa(records).ok_or(Inapplicable::NotAZone)?;
        let part = Part::Removed;
        let (other, _) = soa(&self.removed).ok_or(Inapplicable::NoSoa { part })?;
        if !zone.name_eq(other) {
            let (zone, other) = (zone.clone(), other.clone());
            return Err(Inapplicable::OtherZone { zone, other });
        }
        match held == self.from {
            true => Ok(()),
            false => Err(Inapplicable::OtherSerial {
                held,
                from: self.from,
            }),
        }
    }
}

/// Sorts a part and finds its SOA record.
fn check_part(records: &mut [Record], part: Part) -> Result<(Name, Serial), Inapplicable> {
    records.sort_by(canonical_cmp);
    let mut soas = records.iter().filter_map(of_soa);
    let (zone, serial) = soas.next().ok_or(Inapplicable::NoSoa { part })?;
    if let Some((_, other)) = soas.next() {
        let serials = (serial, other);
        return Err(Inapplicable::TwoSoas { part, serials });
    }
    let mut neighbours = records.iter().zip(records.iter().skip(1));
    match neighbours.find(|(left, right)| canonical_cmp(left, right).is_eq()) {
        None => Ok((zone.clone(), serial)),
        Some((record, _)) => Err(Inapplicable::Repeated {
            part,
            owner: record.owner().clone(),
            rtype: record.rtype(),
        }),
    }
}

/// The records that sort before one, and the rest.
///
/// Searches from the beginning in steps that double: few where the next change is near, as when
/// everything was signed anew, and few where it is far.
fn split_before<'a>(records: &'a [Record], edit: &Record) -> (&'a [Record], &'a [Record]) {
    let is_before = |record: &Record| canonical_cmp(record, edit).is_lt();
    let mut end = 1;
    while records.get(end - 1).is_some_and(is_before) {
        end *= 2;
    }
    let within = records.get(..end).unwrap_or(records);
    records.split_at(within.partition_point(is_before))
}

fn check_ttl(held: &Record, removed: &Record) -> Result<(), Inapplicable> {
    match held.ttl() == removed.ttl() {
        true => Ok(()),
        false => Err(Inapplicable::OtherTtl {
            owner: held.owner().clone(),
            rtype: held.rtype(),
            held: held.ttl().as_secs(),
            removed: removed.ttl().as_secs(),
        }),
    }
}

/// Walks records of two versions in canonical order and hands over what only one of them has, or has with
/// another TTL or in other letter case.
pub(crate) fn compare<'a>(
    old: impl IntoIterator<Item = &'a Record>,
    new: impl IntoIterator<Item = &'a Record>,
    mut take: impl FnMut(Part, &'a Record),
) {
    let (mut old, mut new) = (old.into_iter(), new.into_iter());
    let (mut left, mut right) = (old.next(), new.next());
    loop {
        let order = match (left, right) {
            // Most are, and that is quicker to see than their order.
            (Some(one), Some(other)) if is_identical(one, other) => {
                (left, right) = (old.next(), new.next());
                continue;
            }
            (Some(one), Some(other)) => canonical_cmp(one, other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        if let Some(record) = left.filter(|_| order.is_le()) {
            take(Part::Removed, record);
            left = old.next();
        }
        if let Some(record) = right.filter(|_| order.is_ge()) {
            take(Part::Added, record);
            right = new.next();
        }
    }
}

/// The zone and the serial of the first SOA record.
pub(crate) fn soa(records: &[Record]) -> Option<(&Name, Serial)> {
    records.iter().find_map(of_soa)
}

/// The zone and the serial of a SOA record; none of another.
pub(crate) fn of_soa(record: &Record) -> Option<(&Name, Serial)> {
    match record.data() {
        ZoneRecordData::Soa(soa) => Some((record.owner(), Serial(soa.serial().into_int()))),
        _ => None,
    }
}

fn is_soa(record: &Record) -> bool {
    record.rtype() == Rtype::SOA
}

#[cfg(test)]
mod tests;
