//! What no capture shows, or not enough of: malformed messages, EDNS in all forms, transfers, long
//! answers, many queries in a connection, encrypted DNS, a flood.
//!
//! Each function is a scene. It sends from the namespace of its thread, and gives how many messages.

use super::client::{self, Datagrams, converse, ipv4, ipv6};
use super::query::{self, Dnssec, Query, framed, option};
use super::stage::{ENCRYPTED, service};
use crate::imrs::Imrs;
use crate::peers::tool_command;
use anyhow::{Result, ensure};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Messages that are no queries, and queries that are not as they ought to be, by UDP and TCP.
pub(super) fn odd(midnight: Instant, seed: u64) -> Result<usize> {
    let mut datagrams = Datagrams::new(midnight);
    let messages = odd_messages(seed);
    for (number, message) in (0..).zip(&messages) {
        datagrams.send(ipv4(number % 40), message)?;
        datagrams.send(ipv6(number % 40), message)?;
        // One connection each: what is wrong may end it.
        let mut stream = client::connect(ipv4(100 + number), midnight)?;
        stream.write_all(&framed(message))?;
        stream.shutdown(std::net::Shutdown::Write)?;
        while client::read_message(&mut stream).is_some() {}
    }
    thread::sleep(SETTLE);
    Ok(3 * messages.len())
}

fn odd_messages(seed: u64) -> Vec<Vec<u8>> {
    let plain = || Query::new("www.example.com", query::A);
    let opt = |query: Query| query.edns(1232, 0, Dnssec::Wanted, &[]);
    let record = b"\0\0\x01\0\x01\0\0\0\0\0\x04\xc0\0\x02\x01";
    let mut messages: Vec<Vec<u8>> = vec![
        plain().flags(query::QR).octets(),
        opt(plain().flags(query::QR)).octets(),
        plain().flags(query::STATUS).octets(),
        plain().flags(query::NOTIFY).octets(),
        Query::new("", query::SOA).flags(query::UPDATE).octets(),
        plain()
            .with(query::QUESTION, b"\x03org\0\0\x01\0\x01")
            .octets(),
        plain().with(query::ANSWER, record).octets(),
        plain().with(query::ADDITIONAL, record).octets(),
        plain().and(b"behind").octets(),
        opt(opt(plain())).octets(),
        plain().edns(1232, 1, Dnssec::Wanted, &[]).octets(),
        plain()
            .edns(4096, 0, Dnssec::Wanted, &[0, 10, 0, 3])
            .octets(),
        Query::new("", query::ANY).octets(),
        Query::new("com", u16::MAX).octets(),
        opt(Query::new("com", 271)).octets(),
        opt(Query::new("com", 272)).octets(),
        plain().octets()[..20].to_vec(),
        // A question whose name points at itself (RFC 1035 section 4.1.4).
        b"\0\0\0\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01".to_vec(),
        // No question, with and without EDNS.
        vec![0; 12],
        b"\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0".to_vec(),
        [plain().octets(), vec![0; 400]].concat(),
    ];
    messages.extend((1..12).map(|length| plain().octets()[..length].to_vec()));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    messages.extend((0..60).map(|length| (0..12 + length).map(|_| rng.random()).collect()));
    messages
}

/// EDNS of all sizes, flags and options, and cookies that are made and shown again.
pub(super) fn edns(midnight: Instant) -> Result<usize> {
    let mut datagrams = Datagrams::new(midnight);
    let mut sent = 0;
    for (number, size) in (200..).zip(SIZES) {
        for (port, dnssec) in (1024..).zip([Dnssec::Wanted, Dnssec::Unwanted]) {
            for (flags, options) in [
                (0, option(query::NSID, &[])),
                (query::RD, option(query::COOKIE, b"a client")),
                (query::CD, option(query::COOKIE, b"bad")),
                (query::RD | query::CD, option(12, &[0; 20])),
            ] {
                for mut client in [ipv4(number), ipv6(number)] {
                    client.set_port(port);
                    let name = if sent % 2 == 0 { "net" } else { "no-such-name" };
                    let query = Query::new(name, query::DNSKEY).flags(flags);
                    let query = query.edns(size, 0, dnssec, &options);
                    datagrams.send(client, &query.id(sent as u16).octets())?;
                    sent += 1;
                }
            }
        }
    }
    for client in [ipv4(300), ipv6(300)] {
        let ask = |cookie: &[u8]| {
            let options = option(query::COOKIE, cookie);
            let query = Query::new("", query::NS).edns(1232, 0, Dnssec::Wanted, &options);
            query.octets()
        };
        let response = datagrams.ask(client, &ask(b"a client"))?;
        // The option is the last one, and both cookies have 24 octets (RFC 9018 section 4).
        let cookies = &response[response.len().saturating_sub(24)..];
        ensure!(cookies.starts_with(b"a client"), "no cookie of the server");
        datagrams.ask(client, &ask(cookies))?;
        sent += 2;
    }
    thread::sleep(SETTLE);
    Ok(sent)
}

/// Answers that are too long for their client, first by UDP, then by TCP as they ought to be.
pub(super) fn truncated(midnight: Instant) -> Result<usize> {
    let mut datagrams = Datagrams::new(midnight);
    let mut sent = 0;
    for number in 400..420 {
        for client in [ipv4(number), ipv6(number)] {
            let query = Query::new("", query::DNSKEY).edns(512, 0, Dnssec::Wanted, &[]);
            let query = query.id(number).octets();
            let response = datagrams.ask(client, &query)?;
            ensure!(response[2] & 2 != 0, "the answer was not too long");
            ensure!(
                converse(client, midnight, &[query])?.len() == 1,
                "no answer by TCP"
            );
            sent += 2;
        }
    }
    Ok(sent)
}

/// Many queries in one go over a connection, and one that comes octet by octet (RFC 7766 section
/// 6.2.1).
pub(super) fn pipelined(midnight: Instant) -> Result<usize> {
    let queries: Vec<Vec<u8>> = (0..100)
        .map(|number| {
            let name = format!("{number}.pipelined");
            Query::new(&name, query::NS).id(number).octets()
        })
        .collect();
    for client in [ipv4(500), ipv6(500)] {
        let responses = converse(client, midnight, &queries)?;
        ensure!(
            responses.len() == queries.len(),
            "only {} responses",
            responses.len()
        );
        let mut stream = client::connect(client, midnight)?;
        for octet in framed(&queries[0]) {
            stream.write_all(&[octet])?;
        }
        ensure!(
            client::read_message(&mut stream).is_some(),
            "no response to single octets"
        );
    }
    Ok(2 * (queries.len() + 1))
}

/// Transfers, which some may have and others not (RFC 5936).
pub(super) fn transfers(midnight: Instant) -> Result<usize> {
    let query = Query::new("", query::AXFR).octets();
    let clients = [ipv4(600), ipv6(600), ipv4(10)];
    for client in clients {
        let mut stream = client::connect(client, midnight)?;
        stream.write_all(&framed(&query))?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut messages = 0;
        while client::read_message(&mut stream).is_some() {
            messages += 1;
        }
        let may_have_it = client == ipv4(10);
        ensure!(
            messages == 1 || may_have_it && messages > 1,
            "{messages} messages of a transfer for {client}"
        );
    }
    let mut datagrams = Datagrams::new(midnight);
    datagrams.ask(ipv4(10), &query)?;
    Ok(clients.len() + 1)
}

/// DNS over TLS and QUIC by kdig, which leaves the secrets of its sessions in `keys`.
pub(super) fn encrypted(midnight: Instant, keys: &Path) -> Result<usize> {
    let names = ["com", ".", "no-such-name", "nl", "www.example.org"];
    let mut sent = 0;
    for (number, transport) in (700..).zip(["+tls", "+quic"]) {
        for client in [ipv4(number), ipv6(number)] {
            client::shun(midnight);
            let server = service(client.ip(), ENCRYPTED);
            let mut command = tool_command("kdig")?;
            command
                .env("SSLKEYLOGFILE", keys)
                .args([
                    "-b",
                    &client.ip().to_string(),
                    "-p",
                    &server.port().to_string(),
                ])
                .args([
                    &format!("@{}", server.ip()),
                    transport,
                    "+dnssec",
                    "+retry=0",
                ]);
            if transport == "+tls" {
                command.arg("+keepopen");
            }
            command.args(names);
            let output = command.output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            let answered = text.matches("->>HEADER<<-").count();
            ensure!(
                answered == names.len(),
                "kdig {transport} from {client}: {answered} answers: {text}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            sent += answered;
        }
    }
    Ok(sent)
}

/// More than the server can take, from some that were answered on this day: while it is held, so that
/// its queues run over whatever the machine can do.
pub(super) fn flood(
    midnight: Instant,
    server: &Imrs,
    clients: &[SocketAddr],
    count: usize,
) -> Result<usize> {
    let mut datagrams = Datagrams::new(midnight);
    let clients = &clients[..clients.len().min(FLOODERS)];
    client::shun(midnight);
    server.daemon.signal("-STOP");
    let sent = (0..count).try_for_each(|number| {
        let query = Query::new("flood", query::A).edns(1232, 0, Dnssec::Wanted, &[]);
        datagrams.send(
            clients[number % clients.len()],
            &query.id(number as u16).octets(),
        )
    });
    server.daemon.signal("-CONT");
    sent?;
    thread::sleep(RECOVERY);
    Ok(count)
}

/// Who may transfer the zone.
pub(super) const SECONDARIES: &str = "198.19.0.10";

/// Sizes at both ends of the classes that are told apart.
const SIZES: [u16; 12] = [
    0, 511, 512, 513, 1231, 1232, 1233, 1452, 1453, 4095, 4096, 4097,
];

/// Sockets of a flood.
const FLOODERS: usize = 64;

/// Time for what was sent last to be answered.
const SETTLE: Duration = Duration::from_millis(300);

/// Time for the server to answer all that waits in its queues.
const RECOVERY: Duration = Duration::from_secs(2);
