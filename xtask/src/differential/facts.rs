//! What the corpus and the checks must know of a zone, read from its master file.
//!
//! Read by a library that the server under test does not answer with, so that a mistake in the
//! compiled image cannot hide here.

use super::constants::rtype;
use super::message::{Key, RrSet};
use super::name::{Name, canonical_key, is_within, lower};
use anyhow::{Context, Result};
use domain::base::iana::Rtype;
use domain::base::name::FlattenInto;
use domain::base::rdata::ComposeRecordData;
use domain::zonefile::inplace::{Entry, Zonefile};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

/// The records of a zone and what follows from them.
#[derive(Debug)]
pub(super) struct Facts {
    /// Name of the zone.
    pub(super) apex: Name,
    /// All RRsets; RRSIGs apart by the type they cover.
    pub(super) rrsets: BTreeMap<Key, RrSet>,
    /// Owners of NSEC records in canonical order.
    pub(super) chain: Vec<Name>,
    /// Names with a delegation, in canonical order.
    pub(super) delegations: Vec<Name>,
    /// Targets of NS records.
    pub(super) servers: BTreeSet<Name>,
    /// All records, as the judge of responses takes them.
    pub(super) records: Vec<imrs_probe::Record>,
}

impl Facts {
    /// Reads a master file.
    pub(super) fn read(path: &Path) -> Result<Facts> {
        let mut file = File::open(path).with_context(|| format!("{}", path.display()))?;
        let mut zonefile = Zonefile::load(&mut file)?;
        zonefile.set_origin(domain::base::Name::root());
        let mut rrsets = BTreeMap::<Key, RrSet>::new();
        let mut apex = None;
        let mut records = Vec::new();
        while let Some(entry) = zonefile
            .next_entry()
            .with_context(|| format!("{}", path.display()))?
        {
            let Entry::Record(record) = entry else {
                continue;
            };
            let owner = lower(&octets_of(record.owner()));
            let mut data = Vec::new();
            record.data().compose_canonical_rdata(&mut data)?;
            if record.rtype() == Rtype::SOA {
                apex = Some(owner.clone());
            }
            let covered = match record.rtype() {
                Rtype::RRSIG => u16::from_be_bytes([data[0], data[1]]),
                _ => 0,
            };
            let key = Key {
                owner,
                rtype: record.rtype().to_int(),
                class: record.class().to_int(),
                covered,
            };
            let ttl = record.ttl().as_secs();
            let set = rrsets.entry(key).or_insert_with(|| RrSet {
                ttl,
                data: BTreeSet::new(),
            });
            set.data.insert(data);
            records.push(record.flatten_into());
        }
        let apex = apex.with_context(|| format!("{} has no SOA", path.display()))?;
        Ok(Facts::of(apex, rrsets, records))
    }

    fn of(apex: Name, rrsets: BTreeMap<Key, RrSet>, records: Vec<imrs_probe::Record>) -> Facts {
        let owners = |wanted: u16| {
            let mut owners: Vec<Name> = rrsets
                .keys()
                .filter(|key| key.rtype == wanted)
                .map(|key| key.owner.clone())
                .collect();
            owners.sort_by_cached_key(|owner| canonical_key(owner));
            owners
        };
        let mut delegations = owners(rtype::NS);
        delegations.retain(|owner| *owner != apex);
        let servers = rrsets
            .iter()
            .filter(|(key, _)| key.rtype == rtype::NS)
            .flat_map(|(_, set)| set.data.iter().cloned())
            .collect();
        Facts {
            chain: owners(rtype::NSEC),
            apex,
            delegations,
            servers,
            rrsets,
            records,
        }
    }

    /// An RRset of class IN.
    pub(super) fn rrset(&self, owner: &[u8], rtype: u16) -> Option<&RrSet> {
        self.rrsets.get(&Key {
            owner: owner.to_vec(),
            rtype,
            class: 1,
            covered: 0,
        })
    }

    /// The delegation at or above a name, if there is one.
    pub(super) fn delegation(&self, name: &[u8]) -> Option<&Name> {
        self.delegations.iter().find(|owner| is_within(name, owner))
    }
}

fn octets_of(name: &impl domain::base::ToName) -> Name {
    let mut octets = Vec::new();
    for label in name.iter_labels() {
        octets.push(label.len() as u8);
        octets.extend_from_slice(label.as_slice());
    }
    octets
}
