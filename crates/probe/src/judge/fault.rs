//! What can be wrong with a response: a variant for each rule.

use crate::Name;
use domain::base::iana::{Class, OptRcode, Rtype};
use std::fmt;

/// A section of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What answers the question.
    Answer,
    /// Referrals, proofs and the SOA record of negative answers.
    Authority,
    /// Addresses of servers, and the OPT record.
    Additional,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Section::Answer => "answer",
            Section::Authority => "authority",
            Section::Additional => "additional",
        })
    }
}

/// An RRset, or records that should be one, in a section of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where in the response.
    pub section: Section,
    /// The owner.
    pub owner: Name,
    /// The type; for signatures that of the RRset which they cover.
    pub rtype: Rtype,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { section, rtype, .. } = self;
        write!(f, "{} {rtype} in {section}", self.owner.fmt_with_dot())
    }
}

/// The first thing found wrong with a response. Each rule of the table has a variant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The judge has no row for such a question, or the zone does not have the name.
    #[error("no rule says what the answer to {} {rtype} is", owner.fmt_with_dot())]
    NoRule {
        /// The name asked for.
        owner: Name,
        /// The type asked for.
        rtype: Rtype,
    },
    /// It cannot be read as a message.
    #[error("no message: {why}")]
    Malformed {
        /// What the parser says.
        why: String,
    },
    /// The message ends before the datagram.
    #[error("{octets} octets behind the last record")]
    Trailing {
        /// How many.
        octets: usize,
    },
    /// QR is clear.
    #[error("QR is clear: this is no response")]
    NotAResponse,
    /// Not the opcode of the query.
    #[error("opcode {found}, expected 0")]
    OtherOpcode {
        /// The one found.
        found: u8,
    },
    /// The question section does not repeat the question, octet for octet.
    #[error("the question is not repeated as it was asked: {} {rtype}", owner.fmt_with_dot())]
    OtherQuestion {
        /// The name asked for.
        owner: Name,
        /// The type asked for.
        rtype: Rtype,
    },
    /// TC is set: over UDP a reason to ask again over TCP, over TCP a fault.
    #[error("TC is set")]
    Truncated,
    /// Not the ID of the query, or no response at all.
    #[error("no response with the ID of the query")]
    OtherId,
    /// More octets than the query offered to take.
    #[error("{octets} octets, and the query takes {limit}")]
    TooLong {
        /// Octets of the response.
        octets: usize,
        /// Octets that the query offers to take.
        limit: usize,
    },
    /// Another RCODE.
    #[error("{found}, expected {expected}")]
    OtherRcode {
        /// The one expected.
        expected: OptRcode,
        /// The one found.
        found: OptRcode,
    },
    /// AA is clear in an answer from the zone's own data.
    #[error("AA is clear, expected set: the zone has authority over {}", owner.fmt_with_dot())]
    NotAuthoritative {
        /// The name asked for.
        owner: Name,
    },
    /// AA is set in a referral.
    #[error("AA is set, expected clear: {} is delegated", owner.fmt_with_dot())]
    Authoritative {
        /// The zone cut.
        owner: Name,
    },
    /// RA is set, and a root server offers no recursion.
    #[error("RA is set, expected clear")]
    RecursionAvailable,
    /// RD is set, and the query did not set it.
    #[error("RD is set, expected clear as in the query")]
    RecursionDesired,
    /// AD is set, and an authoritative server checks nothing (RFC 4035 section 3.1.6).
    #[error("AD is set, expected clear")]
    AuthenticData,
    /// CD is set, and the query did not set it.
    #[error("CD is set, expected clear as in the query")]
    CheckingDisabled,
    /// The reserved bit of the header is set (RFC 1035 section 4.1.1).
    #[error("the reserved bit of the header is set")]
    ReservedBit,
    /// A section that is to be empty holds something.
    #[error("{0}: expected nothing there")]
    NotEmpty(Place),
    /// Records that do not belong there.
    #[error("{0} does not belong there")]
    Unexpected(Place),
    /// A record of another class than IN.
    #[error("{place} is of class {found}, expected IN")]
    OtherClass {
        /// The record.
        place: Place,
        /// Its class.
        found: Class,
    },
    /// A record that the zone does not have.
    #[error("{place}: the zone has no record {found}")]
    NotOfZone {
        /// The record.
        place: Place,
        /// Its data.
        found: String,
    },
    /// A signature that the zone does not have.
    #[error("{place}: the zone has no signature {found}")]
    SignatureNotOfZone {
        /// The RRset that it covers.
        place: Place,
        /// Its data.
        found: String,
    },
    /// One record twice.
    #[error("{0}: a record is repeated")]
    Repeated(Place),
    /// Another TTL than in the zone.
    #[error("{place}: TTL {found}, expected {expected}")]
    OtherTtl {
        /// The record.
        place: Place,
        /// The TTL expected, in seconds.
        expected: u32,
        /// The TTL found, in seconds.
        found: u32,
    },
    /// A name is compressed in data where that is forbidden (RFC 4034 sections 3.1.7 and 4.1.1).
    #[error("{0}: a name in its data is compressed")]
    Compressed(Place),
    /// An RRset is not there.
    #[error("{0} is missing")]
    Missing(Place),
    /// Only a part of an RRset is there.
    #[error("{place}: {found} records, expected {expected}")]
    Incomplete {
        /// The RRset.
        place: Place,
        /// Records of it in the zone.
        expected: usize,
        /// Records of it in the response.
        found: usize,
    },
    /// An RRset comes without a signature.
    #[error("{0} comes without a signature")]
    Unsigned(Place),
    /// Only a part of the signatures over an RRset is there.
    #[error("{place}: {found} signatures, expected {expected}")]
    SignaturesIncomplete {
        /// The RRset.
        place: Place,
        /// Signatures over it in the zone.
        expected: usize,
        /// Signatures over it in the response.
        found: usize,
    },
    /// Glue is there in the zone, and none of it in the referral.
    #[error("no address of any server of {} in additional, and the zone has some", owner.fmt_with_dot())]
    NoAddress {
        /// The zone cut.
        owner: Name,
    },
    /// The zone is signed and has no NSEC record that proves what is to be proven.
    #[error("the zone has no NSEC record for {}, which the response should prove", owner.fmt_with_dot())]
    NoProof {
        /// The name that the record would cover.
        owner: Name,
    },
    /// The NSEC record of a delegation without DS says that there is one.
    #[error("the NSEC record of {} has the bit of DS, and there is no DS", owner.fmt_with_dot())]
    DsBit {
        /// The zone cut.
        owner: Name,
    },
    /// No OPT record answers that of the query (RFC 6891 section 6.1.1).
    #[error("no OPT record")]
    NoOpt,
    /// More than one OPT record (RFC 6891 section 6.1.1).
    #[error("more than one OPT record")]
    OptTwice,
    /// The OPT record is not of the root (RFC 6891 section 6.1.2).
    #[error("the owner of the OPT record is {}, expected the root", owner.fmt_with_dot())]
    OptOwner {
        /// Its owner.
        owner: Name,
    },
    /// Another version of EDNS.
    #[error("EDNS version {found}, expected 0")]
    EdnsVersion {
        /// The one found.
        found: u8,
    },
    /// DO is not copied (RFC 3225 section 3).
    #[error("DO is clear, expected set as in the query")]
    NoDo,
    /// Flags of EDNS that have no meaning are set (RFC 6891 section 6.1.4).
    #[error("EDNS flags {found:#06x}, expected none but DO")]
    EdnsFlags {
        /// The flags found.
        found: u16,
    },
}
