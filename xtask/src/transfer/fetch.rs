//! Asks a server for a zone transfer, the plain way: a second opinion on what a server holds.
//!
//! Start reading at [`fetch`]. This file shares no code with the transfers of imrs.

use super::Secret;
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use domain::base::iana::{Class, Opcode, Rcode};
use domain::base::message_builder::AdditionalBuilder;
use domain::base::name::FlattenInto;
use domain::base::{Message, MessageBuilder, Name, ParsedName, Rtype, Serial, Ttl};
use domain::rdata::tsig::Time48;
use domain::rdata::{Soa, ZoneRecordData};
use domain::tsig;
use domain::utils::base64;
use imrs_zone::Record;
use imrs_zone::record::sort_canonically;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// The whole root.
    Axfr,
    /// What changed in the root since this serial.
    Ixfr(u32),
}

/// What a server said.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The records of all messages in their order; closed as it should be.
    Records(Vec<Record>),
    /// It will not.
    Refused(Rcode),
}

/// Asks over TCP, signed if a secret is given, and reads to the closing SOA.
pub(crate) fn fetch(server: SocketAddr, wanted: Wanted, secret: Option<&Secret>) -> Result<Reply> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = request(wanted)?;
    let mut sequence = match secret {
        None => None,
        Some(secret) => {
            let key = secret.key()?;
            Some(tsig::ClientSequence::request(key, &mut request, now()?)?)
        }
    };
    let request = request.finish();
    let length = u16::try_from(request.len())?;
    stream.write_all(&[&length.to_be_bytes()[..], &request].concat())?;
    let mut records = Vec::new();
    for _ in 0..MESSAGES_MAX {
        let mut message = read(&mut stream)?;
        if let Some(sequence) = &mut sequence
            && message.header().rcode() == Rcode::NOERROR
        {
            sequence.answer(&mut message, now()?).context("TSIG")?;
        }
        if message.header().rcode() != Rcode::NOERROR {
            return Ok(Reply::Refused(message.header().rcode()));
        }
        add(&message, &mut records)?;
        if is_whole(&records, wanted) {
            if let Some(sequence) = sequence {
                sequence.done().context("TSIG")?;
            }
            return Ok(Reply::Records(records));
        }
    }
    bail!("no closing SOA in {MESSAGES_MAX} messages")
}

/// The whole root of a server in canonical order, without the closing SOA.
pub(crate) fn zone(server: SocketAddr, secret: Option<&Secret>) -> Result<Vec<Record>> {
    match fetch(server, Wanted::Axfr, secret)? {
        Reply::Refused(rcode) => bail!("{server} answers AXFR by {rcode}"),
        Reply::Records(mut records) => {
            sort_canonically(&mut records);
            Ok(records)
        }
    }
}

impl Secret {
    /// As `domain` has it.
    pub(crate) fn key(&self) -> Result<tsig::Key> {
        let algorithm = match self.algorithm {
            "hmac-sha256" => tsig::Algorithm::Sha256,
            "hmac-sha384" => tsig::Algorithm::Sha384,
            "hmac-sha512" => tsig::Algorithm::Sha512,
            other => bail!("{other} is not an algorithm of these trials"),
        };
        let secret: Vec<u8> = base64::decode(self.base64)?;
        Ok(tsig::Key::new(
            algorithm,
            &secret,
            self.name.parse()?,
            None,
            None,
        )?)
    }
}

/// The time as TSIG has it.
pub(crate) fn now() -> Result<Time48> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(Time48::from_u64(now.as_secs()))
}

fn request(wanted: Wanted) -> Result<AdditionalBuilder<Vec<u8>>> {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_id(ID);
    message.header_mut().set_opcode(Opcode::QUERY);
    let mut question = message.question();
    let root = Name::root_bytes();
    let Wanted::Ixfr(held) = wanted else {
        question.push((&root, Rtype::AXFR))?;
        return Ok(question.additional());
    };
    question.push((&root, Rtype::IXFR))?;
    let mut authority = question.authority();
    let zero = Ttl::from_secs(0);
    let held = Soa::new(
        root.clone(),
        root.clone(),
        Serial(held),
        zero,
        zero,
        zero,
        zero,
    );
    authority.push((&root, Class::IN, zero, held))?;
    Ok(authority.additional())
}

fn read(stream: &mut TcpStream) -> Result<Message<Vec<u8>>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut octets = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut octets)?;
    let message = Message::from_octets(octets).context("a message shorter than its header")?;
    ensure!(message.header().id() == ID, "a response to something else");
    Ok(message)
}

fn add(message: &Message<Vec<u8>>, records: &mut Vec<Record>) -> Result<()> {
    let message = Message::from_octets(Bytes::copy_from_slice(message.as_slice()))?;
    for record in message.answer()? {
        let record = record?;
        let record = record
            .into_record::<ZoneRecordData<Bytes, ParsedName<Bytes>>>()?
            .context("data of a type unknown")?;
        records.push(record.flatten_into());
    }
    Ok(())
}

/// Whether the last record closes the transfer: the SOA that it began with, again (RFC 5936
/// section 2.2, RFC 1995 section 4). A single SOA says that nothing is new.
fn is_whole(records: &[Record], wanted: Wanted) -> bool {
    let [first, rest @ ..] = records else {
        return false;
    };
    let serial = |record: &Record| match record.data() {
        ZoneRecordData::Soa(soa) => Some(soa.serial()),
        _ => None,
    };
    let new = serial(first);
    match (rest, wanted) {
        // Who holds as much, or more by the arithmetic of RFC 1982, gets nothing behind.
        ([], Wanted::Ixfr(held)) => new.is_some_and(|new| new <= Serial(held)),
        ([], Wanted::Axfr) => false,
        // Differences have the new SOA twice behind the first: before what they add, and at the
        // end. A whole zone has it once.
        ([second, ..], _) => {
            let again = rest.iter().filter(|record| serial(record) == new).count();
            let expected = if serial(second).is_some_and(|old| Some(old) != new) {
                2
            } else {
                1
            };
            again == expected && rest.last().is_some_and(|last| serial(last) == new)
        }
    }
}

/// The identifier of every request: one connection has one.
const ID: u16 = 0x1995;

/// The root takes 50 messages or so from most servers.
const MESSAGES_MAX: usize = 20_000;

/// How long a server may be silent.
const PATIENCE: Duration = Duration::from_secs(20);
