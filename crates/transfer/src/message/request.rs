//! What others ask of us, and what we say to that without a zone.

use super::answer::find_soa;
use super::{NOTIFY, header};
use bytes::Bytes;
use domain::base::iana::{Class, OptionCode, Rtype};
use domain::base::name::{ParsedName, ToLabelIter};
use domain::base::{Message, ParsedRecord, Question, ToName};
use domain::dep::octseq::Parser;
use domain::rdata::Soa;
use imrs_wire::limits::{HEADER_LEN, QUESTION_TAIL_LEN, UDP_LEN_DEFAULT};
use imrs_wire::{Counts, Ede, Edns, Flags, Opcode, Rcode, Serial};
use imrs_zone::Name;

/// A message to which a response may be sent. Borrows the octets that it was read from.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// What it asks.
    pub asks: Asks,
    /// Its OPT record, if it has one that can be read.
    pub edns: Option<Edns>,
    id: u16,
    flags: Flags,
    /// Name, type, class in the case of the client; empty where no question can be read.
    question: &'a [u8],
}

/// What a request asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Says that a zone changed (RFC 1996).
    Notify {
        /// The zone.
        zone: Name,
        /// The new serial: a hint, which nothing proves.
        serial: Option<Serial>,
    },
    /// Wants a whole zone (RFC 5936).
    Axfr {
        /// The zone.
        zone: Name,
    },
    /// Wants what changed in a zone (RFC 1995).
    Ixfr {
        /// The zone.
        zone: Name,
        /// The serial of the version that the client has.
        held: Serial,
    },
    /// Something else, which is for the engine.
    Other,
    /// It asks one of the first three in a way that cannot be obeyed, and gets this error.
    Unfit(Rcode),
}

impl<'a> Request<'a> {
    /// Reads a message. `None` where no response may be sent: it has no whole header, or is
    /// itself a response.
    pub fn parse(octets: &'a [u8]) -> Option<Self> {
        let flags = super::flags(octets)?;
        let message = Message::from_slice(octets).ok()?;
        if flags.is_response() {
            return None;
        }
        let mut request = Request {
            asks: Asks::Other,
            edns: None,
            id: message.header().id(),
            flags,
            question: &[],
        };
        let question = Asked::read(message);
        if let Some(question) = &question {
            request.question = &octets[HEADER_LEN..question.end];
        }
        let parts = question.and_then(|question| Parts::read(message, question));
        request.edns = parts.as_ref().and_then(|parts| parts.edns);
        request.asks = match flags.opcode() {
            Opcode::QUERY => parts.map_or(Asks::Unfit(Rcode::FORMERR), Parts::query),
            Opcode(NOTIFY) => parts.map_or(Asks::Unfit(Rcode::FORMERR), Parts::notify),
            _ => Asks::Other,
        };
        Some(request)
    }

    /// Its ID.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// Its question as it was sent: name, type, class. Empty where none can be read.
    pub fn question(&self) -> &'a [u8] {
        self.question
    }

    /// The flags of a response, without `QR`-dependent bits that only some responses have.
    pub(crate) fn response_flags(&self) -> Flags {
        self.flags.respond()
    }
}

/// The question of a message.
struct Asked {
    qname: Name,
    qtype: Rtype,
    qclass: Class,
    /// Where it ends in the message.
    end: usize,
}

impl Asked {
    /// Reads the question. `None` if there is not exactly one, or if it is compressed: it could
    /// not be echoed.
    fn read(message: &Message<[u8]>) -> Option<Self> {
        if message.header_counts().qdcount() != 1 {
            return None;
        }
        let octets = message.as_slice();
        let mut parser = Parser::from_ref(octets);
        parser.advance(HEADER_LEN).ok()?;
        let question = Question::<ParsedName<&[u8]>>::parse(&mut parser).ok()?;
        let end = parser.pos();
        let name_octets = octets.get(HEADER_LEN..end - QUESTION_TAIL_LEN)?;
        if usize::from(question.qname().compose_len()) != name_octets.len() {
            return None;
        }
        Some(Asked {
            qname: Name::from_octets(Bytes::copy_from_slice(name_octets)).ok()?,
            qtype: question.qtype(),
            qclass: question.qclass(),
            end,
        })
    }
}

/// A message whose sections could be read to the end.
struct Parts<'a> {
    message: &'a Message<[u8]>,
    asked: Asked,
    edns: Option<Edns>,
}

impl<'a> Parts<'a> {
    /// Reads every record. `None` if one is cut short, or an OPT record is not as it must be
    /// (RFC 6891 section 6.1.1), or octets follow the last record.
    fn read(message: &'a Message<[u8]>, asked: Asked) -> Option<Self> {
        let counts = message.header_counts();
        let mut parser = Parser::from_ref(message.as_slice());
        parser.advance(asked.end).ok()?;
        for _ in 0..u32::from(counts.ancount()) + u32::from(counts.nscount()) {
            let record = ParsedRecord::parse(&mut parser).ok()?;
            if record.rtype() == Rtype::OPT {
                return None;
            }
        }
        let mut edns = None;
        for _ in 0..counts.arcount() {
            let record = ParsedRecord::parse(&mut parser).ok()?;
            if record.rtype() == Rtype::OPT && edns.replace(read_edns(&record)?).is_some() {
                return None;
            }
        }
        (parser.remaining() == 0).then_some(Parts {
            message,
            asked,
            edns,
        })
    }

    /// What a standard query asks.
    fn query(self) -> Asks {
        if !matches!(self.asked.qtype, Rtype::AXFR | Rtype::IXFR) {
            return Asks::Other;
        }
        if let Some(rcode) = self.fault() {
            return Asks::Unfit(rcode);
        }
        let counts = self.message.header_counts();
        let zone = self.asked.qname.clone();
        match (self.asked.qtype, counts.ancount(), counts.nscount()) {
            (Rtype::AXFR, 0, 0) => Asks::Axfr { zone },
            (Rtype::IXFR, 0, 1) => match self.held() {
                Some(held) => Asks::Ixfr { zone, held },
                None => Asks::Unfit(Rcode::FORMERR),
            },
            _ => Asks::Unfit(Rcode::FORMERR),
        }
    }

    /// What a NOTIFY message says. The answer section is a hint, so what is wrong with it makes
    /// it no hint (RFC 1996 section 3.7); so does everything in the other sections.
    fn notify(self) -> Asks {
        if let Some(rcode) = self.fault() {
            return Asks::Unfit(rcode);
        }
        if self.asked.qtype != Rtype::SOA {
            return Asks::Unfit(Rcode::FORMERR);
        }
        let soa = find_soa(self.message, &self.asked.qname).ok().flatten();
        Asks::Notify {
            zone: self.asked.qname,
            serial: soa.map(|soa| soa.serial),
        }
    }

    /// What is wrong with any request: its version of EDNS, or a class of which there is no zone.
    fn fault(&self) -> Option<Rcode> {
        if self.edns.is_some_and(|edns| edns.version != 0) {
            return Some(Rcode::BADVERS);
        }
        (self.asked.qclass != Class::IN).then_some(Rcode::NOTAUTH)
    }

    /// The serial of the SOA record in the authority section, which must be the zone's.
    fn held(&self) -> Option<Serial> {
        let mut authority = self.message.authority().ok()?;
        let record = authority.next()?.ok()?;
        if record.class() != Class::IN || !record.owner().name_eq(&self.asked.qname) {
            return None;
        }
        let soa = record.to_record::<Soa<ParsedName<_>>>().ok()??;
        Some(Serial(soa.data().serial().into_int()))
    }
}

/// Reads an OPT record; its owner is the root, and its options must be whole in version 0.
fn read_edns(record: &ParsedRecord<'_, [u8]>) -> Option<Edns> {
    if !record.owner().is_root() {
        return None;
    }
    let [_, version, flags, _] = record.ttl().as_secs().to_be_bytes();
    let mut edns = Edns::default();
    edns.udp_len_max = record.class().to_int();
    edns.version = version;
    edns.dnssec = flags & 0x80 != 0;
    if version == 0 {
        record.to_record::<domain::base::opt::Opt<_>>().ok()??;
    }
    Some(edns)
}

/// Answers a NOTIFY message (RFC 1996 section 4.7). AA stands in what acknowledges one alone.
pub fn notify_response(request: &Request<'_>, rcode: Rcode) -> Vec<u8> {
    let bits = match rcode {
        Rcode::NOERROR => Flags::AA,
        _ => 0,
    };
    respond(request, bits, rcode, None)
}

/// Says that a request is not fulfilled, and why, where the client can read that (RFC 8914).
pub fn refusal(request: &Request<'_>, rcode: Rcode, ede: Option<Ede>) -> Vec<u8> {
    respond(request, 0, rcode, ede)
}

fn respond(request: &Request<'_>, bits: u16, rcode: Rcode, ede: Option<Ede>) -> Vec<u8> {
    let counts = Counts {
        question: (!request.question.is_empty()).into(),
        additional: request.edns.is_some().into(),
        ..Counts::default()
    };
    let flags = request.response_flags().with(bits).with_rcode(rcode);
    let mut message = header(request.id, flags, counts).to_vec();
    message.extend_from_slice(request.question);
    push_opt(&mut message, request.edns, rcode, ede);
    message
}

/// Appends the OPT record of a response to a request that had one. The header must count it.
pub(crate) fn push_opt(message: &mut Vec<u8>, edns: Option<Edns>, rcode: Rcode, ede: Option<Ede>) {
    let Some(edns) = edns else { return };
    // Code, length and the two octets of an extended error.
    let options_len = if ede.is_some() { 6 } else { 0 };
    let udp_len_max = u16::try_from(UDP_LEN_DEFAULT).unwrap_or(u16::MAX);
    message.extend_from_slice(&edns.encode(rcode, udp_len_max, options_len));
    if let Some(ede) = ede {
        for field in [OptionCode::EXTENDED_ERROR.to_int(), 2, ede as u16] {
            message.extend_from_slice(&field.to_be_bytes());
        }
    }
}
