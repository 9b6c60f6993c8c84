//! Queries in octets, and frames around them.

use super::field::{SERVER, hardware};
use std::net::IpAddr;

/// What a query asks beside its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form<'a> {
    /// The type.
    pub(super) rtype: u16,
    /// The size of responses by UDP that EDNS tells; no EDNS if none.
    pub(super) size: Option<u16>,
    /// What follows in the COOKIE option (RFC 7873 section 4), if there is one.
    pub(super) cookie: Option<&'a [u8]>,
}

/// With EDNS, DO and 1232 octets, as most resolvers ask.
pub(super) fn usual(rtype: u16) -> Form<'static> {
    Form {
        rtype,
        size: Some(1232),
        cookie: None,
    }
}

/// A query for a name in presentation form, without escapes. Its identifier is 0.
pub(super) fn query(name: &str, form: Form<'_>) -> Vec<u8> {
    let mut query = vec![
        0,
        0,
        0,
        0,
        0,
        1,
        0,
        0,
        0,
        0,
        0,
        u8::from(form.size.is_some()),
    ];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        query.push(label.len() as u8);
        query.extend_from_slice(label.as_bytes());
    }
    query.push(0);
    query.extend_from_slice(&form.rtype.to_be_bytes());
    query.extend_from_slice(&IN.to_be_bytes());
    if let Some(size) = form.size {
        // Owner, type, size, extended RCODE and version, flags with DO (RFC 6891 section 6.1.2).
        query.extend_from_slice(&[0, 0, 41]);
        query.extend_from_slice(&size.to_be_bytes());
        query.extend_from_slice(&[0, 0, 0x80, 0]);
        let option = form.cookie.map_or(0, |cookie| 4 + cookie.len() as u16);
        query.extend_from_slice(&option.to_be_bytes());
        if let Some(cookie) = form.cookie {
            query.extend_from_slice(&COOKIE.to_be_bytes());
            query.extend_from_slice(&(cookie.len() as u16).to_be_bytes());
            query.extend_from_slice(cookie);
        }
    }
    query
}

/// A frame to the server by the interface of spoofed sources with a datagram that has `message`.
/// Source address, source port and the checksum of the IP header are still to be set; there is
/// none of the datagram (RFC 768).
pub(super) fn frame(message: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0, 0, 0, 53];
    datagram.extend_from_slice(&(8 + message.len() as u16).to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(message);
    packet(&datagram, 0)
}

/// The two fragments of such a frame (RFC 791 section 3.2).
pub(super) fn fragments(message: &[u8]) -> [Vec<u8>; 2] {
    let whole = frame(message);
    let (first, second) = whole[MESSAGE - 8..].split_at(FIRST_FRAGMENT);
    const MORE: u16 = 0x2000;
    [
        packet(first, MORE),
        packet(second, FIRST_FRAGMENT as u16 / 8),
    ]
}

fn packet(content: &[u8], fragment: u16) -> Vec<u8> {
    let mut frame = Vec::with_capacity(MESSAGE + content.len());
    frame.extend_from_slice(&hardware(0, 2));
    frame.extend_from_slice(&hardware(0, 1));
    frame.extend_from_slice(&[0x08, 0x00, 0x45, 0]);
    frame.extend_from_slice(&(20 + content.len() as u16).to_be_bytes());
    frame.extend_from_slice(&[0, 0]);
    frame.extend_from_slice(&fragment.to_be_bytes());
    // A lifetime of 60 hops, UDP.
    frame.extend_from_slice(&[60, 17, 0, 0, 0, 0, 0, 0]);
    let IpAddr::V4(server) = SERVER.ip() else {
        unreachable!("the server has an IPv4 address");
    };
    frame.extend_from_slice(&server.octets());
    frame.extend_from_slice(content);
    frame
}

/// Sets what differs from frame to frame; the checksum of the IP header goes with it.
pub(super) fn address(frame: &mut [u8], source: [u8; 4], identification: u16) {
    frame[18..20].copy_from_slice(&identification.to_be_bytes());
    frame[24..26].copy_from_slice(&[0, 0]);
    frame[26..30].copy_from_slice(&source);
    let words = frame[14..34].chunks_exact(2);
    let sum: u32 = words
        .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    frame[24..26].copy_from_slice(&(!(folded as u16)).to_be_bytes());
}

/// Sets source port and identifier of a frame that is not a later fragment.
pub(super) fn identify(frame: &mut [u8], port: u16, id: u16) {
    frame[34..36].copy_from_slice(&port.to_be_bytes());
    frame[MESSAGE..MESSAGE + 2].copy_from_slice(&id.to_be_bytes());
}

/// Octets ahead of the message in a frame: Ethernet, IP, UDP.
pub(super) const MESSAGE: usize = 14 + 20 + 8;

/// Octets of a datagram in the first of two fragments: the header, and as much of the message as
/// its own header has and a bit more.
const FIRST_FRAGMENT: usize = 24;

pub(super) const A: u16 = 1;
pub(super) const NS: u16 = 2;
pub(super) const SOA: u16 = 6;
pub(super) const AAAA: u16 = 28;
pub(super) const DS: u16 = 43;
pub(super) const DNSKEY: u16 = 48;
const IN: u16 = 1;
const COOKIE: u16 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(frame: &[u8]) {
        let words = frame[14..34].chunks_exact(2);
        let sum: u32 = words
            .map(|word| u32::from(u16::from_be_bytes([word[0], word[1]])))
            .sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        assert_eq!(
            usize::from(u16::from_be_bytes([frame[16], frame[17]])),
            frame.len() - 14
        );
    }

    #[test]
    fn the_header_of_every_frame_adds_up_to_ones() {
        let message = query("example.com", usual(A));
        for source in [[0, 0, 0, 0], [255, 255, 255, 255], [198, 18, 1, 7]] {
            let [first, second] = fragments(&message);
            for mut frame in [frame(&message), first, second] {
                address(&mut frame, source, 0xfffe);
                check(&frame);
            }
        }
    }

    #[test]
    fn two_fragments_have_what_one_frame_has() {
        let message = query("example.com", usual(A));
        let [first, second] = fragments(&message);
        assert_eq!(
            [&first[34..], &second[34..]].concat(),
            frame(&message)[34..]
        );
    }
}
