//! Cookies in queries and responses, and whom a server that is behind or attacked still serves.

use crate::query::{Ask, name};
use crate::world;
use domain::base::Message;
use domain::base::iana::Rtype;
use imrs_engine::cookie::{Secret, Secrets};
use imrs_engine::{
    Claim, Client, Defence, Fate, Outcome, Peer, Pressure, Service, Transport, respond, slip,
};
use std::sync::Arc;

const ZONE: &str =
    ". 60 SOA a. b. 1 2 3 4 5\n. 60 NS a.gl.\ngl. 60 NS a.gl.\na.gl. 60 A 192.0.2.1\n";
const CLIENT: [u8; 8] = *b"a client";

fn service(require_cookies: bool) -> Service {
    let (apex, image) = world::compile(world::signed(world::records(ZONE)));
    Service {
        cookies: Some(Arc::new(Secrets::new(
            Secret::from_octets([7; 16]),
            None,
            None,
        ))),
        defence: Arc::new(Defence {
            require_cookies,
            ..Defence::default()
        }),
        ..world::service([(apex, Some(image))])
    }
}

/// A client that is not known, at a server under this pressure.
fn client(transport: Transport, pressure: Pressure) -> Client {
    Client {
        transport,
        peer: Some(Peer {
            address: "192.0.2.7".parse().unwrap(),
            now: 1_790_000_000,
            pressure,
            is_known: false,
        }),
    }
}

/// A query with these options.
fn query(qname: &str, qtype: Rtype, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut packet = Ask::new(name(qname), qtype).dnssec(1232).packet();
    let len = packet.len();
    let mut octets = Vec::new();
    for (code, data) in options {
        octets.extend_from_slice(&code.to_be_bytes());
        octets.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        octets.extend_from_slice(data);
    }
    // The OPT record of such a query is its last, without data.
    packet[len - 2..].copy_from_slice(&u16::try_from(octets.len()).unwrap().to_be_bytes());
    [packet, octets].concat()
}

fn ask(service: &Service, client: Client, packet: &[u8]) -> (Outcome, Vec<u8>) {
    let mut out = vec![0; 1232];
    let outcome = respond(service, client, packet, &mut out);
    out.truncate(outcome.len);
    (outcome, out)
}

/// Both cookies of a response.
fn cookies(response: &[u8]) -> Option<Vec<u8>> {
    Message::from_octets(response).unwrap().opt()?;
    let at = response
        .windows(4)
        .position(|octets| octets == [0, 10, 0, 24])?;
    Some(response[at + 4..at + 28].to_vec())
}

/// A cookie that the server gave.
fn given(service: &Service) -> Vec<u8> {
    let packet = query(".", Rtype::SOA, &[(10, &CLIENT)]);
    let (outcome, response) = ask(service, client(Transport::Udp, Pressure::Calm), &packet);
    assert_eq!(outcome.cookie, Claim::Client);
    let cookies = cookies(&response).unwrap();
    assert_eq!(cookies[..8], CLIENT);
    cookies
}

#[test]
fn a_cookie_that_was_given_is_good_and_comes_back() {
    let service = service(false);
    let given = given(&service);
    for transport in [Transport::Udp, Transport::Tcp { keepalive: 0 }] {
        let packet = query("www.gl.", Rtype::A, &[(10, &given)]);
        let (outcome, response) = ask(&service, client(transport, Pressure::Calm), &packet);
        assert_eq!(outcome.cookie, Claim::Valid);
        assert_eq!(cookies(&response), Some(given.clone()));
    }
}

#[test]
fn a_cookie_of_a_bad_length_is_an_error_where_cookies_are_used() {
    for len in [0, 7, 9, 15, 41] {
        let packet = query(".", Rtype::SOA, &[(10, &vec![1; len])]);
        let calm = client(Transport::Udp, Pressure::Calm);
        let (outcome, _) = ask(&service(false), calm, &packet);
        assert_eq!(outcome.rcode.0, 1, "{len} octets");
        let without = Service {
            cookies: None,
            ..service(false)
        };
        let (outcome, response) = ask(&without, calm, &packet);
        assert_eq!(
            (outcome.rcode.0, cookies(&response)),
            (0, None),
            "{len} octets"
        );
    }
}

#[test]
fn a_message_without_a_question_may_ask_for_a_cookie() {
    let whole = query(".", Rtype::SOA, &[(10, &CLIENT)]);
    let mut packet = [&whole[..12], &whole[17..]].concat();
    packet[5] = 0;
    let (outcome, response) = ask(
        &service(false),
        client(Transport::Udp, Pressure::Calm),
        &packet,
    );
    assert_eq!(outcome.rcode.0, 0);
    assert!(cookies(&response).is_some());
}

#[test]
fn where_a_cookie_is_required_clients_are_sent_for_one_or_to_tcp() {
    let service = service(true);
    let check = |options: &[(u16, &[u8])], transport, rcode, truncated, fate| {
        let packet = query("www.gl.", Rtype::A, options);
        let (outcome, _) = ask(&service, client(transport, Pressure::Calm), &packet);
        let found = (outcome.rcode.0, outcome.truncated, outcome.fate);
        assert_eq!(found, (rcode, truncated, fate));
    };
    let bad = [9; 24];
    check(&[(10, &CLIENT)], Transport::Udp, 23, false, Fate::Deferred);
    check(&[(10, &bad)], Transport::Udp, 23, false, Fate::Deferred);
    check(&[], Transport::Udp, 0, true, Fate::Deferred);
    check(
        &[],
        Transport::Tcp { keepalive: 0 },
        0,
        false,
        Fate::Answered,
    );
    let (outcome, response) = ask(
        &service,
        client(Transport::Udp, Pressure::Calm),
        &query(".", Rtype::SOA, &[(10, &CLIENT)]),
    );
    assert_eq!(outcome.rcode.0, 23);
    let given = cookies(&response).unwrap();
    check(&[(10, &given)], Transport::Udp, 0, false, Fate::Answered);
}

#[test]
fn what_is_limited_slips_as_a_cookie_or_to_tcp() {
    let service = service(false);
    let mut out = [0; 1232];
    let calm = client(Transport::Udp, Pressure::Calm);
    let spoken = query("www.gl.", Rtype::A, &[(10, &CLIENT)]);
    let outcome = slip(&service, calm, &spoken, &mut out);
    assert_eq!((outcome.rcode.0, outcome.truncated), (23, false));
    let plain = query("www.gl.", Rtype::A, &[]);
    let outcome = slip(&service, calm, &plain, &mut out);
    assert_eq!((outcome.rcode.0, outcome.truncated), (0, true));
    assert!(outcome.len <= plain.len(), "no longer than what it answers");
    assert_eq!(slip(&service, calm, b"no query", &mut out).len, 0);
}

#[test]
fn under_pressure_those_are_served_who_prove_their_address_and_what_is_vital() {
    let service = service(false);
    let given = given(&service);
    let check = |qname, qtype, options: &[(u16, &[u8])], served: [bool; 4]| {
        let packet = query(qname, qtype, options);
        let levels = [
            Pressure::Calm,
            Pressure::Truncate,
            Pressure::Shed,
            Pressure::Last,
        ];
        let found = levels.map(|pressure| {
            let (outcome, _) = ask(&service, client(Transport::Udp, pressure), &packet);
            assert_eq!(outcome.fate == Fate::Shed, outcome.len == 0);
            outcome.len > 0
        });
        assert_eq!(found, served, "{qname}");
    };
    check("www.gl.", Rtype::A, &[], [true, true, false, false]);
    check("www.gl.", Rtype::A, &[(10, &given)], [true; 4]);
    for qtype in [Rtype::NS, Rtype::SOA, Rtype::DNSKEY] {
        check(".", qtype, &[], [true; 4]);
    }
}

#[test]
fn under_pressure_only_strangers_are_sent_to_tcp_for_large_answers() {
    let service = service(false);
    let packet = query("absent.", Rtype::A, &[]);
    let is_truncated = |pressure, is_known| {
        let mut client = client(Transport::Udp, pressure);
        client.peer = client.peer.map(|peer| Peer { is_known, ..peer });
        ask(&service, client, &packet).0.truncated
    };
    assert!(!is_truncated(Pressure::Calm, false));
    assert!(is_truncated(Pressure::Truncate, false));
    for pressure in [Pressure::Truncate, Pressure::Shed] {
        assert!(!is_truncated(pressure, true));
    }
}

#[test]
fn an_encrypted_response_is_not_padded_beyond_its_room() {
    let service = service(false);
    let client = client(Transport::Quic, Pressure::Calm);
    let padding: (u16, &[u8]) = (12, &[0; 31]);
    for room in 512..1500 {
        let mut out = vec![0; room];
        let packet = query("absent.", Rtype::A, &[padding]);
        let outcome = respond(&service, client, &packet, &mut out);
        assert!(outcome.len > 0, "{room}");
    }
}

#[test]
fn an_encrypted_response_to_a_client_that_pads_is_padded() {
    let service = service(false);
    for transport in [Transport::Tls { keepalive: 0 }, Transport::Quic] {
        for qname in [".", "www.gl.", "absent.", "a.longer.name.that.is.absent."] {
            let packet = query(qname, Rtype::A, &[(12, &[0; 31])]);
            let (outcome, response) = ask(&service, client(transport, Pressure::Calm), &packet);
            assert_eq!(outcome.len % 468, 0, "{qname}");
            Message::from_octets(&response).unwrap().opt().unwrap();
        }
        let plain = query(".", Rtype::SOA, &[]);
        let (outcome, _) = ask(&service, client(transport, Pressure::Calm), &plain);
        assert_ne!(outcome.len % 468, 0);
    }
}
