//! What others say to our SOA queries and NOTIFY messages.

use super::{Asked, NOTIFY, asked, flags};
use domain::base::iana::Class;
use domain::base::name::ParsedName;
use domain::base::{Message, ToName};
use domain::rdata::{Soa, ZoneRecordData};
use imrs_wire::{Flags, Opcode, Rcode, Rtype, Serial};
use imrs_zone::{Name, Record};
use std::time::Duration;

/// What a SOA record says of its zone (RFC 1035 section 3.3.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoaAnswer {
    /// The serial.
    pub serial: Serial,
    /// How long after one check the next is due.
    pub refresh: Duration,
    /// How long after a check that failed the next is due.
    pub retry: Duration,
    /// How long after the last check that did not fail the zone may be served.
    pub expire: Duration,
    /// How long it is remembered that something does not exist.
    pub minimum: Duration,
}

/// Why a message is no answer to what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It has no header.
    #[error("{octets} octets are too few for a message")]
    Short {
        /// Its length.
        octets: usize,
    },
    /// It is itself a query.
    #[error("the message is a query, not a response")]
    NoResponse,
    /// It answers another message.
    #[error("the response has ID {found}, not {expected}")]
    OtherId {
        /// The ID that was sent.
        expected: u16,
        /// The one that came back.
        found: u16,
    },
    /// It answers another kind of message.
    #[error("the response has opcode {found}, not {expected}")]
    OtherOpcode {
        /// The opcode that was sent.
        expected: u8,
        /// The one that came back.
        found: u8,
    },
    /// The server says that it cannot or will not answer.
    #[error("the server says RCODE {}", .0.0)]
    Rcode(Rcode),
    /// It answers another question, or none.
    #[error("the response does not repeat the question")]
    OtherQuestion,
    /// Part of it was cut off; over TCP it fits.
    #[error("the response is truncated")]
    Truncated,
    /// The server is not authoritative for the zone.
    #[error("the server is not authoritative for the zone")]
    Lame,
    /// The answer section cannot be read.
    #[error("the records of the response cannot be read")]
    Unreadable,
    /// There is no SOA record of the zone in the answer section.
    #[error("the answer holds no SOA record of the zone")]
    NoSoa,
}

impl SoaAnswer {
    /// What a record says, if it is a SOA record.
    pub fn of(record: &Record) -> Option<Self> {
        match record.data() {
            ZoneRecordData::Soa(soa) => Some(SoaAnswer::from(soa)),
            _ => None,
        }
    }
}

impl AnswerError {
    /// Whether the message may come from somebody else, so that over UDP the wait goes on.
    pub fn is_stray(&self) -> bool {
        matches!(
            self,
            AnswerError::Short { .. }
                | AnswerError::NoResponse
                | AnswerError::OtherId { .. }
                | AnswerError::OtherOpcode { .. }
                | AnswerError::OtherQuestion
        )
    }
}

/// Reads the response to a SOA query.
pub fn read_soa(response: &[u8], zone: &Name, id: u16) -> Result<SoaAnswer, AnswerError> {
    let message = read(response, zone, id, Opcode::QUERY)?;
    let flags = Flags(u16::from_be_bytes([response[2], response[3]]));
    if flags.0 & Flags::TC != 0 {
        return Err(AnswerError::Truncated);
    }
    if flags.0 & Flags::AA == 0 {
        return Err(AnswerError::Lame);
    }
    find_soa(message, zone)
        .map_err(|Unreadable| AnswerError::Unreadable)?
        .ok_or(AnswerError::NoSoa)
}

/// Reads the response to a NOTIFY message (RFC 1996 section 4.7).
pub fn read_notify_answer(response: &[u8], zone: &Name, id: u16) -> Result<(), AnswerError> {
    read(response, zone, id, Opcode(NOTIFY)).map(drop)
}

/// What all answers have in common. RCODE comes before the question, which errors may lack.
fn read<'a>(
    response: &'a [u8],
    zone: &Name,
    id: u16,
    opcode: Opcode,
) -> Result<&'a Message<[u8]>, AnswerError> {
    let octets = response.len();
    let flags = flags(response).ok_or(AnswerError::Short { octets })?;
    let message = Message::from_slice(response).map_err(|_| AnswerError::Short { octets })?;
    if !flags.is_response() {
        return Err(AnswerError::NoResponse);
    }
    let found = message.header().id();
    if found != id {
        return Err(AnswerError::OtherId {
            expected: id,
            found,
        });
    }
    if flags.opcode() != opcode {
        return Err(AnswerError::OtherOpcode {
            expected: opcode.0,
            found: flags.opcode().0,
        });
    }
    let question = asked(message, zone, Rtype::SOA);
    let rcode = Rcode(flags.0 & 0xf);
    if rcode != Rcode::NOERROR && question != Asked::Other {
        return Err(AnswerError::Rcode(rcode));
    }
    match question {
        Asked::Same => Ok(message),
        Asked::Nothing | Asked::Other => Err(AnswerError::OtherQuestion),
    }
}

/// Records that cannot be read.
pub(super) struct Unreadable;

/// Finds the SOA record of `zone` in the answer section.
pub(super) fn find_soa(
    message: &Message<[u8]>,
    zone: &Name,
) -> Result<Option<SoaAnswer>, Unreadable> {
    let answer = message.answer().map_err(|_| Unreadable)?;
    for record in answer {
        let record = record.map_err(|_| Unreadable)?;
        if record.class() != Class::IN || !record.owner().name_eq(zone) {
            continue;
        }
        let soa = record.to_record::<Soa<ParsedName<_>>>();
        if let Some(soa) = soa.map_err(|_| Unreadable)? {
            return Ok(Some(SoaAnswer::from(soa.data())));
        }
    }
    Ok(None)
}

impl<N> From<&Soa<N>> for SoaAnswer {
    fn from(soa: &Soa<N>) -> Self {
        SoaAnswer {
            serial: Serial(soa.serial().into_int()),
            refresh: soa.refresh().into_duration(),
            retry: soa.retry().into_duration(),
            expire: soa.expire().into_duration(),
            minimum: soa.minimum().into_duration(),
        }
    }
}
