//! Sessions over plain TCP: messages, and the ways in which they do not come.

use crate::peer::{PLENTY, Peer, SHORT, drip, frame, read_frame, wait};
use imrs_node::dial::{DialError, Patience, Session, Target};
use socket2::{Domain, Socket, Type};
use std::io::Write;
use std::iter;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

fn open(address: SocketAddr, patience: &Patience) -> Result<Session, DialError> {
    Session::open(&Target::new(address, None), patience)
}

/// Everything that comes until something goes wrong, and what that is.
fn receive_all(peer: &Peer<()>, patience: &Patience) -> (Vec<Vec<u8>>, DialError) {
    let mut session = open(peer.address, patience).unwrap();
    let mut messages = Vec::new();
    loop {
        match session.receive() {
            Ok(message) => messages.push(message),
            Err(error) => return (messages, error),
        }
    }
}

fn check(sent: &[u8], messages: &[&[u8]], expected: &str) {
    let octets = sent.to_vec();
    let peer = Peer::start(move |mut stream| stream.write_all(&octets).unwrap());
    let (received, error) = receive_all(&peer, &PLENTY);
    peer.end();
    assert_eq!(received, messages);
    assert_eq!(error.to_string(), expected);
}

#[test]
fn messages_come_whole_and_in_order() {
    let closed = "the peer closed the connection";
    check(b"", &[], closed);
    check(b"\0\x03abc", &[b"abc"], closed);
    check(b"\0\x03abc\0\0\0\x02de", &[b"abc", b"", b"de"], closed);
    let longest = vec![7; 65_535];
    let three = [frame(&longest), frame(b"x"), frame(&longest)].concat();
    check(&three, &[&longest, b"x", &longest], closed);
}

#[test]
fn an_end_within_a_message_is_told_from_one_between_two() {
    let within = "the peer closed the connection after";
    check(b"\0", &[], &format!("{within} 1 of 2 octets of a message"));
    check(
        b"\0\x03",
        &[],
        &format!("{within} 2 of 5 octets of a message"),
    );
    check(
        b"\0\x03abc\xFF\xFFde",
        &[b"abc"],
        &format!("{within} 4 of 65537 octets of a message"),
    );
}

#[test]
fn a_reset_is_told_from_an_end() {
    let peer = Peer::start(|mut stream| {
        read_frame(&mut stream);
        let socket = Socket::from(stream);
        socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    });
    let mut session = open(peer.address, &PLENTY).unwrap();
    session.send(b"question").unwrap();
    let error = session.receive().unwrap_err();
    peer.end();
    assert!(matches!(error, DialError::Broken { .. }), "{error:?}");
}

#[test]
fn messages_go_as_they_are_up_to_the_longest() {
    let peer = Peer::start(|mut stream| {
        let messages = [0; 3].map(|_| read_frame(&mut stream));
        (messages, stream)
    });
    let mut session = open(peer.address, &PLENTY).unwrap();
    let longest = vec![3; 65_535];
    session.send(b"one").unwrap();
    session.send(&longest).unwrap();
    let error = session.send(&[0; 65_536]).unwrap_err();
    assert!(matches!(error, DialError::TooLong { octets: 65_536 }));
    session.send(b"").unwrap();
    let (messages, _stream) = peer.end();
    assert_eq!(messages, [b"one".to_vec(), longest, Vec::new()]);
}

/// What goes wrong with a peer that sends these pieces, one a beat.
fn check_slow(pieces: Vec<Vec<u8>>, patience: Patience, expected: fn(&DialError) -> bool) -> usize {
    let peer = Peer::start(move |stream| {
        drip(stream, pieces.iter().map(Vec::as_slice));
    });
    let (received, error) = receive_all(&peer, &patience);
    assert!(expected(&error), "{error:?}");
    peer.end();
    received.len()
}

fn is_idle(error: &DialError) -> bool {
    matches!(error, DialError::Idle { after } if *after == SHORT)
}

fn is_wall(error: &DialError) -> bool {
    matches!(error, DialError::Wall { after } if *after == SHORT)
}

const IDLE: Patience = Patience {
    idle: SHORT,
    ..PLENTY
};

const WALL: Patience = Patience {
    wall: SHORT,
    ..PLENTY
};

#[test]
fn a_silent_peer_is_left_when_it_is_idle_for_too_long() {
    assert_eq!(check_slow(Vec::new(), IDLE, is_idle), 0);
    assert_eq!(check_slow(Vec::new(), WALL, is_wall), 0);
    assert_eq!(check_slow(vec![b"\0\x01a\0".to_vec()], IDLE, is_idle), 1);
}

#[test]
fn single_octets_keep_no_session_alive() {
    let octets = || iter::repeat_n(vec![0xFF], 60_000).collect::<Vec<_>>();
    assert_eq!(check_slow(octets(), IDLE, is_idle), 0);
    assert_eq!(check_slow(octets(), WALL, is_wall), 0);
}

#[test]
fn messages_without_end_keep_no_session_past_its_wall() {
    let messages = || iter::repeat_n(frame(b"a"), 60_000).collect::<Vec<_>>();
    let both = Patience {
        idle: SHORT,
        ..WALL
    };
    assert!(check_slow(messages(), both, is_wall) > 1);
}

#[test]
fn a_peer_that_takes_nothing_is_left() {
    let check = |patience, expected: fn(&DialError) -> bool| {
        let (done, until) = std::sync::mpsc::channel::<()>();
        let peer = Peer::start(move |_stream| until.recv().unwrap_err());
        let mut session = open(peer.address, &patience).unwrap();
        let message = vec![0; 65_535];
        let error = loop {
            if let Err(error) = session.send(&message) {
                break error;
            }
        };
        assert!(expected(&error), "{error:?}");
        drop(done);
        peer.end();
    };
    check(IDLE, is_idle);
    check(WALL, is_wall);
}

#[test]
fn a_port_that_nobody_has_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = open(address, &PLENTY).unwrap_err();
    assert!(matches!(error, DialError::Refused), "{error:?}");
}

#[test]
fn a_peer_that_takes_no_connection_is_not_waited_for() {
    // As soon as its queue is full, a listener that never accepts does not answer any more.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, SHORT) {
        queued.push(stream);
    }
    let check = |patience: Patience| {
        let error = open(address, &patience).unwrap_err();
        let expected = matches!(error, DialError::ConnectTimeout { after } if after == SHORT);
        assert!(expected, "{error:?}");
    };
    check(Patience {
        connect: SHORT,
        ..PLENTY
    });
    check(WALL);
}

#[test]
fn no_time_at_all_is_a_timeout() {
    let peer = Peer::start(wait);
    let patience = Patience {
        wall: std::time::Duration::ZERO,
        ..PLENTY
    };
    let error = open(peer.address, &patience).unwrap_err();
    assert!(matches!(error, DialError::ConnectTimeout { .. }));
    drop(open(peer.address, &PLENTY));
    peer.end();
}
