//! Who is let in, whom a proxy speaks for, and what one network may do over TCP.

use crate::client::{
    WHO, ask_tcp, ask_udp, expect_closed, framed, receive, respond, service, settings, start, tcp,
    udp, wait_until,
};
use arc_swap::ArcSwap;
use imrs_engine::gate::Defence;
use imrs_engine::{Prefixes, Service};
use imrs_node::transport::Running;
use std::io::Write;
use std::sync::Arc;

/// The header of a proxy that speaks for 192.0.2.7.
const HEADER: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x12\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x30\x39\0\x35";

fn behind_proxy() -> Running {
    let mut settings = settings("127.0.0.1:0");
    settings.proxies = vec!["127.0.0.0/8".parse().unwrap()];
    start(&settings)
}

#[test]
fn a_proxy_speaks_for_its_client_over_udp() {
    let server = behind_proxy();
    let address = server.addresses()[0];
    let client = udp(address);
    let query = [HEADER, &[WHO]].concat();
    assert_eq!(ask_udp(&client, address, &query), b"192.0.2.7");
    let itself = [&HEADER[..12], b"\x20\0\0\0", &[WHO]].concat();
    assert_eq!(ask_udp(&client, address, &itself), b"127.0.0.1");
}

#[test]
fn a_proxy_speaks_for_its_client_over_tcp_however_the_header_arrives() {
    let server = behind_proxy();
    let address = server.addresses()[0];
    let mut client = tcp(address);
    client.write_all(&HEADER[..5]).unwrap();
    client.write_all(&HEADER[5..]).unwrap();
    assert_eq!(ask_tcp(&client, &[WHO]), b"192.0.2.7");
    assert_eq!(
        ask_tcp(&client, b"again"),
        b"again",
        "one header a connection"
    );
    let mut client = tcp(address);
    client
        .write_all(&[HEADER, &framed(&[WHO])].concat())
        .unwrap();
    assert_eq!(receive(&client), b"192.0.2.7");
}

#[test]
fn a_proxy_without_a_header_is_not_answered() {
    let server = behind_proxy();
    let address = server.addresses()[0];
    udp(address).send_to(&[WHO], address).unwrap();
    let mut client = tcp(address);
    client
        .write_all(&framed(b"a query, and no header"))
        .unwrap();
    expect_closed(&client);
    wait_until(|| server.counters().defence.headless == 1);
    assert_eq!(server.counters().udp_ipv4.responses, 0);
}

#[test]
fn nobody_else_is_believed() {
    let mut settings = settings("127.0.0.1:0");
    settings.proxies = vec!["192.0.2.0/24".parse().unwrap()];
    let server = start(&settings);
    let address = server.addresses()[0];
    let query = [HEADER, &[WHO]].concat();
    assert_eq!(
        ask_udp(&udp(address), address, &query),
        query,
        "an echo of what is no query"
    );
    assert_eq!(ask_udp(&udp(address), address, &[WHO]), b"127.0.0.1");
}

#[test]
fn who_is_blocked_is_not_answered_until_the_next_list() {
    let blocked = Service {
        defence: Arc::new(Defence {
            blocked: Prefixes::new([("127.0.0.0".parse().unwrap(), 8)]),
            ..Defence::default()
        }),
        ..service("test")
    };
    let service_now = Arc::new(ArcSwap::from_pointee(blocked));
    let settings = settings("127.0.0.1:0");
    let server = Running::start_with(&settings, Arc::clone(&service_now), respond).unwrap();
    let address = server.addresses()[0];
    let client = udp(address);
    client.send_to(b"blocked", address).unwrap();
    expect_closed(&tcp(address));
    wait_until(|| server.counters().defence.blocked == 1);
    assert_eq!(server.counters().connections.blocked, 1);
    service_now.store(Arc::new(service("test")));
    assert_eq!(ask_udp(&client, address, b"answered"), b"answered");
    assert_eq!(ask_tcp(&tcp(address), b"answered"), b"answered");
}

#[test]
fn a_network_that_opens_too_many_connections_has_to_wait() {
    let mut settings = settings("127.0.0.1:0");
    settings.tcp_new_per_prefix = 2;
    let server = start(&settings);
    let address = server.addresses()[0];
    // The window is evened out over seconds, so twice what it holds is over the limit for certain.
    let clients: Vec<_> = (0..40).map(|_| tcp(address)).collect();
    wait_until(|| {
        let connections = server.counters().connections;
        connections.opened + connections.limited == 40
    });
    let connections = server.counters().connections;
    assert!(connections.limited >= 20, "{connections:?}");
    assert!(connections.opened >= 2, "{connections:?}");
    assert_eq!(
        ask_tcp(&clients[0], b"query"),
        b"query",
        "who is in stays in"
    );
}

#[test]
fn a_connection_ends_after_its_last_query() {
    let mut settings = settings("127.0.0.1:0");
    settings.tcp_queries = Some(2);
    let server = start(&settings);
    let client = tcp(server.addresses()[0]);
    assert_eq!(ask_tcp(&client, b"first"), b"first");
    assert_eq!(ask_tcp(&client, b"second"), b"second");
    expect_closed(&client);
}
