//! What costs the attacker little is held within limits, and others are served.

use crate::bed::{Bed, FAR, NEAR, ask, check_response, exchange, framed, query};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Time between two octets of who is slow: slow enough that 4,000 of them take too long.
const BEAT: Duration = Duration::from_millis(1);

/// Those of another prefix are served over both transports.
async fn check_others(bed: &Bed) {
    for id in 0..20 {
        ask(&mut bed.tls(FAR).await.unwrap(), id).await.unwrap();
    }
    let connection = bed.quic(FAR).await.unwrap();
    let response = exchange(&connection, &framed(&query(0))).await.unwrap();
    check_response(&response[2..], 0);
}

fn limited() -> Bed {
    Bed::new(|settings| settings.connections_per_prefix = 64)
}

#[test]
fn handshakes_that_never_end_leave_others_untouched() {
    let bed = limited();
    bed.run(async {
        let mut half_open = Vec::new();
        for number in 0..300 {
            let mut stream = bed.tcp(NEAR).await.unwrap();
            if number % 2 == 0 {
                // The head of a handshake record, and nothing of it. Earlier ones are gone by now.
                let _ = stream.write_all(b"\x16\x03\x01\x02\0\x01\0\x01").await;
            }
            half_open.push(stream);
        }
        bed.wait_until(|counters| counters.tls.opened == 300);
        check_others(&bed).await;
    });
    let connections = bed.server.counters().tls;
    assert!(connections.open() <= 64 + 20, "{connections:?}");
    assert!(connections.evicted >= 300 - 64, "{connections:?}");
}

#[test]
fn what_is_not_tls_is_sent_away() {
    let bed = limited();
    bed.run(async {
        for garbage in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"\0\x1d\x12\x34\0\0\0\x01\0\0\0\0\0\0\0\0\x06\0\x01",
            &[0xff; 4096],
            // A record longer than any may be.
            b"\x16\x03\x01\xff\xff\x01\0\0",
        ] {
            let mut stream = bed.tcp(NEAR).await.unwrap();
            let _ = stream.write_all(garbage).await;
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            assert!(rest.len() < 64, "an alert at most: {rest:?}");
        }
        check_others(&bed).await;
    });
    bed.wait_until(|counters| counters.tls.handshake_failed == 4);
}

#[test]
fn who_writes_octet_by_octet_lives_no_longer() {
    let bed = Bed::new(|settings| settings.idle = Duration::from_millis(300));
    bed.run(async {
        let mut slow = bed.tls(NEAR).await.unwrap();
        slow.write_all(&4000_u16.to_be_bytes()).await.unwrap();
        // Each octet is a record of its own; none of them is progress.
        while slow.write_all(b"o").await.is_ok() && slow.flush().await.is_ok() {
            tokio::time::sleep(BEAT).await;
        }
    });
    bed.wait_until(|counters| counters.tls.slow == 1);
}

#[test]
fn who_asks_and_reads_nothing_is_held_to_a_few_octets_and_closed() {
    let bed = Bed::new(|settings| settings.idle = Duration::from_millis(500));
    bed.run(async {
        let mut unread = bed.tls(NEAR).await.unwrap();
        let queries = framed(&query(1)).repeat(1000);
        while unread.write_all(&queries).await.is_ok() && unread.flush().await.is_ok() {}
        check_others(&bed).await;
    });
    bed.wait_until(|counters| counters.tls.slow == 1);
}

#[test]
fn garbage_over_udp_opens_nothing() {
    let bed = limited();
    bed.run(async {
        let socket = tokio::net::UdpSocket::bind((NEAR, 0)).await.unwrap();
        let address = bed.server.addresses().quic[0];
        for octets in [1, 20, 1200, 1400] {
            for first in [0x00, 0x40, 0xc0, 0xff] {
                let mut packet = vec![0xaa; octets];
                packet[0] = first;
                socket.send_to(&packet, address).await.unwrap();
            }
        }
        check_others(&bed).await;
    });
    assert_eq!(bed.server.counters().quic.opened, 1);
}

#[test]
fn streams_that_never_end_hold_up_their_own_connection_alone() {
    let bed = limited();
    bed.run(async {
        let connection = bed.quic(NEAR).await.unwrap();
        let mut open = Vec::new();
        for _ in 0..16 {
            let (mut send, receive) = connection.open_bi().await.unwrap();
            send.write_all(b"\xff\xff").await.unwrap();
            open.push((send, receive));
        }
        let another = tokio::select! {
            biased;
            opened = connection.open_bi() => Some(opened),
            () = check_others(&bed) => None,
        };
        assert!(another.is_none(), "no more than 16 at once");
    });
}
