//! Messages of BGP-4 for a session that only tells of prefixes: pure.
//!
//! What the other side says is read no further than whether it goes on.

use crate::config::Prefix;
use imrs_wire::Family;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a message is (RFC 4271 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The first of a session.
    Open,
    /// Prefixes come and go.
    Update,
    /// The session ends, with the code and subcode of why.
    Notification(u8, u8),
    /// All is well.
    Keepalive,
    /// To be told all once more (RFC 2918).
    Refresh,
    /// Another one.
    Other,
}

const MARKER: [u8; 16] = [0xff; 16];
const HEADER_OCTETS: usize = 19;
const MESSAGE_OCTETS_MAX: usize = 4096;

const OPEN: u8 = 1;
const UPDATE: u8 = 2;
const NOTIFICATION: u8 = 3;
const KEEPALIVE: u8 = 4;
const REFRESH: u8 = 5;

/// Stands for AS numbers of four octets where there is room for two (RFC 6793 section 4.2.2).
const AS_TRANS: u16 = 23_456;

/// Opens a session for both families with AS numbers of four octets, which can be told all again
/// (RFC 4760, RFC 6793, RFC 2918).
pub(super) fn open(asn: u32, hold_seconds: u16, id: Ipv4Addr) -> Vec<u8> {
    let mut capabilities = vec![1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4];
    capabilities.extend_from_slice(&asn.to_be_bytes());
    let mut body = vec![4];
    body.extend_from_slice(&u16::try_from(asn).unwrap_or(AS_TRANS).to_be_bytes());
    body.extend_from_slice(&hold_seconds.to_be_bytes());
    body.extend_from_slice(&id.octets());
    // One parameter, number 2: capabilities (RFC 5492 section 4).
    body.extend_from_slice(&[octet(capabilities.len() + 2), 2, octet(capabilities.len())]);
    body.extend_from_slice(&capabilities);
    message(OPEN, &body)
}

/// Says that all is well.
pub(super) fn keepalive() -> Vec<u8> {
    message(KEEPALIVE, &[])
}

/// Ends a session for good (Cease, administrative shutdown: RFC 4486).
pub(super) fn cease() -> Vec<u8> {
    message(NOTIFICATION, &[6, 2])
}

/// Tells of prefixes of a family, which begin with `asn`.
pub(super) fn announce(family: Family, prefixes: &[Prefix], asn: u32) -> Vec<u8> {
    // ORIGIN IGP, and AS_PATH of one sequence (RFC 4271 section 5.1).
    let mut attributes = vec![0x40, 1, 1, 0, 0x40, 2, 6, 2, 1];
    attributes.extend_from_slice(&asn.to_be_bytes());
    let mut nlri = Vec::new();
    match family {
        Family::V4 => {
            attributes.extend_from_slice(&[0x40, 3, 4]);
            attributes.extend_from_slice(&NEXT_HOP_V4.octets());
            nlri = encoded(prefixes);
        }
        Family::V6 => {
            // MP_REACH_NLRI (RFC 4760 section 3) for IPv6 unicast.
            let mut value = vec![0, 2, 1, 16];
            value.extend_from_slice(&NEXT_HOP_V6.octets());
            value.push(0);
            value.extend_from_slice(&encoded(prefixes));
            long_attribute(&mut attributes, 14, &value);
        }
    }
    update(&[], &attributes, &nlri)
}

/// Takes prefixes of a family back.
pub(super) fn withdraw(family: Family, prefixes: &[Prefix]) -> Vec<u8> {
    match family {
        Family::V4 => update(&encoded(prefixes), &[], &[]),
        Family::V6 => {
            // MP_UNREACH_NLRI (RFC 4760 section 4) for IPv6 unicast.
            let mut value = vec![0, 2, 1];
            value.extend_from_slice(&encoded(prefixes));
            let mut attributes = Vec::new();
            long_attribute(&mut attributes, 15, &value);
            update(&[], &attributes, &[])
        }
    }
}

/// Addresses that nothing is sent to: no route here is used to send anything (RFC 6666 has the
/// second).
const NEXT_HOP_V4: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
pub(super) const NEXT_HOP_V6: Ipv6Addr = Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0x53);

/// The next message, if it is there whole, and its octets; an error if it can be none.
pub(super) fn next(octets: &[u8]) -> Result<Option<(Kind, usize)>, &'static str> {
    let Some((header, _)) = octets.split_at_checked(HEADER_OCTETS) else {
        return Ok(None);
    };
    if header[..16] != MARKER {
        return Err("the other side does not speak BGP");
    }
    let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
    if !(HEADER_OCTETS..=MESSAGE_OCTETS_MAX).contains(&length) {
        return Err("a message of BGP has an impossible length");
    }
    let Some(whole) = octets.get(..length) else {
        return Ok(None);
    };
    let kind = match (header[18], &whole[HEADER_OCTETS..]) {
        (OPEN, _) => Kind::Open,
        (UPDATE, _) => Kind::Update,
        (NOTIFICATION, [code, subcode, ..]) => Kind::Notification(*code, *subcode),
        (KEEPALIVE, _) => Kind::Keepalive,
        (REFRESH, _) => Kind::Refresh,
        _ => Kind::Other,
    };
    Ok(Some((kind, length)))
}

fn update(withdrawn: &[u8], attributes: &[u8], nlri: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for part in [withdrawn, attributes] {
        body.extend_from_slice(&length(part.len()).to_be_bytes());
        body.extend_from_slice(part);
    }
    body.extend_from_slice(nlri);
    message(UPDATE, &body)
}

/// An optional attribute with a length of two octets.
fn long_attribute(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    out.extend_from_slice(&[0x90, kind]);
    out.extend_from_slice(&length(value.len()).to_be_bytes());
    out.extend_from_slice(value);
}

/// Prefixes with as many octets as their lengths take.
fn encoded(prefixes: &[Prefix]) -> Vec<u8> {
    let mut out = Vec::new();
    for prefix in prefixes {
        out.push(prefix.length());
        let octets = usize::from(prefix.length()).div_ceil(8);
        match prefix.address() {
            IpAddr::V4(address) => out.extend_from_slice(&address.octets()[..octets]),
            IpAddr::V6(address) => out.extend_from_slice(&address.octets()[..octets]),
        }
    }
    out
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = MARKER.to_vec();
    out.extend_from_slice(&length(HEADER_OCTETS + body.len()).to_be_bytes());
    out.push(kind);
    out.extend_from_slice(body);
    out
}

/// A length within a message: prefixes are at most 16, so that all lengths are far below the limit.
fn length(octets: usize) -> u16 {
    u16::try_from(octets).unwrap_or(u16::MAX)
}

fn octet(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(texts: &[&str]) -> Vec<Prefix> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// A message as hexadecimal digits after its marker.
    fn check(message: &[u8], expected: &str) {
        assert_eq!(message[..16], MARKER);
        let digits: String = message[16..].iter().map(|o| format!("{o:02x}")).collect();
        assert_eq!(digits, expected.replace(' ', ""));
        let (_, length) = next(message).unwrap().unwrap();
        assert_eq!(length, message.len());
    }

    #[test]
    fn messages_are_as_the_rfcs_have_them() {
        check(
            &open(4_200_000_053, 6, Ipv4Addr::new(127, 0, 0, 2)),
            "0033 01 04 5ba0 0006 7f000002 16 02 14 010400010001 010400020001 0200 4104fa56ea35",
        );
        check(&keepalive(), "0013 04");
        check(&cease(), "0015 03 0602");
        let v4 = prefixes(&["192.0.2.0/24", "198.51.100.128/25"]);
        check(
            &announce(Family::V4, &v4, 64500),
            "0034 02 0000 0014 40010100 4002060201 0000fbf4 4003047f000002 18c00002 19c6336480",
        );
        check(
            &withdraw(Family::V4, &v4),
            "0020 02 0009 18c00002 19c6336480 0000",
        );
        let v6 = prefixes(&["2001:db8:53::/48"]);
        check(
            &announce(Family::V6, &v6, 64500),
            "0044 02 0000 002d 40010100 4002060201 0000fbf4 900e001c 0002 01 10 \
             01000000000000000000000000000053 00 3020010db80053",
        );
        check(
            &withdraw(Family::V6, &v6),
            "0025 02 0000 000e 900f000a 0002 01 3020010db80053",
        );
    }

    #[test]
    fn what_the_other_side_says_is_read_tolerantly() {
        assert_eq!(next(&[0xff; 18]), Ok(None));
        assert!(next(&[0; 19]).is_err());
        assert!(next(&[0xff; 19]).is_err());
        let mut long = message(NOTIFICATION, &[3, 10, 1, 2]);
        assert_eq!(next(&long), Ok(Some((Kind::Notification(3, 10), 23))));
        long.truncate(22);
        assert_eq!(next(&long), Ok(None));
        let short = message(NOTIFICATION, &[]);
        assert_eq!(next(&short), Ok(Some((Kind::Other, 19))));
    }
}
