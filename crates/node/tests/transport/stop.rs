//! Stopping answers what has arrived.

use crate::client::{BIG, expect_closed, framed, receive, settings, start, start_held, tcp, udp};
use std::io::Write;
use std::net::TcpStream;

#[test]
fn stopping_answers_what_has_arrived_over_both_protocols() {
    let (server, gate) = start_held(&settings("127.0.0.1:0"));
    let address = server.addresses()[0];
    let clients: Vec<_> = (0..200).map(|_| udp(address)).collect();
    for client in &clients {
        client.send_to(b"query", address).unwrap();
    }
    let streams: Vec<TcpStream> = (0..10).map(|_| tcp(address)).collect();
    for mut client in &streams {
        client.write_all(&framed(b"query").repeat(3)).unwrap();
        client.write_all(&framed(b"half")[..3]).unwrap();
    }
    let stopping = std::thread::spawn(move || server.stop());
    gate.open();
    for client in &clients {
        assert_eq!(client.recv(&mut [0; 16]).unwrap(), 5);
    }
    for client in &streams {
        for _ in 0..3 {
            assert_eq!(receive(client), b"query");
        }
        expect_closed(client);
    }
    let counters = stopping.join().unwrap();
    assert_eq!(counters.udp_ipv4.responses, 201);
    assert_eq!(counters.tcp_ipv4.responses, 30);
    assert_eq!(counters.connections.open(), 0);
    assert!(
        TcpStream::connect(address).is_err(),
        "nobody listens any more"
    );
}

#[test]
fn stopping_waits_for_a_slow_reader_but_not_for_ever() {
    let server = start(&settings("127.0.0.1:0"));
    let address = server.addresses()[0];
    let big = framed(&[&[BIG], &65_535_u16.to_be_bytes()[..]].concat());
    let [mut slow, mut never] = [tcp(address), tcp(address)];
    slow.write_all(&big.repeat(100)).unwrap();
    never.write_all(&big.repeat(100)).unwrap();
    assert_eq!(receive(&slow).len(), 65_535);
    assert_eq!(receive(&never).len(), 65_535);
    let stopping = std::thread::spawn(move || server.stop());
    for _ in 1..100 {
        assert_eq!(receive(&slow).len(), 65_535);
    }
    expect_closed(&slow);
    stopping.join().unwrap();
}

#[test]
fn dropping_the_handle_stops_the_workers() {
    let server = start(&settings("127.0.0.1:0"));
    let address = server.addresses()[0];
    drop(server);
    assert!(TcpStream::connect(address).is_err());
}
