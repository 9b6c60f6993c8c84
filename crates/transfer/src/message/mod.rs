//! The messages that secondaries and primaries exchange: SOA queries, NOTIFY, requests for
//! transfers, and what is said to each.
//!
//! ```text
//! ask      what we ask of others: SOA, NOTIFY, AXFR, IXFR
//! answer   what others say to that
//! request  what others ask of us, and what we say to that without a zone
//! ```
//!
//! All are single messages without transport framing. Signatures are `tsig`'s care: it takes
//! them off before a message is read here, and puts them on after one was made here. Everything
//! that reads is total: every octet string gives a value or an error.

mod answer;
mod ask;
mod request;

pub use answer::{AnswerError, SoaAnswer, read_notify_answer, read_soa};
pub use ask::{axfr_query, ixfr_query, notify, soa_query};
pub(crate) use request::push_opt;
pub use request::{Asks, Request, notify_response, refusal};

use domain::base::{Message, ToName};
use imrs_wire::limits::HEADER_LEN;
use imrs_wire::{Counts, Flags, Rcode, Rtype};
use imrs_zone::Name;

/// The opcode of NOTIFY (RFC 1996 section 3.3).
pub(crate) const NOTIFY: u8 = 4;

/// The extended RCODE of a message (RFC 6891 section 6.1.3); NOERROR of one without a header.
pub fn rcode(message: &[u8]) -> Rcode {
    let message = Message::from_slice(message);
    message.map_or(Rcode::NOERROR, |message| {
        Rcode(message.opt_rcode().to_int())
    })
}

/// Lays out a header.
pub(crate) fn header(id: u16, flags: Flags, counts: Counts) -> [u8; HEADER_LEN] {
    let mut octets = [0; HEADER_LEN];
    let fields = [
        id,
        flags.0,
        counts.question,
        counts.answer,
        counts.authority,
        counts.additional,
    ];
    for (place, field) in octets.chunks_exact_mut(2).zip(fields) {
        place.copy_from_slice(&field.to_be_bytes());
    }
    octets
}

/// The flags of a message with a header.
pub(crate) fn flags(message: &[u8]) -> Option<Flags> {
    match message {
        [_, _, high, low, ..] if message.len() >= HEADER_LEN => {
            Some(Flags(u16::from_be_bytes([*high, *low])))
        }
        _ => None,
    }
}

/// Appends a question of class IN.
fn push_question(message: &mut Vec<u8>, name: &Name, qtype: Rtype) {
    message.extend_from_slice(name.as_slice());
    message.extend_from_slice(&qtype.0.to_be_bytes());
    message.extend_from_slice(&imrs_wire::Class::IN.0.to_be_bytes());
}

/// What the question section of a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The question that was expected.
    Same,
    /// No question.
    Nothing,
    /// Another one, several, or octets that are none.
    Other,
}

/// Compares the question section of a message with what was asked, in class IN.
pub(crate) fn asked(message: &Message<[u8]>, zone: &Name, qtype: Rtype) -> Asked {
    match message.header_counts().qdcount() {
        0 => Asked::Nothing,
        1 => match message.sole_question() {
            Ok(question)
                if question.qname().name_eq(zone)
                    && question.qtype().to_int() == qtype.0
                    && question.qclass().to_int() == imrs_wire::Class::IN.0 =>
            {
                Asked::Same
            }
            _ => Asked::Other,
        },
        _ => Asked::Other,
    }
}
