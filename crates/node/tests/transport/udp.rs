//! UDP: batches, addresses that answers leave from, and sizes.

use crate::client::{
    BIG, IDENTITY, ROOM, SILENT, ask_udp, quiet_port, respond, service, settings, start,
    start_held, udp,
};
use arc_swap::ArcSwap;
use imrs_engine::Kind;
use imrs_node::transport::Running;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Asks a server that listens on `listen` at the addresses `asked`.
fn check(listen: &str, asked: &[&str]) {
    let server = start(&settings(listen));
    let port = server.addresses()[0].port();
    for address in asked {
        let address = SocketAddr::new(address.parse::<IpAddr>().unwrap(), port);
        assert_eq!(
            ask_udp(&udp(address), address, b"query"),
            b"query",
            "{address}"
        );
    }
    let counters = server.stop();
    let responses = counters.udp_ipv4.responses + counters.udp_ipv6.responses;
    assert_eq!(responses, asked.len() as u64);
}

#[test]
fn an_address_answers_over_ipv4_and_over_ipv6() {
    check("127.0.0.1:0", &["127.0.0.1"]);
    check("[::1]:0", &["::1"]);
}

#[test]
fn a_wildcard_answers_from_the_address_that_was_asked() {
    check("0.0.0.0:0", &["127.0.0.1", "127.0.0.2", "127.1.2.3"]);
    check("[::]:0", &["::1"]);
}

#[test]
fn an_ipv6_wildcard_leaves_ipv4_to_others() {
    let port = quiet_port();
    let ipv6 = start(&settings(&format!("[::]:{port}")));
    let ipv4 = start(&settings(&format!("0.0.0.0:{port}")));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    ask_udp(&udp(address), address, b"query");
    assert_eq!(ipv6.stop().udp_received(), 0);
    assert_eq!(ipv4.stop().udp_ipv4.received, 1);
}

#[test]
fn the_room_for_a_response_is_the_limit_of_its_family() {
    let mut settings = settings("127.0.0.1:0");
    settings.listen.push("[::1]:0".parse().unwrap());
    settings.udp_payload_ipv4 = 1400;
    settings.udp_payload_ipv6 = 100;
    let server = start(&settings);
    let [ipv4, ipv6] = [server.addresses()[0], server.addresses()[1]];
    assert_eq!(ask_udp(&udp(ipv4), ipv4, &[ROOM]), 1400_u16.to_be_bytes());
    assert_eq!(ask_udp(&udp(ipv6), ipv6, &[ROOM]), 512_u16.to_be_bytes());
}

#[test]
fn silence_empty_and_overlong_datagrams_disturb_nobody() {
    let server = start(&settings("127.0.0.1:0"));
    let address = server.addresses()[0];
    let client = udp(address);
    client.send_to(&[SILENT], address).unwrap();
    client.send_to(&[], address).unwrap();
    let cut = ask_udp(&client, address, &[1; 9000]);
    assert_eq!(cut, [1; 1232]);
    assert_eq!(ask_udp(&client, address, b"query"), b"query");
    let counters = server.stop();
    assert_eq!(counters.udp_ipv4.received, 4);
    assert_eq!(
        counters.udp_ipv4.received_octets,
        1 + 4096 + 5,
        "a query is read up to a limit"
    );
    assert_eq!(counters.udp_ipv4.responses, 2);
    assert_eq!(counters.udp_ipv4.of_kind(Kind::Dropped), 1);
}

/// Many clients at once, so that batches hold several peers, some of whom get nothing.
#[test]
fn each_peer_of_a_batch_gets_its_own_response() {
    let server = start(&settings("0.0.0.0:0"));
    let port = server.addresses()[0].port();
    let address = |n: u8| SocketAddr::from(([127, 0, 0, n], port));
    let clients: Vec<_> = (1..=200).map(|n| (n, udp(address(n)))).collect();
    for (n, client) in &clients {
        let query = if n % 7 == 0 { [SILENT, *n] } else { [b'q', *n] };
        client.send_to(&query, address(*n)).unwrap();
    }
    for (n, client) in clients.iter().filter(|(n, _)| n % 7 != 0) {
        let mut room = [0; 16];
        let (octets, from) = client.recv_from(&mut room).unwrap();
        assert_eq!((&room[..octets], from), (&[b'q', *n][..], address(*n)));
    }
    assert_eq!(server.stop().udp_received(), 200);
}

#[test]
fn a_response_that_cannot_be_sent_is_counted_and_keeps_back_no_other() {
    let mut settings = settings("127.0.0.1:0");
    settings.udp_payload_ipv4 = u16::MAX;
    let (server, gate) = start_held(&settings);
    let address = server.addresses()[0];
    let client = udp(address);
    // More than a datagram of IPv4 holds.
    let [high, low] = 65_530_u16.to_be_bytes();
    for query in [
        &b"a"[..],
        &[BIG, high, low],
        &[BIG, high, low],
        b"b",
        &[BIG, high, low],
    ] {
        client.send_to(query, address).unwrap();
    }
    gate.open();
    let mut room = [0; 16];
    for expected in [b"a", b"b"] {
        assert_eq!(client.recv(&mut room).unwrap(), 1);
        assert_eq!(room[..1], expected[..]);
    }
    let counters = server.stop();
    assert_eq!(counters.udp_received(), 6);
    assert_eq!(counters.unsent.other, 3);
}

#[test]
fn queries_that_the_kernel_dropped_are_counted() {
    let (server, gate) = start_held(&settings("127.0.0.1:0"));
    let address = server.addresses()[0];
    let client = udp(address);
    let sent = 20_000;
    for _ in 0..sent {
        client.send_to(&[SILENT], address).unwrap();
    }
    let dropped = server.counters().kernel_dropped;
    assert!(dropped > 0);
    gate.open();
    let counters = server.stop();
    assert_eq!(counters.kernel_dropped, dropped);
    assert_eq!(counters.udp_received() + dropped, sent + 1);
}

#[test]
fn a_swap_under_load_loses_nothing_and_mixes_nothing() {
    let swapped = Arc::new(ArcSwap::from_pointee(service("even")));
    let mut settings = settings("127.0.0.1:0");
    settings.workers = NonZeroUsize::new(2).unwrap();
    let server = Running::start_with(&settings, Arc::clone(&swapped), respond).unwrap();
    let address = server.addresses()[0];
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0_u64.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let name = if number % 2 == 0 { "odd" } else { "even" };
                swapped.store(Arc::new(service(name)));
            }
        });
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let client = udp(address);
                    for _ in 0..1000 {
                        let name = ask_udp(&client, address, &[IDENTITY]);
                        assert!(name == b"odd" || name == b"even");
                    }
                })
            })
            .collect();
        for client in asking {
            client.join().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    swapped.store(Arc::new(service("last")));
    assert_eq!(ask_udp(&udp(address), address, &[IDENTITY]), b"last");
    assert_eq!(server.stop().udp_ipv4.responses, 4001);
}
