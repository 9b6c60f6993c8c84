//! Any octets as what a proxy says of its client: read as the PROXY protocol says, by a reader of its
//! own, and told apart from what is not whole yet.
#![no_main]

use imrs_node::transport::proxy::{Ahead, read};
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

fuzz_target!(|octets: &[u8]| {
    let ahead = read(octets);
    assert_eq!(ahead, expected(octets));
    if let Ahead::Header { len, .. } = ahead {
        assert_eq!(read(&octets[..len]), ahead, "what follows matters");
        assert_eq!(read(&octets[..len - 1]), Ahead::Unfinished);
    }
    if ahead == Ahead::Unfinished && !octets.is_empty() {
        let start = &octets[..octets.len() - 1];
        assert_eq!(read(start), ahead, "what is unfinished was so before");
    }
});

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What section 2.2 of the protocol says.
fn expected(octets: &[u8]) -> Ahead {
    let start = octets.len().min(SIGNATURE.len());
    if octets[..start] != SIGNATURE[..start] {
        return Ahead::Other;
    }
    let Some((head, rest)) = octets.split_first_chunk::<16>() else {
        return Ahead::Unfinished;
    };
    let &[.., command, family, high, low] = head;
    let announced = usize::from(u16::from_be_bytes([high, low]));
    let addresses = match family >> 4 {
        0 => 0,
        1 => 12,
        2 => 36,
        3 => 216,
        _ => return Ahead::Other,
    };
    if !matches!(command, 0x20 | 0x21) || family & 15 > 2 || announced < addresses {
        return Ahead::Other;
    }
    let Some(body) = rest.get(..announced) else {
        return Ahead::Unfinished;
    };
    let client = match (command, family >> 4) {
        (0x21, 1) => { body.first_chunk::<4>() }.map(|octets| Ipv4Addr::from(*octets).into()),
        (0x21, 2) => { body.first_chunk::<16>() }
            .map(|octets| IpAddr::from(Ipv6Addr::from(*octets)).to_canonical()),
        _ => None,
    };
    Ahead::Header {
        client,
        len: 16 + announced,
    }
}
