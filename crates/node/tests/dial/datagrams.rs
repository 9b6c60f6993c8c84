//! Questions over UDP, and over TCP where the answer does not fit.

use crate::certificates::{Authority, NAME, Valid};
use crate::peer::{PLENTY, Peer, SHORT, frame, read_frame, wait};
use imrs_node::dial::tls::{Client, TlsFault};
use imrs_node::dial::{DialError, Patience, Target, ask};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// `. SOA`, identifier 0x1234.
const QUERY: &[u8] = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\0\0\x06\0\x01";

/// The flag octets of a response, of one that does not fit, and of one that refuses.
const RESPONSE: [u8; 2] = [0x84, 0];
const TRUNCATED: [u8; 2] = [0x86, 0];
const REFUSED: [u8; 2] = [0x80, 5];

fn answer(flags: [u8; 2]) -> Vec<u8> {
    let mut answer = QUERY.to_vec();
    answer[2..4].copy_from_slice(&flags);
    answer
}

/// The answer, with one octet changed.
fn altered(at: usize, to: u8) -> Vec<u8> {
    let mut answer = answer(RESPONSE);
    answer[at] = to;
    answer
}

/// Sends these datagrams for each query, until `queries` have come.
fn udp_peer(socket: UdpSocket, queries: usize, datagrams: Vec<Vec<u8>>) -> JoinHandle<usize> {
    thread::spawn(move || {
        let mut ports = Vec::new();
        for _ in 0..queries {
            let mut room = [0; 512];
            let (length, from) = socket.recv_from(&mut room).unwrap();
            assert_eq!(&room[..length], QUERY);
            ports.push(from.port());
            for datagram in &datagrams {
                socket.send_to(datagram, from).unwrap();
            }
        }
        ports.sort_unstable();
        ports.dedup();
        ports.len()
    })
}

fn loopback() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

/// A port that is free for both.
fn both() -> (UdpSocket, TcpListener) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()) {
            return (socket, listener);
        }
    }
}

fn plain(address: SocketAddr) -> Target {
    Target::new(address, None)
}

/// What comes of a question to which these datagrams come back.
fn check(datagrams: &[Vec<u8>], expected: &[u8]) {
    let socket = loopback();
    let target = plain(socket.local_addr().unwrap());
    let peer = udp_peer(socket, 1, datagrams.to_vec());
    assert_eq!(ask(&target, QUERY, &PLENTY).unwrap(), expected);
    peer.join().unwrap();
}

#[test]
fn the_answer_is_the_first_datagram_that_answers() {
    let good = answer(RESPONSE);
    check(std::slice::from_ref(&good), &good);
    check(&[altered(0, 0xFF), good.clone()], &good);
    check(&[altered(1, 0xFF), good.clone()], &good);
    check(&[altered(2, 0x04), good.clone()], &good);
    check(&[altered(14, 0x02), good.clone()], &good);
    check(&[altered(16, 0x03), good.clone()], &good);
    check(&[Vec::new(), vec![0x12], good.clone()], &good);
    check(&[good[..12].to_vec(), good.clone()], &good);
}

#[test]
fn an_error_without_the_question_is_an_answer() {
    let mut refused = answer(REFUSED)[..12].to_vec();
    refused[5] = 0;
    check(std::slice::from_ref(&refused), &refused);
}

#[test]
fn a_datagram_from_another_port_is_none() {
    let (socket, other) = (loopback(), loopback());
    let target = plain(socket.local_addr().unwrap());
    let peer = thread::spawn(move || {
        let mut room = [0; 512];
        let (_, from) = socket.recv_from(&mut room).unwrap();
        other.send_to(&altered(3, 5), from).unwrap();
        socket.send_to(&answer(RESPONSE), from).unwrap();
    });
    assert_eq!(ask(&target, QUERY, &PLENTY).unwrap(), answer(RESPONSE));
    peer.join().unwrap();
}

#[test]
fn a_silent_peer_is_asked_again_from_other_ports() {
    let socket = loopback();
    let target = plain(socket.local_addr().unwrap());
    let peer = udp_peer(socket, 3, Vec::new());
    let patience = Patience {
        idle: SHORT,
        ..PLENTY
    };
    let error = ask(&target, QUERY, &patience).unwrap_err();
    let silent = matches!(error, DialError::Unanswered { attempts: 3 });
    assert!(silent, "{error:?}");
    assert_eq!(peer.join().unwrap(), 3);
}

#[test]
fn who_guesses_at_answers_has_few_guesses() {
    let socket = loopback();
    let target = plain(socket.local_addr().unwrap());
    let mut datagrams = vec![altered(0, 0xFF); 16];
    datagrams.push(answer(RESPONSE));
    let peer = udp_peer(socket, 3, datagrams);
    let error = ask(&target, QUERY, &PLENTY).unwrap_err();
    assert!(matches!(error, DialError::Unanswered { .. }), "{error:?}");
    peer.join().unwrap();
}

#[test]
fn the_wall_ends_the_questions() {
    let socket = loopback();
    let target = plain(socket.local_addr().unwrap());
    let patience = Patience {
        wall: SHORT,
        ..PLENTY
    };
    let error = ask(&target, QUERY, &patience).unwrap_err();
    assert!(matches!(error, DialError::Wall { .. }), "{error:?}");
}

#[test]
fn a_port_that_nobody_has_refuses() {
    let target = plain(loopback().local_addr().unwrap());
    let error = ask(&target, QUERY, &PLENTY).unwrap_err();
    assert!(matches!(error, DialError::Refused), "{error:?}");
}

/// What comes of a question whose answer does not fit a datagram.
fn check_stream(answer_over_tcp: &[u8], expected: Result<&[u8], ()>) {
    let (socket, listener) = both();
    let target = plain(socket.local_addr().unwrap());
    let udp = udp_peer(socket, 1, vec![answer(TRUNCATED)]);
    let framed = frame(answer_over_tcp);
    let tcp = Peer::on(listener, move |mut stream| {
        assert_eq!(read_frame(&mut stream), QUERY);
        stream.write_all(&framed).unwrap();
        wait(stream);
    });
    let answered = ask(&target, QUERY, &PLENTY);
    udp.join().unwrap();
    tcp.end();
    match (answered, expected) {
        (Ok(answered), Ok(expected)) => assert_eq!(answered, expected),
        (Err(DialError::OtherAnswer), Err(())) => {}
        (answered, _) => panic!("{answered:?} instead of {expected:?}"),
    }
}

#[test]
fn an_answer_that_does_not_fit_is_asked_for_over_tcp() {
    let long = [answer(RESPONSE), vec![0; 60_000]].concat();
    check_stream(&long, Ok(&long));
    // What comes over a connection comes from the peer, so that there is nothing to wait past.
    check_stream(&altered(0, 0xFF), Err(()));
    check_stream(&[], Err(()));
}

#[test]
fn a_target_with_tls_is_asked_in_no_other_way() {
    let authority = Authority::new("a");
    let client = Client::read(&authority.tls()).unwrap();
    let (socket, listener) = both();
    let target = Target::new(socket.local_addr().unwrap(), Some(Arc::new(client)));
    let tcp = Peer::on(listener, |mut stream| {
        let mut first = [0; 1];
        stream.read_exact(&mut first).unwrap();
        // As a server answers that takes the handshake for a message.
        stream.write_all(&frame(&answer(RESPONSE))).unwrap();
        wait(stream);
        first
    });
    let error = ask(&target, QUERY, &PLENTY).unwrap_err();
    let not_tls = matches!(error, DialError::Tls(TlsFault::NotTls(_)));
    assert!(not_tls, "{error:?}");
    // A handshake (RFC 8446 section 5.1), and no datagram.
    assert_eq!(tcp.end(), [22]);
    socket.set_nonblocking(true).unwrap();
    let nothing = socket.recv(&mut [0; 512]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_question_over_tls_is_answered_over_tls() {
    let authority = Authority::new("a");
    let issued = authority.issue(NAME, Valid::Now);
    let peer = crate::secure::echo(&issued.identity, None, answer(RESPONSE));
    let client = Client::read(&authority.tls()).unwrap();
    let target = Target::new(peer.address, Some(Arc::new(client)));
    assert_eq!(ask(&target, QUERY, &PLENTY).unwrap(), answer(RESPONSE));
    assert_eq!(peer.end().unwrap(), QUERY);
}
