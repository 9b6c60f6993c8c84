//! What the tests share: zones, keys, and the two sides of an exchange.

use imrs_transfer::incoming::{Incoming, Limits, Progress, Received, TransferError};
use imrs_transfer::key::{Algorithm, Key};
use imrs_transfer::message::Request;
use imrs_transfer::outgoing::{Rendered, Reply};
use imrs_transfer::tsig::{Checked, Keys, check};
use imrs_zone::difference::Difference;
use imrs_zone::packed::Packed;
use imrs_zone::record::{UnixTime, sort_canonically};
use imrs_zone::{Name, Record, read};
use std::sync::Arc;

pub(crate) const NOW: UnixTime = UnixTime(1_790_000_000);
pub(crate) const ID: u16 = 0x1d1d;

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn key(algorithm: Algorithm) -> Key {
    Key::new(
        name("xfr-key."),
        algorithm,
        b"a secret of some length, not told",
    )
}

/// Records in the order of the text, which is relative to `example.`.
pub(crate) fn records(text: &str) -> Vec<Record> {
    let text = format!("$ORIGIN example.\n$TTL 60\n{text}\n");
    read::read(text.as_bytes(), None).unwrap_or_else(|error| panic!("{error}:\n{text}"))
}

/// The SOA record of `example.` with this serial.
pub(crate) fn soa(serial: u32) -> Record {
    records(&format!("@ SOA ns host {serial} 2 3 4 5")).remove(0)
}

/// A zone of this serial with the records of `text`, packed.
pub(crate) fn zone(serial: u32, text: &str) -> Packed {
    let mut all = records(text);
    all.push(soa(serial));
    sort_canonically(&mut all);
    Packed::new(&all).unwrap()
}

/// What takes `removed` out and puts `added` in.
pub(crate) fn difference(from: u32, to: u32, removed: &str, added: &str) -> Difference {
    use imrs_wire::Serial;
    let half = |serial, text| {
        let mut half = records(text);
        half.push(soa(serial));
        sort_canonically(&mut half);
        half
    };
    Difference {
        from: Serial(from),
        to: Serial(to),
        removed: half(from, removed),
        added: half(to, added),
    }
}

/// What a secondary asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    Axfr,
    /// What follows this serial.
    Ixfr(u32),
}

impl Wanted {
    /// The secondary's side and its request.
    pub(crate) fn ask(self, key: Option<&Key>) -> (Incoming, Vec<u8>) {
        self.ask_within(key, Limits::default())
    }

    pub(crate) fn ask_within(self, key: Option<&Key>, limits: Limits) -> (Incoming, Vec<u8>) {
        let zone = name("example.");
        match self {
            Wanted::Axfr => Incoming::axfr(&zone, key, limits, ID, NOW),
            Wanted::Ixfr(held) => Incoming::ixfr(&zone, &soa(held), key, limits, ID, NOW),
        }
    }
}

/// All messages by which our primary answers.
pub(crate) fn reply(mut request: Vec<u8>, keys: &Keys, rendered: Rendered) -> Vec<Vec<u8>> {
    let signature = match check(keys, &mut request, NOW) {
        Checked::Unsigned => None,
        Checked::Signed(signature) => Some(signature),
        Checked::Refused(refusal) => panic!("{}", refusal.error),
    };
    let request = Request::parse(&request).unwrap();
    messages(Reply::new(Arc::new(rendered), &request, signature))
}

pub(crate) fn messages(mut reply: Reply) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut message = Vec::new();
    while reply.next(NOW, &mut message) {
        messages.push(message.clone());
    }
    messages
}

/// Feeds all messages, of which the last must end the transfer, or ends the connection.
pub(crate) fn receive(
    mut incoming: Incoming,
    messages: impl IntoIterator<Item = Vec<u8>>,
) -> Result<Received, TransferError> {
    let mut messages = messages.into_iter();
    while let Some(message) = messages.next() {
        if let Progress::Done(received) = incoming.handle_message(message, NOW)? {
            assert_eq!(messages.next(), None, "ended ahead of the last message");
            return Ok(received);
        }
    }
    Err(incoming.handle_end())
}

/// A response of the given records, built by `domain`: one of any number of messages.
pub(crate) fn message(qtype: Option<u16>, records: &[Record]) -> Vec<u8> {
    use domain::base::iana::Rtype;
    use domain::base::message_builder::{MessageBuilder, TreeCompressor};
    let target = TreeCompressor::new(Vec::new());
    let mut builder = MessageBuilder::from_target(target).unwrap();
    builder.header_mut().set_id(ID);
    builder.header_mut().set_qr(true);
    builder.header_mut().set_aa(true);
    let mut builder = builder.question();
    if let Some(qtype) = qtype {
        let question = (name("example."), Rtype::from_int(qtype));
        builder.push(question).unwrap();
    }
    let mut builder = builder.answer();
    for record in records {
        builder.push(record).unwrap();
    }
    builder.finish().into_target()
}

pub(crate) const AXFR: Option<u16> = Some(252);
pub(crate) const IXFR: Option<u16> = Some(251);
