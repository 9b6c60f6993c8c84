//! TCP: framing, pipelining, order and the end of connections.

use crate::client::{
    BIG, KEEPALIVE, ROOM, SILENT, ask_tcp, ask_udp, expect_closed, framed, receive, settings,
    start, tcp, udp,
};
use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

#[test]
fn an_address_answers_over_ipv4_and_over_ipv6() {
    for listen in ["127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"] {
        let server = start(&settings(listen));
        let mut address = server.addresses()[0];
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                [127, 0, 0, 1].into()
            } else {
                "::1".parse().unwrap()
            });
        }
        let client = tcp(address);
        assert_eq!(ask_tcp(&client, b"query"), b"query", "{listen}");
        assert_eq!(ask_tcp(&client, b"again"), b"again", "{listen}");
        drop(client);
        let counters = server.stop();
        assert_eq!(counters.tcp_received(), 2);
        assert_eq!(counters.connections.opened, 1);
    }
}

#[test]
fn pipelined_queries_are_answered_in_order() {
    let server = start(&settings("127.0.0.1:0"));
    let mut client = tcp(server.addresses()[0]);
    let queries: Vec<Vec<u8>> = (0..5000_u16)
        .map(|n| [b"q", &n.to_be_bytes()[..]].concat())
        .collect();
    let all: Vec<u8> = queries.iter().flat_map(|query| framed(query)).collect();
    client.write_all(&all).unwrap();
    for query in &queries {
        assert_eq!(&receive(&client), query);
    }
}

#[test]
fn a_query_may_come_octet_by_octet_and_together_with_the_next() {
    let server = start(&settings("127.0.0.1:0"));
    let mut client = tcp(server.addresses()[0]);
    for octet in framed(b"slowly") {
        client.write_all(&[octet]).unwrap();
        // Another connection's exchange shows that the server has had its turn with this octet.
        ask_tcp(&tcp(server.addresses()[0]), b"meanwhile");
    }
    assert_eq!(receive(&client), b"slowly");
    let two = [framed(b"first"), framed(b"second")].concat();
    let (head, tail) = two.split_at(9);
    client.write_all(head).unwrap();
    assert_eq!(receive(&client), b"first");
    client.write_all(tail).unwrap();
    assert_eq!(receive(&client), b"second");
}

#[test]
fn messages_of_every_length_are_read() {
    let server = start(&settings("127.0.0.1:0"));
    let client = tcp(server.addresses()[0]);
    for length in [1, 2, 11, 12, 4093, 4094, 4095, 40_000, 65_535] {
        let query = vec![b'q'; length];
        assert_eq!(ask_tcp(&client, &query), query, "{length} octets");
    }
    assert_eq!(ask_tcp(&client, &[ROOM]), 65_535_u16.to_be_bytes());
}

#[test]
fn a_message_without_a_response_does_not_end_the_connection() {
    let server = start(&settings("127.0.0.1:0"));
    let mut client = tcp(server.addresses()[0]);
    client.write_all(&framed(&[])).unwrap();
    client.write_all(&framed(&[SILENT])).unwrap();
    assert_eq!(ask_tcp(&client, b"query"), b"query");
    assert_eq!(server.stop().tcp_ipv4.received, 3);
}

#[test]
fn a_client_that_ended_its_side_gets_its_responses_and_then_the_end() {
    let server = start(&settings("127.0.0.1:0"));
    let mut client = tcp(server.addresses()[0]);
    let big = [&[BIG], &60_000_u16.to_be_bytes()[..]].concat();
    let queries = framed(&big).repeat(100);
    client.write_all(&queries).unwrap();
    client.write_all(&framed(b"cut off")[..4]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    for _ in 0..100 {
        assert_eq!(receive(&client).len(), 60_000);
    }
    expect_closed(&client);
    assert_eq!(server.stop().connections.ended, 1);
}

#[test]
fn a_peer_that_does_not_read_keeps_back_nobody_else_and_loses_nothing() {
    let server = start(&settings("127.0.0.1:0"));
    let address = server.addresses()[0];
    let mut lazy = tcp(address);
    let big = framed(&[&[BIG], &65_535_u16.to_be_bytes()[..]].concat());
    let queries = 300;
    lazy.write_all(&big.repeat(queries)).unwrap();
    for _ in 0..100 {
        assert_eq!(ask_tcp(&tcp(address), b"query"), b"query");
        assert_eq!(ask_udp(&udp(address), address, b"query"), b"query");
    }
    let answered_unread = server.counters().tcp_ipv4.responses - 100;
    assert!(
        answered_unread < 200,
        "{answered_unread} responses made that nobody reads"
    );
    for _ in 0..queries {
        assert_eq!(receive(&lazy).len(), 65_535);
    }
    assert_eq!(ask_tcp(&lazy, b"query"), b"query");
}

#[test]
fn a_reset_ends_a_connection_and_nothing_else() {
    let server = start(&settings("127.0.0.1:0"));
    let address = server.addresses()[0];
    for _ in 0..20 {
        let mut client = tcp(address);
        client.write_all(&framed(b"query").repeat(3)).unwrap();
        client.write_all(&framed(b"cut off")[..5]).unwrap();
        assert_eq!(receive(&client), b"query");
        // Closing with unread responses sends a reset.
        drop(client);
    }
    assert_eq!(ask_tcp(&tcp(address), b"query"), b"query");
}

#[test]
fn clients_are_told_the_idle_time_that_holds() {
    let mut settings = settings("127.0.0.1:0");
    settings.tcp_idle = Duration::from_millis(12_300);
    let server = start(&settings);
    let client = tcp(server.addresses()[0]);
    assert_eq!(ask_tcp(&client, &[KEEPALIVE]), 123_u16.to_be_bytes());
}
