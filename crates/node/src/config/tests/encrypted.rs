//! What `[encrypted]` says: each mistake gets one message with its place and remedy.

use super::marked::{check, good, parse};
use std::time::Duration;

const FILES: &str = "certificate = \"c.pem\"\nprivate-key = \"k.pem\"\n";

fn check_said(said: &str, expected: &str) {
    check(&format!("[encrypted]\n{said}\n{FILES}"), expected);
}

#[test]
fn dns_is_not_encrypted_unless_configured() {
    assert_eq!(good("").encrypted, None);
}

#[test]
fn what_is_not_written_has_a_default() {
    let text = format!("[encrypted]\nlisten-tls = [\"::\", \"192.0.2.1:8853\"]\n{FILES}");
    let said = good(&text).encrypted.unwrap();
    let listen: Vec<String> = said.tls.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["[::]:853", "192.0.2.1:8853"]);
    assert!(said.quic.is_empty());
    assert_eq!((said.connections, said.connections_per_prefix), (1024, 64));
    assert_eq!(
        (said.workers.get(), said.idle),
        (1, Duration::from_secs(10))
    );
    assert_eq!(said.streams_per_connection, 16);
    let per_prefix = (said.new_per_prefix, said.busy_per_prefix);
    assert_eq!(per_prefix, (100, Duration::from_millis(250)));
    let text = format!("[encrypted]\nlisten-quic = [\"::\"]\nconnections = 10\n{FILES}");
    assert_eq!(good(&text).encrypted.unwrap().connections_per_prefix, 10);
}

#[test]
fn tls_and_quic_share_a_port_and_no_one_else_does() {
    let both = "listen-tls = [\"192.0.2.1\"]\nlisten-quic = [\"192.0.2.1\"]\n";
    let node = "[node]\nlisten = [\"192.0.2.1:53\", \"[::]:53\"]\n";
    let transfers = format!("[transfer.tls]\nlisten = [\"192.0.2.2:853\"]\n{FILES}");
    let around = |said: &str| format!("{node}[encrypted]\n{said}\n{FILES}{transfers}");
    good(&around(both));
    good(&around("listen-quic = [\"192.0.2.2\"]"));
    check(
        &around("listen-quic = [§\"192.0.2.1:53\"]"),
        "`192.0.2.1:53` is where [node] listens for DNS without TLS, on `192.0.2.1:53`; write \
         another address or port",
    );
    check(
        &around("listen-tls = [\"192.0.2.1:853\", §\"[2001:db8::1]:53\"]"),
        "`[2001:db8::1]:53` is where [node] listens for DNS without TLS, on `[::]:53`; write \
         another address or port",
    );
    check(
        &around("listen-tls = [§\"0.0.0.0\"]"),
        "`0.0.0.0:853` is where [transfer.tls] listens for transfers, on `192.0.2.2:853`; write \
         another address or port",
    );
    check_said(
        "listen-tls = [\"192.0.2.1\", §\"192.0.2.1:853\"]",
        "`192.0.2.1:853` is listed twice; keep one of the two",
    );
    check_said(
        "listen-tls = [\"0.0.0.0\", §\"192.0.2.1:853\"]",
        "`192.0.2.1:853` and `0.0.0.0:853` of the same list cover each other; leave one of them out",
    );
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    check_said(
        "listen-tls = [\"::\"]\nconnections = 100\nconnections-per-prefix = §101",
        "one prefix cannot have 101 connections, as `connections` allows 100 in all; write less",
    );
    check_said(
        "listen-tls = [\"::\"]\nconnections-per-prefix = §2000",
        "one prefix cannot have 2000 connections, as `connections` allows 1024 in all; write less",
    );
    check_said(
        "listen-tls = [\"::\"]\nidle-seconds = §0",
        "0 is out of range; it may be 1 to 600",
    );
}

#[test]
fn what_has_to_be_there_is_missed() {
    check(
        "[encrypted]\ncertificate = §\"c.pem\"\nprivate-key = \"k.pem\"",
        "nothing says where to listen; add `listen-tls = [\"…\"]` or `listen-quic = [\"…\"]`, or \
         leave [encrypted] out",
    );
    check_said(
        "listen-tls = §[]",
        "the list is empty; name an address, such as \"192.0.2.1:853\"",
    );
    let missing = parse("[encrypted]\nlisten-tls = [\"::\"]\nprivate-key = \"k.pem\"");
    assert_eq!(
        missing.unwrap_err(),
        "imrs.toml:1:1: `certificate` is missing here; add `certificate = \"…\"`"
    );
}
