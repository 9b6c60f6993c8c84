//! The index of a zone that the judge looks things up in: sorted places, binary search.
//!
//! Knows no message. It is written for plainness, and shares nothing with the compiled image that
//! it is used to judge.

use crate::{Data, Name, Record};
use domain::base::iana::Rtype;
use domain::base::{ToName, Ttl};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

/// The records of a zone, which were proven, with an index over them.
///
/// Borrows the records, or owns them when given a vector: `Zone<'static>` can be kept.
#[derive(Clone, Debug)]
pub struct Zone<'a> {
    apex: Name,
    records: Cow<'a, [Record]>,
    /// Places in `records`: by owner in canonical order, then by type, each RRset before its
    /// signatures.
    order: Vec<usize>,
    nodes: Vec<Node>,
    /// Nodes that own NSEC records.
    chain: Vec<usize>,
    signed: bool,
}

/// A name that owns records.
#[derive(Clone, Debug)]
struct Node {
    /// Places in `order`.
    members: Range<usize>,
    /// It has NS records, is not the apex and lies below no other zone cut.
    is_delegation: bool,
    /// It lies below a zone cut.
    is_occluded: bool,
}

/// One RRset of a zone and the signatures over it.
#[derive(Clone, Copy, Debug)]
pub(super) struct RrSet<'z> {
    pub(super) owner: &'z Name,
    pub(super) rtype: Rtype,
    zone: &'z [Record],
    /// Places of its records.
    pub(super) records: &'z [usize],
    /// Places of the signatures over it.
    pub(super) signatures: &'z [usize],
}

impl<'z> RrSet<'z> {
    /// The record at a place.
    pub(super) fn at(self, place: usize) -> &'z Record {
        &self.zone[place]
    }

    /// The data of its records.
    pub(super) fn data(self) -> impl Iterator<Item = &'z Data> {
        self.records.iter().map(move |place| self.at(*place).data())
    }
}

/// What a zone has at a name.
pub(super) enum Standing<'z> {
    /// The name is at or below this zone cut.
    Delegated(&'z Name),
    /// The name exists, perhaps as an empty non-terminal, and the zone has authority over it.
    Exists,
    /// The name does not exist; this is its closest encloser.
    Absent(Name),
}

impl<'a> Zone<'a> {
    /// The index of the zone `apex`, whose records may be in any order.
    pub fn new(apex: &Name, records: impl Into<Cow<'a, [Record]>>) -> Self {
        let records = records.into();
        let mut order: Vec<usize> = (0..records.len()).collect();
        // Records of a proven zone come sorted by owner, which leaves little to do.
        order.sort_by(|left, right| owner_cmp(&records[*left], &records[*right]));
        let mut zone = Zone {
            apex: apex.clone(),
            nodes: nodes(&records, &mut order),
            records,
            order,
            chain: Vec::new(),
            signed: false,
        };
        zone.mark_cuts();
        let owns_nsec = |node: &usize| zone.rrset_at(&zone.nodes[*node], Rtype::NSEC).is_some();
        zone.chain = (0..zone.nodes.len()).filter(owns_nsec).collect();
        let soa = zone.rrset(apex, Rtype::SOA);
        zone.signed = soa.is_some_and(|soa| !soa.signatures.is_empty());
        zone
    }

    /// The name of the zone.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// Whether the zone has signatures: its SOA record does.
    pub fn is_signed(&self) -> bool {
        self.signed
    }

    /// Owners of delegations, in canonical order.
    pub(super) fn delegations(&self) -> impl Iterator<Item = &Name> {
        let delegations = self.nodes.iter().filter(|node| node.is_delegation);
        delegations.map(|node| self.owner(node))
    }

    /// The RRsets over which the zone has authority and that are below the apex and at no zone
    /// cut: none in the root.
    pub(super) fn inner_rrsets(&self) -> impl Iterator<Item = (&Name, Rtype)> {
        let nodes = self.nodes.iter().filter(|node| {
            !node.is_delegation && !node.is_occluded && !self.owner(node).name_eq(&self.apex)
        });
        nodes.flat_map(|node| {
            let mut types: Vec<Rtype> = self.members(node).map(|record| served(record).0).collect();
            types.dedup();
            types.into_iter().map(|rtype| (self.owner(node), rtype))
        })
    }

    /// What there is at a name at or below the apex.
    pub(super) fn standing(&self, name: &Name) -> Standing<'_> {
        // From just below the apex down to the name.
        let mut path: Vec<_> = name
            .iter_suffixes()
            .take_while(|suffix| !suffix.name_eq(&self.apex))
            .collect();
        path.reverse();
        let mut encloser = self.apex.clone();
        for suffix in path {
            match self.find(&suffix) {
                Ok(node) if self.nodes[node].is_delegation => {
                    return Standing::Delegated(self.owner(&self.nodes[node]));
                }
                Ok(_) => {}
                // An empty non-terminal: what follows in canonical order lies below it.
                Err(next) if self.is_below(next, &suffix) => {}
                Err(_) => return Standing::Absent(encloser),
            }
            encloser = suffix;
        }
        Standing::Exists
    }

    /// The RRset of this type at this name.
    pub(super) fn rrset(&self, owner: &impl ToName, rtype: Rtype) -> Option<RrSet<'_>> {
        let node = self.find(owner).ok()?;
        self.rrset_at(&self.nodes[node], rtype)
    }

    /// The NSEC record whose owner is the last at or before a name (RFC 4034 section 4.1.1).
    pub(super) fn covering(&self, name: &impl ToName) -> Option<RrSet<'_>> {
        let behind = self.chain.partition_point(|node| {
            self.owner(&self.nodes[*node]).name_cmp(name) != Ordering::Greater
        });
        let node = self.chain.get(behind.checked_sub(1)?)?;
        self.rrset_at(&self.nodes[*node], Rtype::NSEC)
    }

    fn rrset_at(&self, node: &Node, rtype: Rtype) -> Option<RrSet<'_>> {
        let members = &self.order[node.members.clone()];
        let served = |place: &usize| served(&self.records[*place]);
        let from = members.partition_point(|place| served(place) < (rtype, false));
        let middle = members.partition_point(|place| served(place) <= (rtype, false));
        let to = members.partition_point(|place| served(place) <= (rtype, true));
        (from < middle).then(|| RrSet {
            owner: self.owner(node),
            rtype,
            zone: &self.records,
            records: &members[from..middle],
            signatures: &members[middle..to],
        })
    }

    fn mark_cuts(&mut self) {
        let mut cut: Option<Name> = None;
        for index in 0..self.nodes.len() {
            let owner = self.owner(&self.nodes[index]).clone();
            let is_occluded = cut.as_ref().is_some_and(|cut| owner.ends_with(cut));
            let has_servers = self.rrset_at(&self.nodes[index], Rtype::NS).is_some();
            let is_delegation = has_servers && !is_occluded && !owner.name_eq(&self.apex);
            self.nodes[index].is_occluded = is_occluded;
            self.nodes[index].is_delegation = is_delegation;
            if is_delegation {
                cut = Some(owner);
            }
        }
    }

    /// The node of a name, or where it would be.
    fn find(&self, name: &impl ToName) -> Result<usize, usize> {
        self.nodes
            .binary_search_by(|node| self.owner(node).name_cmp(name))
    }

    /// Whether the node `next`, if there is one, lies below a name.
    fn is_below(&self, next: usize, name: &impl ToName) -> bool {
        let next = self.nodes.get(next);
        next.is_some_and(|node| self.owner(node).ends_with(name))
    }

    fn owner(&self, node: &Node) -> &Name {
        self.records[self.order[node.members.start]].owner()
    }

    fn members(&self, node: &Node) -> impl Iterator<Item = &Record> {
        self.order[node.members.clone()]
            .iter()
            .map(|place| &self.records[*place])
    }
}

/// The names in `order`, which is sorted by owner and hereby by type within.
fn nodes(records: &[Record], order: &mut [usize]) -> Vec<Node> {
    let mut start = 0;
    let groups = order.chunk_by_mut(|left, right| {
        owner_cmp(&records[*left], &records[*right]) == Ordering::Equal
    });
    let node = |group: &mut [usize]| {
        group.sort_by_key(|place| served(&records[*place]));
        let members = start..start + group.len();
        start = members.end;
        Node {
            members,
            is_delegation: false,
            is_occluded: false,
        }
    };
    groups.map(node).collect()
}

fn owner_cmp(left: &Record, right: &Record) -> Ordering {
    let (left, right) = (left.owner(), right.owner());
    // Neighbours mostly have one owner, in the same octets.
    match left.as_slice() == right.as_slice() {
        true => Ordering::Equal,
        false => left.name_cmp(right),
    }
}

/// The type of the RRset that a record belongs to, and whether it is a signature over it.
fn served(record: &Record) -> (Rtype, bool) {
    match record.data() {
        Data::Rrsig(rrsig) => (rrsig.type_covered(), true),
        _ => (record.rtype(), false),
    }
}

/// The smallest TTL of negative answers that a SOA record allows (RFC 2308 section 3).
pub(super) fn negative_ttl(soa: RrSet<'_>) -> Option<Ttl> {
    soa.data().find_map(|data| match data {
        Data::Soa(soa) => Some(soa.minimum()),
        _ => None,
    })
}
