//! The records of a zone, grouped for compiling: RRsets with their signatures, cuts, glue.

use super::names::{NameId, Names};
use crate::record::{Data, Name, Record};
use std::collections::BTreeMap;
use std::ops::Range;

/// One RRset and the signatures over it.
pub(super) struct RrSet<'a> {
    pub owner: NameId,
    pub rtype: u16,
    pub records: &'a [Record],
    pub signatures: Vec<&'a Record>,
}

/// A zone, grouped.
pub(super) struct Contents<'a> {
    pub names: Names,
    pub apex: NameId,
    /// In canonical order of owners, then by type; no RRSIG among them.
    pub rrsets: Vec<RrSet<'a>>,
    /// The RRsets of each name that owns any, in canonical order.
    pub owners: Vec<(NameId, Range<usize>)>,
    /// The names that name servers have, in the order of the NS records.
    targets: BTreeMap<NameId, Vec<NameId>>,
    /// Owner to index in `owners`, by number of the name.
    by_name: Vec<Option<u32>>,
}

impl<'a> Contents<'a> {
    /// `records` are in canonical order and without duplicates.
    pub(super) fn new(apex: &Name, records: &'a [Record]) -> Self {
        let mut names = Names::new();
        let apex = names.intern(apex);
        let mut rrsets = Vec::new();
        let mut owners = Vec::new();
        let mut targets = BTreeMap::new();
        for records in records.chunk_by(|a, b| a.owner() == b.owner()) {
            let owner = names.intern(records[0].owner());
            let first = rrsets.len();
            for records in records.chunk_by(|a, b| a.rtype() == b.rtype()) {
                let rtype = records[0].rtype().to_int();
                if let Data::Rrsig(_) = records[0].data() {
                    continue;
                }
                rrsets.push(RrSet {
                    owner,
                    rtype,
                    records,
                    signatures: Vec::new(),
                });
                let servers: Vec<_> = records
                    .iter()
                    .filter_map(|record| match record.data() {
                        Data::Ns(ns) => Some(names.intern(ns.nsdname())),
                        _ => None,
                    })
                    .collect();
                if !servers.is_empty() {
                    targets.insert(owner, servers);
                }
            }
            for record in records {
                let Data::Rrsig(rrsig) = record.data() else {
                    continue;
                };
                let covered = rrsig.type_covered().to_int();
                if let Some(rrset) = rrsets[first..].iter_mut().find(|set| set.rtype == covered) {
                    rrset.signatures.push(record);
                }
            }
            owners.push((owner, first..rrsets.len()));
        }
        for record in records {
            if let Data::Soa(soa) = record.data() {
                names.intern(soa.mname());
                names.intern(soa.rname());
            }
        }
        let mut by_name = vec![None; names.count()];
        for (index, (owner, _)) in owners.iter().enumerate() {
            by_name[owner.index()] = Some(index as u32);
        }
        Contents {
            names,
            apex,
            rrsets,
            owners,
            targets,
            by_name,
        }
    }

    /// The RRset of this type at this name.
    pub(super) fn rrset(&self, owner: NameId, rtype: u16) -> Option<&RrSet<'a>> {
        self.rrsets_at(owner).iter().find(|set| set.rtype == rtype)
    }

    /// All RRsets at this name.
    pub(super) fn rrsets_at(&self, owner: NameId) -> &[RrSet<'a>] {
        match self.by_name[owner.index()] {
            Some(index) => &self.rrsets[self.owners[index as usize].1.clone()],
            None => &[],
        }
    }

    /// The names of the servers of `owner`.
    pub(super) fn servers(&self, owner: NameId) -> &[NameId] {
        self.targets.get(&owner).map_or(&[], Vec::as_slice)
    }

    /// The zone cut at or above `name`, if there is one below the apex: the topmost counts.
    pub(super) fn cut(&self, name: NameId) -> Option<NameId> {
        let within = self
            .names
            .ancestry(name)
            .take_while(|above| *above != self.apex);
        within
            .filter(|above| self.targets.contains_key(above))
            .last()
    }
}
