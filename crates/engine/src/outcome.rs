//! What became of one packet.

use crate::cookie::Claim;
use imrs_wire::Rcode;
use imrs_zone::image;

/// What became of one packet. Plain data: the worker sends and counts by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Octets of the response at the start of the output; 0 when nothing is to be sent.
    pub len: usize,
    /// What kind of response it is.
    pub kind: Kind,
    /// The extended RCODE sent (RFC 6891 section 6.1.3).
    pub rcode: Rcode,
    /// TC was set.
    pub truncated: bool,
    /// The zones alone do not answer this: NOTIFY, a transfer, a signed query. What was composed
    /// is right for a server that does none of these; one that does answers by other means.
    pub is_aside: bool,
    /// What the query showed of the client that it comes from.
    pub cookie: Claim,
    /// What became of the query, where the client was not answered as it asked.
    pub fate: Fate,
}

/// What became of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Fate {
    /// It was answered.
    #[default]
    Answered,
    /// It was sent for a cookie, or to TCP.
    Deferred,
    /// It was passed over, since the server is behind.
    Shed,
}

/// The kinds of response, as statistics tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Nothing is sent: not a query, or too short to answer.
    Dropped,
    /// An answer.
    Answer,
    /// A referral to the servers of a delegated zone.
    Referral,
    /// The name exists, the type does not.
    NoData,
    /// The name does not exist.
    NxDomain,
    /// An error response (FORMERR, NOTIMP, REFUSED, SERVFAIL, BADVERS).
    Error,
}

impl Outcome {
    /// Nothing is sent.
    pub const DROPPED: Outcome = Outcome {
        len: 0,
        kind: Kind::Dropped,
        rcode: Rcode::NOERROR,
        truncated: false,
        is_aside: false,
        cookie: Claim::None,
        fate: Fate::Answered,
    };

    /// The same, of a query that shows this of its client.
    #[inline]
    pub(crate) fn showing(self, cookie: Claim) -> Outcome {
        Outcome { cookie, ..self }
    }

    /// The same, as one that others may answer better.
    pub(crate) fn aside(self) -> Outcome {
        Outcome {
            is_aside: true,
            ..self
        }
    }
}

impl From<image::Kind> for Kind {
    #[inline]
    fn from(kind: image::Kind) -> Self {
        match kind {
            image::Kind::Answer => Kind::Answer,
            image::Kind::Referral => Kind::Referral,
            image::Kind::NoData => Kind::NoData,
            image::Kind::NxDomain => Kind::NxDomain,
        }
    }
}
