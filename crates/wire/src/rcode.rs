//! Response codes.

/// A response code with its extended bits (RFC 6891 section 6.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error (RFC 1035 section 4.1.1).
    pub const NOERROR: Rcode = Rcode(0);
    /// The query cannot be understood (RFC 1035 section 4.1.1).
    pub const FORMERR: Rcode = Rcode(1);
    /// The server has a problem (RFC 1035 section 4.1.1).
    pub const SERVFAIL: Rcode = Rcode(2);
    /// The name does not exist (RFC 1035 section 4.1.1).
    pub const NXDOMAIN: Rcode = Rcode(3);
    /// The kind of query is not implemented (RFC 1035 section 4.1.1).
    pub const NOTIMP: Rcode = Rcode(4);
    /// The server will not answer this (RFC 1035 section 4.1.1).
    pub const REFUSED: Rcode = Rcode(5);
    /// The server is not authoritative for the zone named (RFC 2136 section 2.2).
    pub const NOTAUTH: Rcode = Rcode(9);
    /// The EDNS version is not supported (RFC 6891 section 6.1.3).
    pub const BADVERS: Rcode = Rcode(16);
    /// The cookie of the client is not good (RFC 7873 section 8).
    pub const BADCOOKIE: Rcode = Rcode(23);
}
