//! A naive server: it looks through all records for each question (RFC 1034 section 4.3.2, RFC 4035
//! section 3.1), and knows names and their order from `domain` alone.

use crate::reply::Entry;
use domain::base::iana::Rtype;
use domain::base::{Name, ToName};
use imrs_zone::record::{Data, Record};
use std::cmp::Ordering;
use std::collections::BTreeSet;

pub(crate) type Qname = Name<Vec<u8>>;

/// What a response must have.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) exists: bool,
    pub(crate) authoritative: bool,
    /// Any of these will do.
    pub(crate) answers: Vec<BTreeSet<Entry>>,
    pub(crate) authority: BTreeSet<Entry>,
    /// Addresses of in-domain servers.
    pub(crate) glue: BTreeSet<Entry>,
    /// Addresses of other servers.
    pub(crate) addresses: BTreeSet<Entry>,
}

struct Known {
    owner: Qname,
    rtype: Rtype,
    /// The type that a signature is for.
    covered: Option<Rtype>,
    /// What an NS record names, or the next name of an NSEC record.
    target: Option<Qname>,
    entry: Entry,
}

pub(crate) struct Oracle {
    pub(crate) apex: Qname,
    records: Vec<Known>,
    negative_ttl: u32,
}

impl Oracle {
    pub(crate) fn new(records: &[Record]) -> Self {
        let mut oracle = Oracle {
            apex: Name::root_vec(),
            records: Vec::new(),
            negative_ttl: 0,
        };
        for record in records {
            let owner: Qname = record.owner().to_name();
            if let Data::Soa(soa) = record.data() {
                oracle.apex = owner.clone();
                oracle.negative_ttl = soa.minimum().as_secs().min(record.ttl().as_secs());
            }
            let ttl = record.ttl().as_secs();
            let entry = Entry::new(&owner, ttl, record.rtype(), &record.data().to_string());
            let (covered, target) = match record.data() {
                Data::Rrsig(rrsig) => (Some(rrsig.type_covered()), None),
                Data::Ns(ns) => (None, Some(ns.nsdname().to_name())),
                Data::Nsec(nsec) => (None, Some(nsec.next_name().to_name())),
                _ => (None, None),
            };
            oracle.records.push(Known {
                owner,
                rtype: record.rtype(),
                covered,
                target,
                entry,
            });
        }
        oracle
    }

    /// Every name that is an owner or a server.
    pub(crate) fn names(&self) -> Vec<Qname> {
        let names = |known: &Known| [Some(known.owner.clone()), known.target.clone()];
        let mut all: Vec<_> = self.records.iter().flat_map(names).flatten().collect();
        all.sort();
        all.dedup();
        all
    }

    pub(crate) fn expect(&self, qname: &Qname, qtype: Rtype, dnssec: bool) -> Expected {
        if let Some(cut) = self.cut(qname)
            && !(cut == qname && qtype == Rtype::DS)
        {
            return self.referral(cut, dnssec);
        }
        let exists = self.exists(qname);
        let mut expected = Expected {
            exists,
            authoritative: true,
            ..Expected::default()
        };
        expected.answers = self.answers(qname, qtype, dnssec);
        if !expected.answers.is_empty() {
            if qtype == Rtype::NS {
                let rest = |server: &Qname| self.addresses(server, dnssec);
                expected.addresses = self.servers(qname).flat_map(rest).collect();
            }
            return expected;
        }
        expected.answers = vec![BTreeSet::new()];
        let soa = self.rrset(&self.apex, Rtype::SOA, dnssec);
        expected.authority = soa
            .into_iter()
            .map(|entry| Entry {
                ttl: self.negative_ttl,
                ..entry
            })
            .collect();
        if dnssec {
            expected.authority.extend(self.proof(qname));
            if !exists {
                expected.authority.extend(self.proof(&self.wildcard(qname)));
            }
        }
        expected
    }

    /// The topmost delegation at or above a name.
    fn cut(&self, name: &Qname) -> Option<&Qname> {
        self.records
            .iter()
            .filter(|known| known.rtype == Rtype::NS && known.owner != self.apex)
            .map(|known| &known.owner)
            .filter(|owner| name.ends_with(owner))
            .min_by_key(|owner| owner.label_count())
    }

    /// Whether a name that is not below a cut is there, be it as an empty non-terminal.
    fn exists(&self, name: &Qname) -> bool {
        self.records.iter().any(|known| known.owner.ends_with(name))
    }

    fn rrset(&self, owner: &Qname, rtype: Rtype, dnssec: bool) -> BTreeSet<Entry> {
        let is_of = |known: &&Known| {
            known.owner == *owner
                && (known.rtype == rtype || dnssec && known.covered == Some(rtype))
        };
        self.records
            .iter()
            .filter(is_of)
            .map(|known| known.entry.clone())
            .collect()
    }

    fn answers(&self, qname: &Qname, qtype: Rtype, dnssec: bool) -> Vec<BTreeSet<Entry>> {
        let types: BTreeSet<Rtype> = self
            .records
            .iter()
            .filter(|known| known.owner == *qname && known.rtype != Rtype::RRSIG)
            .map(|known| known.rtype)
            .collect();
        match qtype {
            Rtype::ANY => types
                .iter()
                .map(|rtype| self.rrset(qname, *rtype, dnssec))
                .collect(),
            Rtype::RRSIG => Some(self.rrset(qname, Rtype::RRSIG, false))
                .into_iter()
                .filter(|signatures| !signatures.is_empty())
                .collect(),
            _ if types.contains(&qtype) => vec![self.rrset(qname, qtype, dnssec)],
            _ => Vec::new(),
        }
    }

    fn servers(&self, owner: &Qname) -> impl Iterator<Item = &Qname> {
        let is_ns = move |known: &&Known| known.rtype == Rtype::NS && known.owner == *owner;
        self.records
            .iter()
            .filter(is_ns)
            .filter_map(|known| known.target.as_ref())
    }

    fn addresses(&self, server: &Qname, dnssec: bool) -> BTreeSet<Entry> {
        let mut addresses = self.rrset(server, Rtype::A, dnssec);
        addresses.extend(self.rrset(server, Rtype::AAAA, dnssec));
        addresses
    }

    fn referral(&self, cut: &Qname, dnssec: bool) -> Expected {
        let mut expected = Expected {
            exists: true,
            answers: vec![BTreeSet::new()],
            ..Expected::default()
        };
        expected.authority = self.rrset(cut, Rtype::NS, false);
        if dnssec {
            let ds = self.rrset(cut, Rtype::DS, true);
            let nothing = ds.is_empty();
            expected.authority.extend(ds);
            if nothing {
                expected.authority.extend(self.proof(cut));
            }
        }
        for server in self.servers(cut) {
            if server.ends_with(cut) {
                expected.glue.extend(self.addresses(server, false));
            } else {
                expected.addresses.extend(self.addresses(server, dnssec));
            }
        }
        expected
    }

    /// The wildcard that would have answered for a name that does not exist.
    fn wildcard(&self, name: &Qname) -> Qname {
        let encloser = name
            .iter_suffixes()
            .find(|suffix| self.exists(&suffix.to_name()))
            .expect("the apex exists");
        Name::from_octets([b"\x01*", encloser.as_slice()].concat()).expect("it is not longer")
    }

    /// The NSEC RRset that matches or covers a name; nothing in an unsigned zone.
    fn proof(&self, name: &Qname) -> BTreeSet<Entry> {
        let proves = |known: &&Known| {
            let Some(next) = known.target.as_ref().filter(|_| known.rtype == Rtype::NSEC) else {
                return false;
            };
            match known.owner.name_cmp(name) {
                Ordering::Equal => true,
                Ordering::Less => name.name_cmp(next).is_lt() || *next == self.apex,
                Ordering::Greater => false,
            }
        };
        let mut found = self.records.iter().filter(proves);
        let owner = found.next().map(|known| &known.owner);
        assert!(
            found.next().is_none(),
            "the chain has two records for {name}"
        );
        owner.map_or_else(BTreeSet::new, |owner| self.rrset(owner, Rtype::NSEC, true))
    }
}
