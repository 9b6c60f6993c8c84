//! Reads the DNS responses over UDP out of a pcapng file of Ethernet frames, packed by xz.
//!
//! Just enough of draft-ietf-opsawg-pcapng for files of little-endian with times in microseconds,
//! as the captures are.

use crate::Sent;
use imrs_engine::Kind;
use imrs_engine::gate::Response;
use std::collections::HashMap;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

/// A query that waits for its response: client, its port, and the identifier of the message.
type Waiting = (IpAddr, u16, u16);

pub(crate) fn read(path: &Path) -> Vec<Sent> {
    let packed = std::fs::read(path).expect("the capture can be read");
    let mut file = Vec::new();
    liblzma::read::XzDecoder::new(packed.as_slice())
        .read_to_end(&mut file)
        .expect("the capture is packed by xz");
    let mut queries: HashMap<Waiting, usize> = HashMap::new();
    let mut sent = Vec::new();
    let mut rest = file.as_slice();
    while rest.len() >= 12 {
        let (kind, len) = (number(rest, 0), number(rest, 4) as usize);
        let (block, behind) = rest.split_at(len);
        rest = behind;
        if kind != ENHANCED_PACKET {
            continue;
        }
        let at_us = u64::from(number(block, 12)) << 32 | u64::from(number(block, 16));
        let captured = number(block, 20) as usize;
        let Some(datagram) = datagram(&block[28..28 + captured]) else {
            continue;
        };
        let message = datagram.message;
        if message.len() < 12 {
            continue;
        }
        let id = u16::from_be_bytes([message[0], message[1]]);
        if message[2] & 0x80 == 0 {
            queries.insert((datagram.source, datagram.source_port, id), message.len());
        } else if datagram.source_port == 53 {
            let client = datagram.destination;
            let query = queries.remove(&(client, datagram.destination_port, id));
            sent.push(Sent {
                at_ms: at_us / 1000,
                client,
                response: Response {
                    kind: kind_of(message),
                    len: message.len(),
                    // Where the query came before the capture began: the header and a short name.
                    query_len: query.unwrap_or(30),
                    has_valid_cookie: false,
                },
            });
        }
    }
    sent
}

/// The type of a block that holds a packet.
const ENHANCED_PACKET: u32 = 6;

struct Datagram<'a> {
    source: IpAddr,
    destination: IpAddr,
    source_port: u16,
    destination_port: u16,
    message: &'a [u8],
}

/// The datagram of a frame, if it is UDP and the first fragment.
fn datagram(frame: &[u8]) -> Option<Datagram<'_>> {
    let (source, destination, udp) = match (frame[12], frame[13]) {
        (0x08, 0x00) => {
            let packet = &frame[14..];
            let is_first = packet[6] & 0x1f == 0 && packet[7] == 0;
            (packet[9] == UDP && is_first).then_some(())?;
            let four = |at: usize| <[u8; 4]>::try_from(&packet[at..at + 4]).expect("four octets");
            let header = usize::from(packet[0] & 0x0f) * 4;
            (four(12).into(), four(16).into(), &packet[header..])
        }
        (0x86, 0xdd) => {
            let packet = &frame[14..];
            (packet[6] == UDP).then_some(())?;
            let sixteen =
                |at: usize| <[u8; 16]>::try_from(&packet[at..at + 16]).expect("sixteen octets");
            (sixteen(8).into(), sixteen(24).into(), &packet[40..])
        }
        _ => return None,
    };
    let two = |at: usize| u16::from_be_bytes([udp[at], udp[at + 1]]);
    let end = usize::from(two(4)).min(udp.len());
    Some(Datagram {
        source,
        destination,
        source_port: two(0),
        destination_port: two(2),
        message: udp.get(8..end)?,
    })
}

const UDP: u8 = 17;

/// The kind of a response of a root server, by its header.
fn kind_of(message: &[u8]) -> Kind {
    let is_authoritative = message[2] & 0x04 != 0;
    let has_answer = message[6] | message[7] != 0;
    match message[3] & 0x0f {
        3 => Kind::NxDomain,
        0 if has_answer => Kind::Answer,
        0 if is_authoritative => Kind::NoData,
        0 => Kind::Referral,
        _ => Kind::Error,
    }
}

fn number(octets: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(octets[at..at + 4].try_into().expect("four octets"))
}
