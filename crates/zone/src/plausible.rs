//! Whether a version can be the next of a zone: how much may change in a step.
//!
//! Start at [`check`]. A proof tells that a version is what its publisher signed, and not that the
//! publisher meant it: a zone that lost half of its delegations in a mishap is signed as well as
//! any. So a step that is larger than the real history has them waits for an operator.
//!
//! What signing makes is passed over: signatures, NSEC and ZONEMD records follow from the rest, the
//! proof holds them to it, and a roll of the key or the algorithm rightly changes every signature
//! at once. So is the SOA record, which every step changes.

use crate::candidate::wire_octets;
use crate::difference::{Part, compare, soa};
use crate::limits::{CHANGED_DELEGATIONS_MAX, CHANGED_OCTETS_MAX, CHANGED_RECORDS_MAX};
use crate::owners::{Standing, owners};
use crate::record::{Name, Record};
use domain::base::ToName;
use domain::base::iana::Rtype;
use imrs_wire::Serial;
use std::cmp::Ordering;

/// The most that may change in one step. The reasons of the defaults stand in [`crate::limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Records that are added or removed; one that changes is both.
    pub records: usize,
    /// Delegations that come or go.
    pub delegations: usize,
    /// Octets by which the zone grows or shrinks.
    pub octets: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            records: CHANGED_RECORDS_MAX,
            delegations: CHANGED_DELEGATIONS_MAX,
            octets: CHANGED_OCTETS_MAX,
        }
    }
}

/// How large a zone is, without its SOA record and what signing makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Records.
    pub records: usize,
    /// Names that are delegated.
    pub delegations: usize,
    /// Octets of its records in uncompressed wire form.
    pub octets: usize,
}

/// How much comes and goes in a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// In the new version alone.
    pub added: usize,
    /// In the old version alone.
    pub removed: usize,
}

impl Turnover {
    /// Both together.
    pub fn total(self) -> usize {
        self.added + self.removed
    }
}

/// What a step changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The old version.
    pub old: Extent,
    /// The new version.
    pub new: Extent,
    /// Records that come and go; one that changes, be it its TTL alone, does both.
    pub records: Turnover,
    /// Delegations that come and go.
    pub delegations: Turnover,
}

/// Why a version is not taken for the next one, unless an operator lets it pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Implausible {
    /// Too many records change.
    #[error(
        "serial {serial} changes {} records ({} added, {} removed; {old} before, {new} after), more \
         than the {bound} that are plausible in one step; if it is right, `imrs ctl accept {} \
         {serial}`",
        changed.total(), changed.added, changed.removed, zone.fmt_with_dot()
    )]
    Records {
        /// The name of the zone.
        zone: Name,
        /// The serial of the new version.
        serial: Serial,
        /// Records of the old version.
        old: usize,
        /// Records of the new version.
        new: usize,
        /// What comes and goes.
        changed: Turnover,
        /// The most that may.
        bound: usize,
    },
    /// Too many delegations come and go.
    #[error(
        "serial {serial} changes {} delegations ({} added, {} removed; {old} before, {new} after), \
         more than the {bound} that are plausible in one step; if it is right, `imrs ctl accept {} \
         {serial}`",
        changed.total(), changed.added, changed.removed, zone.fmt_with_dot()
    )]
    Delegations {
        /// The name of the zone.
        zone: Name,
        /// The serial of the new version.
        serial: Serial,
        /// Delegations of the old version.
        old: usize,
        /// Delegations of the new version.
        new: usize,
        /// What comes and goes.
        changed: Turnover,
        /// The most that may.
        bound: usize,
    },
    /// The zone grows or shrinks too much.
    #[error(
        "serial {serial} changes the size by {} octets ({old} before, {new} after), more than the \
         {bound} that are plausible in one step; if it is right, `imrs ctl accept {} {serial}`",
        old.abs_diff(*new), zone.fmt_with_dot()
    )]
    Octets {
        /// The name of the zone.
        zone: Name,
        /// The serial of the new version.
        serial: Serial,
        /// Octets of the old version.
        old: usize,
        /// Octets of the new version.
        new: usize,
        /// The most that may be between them.
        bound: usize,
    },
    /// What is offered has no SOA record.
    #[error("the records have no SOA among them, so they are no version of a zone")]
    NoSoa,
}

/// Checks the step from `old` to `new`, both in canonical order, and tells what it changes.
///
/// Takes time in proportion to both.
pub fn check(old: &[Record], new: &[Record], bounds: &Bounds) -> Result<Change, Implausible> {
    let (zone, serial) = soa(new).ok_or(Implausible::NoSoa)?;
    let change = measure(zone, old, new);
    let Change {
        old,
        new,
        records,
        delegations,
    } = change;
    let zone = || zone.clone();
    if records.total() > bounds.records {
        return Err(Implausible::Records {
            zone: zone(),
            serial,
            old: old.records,
            new: new.records,
            changed: records,
            bound: bounds.records,
        });
    }
    if delegations.total() > bounds.delegations {
        return Err(Implausible::Delegations {
            zone: zone(),
            serial,
            old: old.delegations,
            new: new.delegations,
            changed: delegations,
            bound: bounds.delegations,
        });
    }
    if old.octets.abs_diff(new.octets) > bounds.octets {
        return Err(Implausible::Octets {
            zone: zone(),
            serial,
            old: old.octets,
            new: new.octets,
            bound: bounds.octets,
        });
    }
    Ok(change)
}

fn measure(zone: &Name, old: &[Record], new: &[Record]) -> Change {
    let mut records = Turnover::default();
    compare(counted(old), counted(new), |part, _| match part {
        Part::Removed => records.removed += 1,
        Part::Added => records.added += 1,
    });
    let [delegated_old, delegated_new] = [old, new].map(|records| delegated(zone, records));
    let extent = |records, delegated: &[&Name]| Extent {
        records: counted(records).count(),
        delegations: delegated.len(),
        octets: counted(records).map(wire_octets).sum(),
    };
    Change {
        old: extent(old, &delegated_old),
        new: extent(new, &delegated_new),
        records,
        delegations: turnover(&delegated_old, &delegated_new),
    }
}

/// The records that a publisher decides on.
fn counted(records: &[Record]) -> impl Iterator<Item = &Record> {
    records.iter().filter(|record| {
        !matches!(
            record.rtype(),
            Rtype::SOA | Rtype::ZONEMD | Rtype::RRSIG | Rtype::NSEC
        )
    })
}

/// The names that a zone delegates, in canonical order.
fn delegated<'a>(zone: &'a Name, records: &'a [Record]) -> Vec<&'a Name> {
    owners(zone, records)
        .filter(|owner| owner.standing == Standing::Delegation)
        .map(|owner| owner.name)
        .collect()
}

/// What comes and goes between two sets of names, both in canonical order.
fn turnover(old: &[&Name], new: &[&Name]) -> Turnover {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut both = 0;
    let sizes = (old.len(), new.len());
    while let (Some(left), Some(right)) = (old.peek(), new.peek()) {
        let order = left.name_cmp(right);
        both += usize::from(order == Ordering::Equal);
        old.next_if(|_| order.is_le());
        new.next_if(|_| order.is_ge());
    }
    Turnover {
        added: sizes.1 - both,
        removed: sizes.0 - both,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::read;
    use crate::record::sort_canonically;

    /// For steps from [`ZONE`], whose six counted records have 181 octets.
    const BOUNDS: Bounds = Bounds {
        records: 3,
        delegations: 2,
        octets: 60,
    };

    const ZONE: &str = "\
        example. 60 SOA ns.example. host.example. 7 1 2 3 4\n\
        example. 60 NS ns.example.\n\
        ns.example. 60 A 192.0.2.1\n\
        a.example. 60 NS ns.a.example.\n\
        a.example. 60 DS 1 8 2 00\n\
        ns.a.example. 60 A 192.0.2.2\n\
        b.example. 60 NS ns.a.example.\n";

    fn version(text: &str) -> Vec<Record> {
        let mut records = read(text.as_bytes(), None).unwrap();
        sort_canonically(&mut records);
        records
    }

    /// The next version of [`ZONE`] without the lines that begin so, and with others.
    fn step(removed: &[&str], added: &str) -> Result<Change, Implausible> {
        let is_kept = |line: &&str| !removed.iter().any(|removed| line.starts_with(removed));
        let kept: Vec<&str> = ZONE.lines().filter(is_kept).collect();
        let text = kept.join("\n").replace(" 7 ", " 8 ");
        check(
            &version(ZONE),
            &version(&format!("{text}\n{added}")),
            &BOUNDS,
        )
    }

    #[test]
    fn what_changes_is_counted_without_what_signing_makes() {
        let check =
            |removed: &[&str], added: &str, records: [usize; 2], delegations: [usize; 2]| {
                let turnover = |[added, removed]: [usize; 2]| Turnover { added, removed };
                let change = step(removed, added).unwrap();
                assert_eq!(change.records, turnover(records), "{removed:?} {added}");
                assert_eq!(
                    change.delegations,
                    turnover(delegations),
                    "{removed:?} {added}"
                );
                assert_eq!(change.old.records, 6);
                assert_eq!(change.new.records, 6 + records[0] - records[1]);
                assert_eq!(change.old.delegations, 2);
                assert_eq!(change.new.delegations, 2 + delegations[0] - delegations[1]);
            };
        check(&[], "", [0, 0], [0, 0]);
        check(
            &[],
            "example. 60 NSEC a.example. NS SOA NSEC\n\
             example. 60 ZONEMD 8 1 1 000102030405060708090a0b\n\
             example. 60 RRSIG NS 8 1 60 20260814000000 20260731000000 1 example. AAAA\n\
             a.example. 60 NSEC example. NS NSEC\n",
            [0, 0],
            [0, 0],
        );
        check(&["b."], "", [0, 1], [0, 1]);
        check(&["b."], "c.example. 60 NS ns.a.example.\n", [1, 1], [1, 1]);
        check(&["b."], "B.example. 60 NS z.example.\n", [1, 1], [0, 0]);
        check(
            &["ns.example."],
            "ns.example. 61 A 192.0.2.1\n",
            [1, 1],
            [0, 0],
        );
        // NS records below a cut delegate nothing.
        check(&[], "z.a.example. 60 NS ns.a.example.\n", [1, 0], [0, 0]);
    }

    #[test]
    fn a_step_too_large_tells_what_was_and_how_to_let_it_pass() {
        let check = |removed: &[&str], added: &str, expected: &str| {
            let error = step(removed, added).unwrap_err();
            assert_eq!(error.to_string(), expected, "{removed:?} {added}");
        };
        check(
            &["a.", "b."],
            "c.example. 60 NS ns.a.example.\n",
            "serial 8 changes 4 records (1 added, 3 removed; 6 before, 4 after), more than the 3 \
             that are plausible in one step; if it is right, `imrs ctl accept example. 8`",
        );
        check(
            &["b."],
            "c.example. 60 NS ns.a.example.\nd.example. 60 NS ns.a.example.\n",
            "serial 8 changes 3 delegations (2 added, 1 removed; 2 before, 3 after), more than the \
             2 that are plausible in one step; if it is right, `imrs ctl accept example. 8`",
        );
        let long = format!("c.example. 60 TXT {}\n", "a".repeat(38));
        let longer = format!("c.example. 60 TXT {}\n", "a".repeat(39));
        assert!(step(&[], &long).is_ok());
        check(
            &[],
            &longer,
            "serial 8 changes the size by 61 octets (181 before, 242 after), more than the 60 that \
             are plausible in one step; if it is right, `imrs ctl accept example. 8`",
        );
        check(
            &["example. 60 SOA"],
            "",
            "the records have no SOA among them, so they are no version of a zone",
        );
    }

    #[test]
    fn an_empty_version_is_all_change() {
        let records = version(ZONE);
        let change = measure(records[0].owner(), &records, &[]);
        assert_eq!(change.records.removed, 6);
        assert_eq!(change.delegations.removed, 2);
        assert_eq!(change.new, Extent::default());
    }
}
