//! Why a zone is not proven. Each failure has its own variant, which names the place.

use crate::record::{Name, UnixTime};
use crate::zonemd::DigestError;
use domain::base::iana::Rtype;
use std::fmt;

/// Why a candidate zone was refused. The image in service is untouched.
///
/// Of several failures of one check, the one told is the first in canonical order, whatever the
/// number of threads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// The ZONEMD check failed.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The anchors are for another zone.
    #[error(
        "the trust anchors are for {}, the zone is {}; configure its own",
        show(anchors),
        show(apex)
    )]
    OtherAnchors {
        /// The zone that the anchors are for.
        anchors: Name,
        /// The name of the zone.
        apex: Name,
    },
    /// No anchor is valid at this time.
    #[error(
        "no trust anchor for {} is valid at {now}; give one that is, or check the clock",
        show(apex)
    )]
    NoAnchor {
        /// The name of the zone.
        apex: Name,
        /// The time of the check.
        now: UnixTime,
    },
    /// No DNSKEY RRset: the zone is unsigned.
    #[error(
        "{} has no DNSKEY RRset: the zone is unsigned; serve it with dnssec = \"off\" if it should be",
        show(apex)
    )]
    Unsigned {
        /// The name of the zone.
        apex: Name,
    },
    /// No key of the zone is an anchored one.
    #[error(
        "no trust anchor ({}) is a usable key of {} ({}); update the anchors, or do not trust the zone",
        list(anchors),
        show(apex),
        list(keys)
    )]
    NoAnchoredKey {
        /// The name of the zone.
        apex: Name,
        /// The tags of the anchors.
        anchors: Vec<u16>,
        /// The tags of the keys in the zone.
        keys: Vec<u16>,
    },
    /// No anchored key signed the DNSKEY RRset.
    #[error(
        "{} DNSKEY is not validly signed by an anchored key ({})",
        show(apex),
        list(keys)
    )]
    KeysUnsigned {
        /// The name of the zone.
        apex: Name,
        /// The tags of the anchored keys.
        keys: Vec<u16>,
        /// What became of their signature.
        #[source]
        cause: SignatureFault,
    },
    /// An RRset has no valid signature, or has a wrong one.
    #[error("{} {rtype} is not validly signed", show(owner))]
    Signature {
        /// The owner of the RRset.
        owner: Name,
        /// The type of the RRset.
        rtype: Rtype,
        /// What is wrong.
        #[source]
        cause: SignatureFault,
    },
    /// A signature over the NS RRset of a delegation, or over glue (RFC 4035 section 2.2).
    #[error(
        "{} {rtype} is signed, but is delegation data or glue; sign the zone again",
        show(owner)
    )]
    SignedGlue {
        /// The owner of the RRset.
        owner: Name,
        /// The type of the RRset.
        rtype: Rtype,
    },
    /// A signature without an RRset.
    #[error(
        "{} has a signature over {rtype}, but no {rtype}; a record was lost, or the signature is left over",
        show(owner)
    )]
    SignatureOfNothing {
        /// The owner of the signature.
        owner: Name,
        /// The type that it covers.
        rtype: Rtype,
    },
    /// A name has no NSEC record.
    #[error(
        "{} has no NSEC; each name with data of the zone or a delegation has one",
        show(owner)
    )]
    NsecMissing {
        /// The name.
        owner: Name,
    },
    /// A name has several NSEC records.
    #[error("{} has more than one NSEC; a name has one", show(owner))]
    NsecTwice {
        /// The name.
        owner: Name,
    },
    /// An NSEC record below a zone cut.
    #[error(
        "{} has an NSEC, but is below a delegation; sign the zone again",
        show(owner)
    )]
    NsecMisplaced {
        /// The name.
        owner: Name,
    },
    /// The chain of NSEC records leads elsewhere than to the next name.
    #[error(
        "the NSEC chain breaks at {}: its next name is {}, the zone's is {}",
        show(owner),
        show(found),
        show(expected)
    )]
    NsecChain {
        /// The owner of the NSEC record.
        owner: Name,
        /// Where it leads.
        found: Name,
        /// Where it should lead.
        expected: Name,
    },
    /// The types of an NSEC record are not those of its owner.
    #[error(
        "the NSEC of {} has wrong types: lacks [{}], has too many [{}]",
        show(owner),
        list(lacks),
        list(extra)
    )]
    NsecTypes {
        /// The owner.
        owner: Name,
        /// Types that the owner has and the NSEC does not tell.
        lacks: Vec<Rtype>,
        /// Types that the NSEC tells and the owner does not have.
        extra: Vec<Rtype>,
    },
}

/// What is wrong with the signatures over an RRset.
///
/// Of several signatures none of which is good, the fault is of the one that came furthest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum SignatureFault {
    /// There is no signature.
    #[error("there is no RRSIG; a record was lost, or the zone is not wholly signed")]
    Absent,
    /// The signer is not the zone.
    #[error("the RRSIG is by {0}, which is not the zone")]
    OtherSigner(String),
    /// The key is not in the DNSKEY RRset.
    #[error("the RRSIG is by key {tag} of algorithm {algorithm}, which is no key of the zone")]
    UnknownKey {
        /// The key tag.
        tag: u16,
        /// The algorithm number.
        algorithm: u8,
    },
    /// The key is revoked (RFC 5011 section 2.1).
    #[error("the RRSIG is by key {tag}, which is revoked")]
    RevokedKey {
        /// The key tag.
        tag: u16,
    },
    /// The algorithm cannot be checked.
    #[error(
        "the RRSIG is of algorithm {algorithm}, which is not supported (8, 10, 13, 14, 15 are)"
    )]
    Unsupported {
        /// The algorithm number.
        algorithm: u8,
    },
    /// The validity has ended.
    #[error("the RRSIG by key {tag} expired at {at}; get a newer zone, or check the clock")]
    Expired {
        /// The key tag.
        tag: u16,
        /// The end of its validity.
        at: UnixTime,
    },
    /// The validity has not begun.
    #[error("the RRSIG by key {tag} is valid only from {from}; check the clock")]
    NotYet {
        /// The key tag.
        tag: u16,
        /// The begin of its validity.
        from: UnixTime,
    },
    /// The labels field is not that of the owner.
    #[error("the RRSIG by key {tag} is for {found} labels, the owner has {expected}")]
    Labels {
        /// The key tag.
        tag: u16,
        /// Labels that the signature tells.
        found: u8,
        /// Labels of the owner.
        expected: u8,
    },
    /// A TTL is not that which was signed (RFC 4035 section 2.2).
    #[error(
        "the RRSIG by key {tag} is for a TTL of {signed}, but the records have {rrset} and it has {own}"
    )]
    Ttl {
        /// The key tag.
        tag: u16,
        /// The original TTL that is signed.
        signed: u32,
        /// The TTL of the RRset.
        rrset: u32,
        /// The TTL of the signature itself.
        own: u32,
    },
    /// The signature does not verify.
    #[error("the RRSIG by key {tag} does not verify: records or signature were changed")]
    Bad {
        /// The key tag.
        tag: u16,
    },
}

impl SignatureFault {
    /// Whether the fault spoils the RRset even if another signature is good: the signature is by
    /// a key of the zone, within its time, and wrong.
    pub(super) fn is_wrong(&self) -> bool {
        matches!(
            self,
            SignatureFault::Labels { .. } | SignatureFault::Ttl { .. } | SignatureFault::Bad { .. }
        )
    }
}

fn show(name: &Name) -> impl fmt::Display + '_ {
    name.fmt_with_dot()
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(" ")
}
