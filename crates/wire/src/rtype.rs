//! Record types and classes.

/// A record type (RFC 1035 section 3.2.2), or a query type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rtype(pub u16);

impl Rtype {
    /// An IPv4 address (RFC 1035).
    pub const A: Rtype = Rtype(1);
    /// A name server (RFC 1035).
    pub const NS: Rtype = Rtype(2);
    /// The start of authority (RFC 1035).
    pub const SOA: Rtype = Rtype(6);
    /// Text (RFC 1035).
    pub const TXT: Rtype = Rtype(16);
    /// An IPv6 address (RFC 3596).
    pub const AAAA: Rtype = Rtype(28);
    /// EDNS (RFC 6891); never a question.
    pub const OPT: Rtype = Rtype(41);
    /// Delegation signer (RFC 4034).
    pub const DS: Rtype = Rtype(43);
    /// A signature (RFC 4034).
    pub const RRSIG: Rtype = Rtype(46);
    /// The next name and the types of this one (RFC 4034).
    pub const NSEC: Rtype = Rtype(47);
    /// A zone key (RFC 4034).
    pub const DNSKEY: Rtype = Rtype(48);
    /// The digest of the zone (RFC 8976).
    pub const ZONEMD: Rtype = Rtype(63);
    /// A name that does not exist, in compact proofs (RFC 9824); never a question.
    pub const NXNAME: Rtype = Rtype(128);
    /// A signature over a message by a shared secret (RFC 8945); never a question.
    pub const TSIG: Rtype = Rtype(250);
    /// An incremental transfer (RFC 1995).
    pub const IXFR: Rtype = Rtype(251);
    /// A full transfer (RFC 5936).
    pub const AXFR: Rtype = Rtype(252);
    /// Whatever there is (RFC 8482).
    pub const ANY: Rtype = Rtype(255);
}

/// A class (RFC 1035 section 3.2.4), or a query class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Class(pub u16);

impl Class {
    /// The Internet.
    pub const IN: Class = Class(1);
    /// CHAOS, where servers tell who they are (RFC 4892).
    pub const CH: Class = Class(3);
}
