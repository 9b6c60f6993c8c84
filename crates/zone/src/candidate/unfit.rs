//! Why a set of records cannot be a zone of this server. Each reason has its own variant, which
//! names the place and says what would be right.

use crate::limits::RRSET_OCTETS_MAX;
use crate::record::Name;
use domain::base::iana::{Class, Rtype};
use imrs_wire::Serial;
use std::fmt;

/// Why a set of records cannot be a zone of this server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// More records than the limit.
    #[error("{count} records are more than the limit of {limit}; raise it if the zone is right")]
    TooManyRecords {
        /// Records received.
        count: usize,
        /// Records allowed.
        limit: usize,
    },
    /// More octets than the limit.
    #[error("{octets} octets are more than the limit of {limit}; raise it if the zone is right")]
    TooManyOctets {
        /// Octets of the records received, in wire form.
        octets: usize,
        /// Octets allowed.
        limit: usize,
    },
    /// An RRset that no message can hold.
    #[error(
        "{} {rtype} has {octets} octets, and no message can hold more than {RRSET_OCTETS_MAX}",
        show(owner)
    )]
    RrsetTooLarge {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
        /// Its octets in uncompressed wire form.
        octets: usize,
    },
    /// No SOA record.
    #[error("no SOA record: this is no zone, or its beginning is missing")]
    NoSoa,
    /// Two SOA records at one owner.
    #[error("{} has SOA records of serial {} and {}; leave one", show(apex), serials.0, serials.1)]
    SoaTwice {
        /// Their owner.
        apex: Name,
        /// Their serials.
        serials: (Serial, Serial),
    },
    /// A SOA record below the apex.
    #[error(
        "{} has a SOA record below the apex {}; a file holds one zone",
        show(owner),
        show(apex)
    )]
    SoaBelowApex {
        /// Its owner.
        owner: Name,
        /// The name of the zone.
        apex: Name,
    },
    /// A record of another class than IN.
    #[error("{} {rtype} is of class {class}; only IN is served", show(owner))]
    OtherClass {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
        /// Its class.
        class: Class,
    },
    /// A record that is not at or below the apex.
    #[error("{} {rtype} is out of zone {}; take it out", show(owner), show(apex))]
    OutOfZone {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
        /// The name of the zone.
        apex: Name,
    },
    /// No NS records at the apex.
    #[error(
        "{} has no NS record at its apex; a zone names its servers",
        show(apex)
    )]
    NoApexNs {
        /// The name of the zone.
        apex: Name,
    },
    /// A wildcard, or a name below one.
    #[error(
        "{} is or implies a wildcard; the zones of a root server have none, and none is served",
        show(owner)
    )]
    Wildcard {
        /// Its owner.
        owner: Name,
    },
    /// A CNAME or DNAME record.
    #[error(
        "{} has a {rtype}; the zones of a root server have none, and none is served",
        show(owner)
    )]
    Alias {
        /// Its owner.
        owner: Name,
        /// CNAME or DNAME.
        rtype: Rtype,
    },
    /// NSEC3 or NSEC3PARAM.
    #[error(
        "{} has an {rtype}; only NSEC is supported, sign the zone with it",
        show(owner)
    )]
    Nsec3 {
        /// Its owner.
        owner: Name,
        /// NSEC3 or NSEC3PARAM.
        rtype: Rtype,
    },
    /// A type that is for queries or transport alone (RFC 6895 section 3.1).
    #[error("{} {rtype}: records of this type do not stand in zones", show(owner))]
    MetaType {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
    },
    /// A TTL above 2^31 - 1.
    #[error(
        "{} {rtype} has a TTL of {ttl}; at most 2147483647 is allowed (RFC 2181 section 8)",
        show(owner)
    )]
    LongTtl {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
        /// Its TTL in seconds.
        ttl: u32,
    },
    /// An RRset with two TTLs.
    #[error("{} {rtype} has TTLs {} and {}; give all records of an RRset the same (RFC 2181 section 5.2)", show(owner), ttls.0, ttls.1)]
    TtlsDiffer {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
        /// Two of its TTLs in seconds.
        ttls: (u32, u32),
    },
    /// Data at or below a zone cut that belongs to the child zone.
    #[error(
        "{} {rtype} is occluded by the delegation of {}; only glue stands there",
        show(owner),
        show(cut)
    )]
    Occluded {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
        /// The name that is delegated.
        cut: Name,
    },
    /// A DS RRset where nothing is delegated.
    #[error(
        "{} has a DS but is not delegated; add its NS or remove the DS",
        show(owner)
    )]
    MisplacedDs {
        /// Its owner.
        owner: Name,
    },
}

/// A name with its final dot.
fn show(name: &Name) -> impl fmt::Display + '_ {
    name.fmt_with_dot()
}
