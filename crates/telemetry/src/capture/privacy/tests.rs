//! What is hidden, and what stays.

use super::*;
use crate::counts::{Flow, Transport};
use imrs_wire::Family;
use imrs_wire::Rcode;
use proptest::prelude::*;

fn captured<'a>(at_s: u64, client: &str, query: &'a [u8], response: &'a [u8]) -> Captured<'a> {
    Captured {
        at_ns: at_s * NS_PER_S,
        flow: Flow::new(Transport::Udp, Family::V4),
        client: client.parse().unwrap(),
        server: "198.51.100.53:53".parse().unwrap(),
        query,
        response,
        response_octets: response.len(),
        rcode: Rcode::NOERROR,
        delay_us: 1,
    }
}

/// `. NS IN` with an OPT record of these options.
fn query(options: &[u8]) -> Vec<u8> {
    let mut query =
        b"\0\x01\0\0\0\x01\0\0\0\0\0\x01\0\0\x02\0\x01\0\0\x29\x04\xd0\0\0\0\0\0".to_vec();
    query.push(options.len() as u8);
    query.extend_from_slice(options);
    query
}

/// An option of Client Subnet.
fn subnet(family: u8, source: u8, address: &[u8]) -> Vec<u8> {
    let mut option = vec![0, 8, 0, 4 + address.len() as u8, 0, family, source, 0];
    option.extend_from_slice(address);
    option
}

const NSID: &[u8] = b"\0\x03\0\0";

/// What becomes of options in a query; the rest of it stays.
#[track_caller]
fn check(method: Method, options: &[u8], expected: impl Fn(&Cipher) -> Vec<u8>) {
    let mut anonymiser = Anonymiser::new(method, b"secret");
    let cipher = Cipher::of(method, &anonymiser.secret, Day::of(0));
    let sent = query(options);
    let hidden = anonymiser.anonymise(&captured(1, "192.0.2.1:53", &sent, &sent));
    assert_eq!(hidden.query, query(&expected(&cipher)));
    assert_eq!(hidden.response, hidden.query);
}

#[test]
fn clients_change_with_the_date_and_servers_never() {
    for method in [Method::CryptoPan, Method::Ipcrypt] {
        for client in ["192.0.2.1:4321", "[2001:db8::1]:4321"] {
            let mut anonymiser = Anonymiser::new(method, b"secret");
            let mut other = Anonymiser::new(method, b"other");
            let sent = query(NSID);
            let mut hide = |at_s| {
                anonymiser
                    .anonymise(&captured(at_s, client, &sent, b""))
                    .client
            };
            let first = hide(86_400);
            assert_ne!(first.ip(), client.parse::<SocketAddr>().unwrap().ip());
            assert_eq!(first.port(), 4321);
            assert_eq!(first.is_ipv4(), client.starts_with('1'));
            assert_eq!(hide(2 * 86_400 - 1), first);
            assert_ne!(hide(2 * 86_400), first);
            assert_eq!(hide(86_400), first);
            let message = captured(86_400, client, &sent, b"");
            let hidden = other.anonymise(&message);
            assert_ne!(hidden.client, first);
            let expected = Captured {
                client: hidden.client,
                ..message
            };
            assert_eq!(hidden, expected);
        }
    }
}

#[test]
fn subnets_are_hidden_to_their_length() {
    let options = [NSID, &subnet(1, 23, &[192, 0, 2]), NSID].concat();
    check(Method::CryptoPan, &options, |cipher| {
        let [a, b, c, _] = (cipher.ipv4(0xc000_0200) & 0xffff_fe00).to_be_bytes();
        [NSID, &subnet(1, 23, &[a, b, c]), NSID].concat()
    });
    let options = subnet(2, 56, &[0x20, 1, 0xd, 0xb8, 0, 0, 1]);
    check(Method::Ipcrypt, &options, |cipher| {
        let address = 0x2001_0db8_0000_0100_u128 << 64;
        subnet(2, 56, &cipher.ipv6(address).to_be_bytes()[..7])
    });
    check(Method::Ipcrypt, &subnet(1, 0, &[]), |_| subnet(1, 0, &[]));
}

#[test]
fn a_subnet_that_breaks_its_form_is_overwritten() {
    let gone = |option: Vec<u8>, expected: Vec<u8>| {
        check(Method::CryptoPan, &option, |_| expected.clone());
    };
    gone(subnet(1, 24, &[192, 0, 2, 1]), subnet(1, 24, &[0; 4]));
    gone(subnet(1, 40, &[192, 0, 2, 1, 1]), subnet(1, 40, &[0; 5]));
    gone(subnet(3, 24, &[192, 0, 2]), subnet(3, 24, &[0; 3]));
    gone(vec![0, 8, 0, 3, 192, 0, 2], vec![0, 8, 0, 3, 0, 0, 0]);
    gone(vec![0, 8, 0, 9, 0, 1, 24, 0, 192], vec![0; 9]);
}

#[test]
fn what_cannot_be_read_is_overwritten() {
    let sent = [&query(NSID)[..], b"behind"].concat();
    let mut anonymiser = Anonymiser::new(Method::Ipcrypt, b"secret");
    let head = &sent[..12];
    let hidden = anonymiser.anonymise(&captured(1, "192.0.2.1:53", &sent, head));
    assert_eq!(hidden.query, [&query(NSID)[..], &[0; 6]].concat());
    assert_eq!(hidden.response, head);
    let cut = &sent[..30];
    let hidden = anonymiser.anonymise(&captured(1, "192.0.2.1:53", cut, b""));
    assert_eq!(hidden.query, [&sent[..17], &[0; 13]].concat());
    let hidden = anonymiser.anonymise(&captured(1, "192.0.2.1:53", b"", b""));
    assert_eq!(hidden.query, b"");
}

proptest! {
    #[test]
    fn sizes_stay_whatever_octets_come(
        octets in prop::collection::vec(any::<u8>(), 0..100),
        options in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut anonymiser = Anonymiser::new(Method::Ipcrypt, b"secret");
        for octets in [octets, query(&options)] {
            let message = captured(1, "192.0.2.1:53", &octets, &octets);
            let hidden = anonymiser.anonymise(&message);
            prop_assert_eq!(hidden.query.len(), octets.len());
            prop_assert_eq!(hidden.response.len(), octets.len());
        }
    }

    #[test]
    fn crypto_pan_keeps_how_many_bits_are_shared(first in any::<u128>(), bit in 0..128_u32) {
        let anonymiser = Anonymiser::new(Method::CryptoPan, b"secret");
        let second = first ^ 1 << (127 - bit);
        let [first, second] = [first, second].map(|address| anonymiser.cipher.ipv6(address));
        prop_assert_eq!((first ^ second).leading_zeros(), bit);
    }
}
