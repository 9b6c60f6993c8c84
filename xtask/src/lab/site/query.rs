//! The queries of the load, and what is read from their responses.
//!
//! Queries are made once and differ by their identifier; who answered is read from the NSID (RFC
//! 5001) at the end of the response. This file does not know when any is sent.

use super::plan::Place;
use domain::base::iana::Rcode;
use domain::base::{MessageBuilder, Name, Rtype};

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum By {
    /// A node.
    Node(Place),
    /// A server with a falsified copy of the zone.
    Falsifier,
    /// Somebody without a name that is known.
    Nobody,
}

impl By {
    /// A short name.
    pub(super) fn name(self) -> &'static str {
        match self {
            By::Node(place) => place.name(),
            By::Falsifier => FALSIFIER,
            By::Nobody => "somebody",
        }
    }
}

/// A query without its identifier, and what its response ought to be.
#[derive(Clone, Debug)]
pub(super) struct Question {
    octets: Vec<u8>,
    rcode: u8,
    is_authoritative: bool,
}

impl Question {
    /// The three kinds that a root is asked most: its own SOA record, a delegation, and a name that
    /// does not exist; all with DNSSEC.
    pub(super) fn kinds() -> [Question; 3] {
        [
            Question::make(".", Rtype::SOA, Rcode::NOERROR, true),
            Question::make("www.example.lab.", Rtype::A, Rcode::NOERROR, false),
            Question::make("no-such-name.absent.", Rtype::A, Rcode::NXDOMAIN, true),
        ]
    }

    fn make(name: &str, rtype: Rtype, rcode: Rcode, is_authoritative: bool) -> Question {
        let name: Name<Vec<u8>> = name.parse().expect("these names are short");
        let mut question = MessageBuilder::new_vec().question();
        question.push((&name, rtype)).expect("a vector grows");
        let mut additional = question.additional();
        additional
            .opt(|opt| {
                opt.set_udp_payload_size(1232);
                opt.set_dnssec_ok(true);
                opt.client_nsid()
            })
            .expect("a vector grows");
        Question {
            octets: additional.finish(),
            rcode: rcode.to_int(),
            is_authoritative,
        }
    }

    /// The query with an identifier.
    pub(super) fn with(&self, id: u16) -> Vec<u8> {
        let mut octets = self.octets.clone();
        octets[..2].copy_from_slice(&id.to_be_bytes());
        octets
    }

    /// Whether a response is what it ought to be.
    pub(super) fn is_met(&self, response: &[u8]) -> bool {
        let [_, _, flags, more, ..] = response else {
            return false;
        };
        let is_whole_response = flags & 0x82 == 0x80;
        let is_authoritative = flags & 0x04 != 0;
        is_whole_response
            && is_authoritative == self.is_authoritative
            && more & 0x0f == self.rcode
            && by(response) != By::Falsifier
    }
}

/// The identifier of a response.
pub(super) fn identifier(response: &[u8]) -> Option<u16> {
    match response {
        [high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// Who made a response.
pub(super) fn by(response: &[u8]) -> By {
    let tail = &response[response.len().saturating_sub(TAIL)..];
    let has = |text: &str| {
        let mut windows = tail.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    };
    if has(FALSIFIER) {
        return By::Falsifier;
    }
    let mut nodes = Place::ANNOUNCING.into_iter();
    let node = nodes.find(|place| place.identity().is_some_and(has));
    node.map_or(By::Nobody, By::Node)
}

/// The NSID of a server with a falsified copy.
pub(super) const FALSIFIER: &str = "peer";

/// Octets at the end of a response in which the NSID is: the OPT record is the last one, and other
/// options are few.
const TAIL: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn response(flags: [u8; 2], nsid: &str) -> Vec<u8> {
        let mut octets = vec![0, 1, flags[0], flags[1], 0, 0, 0, 0, 0, 0, 0, 1];
        octets.extend([0, 0, 41, 4, 0xd0, 0, 0, 0x80, 0, 0, 0, 0, 3, 0, 0]);
        octets.extend(nsid.as_bytes());
        octets
    }

    #[test]
    fn who_answered_is_read_from_the_end_of_a_response() {
        let check = |nsid: &str, expected: By| {
            assert_eq!(by(&response([0x84, 0], nsid)), expected, "{nsid}");
        };
        check("aa01-de-fra-n3", By::Node(Place::N3));
        check("aa01-ke-nbo", By::Node(Place::SingleA));
        check("peer", By::Falsifier);
        check("somebody", By::Nobody);
    }

    #[test]
    fn a_response_of_another_kind_is_wrong() {
        let [soa, referral, absent] = Question::kinds();
        let node = "aa01-de-fra-n3";
        assert!(soa.is_met(&response([0x84, 0], node)));
        assert!(!soa.is_met(&response([0x84, 0], "peer")));
        assert!(!soa.is_met(&response([0x84, 2], node)));
        assert!(!referral.is_met(&response([0x84, 0], node)));
        assert!(referral.is_met(&response([0x80, 0], node)));
        assert!(absent.is_met(&response([0x84, 3], node)));
    }
}
