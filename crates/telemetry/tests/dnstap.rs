//! dnstap as readers of others see it: `dnstap-ldns`, by those who made the format.
//!
//! Where the reader is absent, the test says what to install and passes.

use imrs_telemetry::capture::dnstap::{Encoder, frames};
use imrs_telemetry::capture::{Captured, Missed};
use imrs_telemetry::counts::{Flow, Transport};
use imrs_wire::Family;
use imrs_wire::Rcode;
use std::io::Write;
use std::process::Command;

/// `www.Example. AAAA IN`, with RD.
const QUERY: &[u8] = b"\xab\xcd\x01\0\0\x01\0\0\0\0\0\0\x03www\x07Example\0\0\x1c\0\x01";

/// NXDOMAIN to it.
const RESPONSE: &[u8] = b"\xab\xcd\x85\x03\0\x01\0\0\0\0\0\0\x03www\x07Example\0\0\x1c\0\x01";

fn captured(transport: Transport, family: Family) -> Captured<'static> {
    let [client, server] = match family {
        Family::V4 => [
            ([192, 0, 2, 1], 4321).into(),
            ([198, 51, 100, 53], 53).into(),
        ],
        Family::V6 => [
            ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 4321).into(),
            ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x53], 853).into(),
        ],
    };
    Captured {
        at_ns: 1_760_000_000_999_999_000,
        flow: Flow::new(transport, family),
        client,
        server,
        query: QUERY,
        response: RESPONSE,
        response_octets: RESPONSE.len(),
        rcode: Rcode::NXDOMAIN,
        delay_us: 250,
    }
}

/// A file with these messages.
fn written(messages: &[Captured<'_>], missed: Missed) -> Vec<u8> {
    let mut encoder = Encoder::new(b"node1.example", "imrs 1.2");
    let mut octets = Vec::new();
    frames::start(&mut octets);
    encoder.declare(missed);
    for message in messages {
        encoder.encode(message, &mut octets);
    }
    frames::stop(&mut octets);
    octets
}

/// What the reader says of a file, as YAML; none if there is no reader.
fn read(octets: &[u8]) -> anyhow::Result<Option<String>> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(octets)?;
    let mut reader = Command::new("dnstap-ldns");
    let output = match reader.arg("-y").arg("-r").arg(file.path()).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: no reader; install the package dnstap-ldns");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success() && said.is_empty(), "{said}");
    Ok(Some(String::from_utf8(output.stdout)?))
}

/// That each line is among those that the reader says of one exchange.
#[track_caller]
fn check(transport: Transport, family: Family, lines: &[&str]) {
    let octets = written(&[captured(transport, family)], Missed::default());
    let Some(text) = read(&octets).expect("the reader reads") else {
        return;
    };
    for line in lines {
        assert!(
            text.lines().any(|found| found.trim() == *line),
            "{line} in\n{text}"
        );
    }
}

#[test]
fn a_reader_sees_query_and_response() {
    let lines = [
        "type: MESSAGE",
        "identity: \"node1.example\"",
        "version: \"imrs 1.2\"",
        "type: AUTH_QUERY",
        "type: AUTH_RESPONSE",
        "query_time: !!timestamp 2025-10-09 08:53:20.999999",
        "response_time: !!timestamp 2025-10-09 08:53:21.000249",
        "socket_family: INET",
        "socket_protocol: UDP",
        "query_address: \"192.0.2.1\"",
        "response_address: \"198.51.100.53\"",
        "query_port: 4321",
        "response_port: 53",
        ";; ->>HEADER<<- opcode: QUERY, rcode: NXDOMAIN, id: 43981",
    ];
    check(Transport::Udp, Family::V4, &lines);
}

#[test]
fn every_transport_and_family_has_its_number() {
    let lines = [
        "socket_family: INET6",
        "socket_protocol: TCP",
        "query_address: \"2001:db8::1\"",
        "response_address: \"2001:db8::53\"",
    ];
    check(Transport::Tcp, Family::V6, &lines);
    // The reader is older than the numbers of TLS and QUIC.
    for (transport, number) in [(Transport::Tls, 3), (Transport::Quic, 7)] {
        // Family, protocol, and what stands ahead of an address of 16 octets.
        let fields = [0x10, 2, 0x18, number, 0x22, 16];
        let octets = written(&[captured(transport, Family::V6)], Missed::default());
        let found = octets
            .windows(fields.len())
            .filter(|found| *found == fields);
        assert_eq!(found.count(), 2);
    }
}

#[test]
fn what_is_missing_is_declared_once() {
    let messages = [captured(Transport::Udp, Family::V4); 3];
    let missed = Missed {
        lost: 7,
        sampled_away: 90,
        over_budget: 0,
    };
    let octets = written(&messages, missed);
    let declared = b"missing: lost=7 sampled-away=90 over-budget=0";
    let times = octets
        .windows(declared.len())
        .filter(|found| found == declared);
    assert_eq!(times.count(), 1);
    let Some(text) = read(&octets).unwrap() else {
        return;
    };
    assert_eq!(text.matches("type: AUTH_QUERY").count(), 3, "{text}");
}
