//! One transfer from a primary: messages in, records or differences out (RFC 5936, RFC 1995).
//!
//! ```text
//! mod        the transfer: what is true of messages
//! contents   what is true of the sequence of records, wherever messages part it
//! error      all that can be wrong
//! ```
//!
//! Nothing that is received here is trusted beyond the key that signed it: what comes out is a
//! candidate. The shell reads messages off the connection, one after the other, until
//! [`Progress::Done`] or an error; it ends the transfer when it takes longer than
//! [`INCOMING_WALL`](crate::limits::INCOMING_WALL) or stands still for longer than
//! [`INCOMING_IDLE`](crate::limits::INCOMING_IDLE).

mod contents;
mod error;

pub use error::TransferError;

use crate::key::Key;
use crate::limits::{INCOMING_MESSAGES_MAX, INCOMING_OCTETS_MAX, INCOMING_RECORDS_MAX};
use crate::message::{Asked, asked, axfr_query, flags, ixfr_query};
use crate::tsig::Sequence;
use bytes::Bytes;
use contents::Contents;
use domain::base::Message;
use imrs_wire::{Flags, Opcode, Rcode, Rtype, Serial};
use imrs_zone::difference::Difference;
use imrs_zone::record::UnixTime;
use imrs_zone::{Name, Record};

/// A transfer under way.
#[derive(Debug)]
pub struct Incoming {
    zone: Name,
    qtype: Rtype,
    id: u16,
    limits: Limits,
    signed: Option<Sequence>,
    contents: Contents,
    received: Counts,
    over: bool,
}

/// What one transfer may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Messages.
    pub messages: usize,
    /// Records, the SOA records between differences among them.
    pub records: usize,
    /// Octets of the messages, and octets of the records in uncompressed wire form.
    pub octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            messages: INCOMING_MESSAGES_MAX,
            records: INCOMING_RECORDS_MAX,
            octets: INCOMING_OCTETS_MAX,
        }
    }
}

/// How much was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages.
    pub messages: usize,
    /// Records.
    pub records: usize,
    /// Octets of the messages.
    pub octets: usize,
}

/// Whether a transfer goes on.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to come.
    More,
    /// It is complete. Nothing more is to be read.
    Done(Received),
}

/// What a transfer brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A whole zone, in the order in which it was sent: SOA record first, and only there.
    Zone(Vec<Record>),
    /// What leads from the version that was held to the primary's, one after the other.
    Differences(Vec<Difference>),
    /// Nothing: the primary has this serial, which is not newer than the one that is held.
    Current(Serial),
}

impl Incoming {
    /// Begins a transfer of a whole zone. Gives the request as well, without framing.
    pub fn axfr(
        zone: &Name,
        key: Option<&Key>,
        limits: Limits,
        id: u16,
        now: UnixTime,
    ) -> (Self, Vec<u8>) {
        let request = axfr_query(zone, id);
        let contents = Contents::new(zone, None, limits);
        Incoming::begin(contents, zone, key, limits, request, now)
    }

    /// Begins a transfer of what changed since the version with the SOA record `held`. The
    /// primary may send the whole zone instead.
    pub fn ixfr(
        zone: &Name,
        held: &Record,
        key: Option<&Key>,
        limits: Limits,
        id: u16,
        now: UnixTime,
    ) -> (Self, Vec<u8>) {
        let request = ixfr_query(held, id);
        let contents = Contents::new(zone, contents::soa_serial(held), limits);
        Incoming::begin(contents, zone, key, limits, request, now)
    }

    fn begin(
        contents: Contents,
        zone: &Name,
        key: Option<&Key>,
        limits: Limits,
        mut request: Vec<u8>,
        now: UnixTime,
    ) -> (Self, Vec<u8>) {
        let id = u16::from_be_bytes([request[0], request[1]]);
        let signed = key.map(|key| Sequence::sign_request(key, &mut request, now));
        let qtype = match contents.is_incremental() {
            true => Rtype::IXFR,
            false => Rtype::AXFR,
        };
        let incoming = Incoming {
            zone: zone.clone(),
            qtype,
            id,
            limits,
            signed,
            contents,
            received: Counts::default(),
            over: false,
        };
        (incoming, request)
    }

    /// Takes the next message, without framing. After an error or the end there is no other.
    pub fn handle_message(
        &mut self,
        message: Vec<u8>,
        now: UnixTime,
    ) -> Result<Progress, TransferError> {
        if std::mem::replace(&mut self.over, true) {
            return Err(TransferError::Over);
        }
        self.count(&message)?;
        self.check_header(&message)?;
        let message = self.check_signature(message, now)?;
        self.check_response(&message)?;
        let records = self.contents.take_message(&message)?;
        self.received.records += records;
        if records == 0 && self.received.messages == 1 {
            return Err(TransferError::Empty);
        }
        let Some(received) = self.contents.take_received() else {
            self.over = false;
            return Ok(Progress::More);
        };
        if let Some(signed) = &self.signed {
            signed.verify_end()?;
        }
        Ok(Progress::Done(received))
    }

    /// The connection ended, or the shell ended it. Says what that means.
    pub fn handle_end(&mut self) -> TransferError {
        if std::mem::replace(&mut self.over, true) {
            return TransferError::Over;
        }
        match self.contents.lone_soa() {
            Some(serial) if self.contents.is_incremental() => TransferError::SoaAlone { serial },
            _ => TransferError::EndedEarly {
                messages: self.received.messages,
                records: self.received.records,
            },
        }
    }

    /// How much was received so far.
    pub fn received(&self) -> Counts {
        self.received
    }

    /// Counts the message before anything of it is kept.
    fn count(&mut self, message: &[u8]) -> Result<(), TransferError> {
        self.received.messages += 1;
        self.received.octets += message.len();
        if self.received.messages > self.limits.messages {
            let limit = self.limits.messages;
            return Err(TransferError::TooManyMessages { limit });
        }
        if self.received.octets > self.limits.octets {
            let limit = self.limits.octets;
            return Err(TransferError::TooManyOctets { limit });
        }
        Ok(())
    }

    /// Whether the message answers our request at all.
    fn check_header(&self, message: &[u8]) -> Result<(), TransferError> {
        let octets = message.len();
        let flags = flags(message).ok_or(TransferError::Short { octets })?;
        if !flags.is_response() {
            return Err(TransferError::NoResponse);
        }
        let found = u16::from_be_bytes([message[0], message[1]]);
        if found != self.id {
            let expected = self.id;
            return Err(TransferError::OtherId { expected, found });
        }
        match flags.opcode() {
            Opcode::QUERY => Ok(()),
            Opcode(found) => Err(TransferError::OtherOpcode { found }),
        }
    }

    fn check_signature(
        &mut self,
        mut message: Vec<u8>,
        now: UnixTime,
    ) -> Result<Message<Bytes>, TransferError> {
        if let Some(signed) = &mut self.signed {
            signed.verify(&mut message, now)?;
        }
        let octets = message.len();
        // Records share the octets of their message. What was allocated beyond them was not counted.
        message.shrink_to_fit();
        Message::from_octets(message.into()).map_err(|_| TransferError::Short { octets })
    }

    /// Whether the response is to our question, whole, and no error. Authority is not demanded of
    /// it: the key and the proof of the zone say more than AA does.
    fn check_response(&self, message: &Message<Bytes>) -> Result<(), TransferError> {
        let octets = message.as_slice();
        let flags = flags(octets).map_or(0, |flags| flags.0);
        let rcode = Rcode(flags & 0xf);
        if rcode != Rcode::NOERROR {
            return Err(TransferError::Rcode(rcode));
        }
        if flags & Flags::TC != 0 {
            return Err(TransferError::Truncated);
        }
        // The first message repeats the question, others may (RFC 5936 section 2.2.2).
        let first = self.received.messages == 1;
        match asked(message.for_slice(), &self.zone, self.qtype) {
            Asked::Same => Ok(()),
            Asked::Nothing if first => Err(TransferError::NoQuestion),
            Asked::Nothing => Ok(()),
            Asked::Other => Err(TransferError::OtherQuestion),
        }
    }
}
