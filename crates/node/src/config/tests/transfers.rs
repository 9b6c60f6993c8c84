//! What zones and `[transfer]` say about transfers: each mistake gets one message with its place and
//! remedy, and what is good is looked up whole.

use super::marked::{check, check_root, good, root};
use crate::config::Transfer;
use imrs_transfer::access::Rule;
use imrs_transfer::key::Algorithm;
use imrs_zone::plausible::Bounds;
use std::path::Path;

#[test]
fn a_zone_of_which_nothing_is_said_comes_from_the_public_service() {
    let transfers = root("");
    assert!(transfers.is_public);
    assert_eq!(transfers.primaries.len(), 16);
    assert_eq!(
        transfers.primaries[0].address,
        "192.0.32.132:53".parse().unwrap()
    );
    assert_eq!(transfers.primaries[3].priority, 0);
    assert_eq!(transfers.primaries[4].priority, 1);
    assert!(transfers.notify_from.is_empty());
    assert_eq!(transfers.plausible, Some(Bounds::default()));

    let config = good("[[zone]]\nname = \"ARPA\"\n[[zone]]\nname = \"root-servers.net.\"");
    assert!(
        config
            .zones
            .iter()
            .all(|zone| zone.transfers.primaries.len() == 4)
    );
    check(
        "[[zone]]\nname = §\"example\"",
        "nothing says where zone `example.` comes from; add `file = \"…\"` or `primaries = \
         [\"…\"]`: the public service has the root, arpa and root-servers.net alone",
    );
}

#[test]
fn addresses_without_a_port_get_the_one_of_the_protocol() {
    let addresses = |said: &str| {
        let primaries = root(said).primaries;
        primaries
            .iter()
            .map(|primary| primary.address.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        addresses(
            "primaries = [\"192.0.2.1\", \"2001:db8::1\", \"[2001:db8::2]:5353\", \
             { address = \"192.0.2.2\" }, { address = \"192.0.2.3\", tls = \"t\" }, \
             { address = \"192.0.2.3:8853\", tls = \"t\" }]"
        ),
        [
            "192.0.2.1:53",
            "[2001:db8::1]:53",
            "[2001:db8::2]:5353",
            "192.0.2.2:53",
            "192.0.2.3:853",
            "192.0.2.3:8853"
        ]
    );
}

#[test]
fn names_of_keys_and_tls_are_looked_up() {
    let transfers = root(
        "primaries = [{ address = \"192.0.2.1\", key = \"K.\", tls = \"t\", priority = 2, weight = 3 }]\n\
         allow-transfer = [\"2001:db8::/32\", { from = \"192.0.2.0/24\", key = \"k\" }, { key = \"k\" }]\n\
         notify = [\"192.0.2.9\", { address = \"192.0.2.8\", key = \"k\" }]",
    );
    let primary = &transfers.primaries[0];
    assert_eq!(
        primary.key.as_ref().unwrap().algorithm(),
        Algorithm::HmacSha256
    );
    assert_eq!(primary.tls.as_ref().unwrap().name, "t");
    assert_eq!((primary.priority, primary.weight), (2, 3));
    let rule = |at: usize| {
        let rule = &transfers.allow_transfer[at];
        let text = |part: Option<String>| part.unwrap_or_default();
        let from = text(rule.from.map(|from| from.to_string()));
        (from, text(rule.key.as_ref().map(ToString::to_string)))
    };
    assert_eq!(rule(0), ("2001:db8::/32".to_owned(), String::new()));
    assert_eq!(rule(1), ("192.0.2.0/24".to_owned(), "k".to_owned()));
    assert_eq!(rule(2), (String::new(), "k".to_owned()));
    assert!(transfers.notify[0].key.is_none());
    assert!(transfers.notify[1].key.is_some());
}

#[test]
fn the_notify_of_primaries_is_heard_unless_it_is_said_whose() {
    let heard = |said: &str| {
        let rules = root(said).notify_from;
        let rule = |rule: &Rule| (rule.from.map(|from| from.to_string()), rule.key.is_some());
        rules.iter().map(rule).collect::<Vec<_>>()
    };
    let primaries = "primaries = [\"192.0.2.1\", { address = \"2001:db8::1\", key = \"k\" }]";
    assert_eq!(
        heard(primaries),
        [
            (Some("192.0.2.1/32".to_owned()), false),
            (Some("2001:db8::1/128".to_owned()), true)
        ]
    );
    assert_eq!(
        heard(&format!("{primaries}\nnotify-from = [{{ key = \"k\" }}]")),
        [(None, true)]
    );
    check_root(
        "file = \"root.zone\"\nnotify-from = §[\"192.0.2.1\"]",
        "nothing is fetched for a zone of a file, so nobody's NOTIFY is heard; leave this out, or \
         name `primaries` instead of the file",
    );
    check_root(
        "notify-from = [{ from = \"192.0.2.1\", §tls = true }]",
        "unknown key `tls`; known here are `from`, `key`",
    );
}

#[test]
fn unknown_names_are_refused_with_the_nearest_known_one() {
    check_root(
        "primaries = [{ address = \"192.0.2.1\", key = §\"kk\" }]",
        "there is no key `kk`; did you mean `k`?",
    );
    check_root(
        "allow-transfer = [{ key = §\"transfers\" }]",
        "there is no key `transfers`; define it under [[key]]",
    );
    check_root(
        "primaries = [{ address = \"192.0.2.1\", tls = §\"rzm-tls\" }]",
        "there is no tls `rzm-tls`; define it under [[tls]]",
    );
    check_root(
        "primaries = [{ address = \"192.0.2.1\", §keys = \"k\" }]",
        "unknown key `keys`; did you mean `key`?",
    );
}

#[test]
fn primaries_are_servers_and_come_once() {
    check_root(
        "primaries = §[]",
        "the list is empty; name one, such as \"192.0.2.53\", or leave it out for the public \
         service of the root",
    );
    check_root(
        "file = \"root.zone\"\nprimaries = §[\"192.0.2.1\"]",
        "a zone comes from a file or from primaries, not from both; keep one of the two",
    );
    check_root(
        "primaries = [\"192.0.2.1\", §\"xfr.example\"]",
        "`xfr.example` is not an address; write it as 192.0.2.53, 192.0.2.53:53 or \
         [2001:db8::53]:53",
    );
    check_root(
        "primaries = [{ address = §\"192.0.2.256\", tls = \"t\" }]",
        "`192.0.2.256` is not an address; write it as 192.0.2.53, 192.0.2.53:853 or \
         [2001:db8::53]:853",
    );
    check_root(
        "primaries = [§\"0.0.0.0\"]",
        "`0.0.0.0` is not the address of one server",
    );
    check_root(
        "primaries = [§\"[::ffff:192.0.2.1]:53\"]",
        "`[::ffff:192.0.2.1]:53` is an IPv4 address; write it as 192.0.2.1",
    );
    check_root(
        "primaries = [§\"192.0.2.1:0\"]",
        "`192.0.2.1:0` has port 0, where no server is; write :53",
    );
    check_root(
        "primaries = [\"192.0.2.1\", §{ address = \"192.0.2.1:53\", weight = 2 }]",
        "`192.0.2.1:53` is listed twice; keep one of the two",
    );
    check_root(
        "primaries = [§53]",
        "invalid type: integer `53`, expected an address such as \"192.0.2.53\" or a table such \
         as { address = \"192.0.2.53\", key = \"…\" }",
    );
    check_root(
        "primaries = [§{ key = \"k\" }]",
        "`address` is missing here; add `address = \"…\"`",
    );
    check_root(
        "primaries = [{ address = \"192.0.2.1\", weight = §65536 }]",
        "65536 is out of range; it may be 0 to 65535",
    );
    let many: Vec<String> = (1..=65).map(|n| format!("\"192.0.2.{n}\"")).collect();
    check_root(
        &format!("primaries = §[{}]", many.join(", ")),
        "more than 64 primaries; this is the limit",
    );
    // One address by two keys: a key is being rolled.
    root("primaries = [\"192.0.2.1\", { address = \"192.0.2.1\", key = \"k\" }]");
}

#[test]
fn rules_let_in_those_that_they_name() {
    check_root(
        "allow-transfer = [§{ tls = true }]",
        "the rule says neither `from` where nor by which `key`; add one: \"0.0.0.0/0\" and \"::/0\" \
         are everywhere",
    );
    check_root(
        "allow-transfer = [{ from = \"192.0.2.1\", tls = §true }]",
        "the rule lets nobody in: transfers over TLS are not given; add [transfer.tls] with \
         `listen`, `certificate` and `private-key`",
    );
    for (wrong, message) in [
        (
            "192.0.2.0/33",
            "`33` is no length of a prefix; 192.0.2.0 takes 0 to 32",
        ),
        (
            "all",
            "`all` is no address; write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32",
        ),
        (
            "192.0.2.77/26",
            "192.0.2.77 has bits set behind the first 26; 192.0.2.64/26 would be right",
        ),
    ] {
        check_root(&format!("allow-transfer = [§\"{wrong}\"]"), message);
        check_root(
            &format!("notify-from = [{{ key = \"k\", from = §\"{wrong}\" }}]"),
            message,
        );
    }
    check_root(
        "allow-transfer = §[]",
        "the list is empty; name a prefix, such as \"192.0.2.0/24\", or leave it out to let nobody \
         in",
    );
    root("allow-transfer = [\"0.0.0.0/0\", \"::/0\", \"::1\"]");
}

#[test]
fn the_gate_has_bounds_or_is_off() {
    assert_eq!(root("plausible = false").plausible, None);
    assert_eq!(
        root("plausible = { records = 7 }").plausible,
        Some(Bounds {
            records: 7,
            ..Bounds::default()
        })
    );
    assert_eq!(
        root("plausible = { records = 1, delegations = 2, octets = 3 }").plausible,
        Some(Bounds {
            records: 1,
            delegations: 2,
            octets: 3,
        })
    );
    check_root(
        "plausible = §true",
        "the gate is on unless this is `false`; leave the key out, or write its bounds",
    );
    check_root(
        "plausible = { §tlds = 3 }",
        "unknown key `tlds`; known here are `records`, `delegations`, `octets`",
    );
    check_root(
        "plausible = { records = §-1 }",
        "-1 is out of range; it may be 0 to 4294967295",
    );
}

#[test]
fn observers_are_servers_to_compare_with() {
    let transfers = root("observers = [\"198.41.0.4\"]\nobservers-limit-seconds = 60");
    assert_eq!(transfers.observers, ["198.41.0.4:53".parse().unwrap()]);
    assert_eq!(transfers.observers_limit.as_secs(), 60);
    check_root(
        "observers-limit-seconds = §60",
        "there is nobody to compare with; add `observers`, or leave this out",
    );
    check_root(
        "observers = [\"198.41.0.4\", §\"198.41.0.4:53\"]",
        "`198.41.0.4:53` is listed twice; keep one of the two",
    );
}

#[test]
fn limits_of_transfers_fit_each_other() {
    assert_eq!(good("").transfer, Transfer::default());
    let transfer = good("[transfer]\nmax-age-hours = 1\nwall-seconds = 5").transfer;
    assert_eq!(transfer.max_age.as_secs(), 3600);
    assert_eq!((transfer.wall.as_secs(), transfer.idle.as_secs()), (5, 5));
    check(
        "[transfer]\nwall-seconds = 5\nidle-seconds = §6",
        "no transfer can be idle for 6 seconds, as `wall-seconds` ends it after 5; write less",
    );
    check(
        "[transfer]\nidle-seconds = §121",
        "no transfer can be idle for 121 seconds, as `wall-seconds` ends it after 120; write less",
    );
    check(
        "[transfer]\nversions = §0",
        "0 is out of range; it may be 1 to 1000",
    );
    check(
        "transfer = §5",
        "invalid type: integer `5`, expected a table such as [transfer]",
    );
}

#[test]
fn the_listener_for_tls_has_places_of_its_own() {
    let listener = |listen: &str| {
        format!(
            "[node]\nlisten = [\"192.0.2.1:53\"]\n[transfer.tls]\nlisten = {listen}\n\
             certificate = \"c.pem\"\nprivate-key = \"k.pem\"\nclient-ca = \"ca.pem\"\n"
        )
    };
    let tls = good(&listener(
        "[\"192.0.2.1\", \"[::1]:8853\", \"127.0.0.1:0\"]",
    ))
    .transfer
    .tls
    .unwrap();
    assert_eq!(
        tls.listen,
        ["192.0.2.1:853", "[::1]:8853", "127.0.0.1:0"].map(|address| address.parse().unwrap())
    );
    assert_eq!(tls.client_ca.as_deref(), Some(Path::new("ca.pem")));
    check(
        &listener("[§\"192.0.2.1:53\"]"),
        "`192.0.2.1:53` is where [node] listens for DNS without TLS; write another port, such as \
         853",
    );
    check(
        &listener("§[]"),
        "the list is empty; name an address, such as \"192.0.2.1:853\"",
    );
    check(
        "§[transfer.tls]\nlisten = [\"::1\"]\ncertificate = \"c.pem\"",
        "`private-key` is missing here; add `private-key = \"…\"`",
    );
    check(
        "§[transfer.tls]\ncertificate = \"c.pem\"\nprivate-key = \"k.pem\"",
        "`listen` is missing here; add `listen = [\"…\"]`",
    );
    let rules = "[[zone]]\nname = \".\"\nallow-transfer = [{ from = \"::/0\", tls = true }]";
    let config = good(&(listener("[\"::1\"]") + rules));
    assert!(config.zones[0].transfers.allow_transfer[0].tls);
}
