//! What a proxy says of its client ahead of a message or a connection (PROXY protocol version 2).
//!
//! Only who is on the list of proxies is believed, and of those a header is demanded: to guess
//! whether one is there would let every client behind a proxy say who it is.

use ppp::PartialResult;
use ppp::v2::{Addresses, Command, Header};
use std::net::IpAddr;

/// What stands ahead of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// A header.
    Header {
        /// Whom it speaks for, if not the proxy itself.
        client: Option<IpAddr>,
        /// Its octets.
        len: usize,
    },
    /// The start of a header.
    Unfinished,
    /// Something else.
    Other,
}

/// Reads what stands ahead of a message of a proxy (fuzz target `proxy`).
pub fn read(octets: &[u8]) -> Ahead {
    match Header::try_from(octets) {
        Ok(header) => Ahead::Header {
            client: client(&header),
            len: header.len(),
        },
        Err(error) if error.is_incomplete() => Ahead::Unfinished,
        Err(_) => Ahead::Other,
    }
}

fn client(header: &Header<'_>) -> Option<IpAddr> {
    match (header.command, &header.addresses) {
        (Command::Proxy, Addresses::IPv4(addresses)) => Some(addresses.source_address.into()),
        (Command::Proxy, Addresses::IPv6(addresses)) => {
            Some(IpAddr::from(addresses.source_address).to_canonical())
        }
        // A proxy that asks for itself, to see whether the server is well.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Ahead, read};

    const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    /// A header of version and command, family and protocol, with what follows.
    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let len = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &len, rest].concat()
    }

    const IPV4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 1, 0x30, 0x39, 0, 53];

    fn check(octets: &[u8], client: Option<&str>) {
        let expected = Ahead::Header {
            client: client.map(|address| address.parse().unwrap()),
            len: octets.len(),
        };
        assert_eq!(read(octets), expected);
        assert_eq!(read(&[octets, b"more"].concat()), expected);
        for len in 0..octets.len() {
            assert_eq!(read(&octets[..len]), Ahead::Unfinished, "{len} octets");
        }
    }

    #[test]
    fn a_header_names_the_client() {
        check(&header(0x21, 0x12, IPV4), Some("192.0.2.1"));
        let with_tlv = [IPV4, &[0x04, 0, 2, 1, 2]].concat();
        check(&header(0x21, 0x11, &with_tlv), Some("192.0.2.1"));
        let mut ipv6 = [0; 36];
        ipv6[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        check(&header(0x21, 0x22, &ipv6), Some("2001:db8::"));
    }

    #[test]
    fn a_proxy_may_speak_for_itself() {
        check(&header(0x20, 0x00, &[]), None);
        check(&header(0x20, 0x12, IPV4), None);
        check(&header(0x21, 0x00, &[]), None);
    }

    #[test]
    fn what_is_no_header_is_told_apart() {
        for octets in [
            &b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03com\0\0\x01\0\x01"[..],
            b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2\r\n",
            &header(0x31, 0x12, IPV4),
            &header(0x21, 0x12, &IPV4[..4]),
        ] {
            assert_eq!(read(octets), Ahead::Other, "{octets:?}");
        }
    }
}
