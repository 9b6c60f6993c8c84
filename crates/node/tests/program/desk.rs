//! What a server says to signed queries, to NOTIFY and to requests for its zones.

use crate::support::{Server, TestRoot};
use domain::base::iana::{Rcode, Rtype};
use domain::base::{Message, Name};
use imrs_transfer::key::{Algorithm, Key};
use imrs_transfer::message;
use imrs_transfer::tsig::sign_request;
use imrs_zone::record::UnixTime;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::{Duration, SystemTime};

const PATIENCE: Duration = Duration::from_secs(20);

/// A server that gives its root to whoever signs with the key.
fn server(root: &TestRoot) -> Server {
    let config = root.path("imrs.toml");
    let text = r#"
        [[key]]
        name = "own"
        algorithm = "hmac-sha256"
        secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0MTI="
        [[zone]]
        name = "."
        file = "root.zone"
        anchors = "anchors.ds"
        allow-transfer = [{ key = "own" }]
    "#;
    std::fs::write(&config, text).unwrap();
    Server::start(root.folder.path(), &["--config", &config])
}

fn key() -> Key {
    let name = "own.".parse().unwrap();
    Key::new(
        name,
        Algorithm::HmacSha256,
        b"secretsecretsecretsecretsecret12",
    )
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime(since.unwrap().as_secs())
}

/// Asks over UDP, signed; the response without its signature, which held, and its whole length.
fn ask_signed(server: &Server, mut query: Vec<u8>) -> (Message<Vec<u8>>, usize) {
    let transaction = sign_request(&key(), &mut query, now());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(&query, server.address).unwrap();
    let mut response = vec![0; 4096];
    let octets = socket.recv(&mut response).unwrap();
    response.truncate(octets);
    transaction.verify(&mut response, now()).unwrap();
    (Message::from_octets(response).unwrap(), octets)
}

/// A query for the keys of the root, with EDNS of so many octets and DO, or without.
fn dnskey_query(udp_len_max: Option<u16>) -> Vec<u8> {
    let mut query = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 48, 0, 1];
    if let Some(octets) = udp_len_max {
        query[11] = 1;
        query.extend([0, 0, 41]);
        query.extend(octets.to_be_bytes());
        query.extend([0, 0, 0x80, 0, 0, 0]);
    }
    query
}

#[test]
fn a_signed_response_has_the_size_that_the_client_takes() {
    let root = TestRoot::new(7);
    let server = server(&root);
    for udp_len_max in [None, Some(512), Some(600), Some(1232), Some(4096)] {
        let (response, octets) = ask_signed(&server, dnskey_query(udp_len_max));
        let limit = usize::from(udp_len_max.unwrap_or(512)).min(1232);
        assert!(octets <= limit, "{octets} octets for {udp_len_max:?}");
        assert_eq!(response.header().rcode(), Rcode::NOERROR);
        let is_whole = response.header_counts().ancount() > 0;
        assert_ne!(response.header().tc(), is_whole, "{udp_len_max:?}");
    }
}

#[test]
fn a_notify_from_nobody_known_and_a_zone_for_nobody_known_are_refused() {
    let root = TestRoot::new(7);
    let server = server(&root);
    let zone = Name::root_bytes();
    let check = |query, expected: Rcode| {
        let (response, _) = ask_signed(&server, query);
        assert_eq!(response.header().rcode(), expected);
    };
    check(message::notify(&zone, None, 1), Rcode::REFUSED);
    let elsewhere = "test.".parse().unwrap();
    check(message::notify(&elsewhere, None, 2), Rcode::NOTAUTH);
    // A whole zone fits no datagram, whoever asks.
    check(message::axfr_query(&zone, 3), Rcode::REFUSED);

    let unsigned = message::axfr_query(&zone, 4);
    let mut client = TcpStream::connect(server.address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = u16::try_from(unsigned.len()).unwrap().to_be_bytes();
    client
        .write_all(&[&length[..], &unsigned].concat())
        .unwrap();
    let mut length = [0; 2];
    client.read_exact(&mut length).unwrap();
    let mut response = vec![0; usize::from(u16::from_be_bytes(length))];
    client.read_exact(&mut response).unwrap();
    let response = Message::from_octets(response).unwrap();
    assert_eq!(response.header().rcode(), Rcode::REFUSED);
    let question = response.first_question().unwrap();
    assert_eq!(question.qtype(), Rtype::AXFR);
    let (text, _) = server.ctl(&["stats"]);
    assert!(text.contains("transfers denied"), "{text}");
}
