//! Clients that idle, crawl or come in masses are held within limits, and others go on.

use crate::client::{
    BIG, ask_tcp, ask_udp, expect_closed, framed, receive, settings, start, tcp, udp, wait_until,
};
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

#[test]
fn a_thousand_idle_connections_leave_others_untouched() {
    let server = start(&settings("127.0.0.1:0"));
    let address = server.addresses()[0];
    let idle: Vec<TcpStream> = (0..1000).map(|_| tcp(address)).collect();
    for mut client in &idle[..500] {
        client.write_all(&framed(b"never finished")[..5]).unwrap();
    }
    for _ in 0..100 {
        assert_eq!(ask_tcp(&tcp(address), b"query"), b"query");
    }
    assert_eq!(
        ask_tcp(&idle[999], b"query"),
        b"query",
        "an idle one may still ask"
    );
    assert_eq!(server.counters().connections.evicted, 0);
}

#[test]
fn idle_unfinished_and_unread_connections_are_closed_in_time() {
    let mut settings = settings("127.0.0.1:0");
    settings.tcp_idle = Duration::from_millis(300);
    let server = start(&settings);
    let address = server.addresses()[0];
    let idle = tcp(address);
    let mut unread = tcp(address);
    let big = framed(&[&[BIG], &65_535_u16.to_be_bytes()[..]].concat());
    unread.write_all(&big.repeat(300)).unwrap();
    // Sends octets of one query for as long as the server takes them: each resets no clock.
    let mut unfinished = tcp(address);
    unfinished.write_all(&60_000_u16.to_be_bytes()).unwrap();
    unfinished
        .set_read_timeout(Some(Duration::from_millis(10)))
        .unwrap();
    while unfinished.write_all(b"o").is_ok() && unfinished.peek(&mut [0]).is_err() {}
    expect_closed(&idle);
    let mut taken = 0;
    wait_until(|| server.counters().connections.unread == 1);
    while taken < 300 && unread.peek(&mut [0]).is_ok_and(|octets| octets > 0) {
        let mut room = [0; 65_535];
        taken += std::io::Read::read(&mut unread, &mut room).unwrap() / 65_535;
    }
    assert!(taken < 300, "the rest was given up");
    let connections = server.stop().connections;
    assert_eq!(
        (connections.idle, connections.unfinished, connections.unread),
        (1, 1, 1)
    );
    assert_eq!(connections.open(), 0);
}

#[test]
fn at_the_limit_the_connection_idle_longest_gives_way() {
    let mut settings = settings("127.0.0.1:0");
    settings.tcp_connections = 3;
    let server = start(&settings);
    let address = server.addresses()[0];
    let [a, b, c] = [(); 3].map(|()| tcp(address));
    for client in [&a, &b, &c, &a] {
        ask_tcp(client, b"query");
    }
    let d = tcp(address);
    assert_eq!(ask_tcp(&d, b"query"), b"query");
    expect_closed(&b);
    for client in [&a, &c, &d] {
        assert_eq!(ask_tcp(client, b"query"), b"query");
    }
    let connections = server.counters().connections;
    assert_eq!((connections.evicted, connections.open()), (1, 3));
}

#[test]
fn at_its_limit_a_prefix_makes_room_from_its_own() {
    let mut settings = settings("0.0.0.0:0");
    settings.tcp_connections_per_prefix = 2;
    let server = start(&settings);
    let port = server.addresses()[0].port();
    // A client that connects to 127.0.n.1 does so from 127.0.0.1; only binding tells them apart.
    let from = |source: [u8; 4]| {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket
            .bind(&std::net::SocketAddr::from((source, 0)).into())
            .unwrap();
        socket
            .connect(&std::net::SocketAddr::from(([127, 0, 0, 1], port)).into())
            .unwrap();
        TcpStream::from(socket)
    };
    let other = from([127, 0, 9, 1]);
    ask_tcp(&other, b"query");
    let [a, b] = [from([127, 0, 8, 1]), from([127, 0, 8, 2])];
    ask_tcp(&a, b"query");
    ask_tcp(&b, b"query");
    let c = from([127, 0, 8, 3]);
    assert_eq!(ask_tcp(&c, b"query"), b"query");
    expect_closed(&a);
    for client in [&other, &b, &c] {
        assert_eq!(ask_tcp(client, b"query"), b"query");
    }
    assert_eq!(server.counters().connections.evicted, 1);
}

#[test]
fn without_any_room_a_connection_is_refused() {
    let mut settings = settings("127.0.0.1:0");
    settings.tcp_connections = 0;
    let server = start(&settings);
    expect_closed(&tcp(server.addresses()[0]));
    assert_eq!(server.counters().connections.refused, 1);
}

/// In a process of its own, since the limit of open files is the process's.
#[test]
fn the_end_of_open_files_is_survived() {
    const MARK: &str = "IMRS_TEST_OF_OPEN_FILES";
    if std::env::var_os(MARK).is_none() {
        let this = std::env::current_exe().unwrap();
        let name = "limits::the_end_of_open_files_is_survived";
        let status = Command::new(this)
            .args([name, "--exact"])
            .env(MARK, "1")
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let server = start(&settings("127.0.0.1:0"));
    let address = server.addresses()[0];
    let udp = udp(address);
    let first = tcp(address);
    assert_eq!(ask_tcp(&first, b"query"), b"query");
    let waiting: Vec<_> = (0..3)
        .map(|_| socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap())
        .collect();
    let pid = std::process::id().to_string();
    assert!(
        Command::new("prlimit")
            .args(["--pid", &pid, "--nofile=100:"])
            .status()
            .unwrap()
            .success()
    );
    // From here on no file can be opened, by client or server, but by closing another.
    let open = || std::fs::File::open("/dev/null").ok();
    let filler: Vec<_> = std::iter::from_fn(open).collect();
    for socket in waiting {
        socket.connect(&address.into()).unwrap();
        let stream = TcpStream::from(socket);
        // It is accepted by now, and not closed again for nobody.
        assert_eq!(ask_udp(&udp, address, b"query"), b"query");
        assert_eq!(ask_udp(&udp, address, b"query"), b"query");
        stream
            .set_read_timeout(Some(crate::client::PATIENCE))
            .unwrap();
        (&stream).write_all(&framed(b"query")).unwrap();
        assert_eq!(receive(&stream), b"query");
    }
    expect_closed(&first);
    drop(filler);
    assert!(server.counters().connections.exhausted > 0);
}
