//! DNS over QUIC (RFC 9250).

use crate::bed::{Bed, NEAR, check_response, exchange, framed, query};
use imrs_node::encrypted::QUERY_OCTETS_MAX;
use quinn::{ConnectionError, ReadError, ReadToEndError};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn each_stream_has_a_query_and_its_response() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let endpoint = Bed::endpoint(NEAR, bed.client(&[b"doq"]));
        let connection = bed.connect(&endpoint).await.unwrap();
        for _ in 0..100 {
            let response = exchange(&connection, &framed(&query(0))).await.unwrap();
            let (length, message) = response.split_at(2);
            assert_eq!(length, u16::try_from(message.len()).unwrap().to_be_bytes());
            check_response(message, 0);
        }
        connection.close(0_u32.into(), b"");
        endpoint.wait_idle().await;
    });
    bed.wait_until(|counters| counters.quic.ended == 1);
    let counters = bed.server.stop();
    assert_eq!(counters.quic_ipv4.received, 100);
    assert_eq!(counters.quic_ipv4.rcodes[0], 100);
    assert_eq!(counters.quic.open(), 0);
}

#[test]
fn more_streams_than_are_allowed_at_once_wait_their_turn() {
    let bed = Bed::new(|settings| settings.streams = 4);
    bed.run(async {
        let connection = bed.quic(NEAR).await.unwrap();
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..500 {
            let connection = connection.clone();
            asked.spawn(async move { exchange(&connection, &framed(&query(0))).await });
        }
        for response in asked.join_all().await {
            check_response(&response.unwrap()[2..], 0);
        }
    });
    assert_eq!(bed.server.stop().quic_ipv4.received, 500);
}

/// The connection ends with this code of RFC 9250 section 8.4 after this stream.
fn check_ends(stream: &[u8], code: u32) {
    let bed = Bed::new(|_| ());
    let closed = bed.run(async {
        let connection = bed.quic(NEAR).await.unwrap();
        assert!(exchange(&connection, stream).await.is_err());
        connection.closed().await
    });
    match closed {
        ConnectionError::ApplicationClosed(close) => {
            assert_eq!(close.error_code, code.into(), "{stream:?}");
        }
        other => panic!("{other:?} after {stream:?}"),
    }
    assert_eq!(bed.server.stop().quic.misused, 1);
}

#[test]
fn a_broken_rule_ends_the_connection_with_doq_protocol_error() {
    let good = framed(&query(0));
    check_ends(&framed(&query(7)), 2);
    check_ends(&good[..good.len() - 1], 2);
    check_ends(&good.repeat(2), 2);
    check_ends(b"\0", 2);
    let mut keepalive = query(0);
    keepalive[11] = 1;
    keepalive.extend_from_slice(b"\0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x0b\0\0");
    check_ends(&framed(&keepalive), 2);
}

#[test]
fn a_stream_beyond_any_query_ends_the_connection_with_doq_excessive_load() {
    check_ends(&vec![0xff; QUERY_OCTETS_MAX + 3], 4);
}

#[test]
fn what_cannot_be_answered_has_its_stream_reset_and_others_go_on() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let connection = bed.quic(NEAR).await.unwrap();
        for silent in [&b"\0\0"[..], b"\0\0\x80\0\0\x01\0\0\0\0\0\0\0\0\x01\0\x01"] {
            let reset = exchange(&connection, &framed(silent)).await;
            let expected = ReadError::Reset(5_u32.into());
            assert_eq!(reset, Err(ReadToEndError::Read(expected)));
        }
        let response = exchange(&connection, &framed(&query(0))).await.unwrap();
        check_response(&response[2..], 0);
    });
}

#[test]
fn a_client_must_offer_dns() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        for offered in [&[&b"h3"[..]][..], &[]] {
            let config = bed.client(offered);
            assert!(bed.quic_as(NEAR, config).await.is_err(), "{offered:?}");
        }
    });
    bed.wait_until(|counters| counters.quic.handshake_failed == 2);
}

#[test]
fn nothing_is_taken_before_the_end_of_a_handshake() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let mut config = bed.client(&[b"doq"]);
        config.enable_early_data = true;
        let endpoint = Bed::endpoint(NEAR, config);
        let first = bed.connect(&endpoint).await.unwrap();
        exchange(&first, &framed(&query(0))).await.unwrap();
        let address = bed.server.addresses().quic[0];
        let again = endpoint.connect(address, "ns.example").unwrap();
        assert!(
            again.into_0rtt().is_err(),
            "its ticket allows no early data"
        );
    });
}

#[test]
fn neither_side_opens_streams_of_one_direction() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let connection = bed.quic(NEAR).await.unwrap();
        let asked = framed(&query(0));
        let one_way = tokio::select! {
            biased;
            opened = connection.open_uni() => Some(opened),
            _ = exchange(&connection, &asked) => None,
        };
        assert!(one_way.is_none(), "no stream of one direction is allowed");
    });
}

#[test]
fn a_busy_server_asks_whether_an_address_is_its_clients() {
    let bed = Bed::new(|settings| settings.connections_per_prefix = 1);
    bed.run(async {
        let connection = bed.quic(NEAR).await.unwrap();
        let response = exchange(&connection, &framed(&query(0))).await.unwrap();
        check_response(&response[2..], 0);
    });
    let connections = bed.server.stop().quic;
    assert_eq!((connections.retried, connections.opened), (1, 1));
}

#[test]
fn idle_and_unfinished_connections_are_closed_in_time() {
    let bed = Bed::new(|settings| settings.idle = Duration::from_millis(300));
    bed.run(async {
        let [idle, unfinished] = [bed.quic(NEAR).await, bed.quic(NEAR).await];
        let (idle, unfinished) = (idle.unwrap(), unfinished.unwrap());
        let (mut send, _receive) = unfinished.open_bi().await.unwrap();
        send.write_all(b"\0").await.unwrap();
        idle.closed().await;
        unfinished.closed().await;
    });
    bed.wait_until(|counters| counters.quic.open() == 0);
    let connections = bed.server.stop().quic;
    assert_eq!(connections.idle + connections.slow, 2);
}

#[test]
fn a_connection_has_so_many_queries_and_no_more() {
    let bed = Bed::new(|settings| settings.queries_per_connection = 3);
    let closed = bed.run(async {
        let connection = bed.quic(NEAR).await.unwrap();
        let connection = Arc::new(connection);
        for _ in 0..3 {
            let response = exchange(&connection, &framed(&query(0))).await.unwrap();
            check_response(&response[2..], 0);
        }
        connection.closed().await
    });
    assert!(
        matches!(closed, ConnectionError::ApplicationClosed(close) if close.error_code == 0_u32.into())
    );
    let counters = bed.server.stop();
    assert_eq!((counters.quic_ipv4.received, counters.quic.spent), (3, 1));
}
