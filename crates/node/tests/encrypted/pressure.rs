//! Under pressure encrypted transport goes first.

use crate::bed::{Bed, NEAR, ask, exchange, expect_closed, framed, query};
use quinn::ConnectionError;
use tokio::io::AsyncWriteExt;

#[test]
fn at_the_first_level_nobody_new_is_taken_and_the_idle_go() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let mut idle = bed.tls(NEAR).await.unwrap();
        ask(&mut idle, 1).await.unwrap();
        let mut busy = bed.tls(NEAR).await.unwrap();
        ask(&mut busy, 1).await.unwrap();
        let idle_quic = bed.quic(NEAR).await.unwrap();
        let query = framed(&query(2));
        busy.write_all(&query[..5]).await.unwrap();
        busy.flush().await.unwrap();
        // Two records may be read at once, so the second is sent when the first was.
        let half = bed.quic(NEAR).await.unwrap();
        let (mut send, mut receive) = half.open_bi().await.unwrap();
        send.write_all(&query[..2]).await.unwrap();
        send.write_all(&[0, 0]).await.unwrap();
        // Its query has begun, once a later one over the same connection was answered.
        exchange(&half, &framed(&crate::bed::query(0)))
            .await
            .unwrap();

        bed.press(1);
        expect_closed(&mut idle).await;
        let closed = idle_quic.closed().await;
        assert!(matches!(closed, ConnectionError::ApplicationClosed(close)
            if close.error_code == 4_u32.into()));
        assert!(bed.tls(NEAR).await.is_err());
        assert!(bed.quic(NEAR).await.is_err());
        send.write_all(&query[4..]).await.unwrap();
        send.finish().unwrap();
        assert!(receive.read_to_end(65_537).await.is_ok());
    });
    let counters = bed.server.counters();
    assert!(counters.tls.shed_new >= 1 && counters.quic.shed_new >= 1);
    assert!(counters.tls.shed >= 1 && counters.quic.shed >= 1);
}

#[test]
fn at_the_second_level_all_go_and_are_back_when_it_is_calm() {
    let bed = Bed::new(|_| ());
    bed.run(async {
        let mut busy = bed.tls(NEAR).await.unwrap();
        busy.write_all(&[0]).await.unwrap();
        busy.flush().await.unwrap();
        let connection = bed.quic(NEAR).await.unwrap();
        let _open = connection.open_bi().await.unwrap();
        bed.press(2);
        expect_closed(&mut busy).await;
        connection.closed().await;
        bed.press(0);
        ask(&mut bed.tls(NEAR).await.unwrap(), 3).await.unwrap();
        let connection = bed.quic(NEAR).await.unwrap();
        exchange(&connection, &framed(&query(0))).await.unwrap();
    });
    let counters = bed.server.stop();
    assert_eq!((counters.tls.shed, counters.quic.shed), (1, 1));
    assert_eq!((counters.tls.open(), counters.quic.open()), (0, 0));
}
