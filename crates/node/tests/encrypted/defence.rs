//! Who is blocked, or costs too much, is sent away before it costs a handshake; others are served.

use crate::bed::{Bed, FAR, NEAR, ask, exchange, expect_closed, framed, query};
use imrs_node::encrypted::Counters;
use quinn::ConnectionError;
use std::time::Duration;

/// Those of another prefix are served over both transports, once.
async fn check_others(bed: &Bed) {
    ask(&mut bed.tls(FAR).await.unwrap(), 1).await.unwrap();
    let connection = bed.quic(FAR).await.unwrap();
    exchange(&connection, &framed(&query(0))).await.unwrap();
}

/// Waits as [`Bed::wait_until`] does, while clients go on.
async fn until(bed: &Bed, is_so: impl Fn(&Counters) -> bool) {
    while !is_so(&bed.server.counters()) {
        tokio::task::yield_now().await;
    }
}

#[test]
fn who_is_blocked_is_sent_away_before_a_handshake_and_counted() {
    let bed = Bed::new(|_| ());
    bed.block_near();
    bed.run(async {
        assert!(bed.tls(NEAR).await.is_err());
        tokio::select! {
            connected = bed.quic(NEAR) => panic!("{connected:?}"),
            () = until(&bed, |counters| counters.quic.blocked_new >= 1) => {}
        }
        check_others(&bed).await;
    });
    let counters = bed.server.counters();
    assert_eq!(counters.tls.blocked_new, 1);
    assert_eq!((counters.tls.opened, counters.quic.opened), (1, 1));
}

#[test]
fn who_is_blocked_while_connected_is_answered_no_more_and_has_to_go() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let mut stream = bed.tls(NEAR).await.unwrap();
        ask(&mut stream, 1).await.unwrap();
        let connection = bed.quic(NEAR).await.unwrap();
        exchange(&connection, &framed(&query(0))).await.unwrap();
        bed.block_near();
        assert!(ask(&mut stream, 2).await.is_err());
        assert!(exchange(&connection, &framed(&query(0))).await.is_err());
        let closed = connection.closed().await;
        assert!(matches!(closed, ConnectionError::ApplicationClosed(close)
            if close.error_code == 5_u32.into()));
        check_others(&bed).await;
    });
    let counters = bed.server.counters();
    assert_eq!((counters.tls.blocked, counters.quic.blocked), (1, 1));
    for messages in [counters.tls_ipv4, counters.quic_ipv4] {
        assert_eq!((messages.received, messages.responses), (3, 2));
    }
}

#[test]
fn a_prefix_that_opens_too_many_connections_has_to_wait() {
    let bed = Bed::new(|settings| settings.new_per_prefix = 1);
    bed.run(async {
        let mut opened = 0;
        while bed.server.counters().tls.limited == 0 {
            opened += u32::from(bed.tls(NEAR).await.is_ok());
        }
        assert!(opened >= 4, "a burst of {opened}");
        while bed.server.counters().quic.limited == 0 {
            let _ = bed.quic(NEAR).await;
        }
        check_others(&bed).await;
    });
}

#[test]
fn a_prefix_that_takes_too_much_time_is_answered_and_has_to_go() {
    let little = Duration::from_millis(1);
    let bed = Bed::new(|settings| settings.busy_per_prefix = little);
    bed.run(async {
        let mut stream = bed.tls(NEAR).await.unwrap();
        let mut answered = 0;
        while ask(&mut stream, 1).await.is_ok() {
            answered += 1;
        }
        assert!(answered >= 1, "not even one");
        expect_closed(&mut stream).await;
        let connection = bed.quic(FAR).await.unwrap();
        while exchange(&connection, &framed(&query(0))).await.is_ok() {}
        let closed = connection.closed().await;
        assert!(matches!(closed, ConnectionError::ApplicationClosed(close)
            if close.error_code == 4_u32.into()));
    });
    bed.wait_until(|counters| counters.tls.overspent == 1 && counters.quic.overspent == 1);
}
