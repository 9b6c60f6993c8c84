//! The table of RSSAC047v2 section 5.3: what the response to a question must hold.
//!
//! ```text
//! question    RCODE     AA  answer   authority                       additional
//! TLD NS      NOERROR   0   –        NS, DS* or else NSEC* of it     an address or more
//! TLD DS      NOERROR   1   DS*      –                               –
//! . SOA       NOERROR   1   SOA*     NS* or –                        addresses of these
//! . NS        NOERROR   1   NS*      –                               addresses of these
//! . DNSKEY    NOERROR   1   DNSKEY*  –                               –
//! no type     NOERROR   1   –        SOA*, NSEC* of it               –
//! no name     NXDOMAIN  1   –        SOA*, NSEC* over it and over    –
//!                                    the wildcard (of . in the root)
//! ```
//!
//! A star means "with its signatures". In a zone without signatures none are wanted, and no NSEC.
//! The row "no type" is not of the table: it is what RFC 4035 section 3.1.3.1 wants where the
//! table has no DS, or an unsigned zone no DNSKEY, to offer.

use super::fault::Fault;
use super::question::Question;
use super::zone::{RrSet, Standing, Zone, negative_ttl};
use crate::{Data, Name};
use domain::base::iana::{OptRcode, Rtype};
use domain::base::{NameBuilder, ToName, Ttl};

/// What a response must hold.
pub(super) struct Expected<'z> {
    pub(super) rcode: OptRcode,
    /// The zone cut, where the response is a referral and AA is clear.
    pub(super) cut: Option<&'z Name>,
    pub(super) answer: Vec<Wanted<'z>>,
    pub(super) authority: Vec<Wanted<'z>>,
    /// Any of these may be there.
    pub(super) additional: Vec<Wanted<'z>>,
}

/// An RRset that a section must or may hold.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'z> {
    pub(super) rrset: RrSet<'z>,
    /// It must be there.
    pub(super) required: bool,
    /// Where it is, its signatures must be too.
    pub(super) signed: bool,
    /// The TTL is this at most, whatever the zone has.
    pub(super) ttl_max: Ttl,
}

impl<'z> Wanted<'z> {
    fn plain(rrset: RrSet<'z>) -> Self {
        Wanted {
            rrset,
            required: true,
            signed: false,
            ttl_max: Ttl::MAX,
        }
    }

    fn optional(self) -> Self {
        Wanted {
            required: false,
            ..self
        }
    }
}

/// What the response to `question` must hold.
pub(super) fn expected<'z>(zone: &'z Zone<'_>, question: &Question) -> Result<Expected<'z>, Fault> {
    let Question { name, rtype } = question;
    if !name.ends_with(zone.apex()) || is_meta(*rtype) {
        return Err(Fault::NoRule {
            owner: name.clone(),
            rtype: *rtype,
        });
    }
    match zone.standing(name) {
        // At a cut the parent has authority over DS alone (RFC 4035 section 3.1.4.1).
        Standing::Delegated(cut) if *rtype == Rtype::DS && cut.name_eq(name) => {
            owned(zone, name, *rtype)
        }
        Standing::Delegated(cut) => referral(zone, cut),
        Standing::Exists => owned(zone, name, *rtype),
        Standing::Absent(encloser) => absent(zone, name, &encloser),
    }
}

/// The answer of a name that the zone has, or that it has nothing of the type.
fn owned<'z>(zone: &'z Zone<'_>, name: &Name, rtype: Rtype) -> Result<Expected<'z>, Fault> {
    let Some(rrset) = zone.rrset(name, rtype) else {
        let mut authority = soa(zone);
        authority.extend(proof(zone, name)?);
        return Ok(Expected::negative(OptRcode::NOERROR, authority));
    };
    let servers = if name.name_eq(zone.apex()) && [Rtype::SOA, Rtype::NS].contains(&rtype) {
        zone.rrset(name, Rtype::NS)
    } else {
        None
    };
    let beside = servers.filter(|_| rtype == Rtype::SOA);
    Ok(Expected {
        rcode: OptRcode::NOERROR,
        cut: None,
        answer: vec![signed(zone, rrset)],
        authority: beside
            .map(|servers| signed(zone, servers).optional())
            .into_iter()
            .collect(),
        additional: servers.map_or_else(Vec::new, |servers| addresses(zone, servers)),
    })
}

fn referral<'z>(zone: &'z Zone<'_>, cut: &'z Name) -> Result<Expected<'z>, Fault> {
    let servers = zone.rrset(cut, Rtype::NS);
    let mut authority: Vec<Wanted<'z>> = servers.map(Wanted::plain).into_iter().collect();
    match zone.rrset(cut, Rtype::DS) {
        Some(ds) => authority.push(signed(zone, ds)),
        None => {
            if let Some(nsec) = proof(zone, cut)? {
                denies_ds(cut, nsec.rrset)?;
                authority.push(nsec);
            }
        }
    }
    Ok(Expected {
        rcode: OptRcode::NOERROR,
        cut: Some(cut),
        answer: Vec::new(),
        authority,
        additional: servers.map_or_else(Vec::new, |servers| addresses(zone, servers)),
    })
}

/// The name does not exist, and neither does a wildcard that could stand for it (RFC 4035 section
/// 3.1.3.2). In the root the record that denies the wildcard is that of the apex.
fn absent<'z>(zone: &'z Zone<'_>, name: &Name, encloser: &Name) -> Result<Expected<'z>, Fault> {
    let mut wildcard = NameBuilder::new_bytes();
    let wildcard = wildcard
        .append_label(b"*")
        .ok()
        .and_then(|()| wildcard.append_origin(encloser).ok())
        // No room for one more label: no such wildcard can be.
        .unwrap_or_else(|| encloser.clone());
    let mut authority = soa(zone);
    let (over_name, over_wildcard) = (proof(zone, name)?, proof(zone, &wildcard)?);
    let same = |other: &Wanted<'_>| {
        over_name.is_some_and(|this| this.rrset.owner.name_eq(other.rrset.owner))
    };
    authority.extend(over_wildcard.filter(|nsec| !same(nsec)));
    authority.extend(over_name);
    Ok(Expected::negative(OptRcode::NXDOMAIN, authority))
}

impl<'z> Expected<'z> {
    fn negative(rcode: OptRcode, authority: Vec<Wanted<'z>>) -> Self {
        Expected {
            rcode,
            cut: None,
            answer: Vec::new(),
            authority,
            additional: Vec::new(),
        }
    }
}

/// The SOA record of a negative answer, which lives no longer than the answer.
fn soa<'z>(zone: &'z Zone<'_>) -> Vec<Wanted<'z>> {
    let soa = zone.rrset(zone.apex(), Rtype::SOA);
    let wanted = soa.map(|soa| Wanted {
        ttl_max: negative_ttl(soa).unwrap_or(Ttl::MAX),
        ..signed(zone, soa)
    });
    wanted.into_iter().collect()
}

/// The NSEC record at or before a name, if the zone is signed.
fn proof<'z>(zone: &'z Zone<'_>, name: &Name) -> Result<Option<Wanted<'z>>, Fault> {
    if !zone.is_signed() {
        return Ok(None);
    }
    let nsec = zone.covering(name).ok_or_else(|| Fault::NoProof {
        owner: name.clone(),
    })?;
    Ok(Some(signed(zone, nsec)))
}

/// The record must be that of the delegation itself, without the bit of DS.
fn denies_ds(cut: &Name, nsec: RrSet<'_>) -> Result<(), Fault> {
    let owner = || cut.clone();
    if !nsec.owner.name_eq(cut) {
        return Err(Fault::NoProof { owner: owner() });
    }
    let says_ds = nsec.data().any(|data| match data {
        Data::Nsec(nsec) => nsec.types().contains(Rtype::DS),
        _ => false,
    });
    if says_ds {
        return Err(Fault::DsBit { owner: owner() });
    }
    Ok(())
}

/// The address RRsets that the zone has of these servers.
fn addresses<'z>(zone: &'z Zone<'_>, servers: RrSet<'z>) -> Vec<Wanted<'z>> {
    let names = servers.data().filter_map(|data| match data {
        Data::Ns(ns) => Some(ns.nsdname()),
        _ => None,
    });
    names
        .flat_map(|name| [Rtype::A, Rtype::AAAA].map(|rtype| zone.rrset(name, rtype)))
        .flatten()
        .map(|rrset| Wanted::plain(rrset).optional())
        .collect()
}

fn signed<'z>(zone: &Zone<'_>, rrset: RrSet<'z>) -> Wanted<'z> {
    Wanted {
        signed: zone.is_signed(),
        ..Wanted::plain(rrset)
    }
}

/// Types that no RRset has, or of which an answer may choose (RFC 8482, RFC 6895 section 3.1).
fn is_meta(rtype: Rtype) -> bool {
    let number = rtype.to_int();
    (128..=255).contains(&number) || number == 0 || [Rtype::OPT, Rtype::RRSIG].contains(&rtype)
}
