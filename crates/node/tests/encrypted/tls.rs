//! DNS over TLS (RFC 7858).

use crate::bed::{Bed, FAR, NEAR, ask, check_response, expect_closed, framed, query, receive};
use imrs_node::encrypted::QUERY_OCTETS_MAX;
use rustls::HandshakeKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

#[test]
fn queries_are_answered_in_order_however_they_are_cut() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let mut stream = bed.tls(NEAR).await.unwrap();
        let queries: Vec<u8> = (0..500).flat_map(|id| framed(&query(id))).collect();
        for piece in queries.chunks(37) {
            stream.write_all(piece).await.unwrap();
            stream.flush().await.unwrap();
        }
        for id in 0..500 {
            check_response(&receive(&mut stream).await.unwrap(), id);
        }
        stream.shutdown().await.unwrap();
        expect_closed(&mut stream).await;
    });
    let counters = bed.server.stop();
    assert_eq!(counters.tls_ipv4.received, 500);
    assert_eq!(counters.tls_ipv4.rcodes[0], 500);
    assert_eq!((counters.tls.opened, counters.tls.ended), (1, 1));
    assert_eq!(counters.quic.opened, 0);
}

#[test]
fn a_client_that_offers_other_protocols_is_refused_and_one_that_offers_none_is_not() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        for (offered, is_served) in [
            (&[&b"dot"[..]][..], true),
            (&[], true),
            (&[b"http/1.1", b"dot"], true),
            (&[b"http/1.1"], false),
        ] {
            let config = Arc::new(bed.client(offered));
            let connected = bed.tls_as(NEAR, config).await;
            assert_eq!(connected.is_ok(), is_served, "{offered:?}");
            if let Ok(mut stream) = connected {
                ask(&mut stream, 1).await.unwrap();
            }
        }
    });
    bed.wait_until(|counters| counters.tls.handshake_failed == 1);
}

#[test]
fn a_session_is_resumed_by_its_ticket() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let config = Arc::new(bed.client(&[b"dot"]));
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut stream = bed.tls_as(NEAR, Arc::clone(&config)).await.unwrap();
            ask(&mut stream, 1).await.unwrap();
            assert_eq!(stream.get_ref().1.handshake_kind(), Some(expected));
        }
    });
}

#[test]
fn what_zones_alone_do_not_answer_is_refused() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let mut stream = bed.tls(NEAR).await.unwrap();
        let transfer = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0\0\0\xfc\0\x01";
        let notify = b"\x12\x35\x20\0\0\x01\0\0\0\0\0\0\0\0\x06\0\x01";
        for (message, rcode) in [(transfer, 5), (notify, 4)] {
            stream.write_all(&framed(message)).await.unwrap();
            let response = receive(&mut stream).await.unwrap();
            assert_eq!((&response[..2], response[3] & 15), (&message[..2], rcode));
        }
    });
}

#[test]
fn idle_and_unfinished_connections_are_closed_in_time() {
    let bed = Bed::new(|settings| settings.idle = Duration::from_millis(300));
    bed.run(async {
        let mut idle = bed.tls(NEAR).await.unwrap();
        let mut unfinished = bed.tls(NEAR).await.unwrap();
        ask(&mut idle, 1).await.unwrap();
        unfinished.write_all(&framed(&query(1))[..9]).await.unwrap();
        unfinished.flush().await.unwrap();
        expect_closed(&mut idle).await;
        expect_closed(&mut unfinished).await;
    });
    let connections = bed.server.stop().tls;
    assert_eq!((connections.idle, connections.slow), (1, 1));
    assert_eq!(connections.open(), 0);
}

#[test]
fn a_connection_has_so_many_queries_and_no_more() {
    let bed = Bed::new(|settings| settings.queries_per_connection = 3);
    bed.run(async {
        let mut stream = bed.tls(NEAR).await.unwrap();
        let queries: Vec<u8> = (0..5).flat_map(|id| framed(&query(id))).collect();
        stream.write_all(&queries).await.unwrap();
        for id in 0..3 {
            check_response(&receive(&mut stream).await.unwrap(), id);
        }
        expect_closed(&mut stream).await;
    });
    let counters = bed.server.stop();
    assert_eq!((counters.tls_ipv4.received, counters.tls.spent), (3, 1));
}

#[test]
fn a_length_beyond_any_query_ends_the_connection_at_once() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let mut stream = bed.tls(NEAR).await.unwrap();
        let huge = u16::try_from(QUERY_OCTETS_MAX + 1).unwrap();
        let octets = [framed(&query(1)), huge.to_be_bytes().to_vec()].concat();
        stream.write_all(&octets).await.unwrap();
        check_response(&receive(&mut stream).await.unwrap(), 1);
        expect_closed(&mut stream).await;
    });
    assert_eq!(bed.server.stop().tls.misused, 1);
}

#[test]
fn at_a_limit_the_connection_idle_longest_gives_way() {
    let bed = Bed::new(|settings| settings.connections_per_prefix = 2);
    bed.run(async {
        let mut first = bed.tls(NEAR).await.unwrap();
        let mut second = bed.tls(NEAR).await.unwrap();
        let mut far = bed.tls(FAR).await.unwrap();
        for stream in [&mut far, &mut second, &mut first] {
            ask(stream, 1).await.unwrap();
        }
        let mut third = bed.tls(NEAR).await.unwrap();
        for stream in [&mut third, &mut first, &mut far] {
            ask(stream, 2).await.unwrap();
        }
        expect_closed(&mut second).await;
        let connections = bed.server.counters().tls;
        assert_eq!((connections.evicted, connections.open()), (1, 3));
    });
}

#[test]
fn a_certificate_is_read_anew_or_stays() {
    let mut bed = Bed::new(|_| ());
    bed.issue_anew();
    let shown = |bed: &Bed| {
        bed.run(async {
            let mut stream = bed.tls(NEAR).await.unwrap();
            ask(&mut stream, 1).await.unwrap();
            let (_, session) = stream.get_ref();
            session.peer_certificates().unwrap()[0].to_vec()
        })
    };
    let before = shown(&bed);
    bed.server.certificate().reload().unwrap();
    let after = shown(&bed);
    assert_ne!(before, after);
    bed.spoil();
    assert!(bed.server.certificate().reload().is_err());
    assert_eq!(shown(&bed), after);
}

#[test]
fn threads_share_an_address_and_stop_together() {
    let bed = Bed::new(|settings| settings.workers = 3.try_into().unwrap());
    bed.run(async {
        for id in 0..20 {
            ask(&mut bed.tls(NEAR).await.unwrap(), id).await.unwrap();
        }
    });
    let counters = bed.server.stop();
    assert_eq!(counters.tls_ipv4.received, 20);
    assert_eq!(counters.tls.open(), 0);
}
