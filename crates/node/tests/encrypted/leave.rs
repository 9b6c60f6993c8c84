//! One server after another on the same sockets.

use crate::bed::{Bed, NEAR, ask, check_response, exchange, framed, query};
use quinn::ConnectionError;
use std::num::NonZeroUsize;

/// From so many threads to so many.
fn check(older_threads: usize, newer_threads: usize) {
    let mut bed = Bed::new(|settings| {
        settings.workers = NonZeroUsize::new(older_threads).unwrap();
    });
    let (mut lasting, quic) = bed.run(async {
        let mut lasting = bed.tls(NEAR).await.unwrap();
        ask(&mut lasting, 1).await.unwrap();
        let quic = bed.quic(NEAR).await.unwrap();
        // Its handshake is over for the server as well once it has answered.
        exchange(&quic, &framed(&query(0))).await.unwrap();
        (lasting, quic)
    });
    let older = bed.hand_over(newer_threads);
    bed.run(async {
        // Who spoke over QUIC is told, and comes again; who speaks over TLS goes on.
        let closed = quic.closed().await;
        let is_told = matches!(&closed, ConnectionError::ApplicationClosed(close) if close.error_code == 0_u32.into());
        assert!(is_told, "{closed}");
        ask(&mut lasting, 2).await.unwrap();
        for id in 0..20 {
            let mut stream = bed.tls(NEAR).await.unwrap();
            ask(&mut stream, id).await.unwrap();
            let connection = bed.quic(NEAR).await.unwrap();
            let response = exchange(&connection, &framed(&query(0))).await.unwrap();
            check_response(&response[2..], 0);
            connection.close(0_u32.into(), b"");
        }
    });
    assert!(!older.is_over());
    drop(lasting);
    let before = older.stop();
    assert_eq!(before.tls_ipv4.received, 2);
    assert_eq!(bed.server.counters().tls_ipv4.received, 20);
    assert_eq!(bed.server.counters().quic_ipv4.received, 20);
}

#[test]
fn connections_over_tls_go_on_and_new_ones_of_both_kinds_come_to_the_newer_server() {
    check(1, 1);
    check(1, 2);
    check(2, 1);
}
