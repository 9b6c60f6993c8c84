//! What `[metrics]` says: each mistake gets one message with its place and remedy.

use super::marked::{check, good};
use std::path::Path;

#[test]
fn metrics_are_off_unless_configured() {
    assert_eq!(good("").metrics, None);
}

#[test]
fn an_address_or_a_list_or_a_socket_says_where_metrics_are() {
    let listen = |text: &str| -> Vec<String> {
        let metrics = good(&format!("[metrics]\n{text}\n")).metrics.unwrap();
        metrics.listen.iter().map(ToString::to_string).collect()
    };
    assert_eq!(listen("listen = \"127.0.0.1:9353\""), ["127.0.0.1:9353"]);
    assert_eq!(listen("listen = \"::1\""), ["[::1]:9353"]);
    assert_eq!(
        listen("listen = [\"127.0.0.1\", \"[::1]:9000\"]"),
        ["127.0.0.1:9353", "[::1]:9000"]
    );
    assert_eq!(
        listen("listen = \"192.0.2.1\"\nbeyond-loopback = true"),
        ["192.0.2.1:9353"]
    );
    let metrics = good("[metrics]\nsocket = \"m.sock\"\n").metrics.unwrap();
    assert_eq!(metrics.socket.as_deref(), Some(Path::new("m.sock")));
    assert!(metrics.listen.is_empty());
}

#[test]
fn addresses_that_others_reach_are_refused_unless_that_is_meant() {
    let remedy = |port: u16| {
        format!(
            "is not loopback, and whoever reaches it reads metrics without a password; write \
             `127.0.0.1:{port}`, or `beyond-loopback = true` here if a packet filter lets nobody \
             but your Prometheus through"
        )
    };
    check(
        "[metrics]\nlisten = [\"127.0.0.1\", §\"0.0.0.0:9000\"]\n",
        &format!("`0.0.0.0:9000` {}", remedy(9000)),
    );
    check(
        "[metrics]\nlisten = §\"::\"\nbeyond-loopback = false\n",
        &format!("`[::]:9353` {}", remedy(9353)),
    );
}

#[test]
fn mistakes_in_metrics_are_told_with_place_and_remedy() {
    check(
        "§[metrics]\n",
        "nothing says where metrics can be fetched; add `listen = \"127.0.0.1:9353\"` or `socket = \
         \"…\"`, or leave [metrics] out",
    );
    check(
        "[metrics]\nlisten = §[]\n",
        "the list is empty; name an address, such as \"127.0.0.1:9353\"",
    );
    check(
        "[metrics]\nlisten = §\"here\"\n",
        "`here` is not an address; write it as 192.0.2.53, 192.0.2.53:9353 or [2001:db8::53]:9353",
    );
    check(
        "[metrics]\nlisten = §9353\n",
        "invalid type: integer `9353`, expected an address such as \"127.0.0.1:9353\" or a list of \
         them",
    );
    check(
        "[metrics]\nlisten = [\"127.0.0.1\", §\"127.0.0.1:9353\"]\n",
        "`127.0.0.1:9353` is listed twice; keep one of the two",
    );
    check(
        "[node]\nlisten = [\"0.0.0.0:53\"]\n[metrics]\nlisten = §\"127.0.0.1:53\"\n",
        "`127.0.0.1:53` is where [node] listens, on `0.0.0.0:53`; write another port",
    );
    check(
        "[metrics]\n§lisen = \"127.0.0.1\"\n",
        "unknown key `lisen`; did you mean `listen`?",
    );
}
