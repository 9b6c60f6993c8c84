//! What holds of every response, whatever was asked. Reads it with `domain`, which shares no code
//! with the parser and the composer under test.

use arbitrary::Arbitrary;
use domain::base::Message;
use domain::base::opt::AllOptData;
use domain::rdata::AllRecordData;
use imrs_engine::{Client, Fate, Outcome, Service, Transport, respond};

/// How a packet came.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Way {
    Udp,
    Tcp,
    Tls,
    Quic,
}

impl Way {
    /// The transport.
    pub fn transport(self) -> Transport {
        match self {
            Way::Udp => Transport::Udp,
            Way::Tcp => Transport::Tcp { keepalive: 100 },
            Way::Tls => Transport::Tls { keepalive: 100 },
            Way::Quic => Transport::Quic,
        }
    }
}

/// One packet and the way it came.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who asks.
    pub client: Client,
    /// Octets that the server has for the response; at least 512.
    pub room: u16,
    /// The packet.
    pub packet: &'a [u8],
}

/// Asks `service` and checks the response, which it returns.
pub fn judge(service: &Service, asked: Asked<'_>) -> (Outcome, Vec<u8>) {
    let mut out = vec![0xa5; usize::from(asked.room.max(512))];
    let outcome = respond(service, asked.client, asked.packet, &mut out);
    let is_query = asked.packet.len() >= 12 && asked.packet[2] & 0x80 == 0;
    assert_eq!(
        outcome.len > 0,
        is_query && outcome.fate != Fate::Shed,
        "responses are for queries alone"
    );
    let rest = out.split_off(outcome.len);
    assert!(
        rest.iter().all(|&octet| octet == 0xa5),
        "written beyond the end"
    );
    if outcome.len > 0 {
        check_response(asked, &out, outcome);
    }
    (outcome, out)
}

/// What holds of every response.
pub fn check_response(asked: Asked<'_>, response: &[u8], outcome: Outcome) {
    check_header(asked.packet, response, outcome);
    check_question(asked.packet, response);
    check_records(asked, response);
}

fn check_header(packet: &[u8], response: &[u8], outcome: Outcome) {
    assert_eq!(packet[..2], response[..2], "the ID is the query's");
    assert_eq!(response[2] & 0x80, 0x80, "QR is set");
    assert_eq!(
        packet[2] & 0x78,
        response[2] & 0x78,
        "the opcode is the query's"
    );
    assert_eq!(response[2] & 0x02 != 0, outcome.truncated, "TC is as told");
    assert_eq!(response[3] & 0xe0, 0, "RA, Z and AD are clear");
    assert_eq!(
        u16::from(response[3] & 0x0f),
        outcome.rcode.0 & 0x0f,
        "the RCODE is as told"
    );
}

fn check_question(packet: &[u8], response: &[u8]) {
    match u16::from_be_bytes([response[4], response[5]]) {
        0 => {}
        1 => {
            let name = response[12..].iter().scan(0, |left, &octet| {
                let ends = *left == 0 && octet == 0;
                *left = if *left == 0 { octet } else { *left - 1 };
                (!ends).then_some(())
            });
            let end = 12 + name.count() + 1 + 4;
            assert_eq!(
                packet[12..end],
                response[12..end],
                "the question is the query's"
            );
        }
        more => panic!("{more} questions"),
    }
}

/// Every record parses, nothing follows the last, and the size is within every limit.
fn check_records(asked: Asked<'_>, response: &[u8]) {
    let message = Message::from_octets(response).expect("a response has a header");
    let mut section = Some(message.answer().expect("the question parses"));
    let mut end = 0;
    while let Some(mut records) = section {
        for record in records.by_ref() {
            let record = record.expect("the record parses");
            let data = record.to_any_record::<AllRecordData<_, _>>();
            data.expect("the record data parses");
        }
        end = records.pos();
        section = records.next_section().expect("the section parses");
    }
    assert_eq!(end, response.len(), "nothing follows the last record");
    if let Some(opt) = message.opt() {
        for option in opt.opt().iter::<AllOptData<_, _>>() {
            option.expect("the option parses");
        }
    }
    let client = Message::from_octets(asked.packet)
        .ok()
        .and_then(|query| query.opt())
        .map_or(512, |opt| opt.udp_payload_size().max(512));
    let limit = match asked.client.transport {
        Transport::Udp => asked.room.min(client),
        _ => asked.room,
    };
    assert!(
        response.len() <= usize::from(limit.max(512)),
        "{} octets",
        response.len()
    );
}
