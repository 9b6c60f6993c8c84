//! All that can be wrong with a transfer from a primary.

use crate::tsig::Unauthentic;
use domain::base::iana::{Class, Rtype};
use imrs_wire::{Rcode, Serial};
use imrs_zone::Name;

/// Why a transfer brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// The message has no header.
    #[error("{octets} octets are too few for a message")]
    Short {
        /// Its length.
        octets: usize,
    },
    /// The message is itself a query.
    #[error("the primary sent a query, not a response")]
    NoResponse,
    /// The message answers another request.
    #[error("a message has ID {found}, not {expected}")]
    OtherId {
        /// The ID of our request.
        expected: u16,
        /// The one that came back.
        found: u16,
    },
    /// The message answers another kind of request.
    #[error("a message has opcode {found}, not 0")]
    OtherOpcode {
        /// The opcode that came back.
        found: u8,
    },
    /// A message is not signed as it must be.
    #[error(transparent)]
    Unauthentic(#[from] Unauthentic),
    /// The primary cannot or will not send the zone.
    #[error("the primary says RCODE {}", .0.0)]
    Rcode(Rcode),
    /// TC is set, which has no meaning over TCP.
    #[error("a message is marked as truncated")]
    Truncated,
    /// The first message does not repeat our question.
    #[error("the first message does not repeat the question")]
    NoQuestion,
    /// A message repeats a question that was not ours.
    #[error("a message repeats another question than ours")]
    OtherQuestion,
    /// The first message has no records.
    #[error("the first message holds no records")]
    Empty,
    /// A record cannot be read.
    #[error("record {record} of the transfer cannot be read")]
    Unreadable {
        /// Which one, counted from 1.
        record: usize,
    },
    /// Record data that might not be record data any more once its names are written out.
    #[error("record {record} of the transfer has {octets} octets of data; the limit is {limit}")]
    LongData {
        /// Which one, counted from 1.
        record: usize,
        /// Octets of its data.
        octets: usize,
        /// Most octets that are taken.
        limit: usize,
    },
    /// A record has another class than IN.
    #[error("{owner} {rtype} is of class {class}, not IN")]
    OtherClass {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
        /// Its class.
        class: Class,
    },
    /// A record does not belong to the zone.
    #[error("{owner} {rtype} is not of the zone")]
    OutOfZone {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
    },
    /// The first record is not the SOA record.
    #[error("the first record is {owner} {rtype}, not the SOA record")]
    NoSoa {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
    },
    /// There is a SOA record below the apex.
    #[error("{owner} has a SOA record, but is not the apex")]
    SoaBelowApex {
        /// Its owner.
        owner: Name,
    },
    /// The SOA record that ends the transfer, or the one of its last difference, is not the one
    /// that began it.
    #[error("the transfer began with the SOA record of {opening} and has another one of {found}")]
    SoaDiffers {
        /// The serial of the first SOA record.
        opening: Serial,
        /// The serial of the other one.
        found: Serial,
    },
    /// Records follow the SOA record that ended the transfer.
    #[error("{owner} {rtype} follows the SOA record that ended the transfer")]
    AfterClosing {
        /// Its owner.
        owner: Name,
        /// Its type.
        rtype: Rtype,
    },
    /// The version that is sent is not newer than the one that is held.
    #[error("serial {held} is held, and the primary sends {offered}, which is not newer")]
    NotNewer {
        /// The serial of the version that is held.
        held: Serial,
        /// The serial of what is sent.
        offered: Serial,
    },
    /// The differences do not begin at the version that is held.
    #[error("the differences begin at serial {found}, but {held} is held")]
    ChainStart {
        /// The serial of the version that is held.
        held: Serial,
        /// The serial that they begin at.
        found: Serial,
    },
    /// A difference does not begin where the one before it ended, or the last one does not end at
    /// the version that was announced.
    #[error("a difference ends at serial {ended}, and serial {found} follows")]
    ChainBroken {
        /// Where the difference ended.
        ended: Serial,
        /// The serial of the SOA record that follows.
        found: Serial,
    },
    /// A difference leads to a serial that is not newer.
    #[error("a difference goes back from serial {from} to {to}")]
    Backwards {
        /// Where it begins.
        from: Serial,
        /// Where it leads.
        to: Serial,
    },
    /// A difference leads beyond the version that was announced.
    #[error("a difference leads to serial {to}, beyond {opening}, which was announced")]
    Beyond {
        /// The serial of the first SOA record.
        opening: Serial,
        /// Where the difference leads.
        to: Serial,
    },
    /// More messages than are taken.
    #[error("the transfer has more than {limit} messages")]
    TooManyMessages {
        /// Most that are taken.
        limit: usize,
    },
    /// More records than are taken.
    #[error("the transfer has more than {limit} records")]
    TooManyRecords {
        /// Most that are taken.
        limit: usize,
    },
    /// More octets than are taken.
    #[error("the transfer has more than {limit} octets")]
    TooManyOctets {
        /// Most that are taken.
        limit: usize,
    },
    /// An incremental transfer ended behind the SOA record of a newer version: the primary has
    /// more to tell than it wants to tell in this way.
    #[error("the primary has serial {serial} and sends no differences to it")]
    SoaAlone {
        /// The serial of that version.
        serial: Serial,
    },
    /// It ended ahead of its end.
    #[error("the transfer ended early, after {messages} messages and {records} records")]
    EndedEarly {
        /// Messages received.
        messages: usize,
        /// Records received.
        records: usize,
    },
    /// It was over already.
    #[error("the transfer is over")]
    Over,
}

impl TransferError {
    /// Whether an incremental transfer that failed so is to be followed by one of the whole zone
    /// from the same primary: where that one does not know IXFR, or what it sends is wrong.
    pub fn wants_axfr(&self) -> bool {
        match self {
            // A primary that cannot read the request may be unable to sign that it cannot.
            TransferError::Rcode(rcode)
            | TransferError::Unauthentic(Unauthentic::Unsigned { rcode }) => {
                matches!(*rcode, Rcode::FORMERR | Rcode::NOTIMP | Rcode::REFUSED)
            }
            TransferError::Short { .. }
            | TransferError::NoResponse
            | TransferError::OtherId { .. }
            | TransferError::OtherOpcode { .. }
            | TransferError::Unauthentic(_)
            | TransferError::EndedEarly { .. }
            | TransferError::Over => false,
            TransferError::Truncated
            | TransferError::NoQuestion
            | TransferError::OtherQuestion
            | TransferError::Empty
            | TransferError::Unreadable { .. }
            | TransferError::LongData { .. }
            | TransferError::OtherClass { .. }
            | TransferError::OutOfZone { .. }
            | TransferError::NoSoa { .. }
            | TransferError::SoaBelowApex { .. }
            | TransferError::SoaDiffers { .. }
            | TransferError::AfterClosing { .. }
            | TransferError::NotNewer { .. }
            | TransferError::ChainStart { .. }
            | TransferError::ChainBroken { .. }
            | TransferError::Backwards { .. }
            | TransferError::Beyond { .. }
            | TransferError::TooManyMessages { .. }
            | TransferError::TooManyRecords { .. }
            | TransferError::TooManyOctets { .. }
            | TransferError::SoaAlone { .. } => true,
        }
    }
}
